"""Damaged chapter files, figures and records: each is read, or refused in a line that says where.

``GLUONBOOK_CH7_CASES=all`` tries every case; otherwise a part of them.
"""

import json
import re
import runpy
import xml.etree.ElementTree as ET
from html import escape
from pathlib import Path

import numpy as np
import pytest
from counts import cases
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutations import (
    damaged,
    damaged_tree,
    damages,
    drawn,
    limits,
    made_chapter,
    places,
    the_chapter,
    tree_damages,
)

from gluonbook_ch7.errors import RecordError
from gluonbook_ch7.reproduce.evidence import Training, judge_cell
from gluonbook_ch7.reproduce.formulas import ATTRIBUTES, ELEMENTS, MATHML, formula_html
from gluonbook_ch7.reproduce.notebook import read_chapter
from gluonbook_ch7.reproduce.notedown import parse_notedown
from gluonbook_ch7.reproduce.record import CellOutputs, Record, decode_outputs, load_recorded
from gluonbook_ch7.reproduce.report import make_page
from gluonbook_ch7.reproduce.runner import CellRun, ChapterRun
from gluonbook_ch7.reproduce.svg import Axes, Figure, Polyline, decode_svg

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "decode_record.py"
decode_chapter = runpy.run_path(str(SCRIPT))["decode_chapter"]


