"""Damaged chapter files and figures: each is read, or refused in a line that says where.

``GLUONBOOK_CH7_CASES=all`` tries every case; otherwise a part of them.
"""

import json
import re
import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from counts import cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import damaged, damaged_tree, damages, drawn, places, the_chapter, tree_damages

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import nd
from gluonbook_ch7._observers import TrainingCall
from gluonbook_ch7.errors import RecordError
from gluonbook_ch7.reproduce.evidence import judge_cell
from gluonbook_ch7.reproduce.notebook import parse_notedown, read_chapter
from gluonbook_ch7.reproduce.observer import Training
from gluonbook_ch7.reproduce.record import (
    CellOutputs,
    Record,
    decode_outputs,
    load_recorded,
    revive,
)
from gluonbook_ch7.reproduce.report import make_page
from gluonbook_ch7.reproduce.runner import prepare
from gluonbook_ch7.reproduce.svg import Axes, Figure, Polyline, decode_svg

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "decode_record.py"
as_json = runpy.run_path(str(SCRIPT))["as_json"]


def trying(number):
    """Return the settings of a test that tries `number` cases in all."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=cases(number), deadline=None, suppress_health_check=checks)


def read(path):
    """Read a chapter; return None if it is refused as it must be."""
    try:
        chapter = read_chapter(path)
    except RecordError as error:
        assert str(error).isprintable()
        assert str(error).startswith(f"{path}:")
        return None
    for cell in chapter.notebook.cells:
        outputs = decode_outputs(cell.get("outputs", []))
        for figure in outputs.figures:
            check_figure(figure)
        record = as_json(Record("a.md", "", (outputs,)))
        assert as_json(json.loads(record, object_hook=revive)) == record
    return chapter


def check_figure(figure):
    """Check that a figure is either known in finite numbers or refused."""
    assert bool(figure.axes) != bool(figure.refusal)
    for line in (line for axes in figure.axes for line in axes.polylines):
        assert line.vertices.shape == (len(line.vertices), 2)
        assert np.isfinite(line.vertices).all()


@pytest.fixture(scope="module")
def original():
    return the_chapter()


@trying(5000)
@given(damage=damages)
def test_a_damaged_chapter_is_read_or_refused(original, tmp_path, damage):
    """A chapter with a broken byte would end in a traceback, or give numbers it hasn't."""
    path = tmp_path / "chapter.md"
    path.write_bytes(damaged(original, damage))
    chapter = read(path)
    assert chapter is None or chapter.notebook.cells


@pytest.fixture(scope="module", params=[4, 3])
def notebook(request, original, tmp_path_factory):
    """Return the same chapter as a notebook, in the format of today and of the book's first."""
    import nbformat

    path = tmp_path_factory.mktemp("original") / "chapter.md"
    path.write_bytes(original)
    return nbformat.writes(read_chapter(path).notebook, version=request.param)


@trying(2000)
@given(damage=tree_damages)
def test_a_notebook_of_another_structure_is_read_or_refused(notebook, tmp_path, damage):
    """A notebook that some program wrote wrongly would end in a traceback."""
    path = tmp_path / "chapter.ipynb"
    path.write_text(damaged_tree(notebook, damage))
    chapter = read(path)
    assert chapter is None or chapter.notebook.cells


@pytest.fixture(scope="module")
def outputs(original):
    """Return all outputs of the chapter as JSON, and some of other kinds."""
    others = [
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["no"]},
        {"output_type": "execute_result", "data": {"text/html": "<b>1</b>", "text/plain": "1"}},
        {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=\n"}, "metadata": {}},
    ]
    cells = parse_notedown(original.decode(), "chapter.md")
    return json.dumps([output for cell in cells for output in cell.get("outputs", [])] + others)


@trying(1000)
@given(damage=tree_damages)
def test_what_was_read_can_be_judged_and_shown(outputs, tmp_path, damage):
    """A rerun would do all of its work and then fail on what the file recorded."""
    path = tmp_path / "chapter.md"
    block = f"```{{.json .output n=1}}\n{damaged_tree(outputs, damage)}\n```\n"
    path.write_text("```{.python .input n=1}\n1\n```\n\n" + block)
    chapter = read(path)
    if chapter:
        run = prepare(chapter)
        (cell,) = run.cells
        recorded = decode_outputs(cell.recorded.outputs)
        cell.judgements = judge_cell("cell 1", recorded, CellOutputs())
        cell.judgements += judge_cell("cell 1", recorded, recorded)
        assert make_page(run).startswith("<!DOCTYPE html>")


# --- Figures ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def svgs(original):
    """Return the recorded figures, and one as today's Matplotlib draws it."""
    cells = parse_notedown(original.decode(), "chapter.md")
    data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    recorded = ["".join(each["image/svg+xml"]) for each in data if "image/svg+xml" in each]
    (curve,) = load_recorded().cells[2].figures
    return [*recorded, drawn(curve, "none")]


def decode(svg):
    """Return a figure, or None if it is refused."""
    try:
        figure = decode_svg(svg)
    except RecordError as error:
        assert " ".join(str(error).split()).isprintable()
        return None
    check_figure(figure)
    return figure


@trying(5000)
@given(which=places, damage=damages)
def test_a_damaged_figure_is_decoded_or_refused(svgs, which, damage):
    """A figure with a broken byte would end in a traceback, or in numbers that nobody drew."""
    svg = svgs[which % len(svgs)]
    figure = decode(damaged(svg.encode(), damage).decode(errors="surrogateescape"))
    assert figure is None or figure.axes


