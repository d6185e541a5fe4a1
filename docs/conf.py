"""The site's settings. Build it with ``nox -s docs``, into docs/_build/html."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import gluonbook_ch7

project = "gluonbook_ch7"
author = "the gluonbook_ch7 authors"
copyright = "the gluonbook_ch7 authors, Apache-2.0"
release = version = gluonbook_ch7.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "lesson_pages",
]
exclude_patterns = ["_build"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}

# The lessons run when the site is built: a cell that fails stops the build.
nb_execution_mode = "auto"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give types in words, with shapes
default_role = "py:obj"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
suppress_warnings = ["config.cache"]

# One file without separate fonts, so that formulas are rendered offline too.
mathjax_path = "tex-svg.js"

html_theme = "sphinx_book_theme"
html_title = "gluonbook_ch7"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = True
html_use_index = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_persistent": [],
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
}