def trying(number):
    """Return the settings of a test that tries `number` cases in all."""
    return settings(
        max_examples=cases(number),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def read(path):
    """Read a chapter within the limits; None if it is refused as it must be."""
    with limits():
        try:
            chapter = read_chapter(path)
        except RecordError as error:
            check_message(str(error))
            assert str(error).startswith(f"{path}:")
            return None
        check_chapter(chapter)
    return chapter


def check_message(message):
    assert message.isprintable()
    assert len(message) < 600


def check_chapter(chapter):
    assert len(chapter.cells) == len(chapter.notebook.cells)
    assert any(cell.kind == "code" for cell in chapter.cells)
    for cell in chapter.cells:
        assert cell.prompt is None or type(cell.prompt) is int
        outputs = decode_outputs(cell.outputs, cell.prompt)
        for figure in outputs.figures:
            check_figure(figure)
        record = Record("a.md", "", (outputs,))
        assert Record.from_json(record.to_json()) == record


def check_figure(figure):
    """Check that a figure is either known in finite numbers or refused."""
    assert bool(figure.axes) != bool(figure.refusal)
    check_message(figure.refusal)
    for line in (line for axes in figure.axes for line in axes.polylines):
        assert line.vertices.ndim == 2
        assert line.vertices.shape[1] == 2
        assert len(line.vertices)
        assert np.isfinite(line.vertices).all()


# --- Notedown files -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def original():
    return the_chapter()


@trying(10000)
@given(damage=damages)
def test_a_damaged_chapter_is_read_or_refused(original, tmp_path, damage):
    """A chapter with a broken byte would end in a traceback, hang, or give numbers it hasn't."""
    path = tmp_path / "chapter.md"
    path.write_bytes(damaged(original, damage))
    read(path)


@pytest.fixture(scope="module")
def recorded(original):
    """Return what each cell of the chapter recorded."""
    return [
        decode_outputs(cell.outputs)
        for cell in parse_notedown(original.decode(), "")
        if cell.outputs
    ]


@trying(1000)
@given(where=places, damage=damages)
def test_damage_to_prose_leaves_the_outputs(original, recorded, tmp_path, where, damage):
    """A slip of the pen in the prose would change the numbers that a rerun is held against."""
    lines = original.decode().split("\n")
    # A blank line is left alone: words between a cell and its output would part them.
    prose = [
        number for number, line in enumerate(lines) if line.strip() and not is_output(lines, number)
    ]
    number = prose[where % len(prose)]
    line = damaged(lines[number].encode(), damage).decode(errors="replace")
    # What begins like a fence is no longer prose.
    lines[number] = re.sub(r"[`~\n]", " ", line)
    path = tmp_path / "chapter.md"
    path.write_bytes("\n".join(lines).encode())
    assert recorded_in(read(path)) == recorded


def is_output(lines, number):
    """Tell whether a line is a fence or stands in a fence of outputs."""
    above = [line for line in lines[: number + 1] if line.startswith("```")]
    return lines[number].startswith("```") or (above and ".output" in above[-1])


def recorded_in(chapter):
    return [decode_outputs(cell.outputs) for cell in chapter.cells if cell.outputs]


def test_a_made_chapter_has_the_shape_of_the_recorded_one(tmp_path):
    """Without the recorded file, something else than a chapter would be damaged."""
    path = tmp_path / "chapter.md"
    path.write_bytes(made_chapter())
    cells = load_recorded().cells
    made = recorded_in(read(path))
    assert [outputs.text for outputs in made] == [cell.text for cell in cells]
    for outputs, cell in zip(made, cells):
        for figure, recorded in zip(outputs.figures, cell.figures):
            lines, before = (each.axes[0].polylines for each in (figure, recorded))
            assert [len(line.vertices) for line in lines] == [len(each.vertices) for each in before]


@trying(1000)
@given(damage=damages)
def test_the_script_reads_a_damaged_chapter_or_says_why_not(original, tmp_path, damage):
    """The packaged numbers could be made from a chapter of which a part was lost."""
    path = tmp_path / "chapter.md"
    path.write_bytes(damaged(original, damage))
    with limits():
        try:
            record = decode_chapter(path)
        except RecordError as error:
            check_message(str(error))
            assert str(error).startswith(f"{path}:")
            return
        assert Record.from_json(record.to_json()) == record
    assert not any(figure.refusal for cell in record.cells for figure in cell.figures)


# --- Notebooks ----------------------------------------------------------------------------------


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
    read(path)


@trying(1000)
@given(damage=damages)
def test_a_damaged_notebook_is_read_or_refused(notebook, tmp_path, damage):
    """A notebook that was cut off or garbled would end in a traceback."""
    path = tmp_path / "chapter.ipynb"
    path.write_bytes(damaged(notebook.encode(), damage))
    read(path)


# --- Outputs ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outputs(original):
    """Return all outputs of the chapter as JSON, and others than it has."""
    others = [
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["no"]},
        {"output_type": "execute_result", "data": {"text/html": "<b>1</b>", "text/plain": "1"}},
        {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=\n"}, "metadata": {}},
    ]
    cells = parse_notedown(original.decode(), "chapter.md")
    return json.dumps([output for cell in cells for output in cell.outputs] + others)


@trying(2000)
@given(damage=tree_damages)
def test_what_was_read_can_be_judged_and_shown(outputs, tmp_path, damage):
    """A rerun would do all of its work and then fail on what the file recorded."""
    path = tmp_path / "chapter.md"
    block = f"```{{.json .output n=1}}\n{damaged_tree(outputs, damage)}\n```\n"
    path.write_text("```{.python .input n=1}\n1\n```\n\n" + block)
    chapter = read(path)
    if chapter:
        (cell,) = chapter.cells
        recorded = decode_outputs(cell.outputs)
        with limits():
            judge_cell("cell 1", recorded, CellOutputs())
            judge_cell("cell 1", recorded, recorded)
            run = CellRun(cell, 1)
            make_page(ChapterRun(chapter, [run], chapter.notebook))


# --- Figures ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def svgs(original):
    """Return the recorded figures, and the same as today's Matplotlib draws them."""
    cells = parse_notedown(original.decode(), "chapter.md")
    data = [output.get("data", {}) for cell in cells for output in cell.outputs]
    recorded = ["".join(each["image/svg+xml"]) for each in data if "image/svg+xml" in each]
    (curve,) = load_recorded().cells[2].figures
    return [*recorded, drawn(curve, "none")]


def decode(svg):
    """Decode a figure within the limits; None if it is refused as it must be."""
    with limits():
        try:
            figure = decode_svg(svg)
        except RecordError as error:
            check_message(" ".join(str(error).split()))
            return None
    check_figure(figure)
    return figure


@trying(10000)
@given(which=places, damage=damages)
def test_a_damaged_figure_is_decoded_or_refused(svgs, which, damage):
    """A figure with a broken byte would end in a traceback, or in numbers that nobody drew."""
    svg = svgs[which % len(svgs)]
    decode(damaged(svg.encode(), damage).decode(errors="surrogateescape"))


ODD_WORDS = [
    *("", "nan", "inf", "1e999", "-1e308", "1e308", "1e-320", "0", "loss", "1", "−1", "+1e999"),
    *("1e999+1e999", "1e-999", "1e-300", "+1e300", "1 2 3", "1_0", "٣", "9" * 5000, "x\ny", "M"),
    *("M 0 0 L", "M L 1 1", "z", "1 2 M 0 0", "M 0 0 C 1 1 2 2 3 3", "M 1e308 0 L -1e308 0"),
    *("axes_1", "line2d_1", "xtick_1", "matplotlib.axis_1", "#nowhere", "stroke:", "scale(2)"),
]
element_damages = st.lists(
    st.tuples(
        st.sampled_from(
            ["attribute", "text", "no attribute", "delete", "double", "move", "tag", "bury"]
        ),
        places,
        places,
        st.sampled_from(ODD_WORDS),
    ),
    min_size=1,
    max_size=3,
)


@trying(10000)
@given(which=places, damage=element_damages)
def test_a_figure_of_other_elements_is_decoded_or_refused(svgs, which, damage):
    """A figure that another program edited would end in a traceback, or in wrong numbers."""
    builder = ET.TreeBuilder(insert_comments=True)
    root = ET.fromstring(svgs[which % len(svgs)], parser=ET.XMLParser(target=builder))
    for kind, where, other, word in damage:
        elements = list(root.iter())
        damage_element(elements[where % len(elements)], elements[other % len(elements)], kind, word)
    decode(ET.tostring(root, encoding="unicode"))


def damage_element(element, other, kind, word):
    names = sorted(element.attrib)
    name = names[len(word) % len(names)] if names else "id"
    if kind == "attribute":
        element.set(name, word)
    elif kind == "no attribute":
        element.attrib.pop(name, None)
    elif kind == "text":
        element.text = word
    elif kind == "tag" and isinstance(element.tag, str):
        element.tag = ["g", "use", "path", "defs", "image", "svg"][len(word) % 6]
    elif kind == "delete" and len(element):
        del element[len(word) % len(element)]
    elif kind == "double" and len(element):
        element.append(element[len(word) % len(element)])
    elif kind == "move" and len(element) and element not in other.iter() and other is not element:
        element.append(ET.fromstring(ET.tostring(other)) if isinstance(other.tag, str) else other)
    elif kind == "bury" and len(element):
        inner = element[0]
        for _ in range(100):
            inner, group = ET.Element("g"), inner
            inner.append(group)
        element[0] = inner


NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
POINTS = rf"(\s+{NUMBER}\s+{NUMBER})+"
PIECE = re.compile(rf"\s*M({POINTS})((\s+L{POINTS})*)((\s+[zZ])*)", re.ASCII)
numbers = st.one_of(
    st.floats(-1e4, 1e4).map("{:.6f}".format),
    st.sampled_from(["1", "-2.5", ".5", "3e2", "+4."]),
)
pairs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4).map(
    lambda points: " ".join(f"{x} {y}" for x, y in points)
)
pieces = st.tuples(
    pairs, st.lists(pairs.map("L {}".format), max_size=2), st.sampled_from(["", "z", "Z"])
).map(lambda piece: " ".join(["M", piece[0], *piece[1], piece[2]]))
path_tokens = st.sampled_from(
    [*"MLzZCml1", "nan", "inf", "1e999", "1_0", "٣", "--1", "1.2.3", "?", "e", "9" * 400]
)
path_edits = st.lists(st.tuples(st.booleans(), places, path_tokens), max_size=2)


