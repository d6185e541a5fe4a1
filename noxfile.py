"""Every interpreter that is found here, with the oldest and the newest NumPy that runs on it.

nox                  the checks and a smoke test everywhere, about two minutes an environment
nox -s tests         the whole suite everywhere, hours
nox -s "tests(3.13-newest)"    one environment of it
nox -s wheel         the built artefacts, installed in an empty environment
nox -s guest         installed where NumPy 2, pandas, SciPy and scikit-learn are in use
nox -s docs          the site, in docs/_build/html; pytest then tests it in a browser
nox -s lab           the book's section in JupyterLab, with the installed kernel; needs Chromium
nox -s shuffled      the suite ten times in random order
nox -s cases         the suite with every case of the property tests
nox -s mutation      a sample of mutants of the package, each of which a test should notice
"""

import configparser
import os
import shutil
from glob import glob
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["lint", "smoke"]
# An interpreter that is not here is named and skipped, in CI too, and never downloaded.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

# pyenv's commands answer only for the versions that are switched on: switch on all of them.
pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
if pyenv.is_dir():
    os.environ.setdefault("PYENV_VERSION", ":".join(sorted(path.name for path in pyenv.iterdir())))

# MXNet's metadata asks for a NumPy below 2, so pip never pairs it with the newest; it runs on it.
NUMPYS = {
    "3.9": {"oldest": "1.21.*", "newest": "2.0.*"},
    "3.10": {"oldest": "1.21.*", "newest": "2.2.*"},
    "3.11": {"oldest": "1.23.*", "newest": "2.*"},
    "3.12": {"oldest": "1.26.0", "newest": "2.*"},
    "3.13": {"oldest": "2.1.*", "newest": "2.*"},
    "3.14": {"oldest": "2.3.*", "newest": "2.*"},
    "3.15": {"oldest": "2.5.*", "newest": "2.*"},
}
everywhere = nox.parametrize(
    ["python", "numpy"],
    [
        nox.param(python, numpy, id=f"{python}-{age}")
        for python, numpys in NUMPYS.items()
        for age, numpy in numpys.items()
    ],
)

VERSIONS = """
import platform, numpy
from gluonbook_ch7._mxnet import mx
print("CPython", platform.python_version(), "NumPy", numpy.__version__, "MXNet", mx.__version__)
"""

# What the environments of one run of nox computed: all must be the same, to the last bit.
fingerprints = {}


def lower_bounds():
    """Return the package's own requirements, each at the lowest version that it allows."""
    setup = configparser.ConfigParser()
    setup.read("setup.cfg")
    lines = setup["options"]["install_requires"].split("\n")
    return [line.replace(">=", "==") + ".*" for line in lines if ">=" in line and ";" not in line]


def install(session, numpy, *packages):
    """Install the package as the README says, and then the NumPy that is to be tried."""
    if session.name.endswith("(3.9-oldest)"):
        packages += tuple(lower_bounds())
    without_mxnet = session.python in ("3.13", "3.14", "3.15")
    if numpy.startswith("1.") or without_mxnet:
        packages += (f"numpy=={numpy}",)
    session.install(*packages)
    if without_mxnet:
        session.install("--no-deps", "mxnet==1.9.1")
    session.install("--no-deps", f"numpy=={numpy}")
    session.run("python", "-c", VERSIONS)


def compare_bits(session):
    """Fail if this environment's data and losses are not those of the environments before it."""
    fingerprints[session.name] = session.run(
        "python", "tests/fingerprint.py", silent=True, stderr=None
    )
    first, expected = next(iter(fingerprints.items()))
    if fingerprints[session.name] != expected:
        session.error(f"other losses than {first}:\n{fingerprints[session.name]}\nnot\n{expected}")
    session.log(f"the same losses, bit for bit, in {len(fingerprints)} environments")


@nox.session
@everywhere
def tests(session, numpy):
    """The whole suite, in a random order."""
    install(session, numpy, ".[test]", "pytest-randomly")
    compare_bits(session)
    session.run("pytest", *session.posargs)


@nox.session
@everywhere
def smoke(session, numpy):
    """The section rerun and the quickest decisive tests, without any extra."""
    install(session, numpy, ".", "pytest", "pytest-xdist", "hypothesis")
    compare_bits(session)
    session.run("gluonbook-ch7", "doctor")
    session.run("gluonbook-ch7", "rerun")
    session.run("pytest", "-n", "0", "-q", "tests/_mxnet/test_mxnet.py", "tests/test_training.py")