ODD_WORDS = [
    *(
        "",
        "nan",
        "inf",
        "1e999",
        "-1e308",
        "1e-320",
        "0",
        "loss",
        "−1",
        "+1e999",
        "1e-999",
        "1 2 3",
    ),
    *("٣", "x\ny", "M", "M 0 0 L", "M L 1 1", "z", "1 2 M 0 0", "M 0 0 C 1 1 2 2 3 3", "scale(2)"),
    *("axes_1", "line2d_1", "xtick_1", "matplotlib.axis_1", "#nowhere", "stroke:"),
]


@trying(5000)
@given(
    which=places,
    attribute=st.booleans(),
    where=places,
    word=st.sampled_from(ODD_WORDS),
)
def test_a_figure_with_odd_words_is_decoded_or_refused(svgs, which, attribute, where, word):
    """A figure that another program edited would end in a traceback, or in wrong numbers."""
    builder = ET.TreeBuilder(insert_comments=True)
    root = ET.fromstring(svgs[which % len(svgs)], parser=ET.XMLParser(target=builder))
    elements = list(root.iter())
    element = elements[where % len(elements)]
    if attribute and element.attrib:
        element.set(sorted(element.attrib)[where % len(element.attrib)], word)
    else:
        element.text = word
    figure = decode(ET.tostring(root, encoding="unicode"))
    assert figure is None or figure.axes


@pytest.mark.parametrize(
    ("path", "vertices"),
    [
        ("M 0 0 L 1 1", [2]),
        ("M 0 0 L 1 1 L 1 0 z", [4]),
        ("M 0 0 L 1 1 M 2 2 L 3 3", [2, 2]),
        ("M 0 0 L 1e1 -.5", [2]),
        ("M 0 0 1 1 L 2 2", None),
        ("M", None),
        ("M 0 0 L 1", None),
        ("M 0 0 L nan 1", None),
        ("M 0 0 L 1e999 1", None),
        ("M 0 0 L 1e308 1", None),
        ("M 0 0 C 1 1 2 2 3 3", None),
        ("L 1 1", None),
        ("M 0 0 z 1 2", None),
    ],
)
def test_a_path_gives_every_vertex_or_is_refused(path, vertices):
    """A damaged path would lose vertices, or give some that it has not, without a word."""
    svg = plain_figure(path)
    if vertices is None:
        with pytest.raises(RecordError):
            decode_svg(svg)
    else:
        assert [len(line.vertices) for line in decode_svg(svg).axes[0].polylines] == vertices


def plain_figure(path):
    """Return the least of a figure: two ticks on each axis, and one line."""

    def tick(axis, number, place):
        at = f'{axis}="{place}"'
        mark = f'<g id="line2d_1"><use {at}/></g><g id="text_1"><!-- {number} --></g>'
        return f'<g id="{axis}tick_1">{mark}</g>'

    axes = "".join(
        f'<g id="matplotlib.axis_{index}">{tick(axis, 0, 0)}{tick(axis, 1, 10)}</g>'
        for index, axis in enumerate("xy", start=1)
    )
    line = f'<g id="line2d_1"><path d="{path}" style="stroke: #000000"/></g>'
    return f'<svg><g id="axes_1">{axes}{line}</g></svg>'


# --- What is judged -----------------------------------------------------------------------------

values = st.one_of(st.floats(0.2, 0.6), st.floats(-1e110, 1e110), st.just(0.25))
ends = st.lists(values, min_size=1, max_size=4)


@st.composite
def drawn_curves(draw):
    """Return a figure of up to two curves, of whatever could be decoded from an SVG."""
    lines = draw(st.lists(st.tuples(ends, st.sampled_from(["#1f77b4", "none"])), max_size=2))
    polylines = [
        Polyline(np.column_stack([np.arange(len(losses)) / 15, losses]), color)
        for losses, color in lines
    ]
    return Figure((Axes("epoch", "loss", ("0", "1"), ("0", "1"), tuple(polylines)),))


@pytest.fixture(scope="module")
def task():
    """Return a small training call."""
    X = np.random.RandomState(0).normal(size=(30, 2)).astype(np.float32)
    return TrainingCall(gb.sgd, None, {"lr": 0.1}, nd.array(X), nd.array(X[:, 0]), 10, 1)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # no start has such a loss
@trying(2000)
@given(
    then=drawn_curves(),
    now=drawn_curves(),
    losses=ends,
    printed=st.sampled_from(["0.258765", "inf", "nan", "9" * 5000 + ".0", "-0.1"]),
)
def test_any_curve_can_be_judged(task, then, now, losses, printed):
    """A rerun would train a thousand times, and then fail on the curve that was recorded."""
    recorded = CellOutputs(text=f"loss: {printed}, 0.3 sec per epoch\n", figures=(then,))
    rerun = CellOutputs(text="loss: 0.26, 0.1 sec per epoch\n", figures=(now,))
    training = Training(task, np.array(losses), function=gb.train_ch7)
    judgements = judge_cell("cell 1", recorded, rerun, [training])
    judgements += judge_cell("cell 1", recorded, rerun)
    assert judgements
    assert all(re.search(r"\w", judgement.basis) for judgement in judgements)