@trying(2000)
@given(path=st.lists(pieces, max_size=3).map(" ".join), edits=path_edits)
@example(path="M", edits=[])
@example(path="1 2 M 0 0", edits=[])
@example(path="M 0 0 z 1 2", edits=[])
def test_a_path_gives_every_vertex_or_is_refused(path, edits):
    """A damaged path would lose vertices, or give some that it has not, without a word."""
    tokens = path.split()
    for insert, where, token in edits:
        at = where % (len(tokens) + 1)
        tokens[at : at + (not insert)] = [token]
    path = " ".join(tokens)
    figure = decode(PLAIN.replace("THE PATH", path))
    found = [len(line.vertices) for line in figure.axes[0].polylines] if figure else None
    assert found == expected_vertices(path)


def expected_vertices(path):
    """Return the length of each piece of a path; None if it is not one of straight lines."""
    lengths, at = [], 0
    while path[at:].strip():
        piece = PIECE.match(path, at)
        if not piece or not all(abs(float(number[0])) < 1e9 for number in each_number(piece[0])):
            return None
        points = [float(number[0]) for number in each_number(piece[0])]
        closes = piece[0].strip()[-1] in "zZ" and points[:2] != points[-2:]
        lengths.append(len(points) // 2 + closes)
        at = piece.end()
    return lengths


def each_number(text):
    return re.finditer(NUMBER, text, re.ASCII)


def plain_figure():
    """Return the least of a figure: two ticks on each axis, and one line."""

    def tick(axis, number, place):
        at = f'{axis}="{place}"'
        mark = f'<g id="line2d_1"><use {at}/></g><g id="text_1"><!-- {number} --></g>'
        return f'<g id="{axis}tick_{number}">{mark}</g>'

    axes = "".join(
        f'<g id="matplotlib.axis_{index}">{tick(axis, 0, 0)}{tick(axis, 1, 10)}</g>'
        for index, axis in enumerate("xy", start=1)
    )
    line = '<g id="line2d_1"><path d="THE PATH" style="stroke: #000000"/></g>'
    return f'<svg><g id="axes_1">{axes}{line}</g></svg>'


PLAIN = plain_figure()


# --- The record ---------------------------------------------------------------------------------


RECORD = load_recorded().to_json()


@trying(4000)
@given(damage=tree_damages)
def test_a_damaged_record_is_read_or_refused(damage):
    """Numbers of the wrong kind would be found out only when something is held against them."""
    text = damaged_tree(RECORD, damage)
    with limits():
        try:
            record = Record.from_json(text)
        except RecordError as error:
            check_message(str(error))
            return
        assert Record.from_json(record.to_json()) == record
    assert same_numbers(json.loads(record.to_json()), json.loads(text))


def same_numbers(one, other):
    """Tell whether two trees of JSON hold the same, true not taken for 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_numbers(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_numbers, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


# --- What is judged -----------------------------------------------------------------------------

values = st.one_of(st.floats(0.2, 0.6), st.floats(-1e110, 1e110), st.just(0.25))
ends = st.lists(values, min_size=1, max_size=4)


@st.composite
def drawn_curves(draw):
    """Return a figure of one or two curves, of whatever could be decoded from an SVG."""
    lines = draw(st.lists(st.tuples(ends, st.sampled_from(["#1f77b4", "none"])), max_size=2))
    polylines = [
        Polyline(np.column_stack([np.arange(len(losses)) / 15, losses]), color)
        for losses, color in lines
    ]
    return Figure((Axes("epoch", "loss", ("0", "1"), ("0", "1"), tuple(polylines)),))


@trying(4000)
@given(
    then=drawn_curves(),
    now=drawn_curves(),
    losses=ends,
    others=st.lists(st.one_of(values, st.just(np.inf), st.just(np.nan)), max_size=5),
    printed=st.sampled_from(["0.258765", "inf", "nan", "9" * 5000 + ".0", "-0.1"]),
)
def test_any_curve_can_be_judged(then, now, losses, others, printed):
    """A rerun would train a thousand times, and then fail on the curve that was recorded."""
    recorded = CellOutputs(text=f"loss: {printed}, 0.3 sec per epoch\n", figures=(then,))
    rerun = CellOutputs(text="loss: 0.26, 0.1 sec per epoch\n", figures=(now,))
    sample = np.array([losses, losses[::-1]] + [[other] * len(losses) for other in others])
    training = Training(np.arange(len(losses)) / 15, np.array(losses), sample)
    with limits():
        judgements = judge_cell("cell 1", recorded, rerun, [training])
        judgements += judge_cell("cell 1", recorded, rerun)
    for judgement in judgements:
        assert 0 <= judgement.numbers.get("p", 0) <= 1
        assert np.isfinite(judgement.numbers.get("largest_difference", 0))


# --- Formulas -----------------------------------------------------------------------------------


@trying(2000)
@given(which=places, damage=damages)
def test_a_damaged_formula_is_set_or_shown_as_it_stands(original, which, damage):
    """A page would not be made because of a formula, or one would bring a script into it."""
    formulas = re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", original.decode())
    source = damaged(formulas[which % len(formulas)].encode(), damage).decode(errors="replace")
    with limits():
        html = formula_html(source)
    if html.startswith("<span"):
        assert html == f'<span class="formula">{escape(source)}</span>'
    else:
        elements = list(ET.fromstring(html).iter())
        assert {element.tag.replace(f"{{{MATHML}}}", "") for element in elements} <= ELEMENTS
        assert {name for element in elements for name in element.attrib} <= ATTRIBUTES