@nox.session
def wheel(session):
    """Build the sdist, the wheel from it, and rerun the section with nothing else there."""
    session.install("build")
    built, empty = Path(session.create_tmp(), "dist"), Path(session.create_tmp(), "empty")
    session.run("python", "-m", "build", "--outdir", str(built))
    session.run("python", "-m", "venv", "--clear", str(empty))
    with session.chdir(empty):
        session.run("bin/pip", "install", "--quiet", *map(str, built.glob("*.whl")), external=True)
        session.run("bin/gluonbook-ch7", "rerun", external=True)


IN_USE = ("numpy", "pandas", "scipy", "scikit-learn")
IMPORT_ALL = """
from importlib.metadata import version
import pandas, scipy.sparse, sklearn.linear_model
print(*(version(name) for name in ("numpy", "pandas", "scipy", "scikit-learn")))
"""


@nox.session
@nox.parametrize(
    ["python", "installer"],
    [
        nox.param(python, installer, id=f"{python}-{installer}")
        for python in ("3.12", "3.13")
        for installer in ("pip", "uv")
    ],
)
def guest(session, installer):
    """Install as the README says into an environment in use; what was there must still work."""
    session.install(*IN_USE, "uv")
    before = session.run("python", "-c", IMPORT_ALL, silent=True)
    readme = Path("README.md").read_text(encoding="utf-8")
    begins = "pip install --no-deps" if installer == "pip" else "uv pip install ."
    command = next(line for line in map(str.strip, readme.splitlines()) if line.startswith(begins))
    session.run("sh", "-c", command, external=True)
    after = session.run("python", "-c", IMPORT_ALL, silent=True)
    if before != after:
        session.error(f"{IN_USE} were {before}, and now are {after}")
    session.run("gluonbook-ch7", "rerun")


@nox.session
def lab(session):
    """Run the book's section in a real JupyterLab, in Chromium."""
    chapter = Path(*session.posargs or ["../shared/book/rmsprop.md"]).resolve()
    if not chapter.is_file():
        session.skip(f"no chapter {chapter}; give one after --")
    session.install(".[notebook]", "jupyterlab", "playwright")
    screenshot = Path(session.create_tmp(), "jupyterlab.png")
    session.run("python", "tests/jupyterlab.py", str(chapter), str(screenshot))
    session.log(f"look at {screenshot}")


@nox.session
def lint(session):
    """The formatter, the linters and the type checker."""
    session.install(".[test]", "check-jsonschema")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    check = ("check-jsonschema", "--builtin-schema")
    session.run(*check, "vendor.github-workflows", *glob(".github/workflows/*.yml"))
    forms = [path for path in glob(".github/ISSUE_TEMPLATE/*.yml") if "config" not in path]
    session.run(*check, "vendor.github-issue-forms", *forms)


@nox.session
def docs(session):
    """Build the site, with warnings as errors, and follow its links; pytest does the rest."""
    session.install(".[docs,test]")
    built = Path("docs", "_build", "html")
    shutil.rmtree(built.parent, ignore_errors=True)  # pages that are no longer made
    options = ("--fresh-env", "--fail-on-warning", "--keep-going", "--jobs", "2", "--quiet")
    session.run("sphinx-build", *options, "docs", str(built))
    session.run("pytest", "-n", "0", "-q", "tests/docs/test_site.py", "-k", "link or elsewhere")
    session.log(f"open {built / 'index.html'}")


@nox.session
def shuffled(session):
    """The suite ten times, each in another random order."""
    session.install(".[test]", "pytest-randomly")
    for seed in range(10):
        session.run("pytest", "-p", "randomly", f"--randomly-seed={seed}", *session.posargs)


@nox.session
def cases(session):
    """The suite with every case of the property tests, not the part that is tried by default."""
    session.install(".[test]")
    session.run("pytest", *session.posargs, env={"GLUONBOOK_CH7_CASES": "all"})


@nox.session
def mutation(session):
    """A sample of mutants of the heart, the tracer, the ensembles and the judge."""
    session.install(".[test]", "cosmic-ray")
    session.run("python", "scripts/mutation.py", *session.posargs)
