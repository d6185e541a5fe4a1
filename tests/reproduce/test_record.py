"""The recorded numbers, held against the chapter file itself and against what Matplotlib draws."""

import io
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure as Canvas

from gluonbook_ch7.errors import DataNotFoundError, RecordError
from gluonbook_ch7.reproduce.notebook import parse_notedown, read_text
from gluonbook_ch7.reproduce.record import Record, decode_outputs, load_recorded, revive
from gluonbook_ch7.reproduce.svg import decode_svg

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "decode_record.py"
CHAPTER = ROOT.parent / "shared" / "book" / "rmsprop.md"
as_json = runpy.run_path(str(SCRIPT))["as_json"]
BOTH_FONTS = pytest.mark.parametrize("fonttype", ["path", "none"])
needs_chapter = pytest.mark.skipif(not CHAPTER.exists(), reason="the recorded chapter is not here")


def recorded_axes(cell: int):
    """Return the axes of the figure that a cell of the packaged record drew."""
    (figure,) = load_recorded().cells[cell].figures
    (axes,) = figure.axes
    return axes


def as_svg(canvas: Canvas, fonttype: str = "path") -> str:
    """Return a figure as the SVG that Matplotlib writes of it, every vertex kept."""
    written = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": fonttype, "path.simplify": False}):
        canvas.savefig(written, format="svg")
    return written.getvalue()


def output_block(*outputs: object) -> str:
    return "```{.json .output n=1}\n" + json.dumps(list(outputs), indent=1) + "\n```\n"


INPUT = "```{.python .input  n=1}\n1 / 3\n```\n"
FINE = {"output_type": "stream", "name": "stdout", "text": ""}


# --- The packaged record ------------------------------------------------------------------------


def test_the_trace_is_the_recorded_one():
    """If this failed, the 2-D descent would be judged against a trace the book did not draw."""
    trace = recorded_axes(1).polylines[8]
    assert trace.vertices.shape == (21, 2) and trace.vertices.dtype == np.float64
    assert trace.marker and trace.line and trace.color == "#ff7f0e"
    np.testing.assert_allclose(trace.vertices[0], [-5, -2], rtol=0, atol=1e-7)
    printed = load_recorded().cells[1].text
    x1, x2 = trace.vertices[-1]
    assert printed == f"epoch 20, x1 {x1:f}, x2 {x2:f}\n"


def test_the_contours_are_the_recorded_ones():
    """If this failed, a piece of the contours would be lost, merged or cut."""
    contours = recorded_axes(1).polylines[:8]
    assert [len(line.vertices) for line in contours] == [110, 70, 69, 68, 68, 58, 10, 2]
    assert {(line.color, line.marker) for line in contours} == {("#1f77b4", False)}


def test_the_contours_are_level_lines():
    """If this failed, the axes would be decoded to a wrong scale or origin.

    Contours interpolate linearly between the points of the grid, which are 0.1 apart; there the
    interpolated f(x1, x2) = 0.1 x1^2 + 2 x2^2 is the level itself.
    """
    x1, x2 = np.linspace(-5.5, 0.9, 65), np.linspace(-3, 1, 41)
    levels = [3, 6, 9, 12, 15, 18, 18, 21]
    for line, level in zip(recorded_axes(1).polylines, levels):
        squares_1 = np.interp(line.vertices[:, 0], x1, x1**2)
        squares_2 = np.interp(line.vertices[:, 1], x2, x2**2)
        # The grid's edge lies within the 2e-8 that the SVG holds, so one end may fall outside it.
        np.testing.assert_allclose(0.1 * squares_1 + 2 * squares_2, level, rtol=0, atol=5e-7)


@pytest.mark.parametrize(
    "cell, first, last", [(2, 0.51118642, 0.25876507), (3, 0.50221467, 0.25949901)]
)
def test_the_losses_are_the_recorded_ones(cell, first, last):
    """If this failed, a rerun would be compared with losses that the book did not print."""
    axes = recorded_axes(cell)
    (curve,) = axes.polylines
    epochs, losses = curve.vertices.T
    assert (axes.x_label, axes.y_label) == ("epoch", "loss")
    np.testing.assert_allclose(epochs, np.linspace(0, 2, 31), rtol=0, atol=1e-7)
    assert np.float32(losses[0]) == np.float32(first)
    assert np.float32(losses[-1]) == np.float32(last)
    assert load_recorded().cells[cell].text.startswith(f"loss: {losses[-1]:.6f}, ")


@pytest.mark.parametrize("cell", [2, 3])
def test_the_losses_are_float32_numbers(cell):
    """If this failed, decoding would have lost digits: MXNet's losses are float32, each exactly."""
    (curve,) = recorded_axes(cell).polylines
    losses = curve.vertices[:, 1]
    exact = losses.astype(np.float32)
    assert np.abs(losses - exact).max() < 0.1 * np.spacing(exact).min()


def test_the_record_keeps_the_outputs_and_no_more():
    """If this failed, cells would be mixed up, or the package would carry the chapter's text."""
    record = load_recorded()
    assert record.source == "rmsprop.md" and len(record.sha256) == 64
    assert [cell.prompt for cell in record.cells] == [1, 2, 5, 5]
    assert [cell.wrote_stderr for cell in record.cells] == [True, False, False, False]
    assert [cell.text for cell in record.cells] == [
        "",
        "epoch 20, x1 -0.010599, x2 0.000000\n",
        "loss: 0.258765, 0.353927 sec per epoch\n",
        "loss: 0.259499, 0.243327 sec per epoch\n",
    ]
    assert not any(word in as_json(record) for word in ("import", "site-packages", "RMSProp算法"))


def test_a_record_survives_its_json():
    """If this failed, the packaged numbers would not be those that were decoded."""
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "[[1.   2.]\n [3,  4]] 动手学\n"},
        {"output_type": "execute_result", "data": {"text/plain": "[1,\n  2]"}},
        {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo="}},
    ]
    strange = Record("a.md", "0" * 64, (*load_recorded().cells, decode_outputs(outputs)))
    assert as_json(json.loads(as_json(strange), object_hook=revive)) == as_json(strange)
    assert "动手学" in as_json(strange)


# --- The chapter file ---------------------------------------------------------------------------


@needs_chapter
def test_the_packaged_record_is_that_of_the_chapter(tmp_path):
    """If this failed, the package would carry other numbers than the chapter file gives."""
    done = decode(CHAPTER, "--out", tmp_path / "again.json")
    assert done.returncode == 0, done.stderr
    packaged = ROOT / "gluonbook_ch7" / "recorded" / "rmsprop.json"
    assert (tmp_path / "again.json").read_bytes() == packaged.read_bytes()
    assert os.listdir(tmp_path) == ["again.json"]


@needs_chapter
def test_the_chapter_is_read_whole():
    """If this failed, a cell or a stretch of prose would be lost, or an output misplaced."""
    text = read_text(CHAPTER)[0]
    cells = parse_notedown(text, "rmsprop.md")
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 4, 5, 5]
    assert [len(cell.outputs) for cell in code] == [1, 2, 0, 2, 2]
    assert "#sys.path.insert(0, '..')\n\n%matplotlib inline" in code[0].source
    lines = text.split("\n")
    assert all(cell.source in text for cell in cells)
    assert [cell.id for cell in cells] == [cell.id for cell in parse_notedown(text, "a.md")]
    for cell in code:
        assert lines[cell.metadata.chapter_line] == cell.source.split("\n")[0]
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert prose.startswith("# RMSProp\n") and "## 参考文献" in prose


def test_other_fences_are_prose():
    """If this failed, an example of a fence within the prose would be run as code."""
    prose = "Run\n\n```bash\nls\n```\n\n````markdown\n```{.python .input}\nno()\n```\n````"
    markdown, code = parse_notedown(f"\n{prose}\n\n{INPUT}", "a.md")
    assert (markdown.cell_type, markdown.source) == ("markdown", prose)
    assert (code.cell_type, code.source, code.execution_count) == ("code", "1 / 3", 1)
    assert code.metadata.chapter_line == 14


@pytest.mark.parametrize(
    "text, message",
    [
        ("# Title\n" + INPUT[:-4], r"a\.md:2: the fence is not closed"),
        (INPUT[:-4] + output_block(), r"a\.md:1: the fence is not closed"),
        ("```bash\nls\n\n" + INPUT, r"a\.md:1: the fence is not closed"),
        (INPUT + "```{.json .output n=1}\n[\n{]\n```\n", r"a\.md:6: the output is not JSON"),
        (INPUT + "```{.json .output n=1}\n{}\n```\n", r"a\.md:4: .* list of objects"),
        (INPUT + output_block(1), r"a\.md:4: .* list of objects"),
        ("Prose\n\n" + output_block(), r"a\.md:3: the output follows no input"),
        (INPUT + "\nProse\n\n" + output_block(FINE), r"a\.md:7: the output follows no input"),
        (INPUT + output_block(FINE) + output_block(FINE), r"a\.md:13: the output follows no input"),
    ],
)
def test_a_bad_chapter_is_refused_at_its_line(text, message):
    """If this failed, a reader could not find the mistake in the file, or it would go unseen."""
    with pytest.raises(RecordError, match=message):
        parse_notedown(text, "a.md")


def test_an_unreadable_file_is_named(tmp_path):
    """If this failed, a wrong path or encoding would end in a traceback."""
    with pytest.raises(DataNotFoundError, match=r"missing\.md: no such file"):
        read_text(tmp_path / "missing.md")
    with pytest.raises(RecordError, match="cannot be read"):
        read_text(tmp_path)
    gbk = tmp_path / "gbk.md"
    gbk.write_bytes(b"# RMSProp\n" + "动量法".encode("gbk"))
    with pytest.raises(RecordError, match=r"gbk\.md:2: not UTF-8 at byte 10"):
        read_text(gbk)


def test_a_file_from_windows_reads_the_same(tmp_path):
    """If this failed, a chapter saved with a byte order mark and CRLF would lose its fences."""
    file = tmp_path / "a.md"
    file.write_bytes(
        b"\xef\xbb\xbf" + (INPUT + "\n" + output_block(FINE)).encode().replace(b"\n", b"\r\n")
    )
    (cell,) = parse_notedown(read_text(file)[0], "a.md")
    assert cell.source == "1 / 3" and cell.outputs == [FINE]


# --- The outputs of a cell ----------------------------------------------------------------------


def test_texts_may_be_lists_of_lines():
    """If this failed, notebooks as they are on disk would be read differently from notedown."""
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
        {"output_type": "stream", "name": "stderr", "text": ["/home/someone/x.py: old\n"]},
        {"output_type": "stream", "name": "stdout", "text": "c\n"},
        {"output_type": "execute_result", "data": {"text/plain": ["[1,\n", " 2]"]}},
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []},
    ]
    output = decode_outputs(outputs, prompt=7)
    assert (output.prompt, output.text, output.values) == (7, "a\nb\nc\n", ("[1,\n 2]",))
    assert (output.error, output.wrote_stderr, output.figures) == ("ValueError: no", True, ())


def test_overwritten_text_is_left_out():
    """If this fails, a progress line is called different: Jupyter saves only what remains of it."""
    printed = {"output_type": "stream", "name": "stdout", "text": "a\r\n\rstep 1\rstep 2\nend\r"}
    assert decode_outputs([printed]).text == "a\r\nstep 2\nend\r"


def test_a_figure_beyond_reading_keeps_its_place():
    """If this failed, a figure that cannot be judged would vanish instead of being said aloud."""
    figures = decode_outputs(
        [
            {"output_type": "display_data", "data": {"image/png": "", "text/plain": "<Figure>"}},
            {"output_type": "display_data", "data": {"image/svg+xml": ["<svg>", "<"]}},
        ]
    ).figures
    assert [figure.axes for figure in figures] == [(), ()]
    assert "bitmap" in figures[0].refusal and "not XML" in figures[1].refusal


@pytest.mark.parametrize(
    "output",
    [
        7,
        {},
        {"output_type": "pyout"},
        {"output_type": "stream", "name": "stdout"},
        {"output_type": "stream", "name": "stdout", "text": ["a", 1]},
        {"output_type": "display_data"},
        {"output_type": "display_data", "data": {"image/svg+xml": {}}},
    ],
)
def test_an_output_of_another_form_is_refused(output):
    """If this failed, a damaged output would be taken for an empty one."""
    with pytest.raises(RecordError, match=r"output 2|list of objects"):
        parse_notedown(INPUT + output_block(FINE, output), "a.md")


# --- Figures, as Matplotlib draws them today ----------------------------------------------------

units = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=20)


def placed(points, shift, size):
    """Put points of the unit square somewhere, corner to corner, `size` wide."""
    return shift + size * np.array([(0, 0), *points, (1, 1)])


@BOTH_FONTS
@settings(max_examples=25, deadline=None, database=None)
@given(
    lines=st.lists(units, min_size=1, max_size=3),
    shift=st.floats(-1e3, 1e3),
    exponent=st.integers(-5, 7),
    marker=st.sampled_from(["", "o"]),
)
def test_any_line_comes_back(fonttype, lines, shift, exponent, marker):
    """If this failed, a figure of today's Matplotlib would be judged by wrong coordinates.

    The sizes reach from 1e-5 to 1e7, so that the axes shorten their labels by factors and offsets.
    """
    canvas = Canvas(figsize=(3.5, 2.5))
    axes = canvas.subplots()
    drawn = [placed(points, shift, 10.0**exponent) for points in lines]
    for line in drawn:
        axes.plot(*line.T, marker=marker)
    axes.set(xlabel="a < b -- c", ylabel="$x_2$")
    ((decoded,),) = (decode_svg(as_svg(canvas, fonttype)).axes,)
    assert decoded.y_label == "$x_2$" and decoded.x_label.startswith("a < b")
    assert len(decoded.polylines) == len(drawn)
    for axis, span in enumerate((np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim()))):
        for polyline, line in zip(decoded.polylines, drawn):
            assert polyline.marker == bool(marker)
            np.testing.assert_allclose(
                polyline.vertices[:, axis], line[:, axis], rtol=0, atol=1e-5 * span
            )


@BOTH_FONTS
def test_contours_of_today_are_the_recorded_ones(fonttype):
    """If this failed, the two ways in which Matplotlib wrote contours would decode differently."""
    canvas = Canvas(figsize=(3.5, 2.5))
    axes = canvas.subplots()
    x1, x2 = np.meshgrid(np.arange(-5.5, 1.0, 0.1), np.arange(-3, 1.05, 0.1))
    axes.contour(x1, x2, 0.1 * x1**2 + 2 * x2**2, colors="#1f77b4")
    today = decode_svg(as_svg(canvas, fonttype)).axes[0]
    recorded = recorded_axes(1)
    assert (today.x_ticks, today.y_ticks) == (recorded.x_ticks, recorded.y_ticks)
    assert {line.color for line in today.polylines} == {"#1f77b4"}
    assert len(sorted_lines(today)) == len(sorted_lines(recorded)) == 8
    for line, before in zip(sorted_lines(today), sorted_lines(recorded)):
        np.testing.assert_allclose(line, before, rtol=0, atol=1e-6)


def sorted_lines(axes):
    """Return the vertices of the contours, the longest first, each from its greater end."""
    lines = [line.vertices for line in axes.polylines if not line.marker]
    lines = [line if tuple(line[0]) > tuple(line[-1]) else line[::-1] for line in lines]
    return sorted(lines, key=lambda line: (-len(line), line[0][1]))


@pytest.mark.parametrize("kind", ["contour", "contourf"])
def test_a_closed_contour_ends_where_it_began(kind):
    """If this failed, the last stretch of a level line would be missing, or be there twice."""
    canvas = Canvas()
    x = np.arange(-2.05, 2.1, 0.1)
    draw = getattr(canvas.subplots(), kind)
    draw(x, x, x**2 + x[:, np.newaxis] ** 2, levels=[0.5, 1, 2])
    rings = [ring.vertices for ring in decode_svg(as_svg(canvas)).axes[0].polylines]
    assert len(rings) >= 3
    for ring in rings:
        np.testing.assert_array_equal(ring[0], ring[-1])
        assert (np.diff(ring, axis=0) != 0).any(axis=1).all()


def test_a_broken_line_gives_its_pieces():
    """If this failed, a curve with a gap (a diverged loss) would be joined over the gap."""
    canvas = Canvas()
    axes = canvas.subplots()
    axes.plot([0, 1, 2, 3, 4], [0, 1, np.nan, 1, 0], label="loss")
    axes.legend()
    axes.grid()
    pieces = [line.vertices for line in decode_svg(as_svg(canvas)).axes[0].polylines]
    np.testing.assert_allclose(pieces, [[[0, 0], [1, 1]], [[3, 1], [4, 0]]], atol=1e-6)


def test_markers_alone_are_no_line():
    """If this failed, points would be taken for a line that nobody drew."""
    canvas = Canvas()
    canvas.subplots().plot([0, 1, 2], [0, 1, 0], "s", color="#00AA00")
    (points,) = decode_svg(as_svg(canvas)).axes[0].polylines
    assert (points.marker, points.line, points.color) == (True, False, "#00aa00")
    np.testing.assert_allclose(points.vertices, [[0, 0], [1, 1], [2, 0]], atol=1e-6)


def test_several_axes_come_in_order():
    """If this failed, the panels of a figure would be mixed up."""
    canvas = Canvas()
    for number, axes in enumerate(canvas.subplots(1, 2)):
        axes.plot([0, 1], [0, number + 1])
    figure = decode_svg(as_svg(canvas))
    assert [axes.polylines[0].vertices[1, 1] for axes in figure.axes] == pytest.approx([1, 2])


def no_ticks(axes):
    axes.set_xticks([])


def same_label(axes):
    axes.set_xticks([0, 1], ["1", "1"])


def crooked(axes):
    axes.set_xticks([0, 1, 2], ["0", "1", "3"])


def words(axes):
    axes.set_xticks([0, 1], ["scratch", "Gluon"])


@pytest.mark.parametrize(
    "draw, message",
    [
        (lambda axes: axes.set_yscale("log"), "axes_1: the y axis has a tick labelled"),
        (no_ticks, "axes_1: the x axis has fewer than two labelled ticks"),
        (same_label, "axes_1: the x axis has ticks that don't tell two places apart"),
        (crooked, "axes_1: the x axis is not linear"),
        (words, "axes_1: the x axis has a tick labelled 'scratch'"),
        (lambda axes: axes.imshow([[0, 1]]), "axes_1: .*image is not made of lines"),
        (lambda axes: axes.scatter([1, 2], [1, 2]), "axes_1: PathCollection_1 repeats a shape"),
    ],
)
def test_a_figure_that_is_not_plain_lines_is_refused(draw, message):
    """If this failed, a figure would be judged by a part of it, or by wrong coordinates."""
    canvas = Canvas()
    axes = canvas.subplots()
    axes.plot([1, 2], [1, 10])
    draw(axes)
    with pytest.raises(RecordError, match=message):
        decode_svg(as_svg(canvas))


def test_a_figure_in_three_dimensions_is_refused():
    """If this failed, a projection would be taken for data."""
    canvas = Canvas()
    canvas.add_subplot(projection="3d").plot([0, 1], [0, 1], [0, 1])
    with pytest.raises(RecordError, match=r"three dimensions|no flat axes"):
        decode_svg(as_svg(canvas))


def one_line() -> str:
    canvas = Canvas()
    canvas.subplots().plot([0, 1], [0, 1])
    return as_svg(canvas)


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda svg: svg[:-9], "not XML"),
        (lambda svg: svg + "\ud800", "not XML"),
        (lambda svg: "<svg/>", "no flat axes"),
        (lambda svg: svg.replace("L ", "L 1 ", 999), "a path is damaged"),
        (lambda svg: svg.replace("L ", "L 1e999 0 L ", 999), "is not finite"),
        (lambda svg: svg.replace("\nL ", "\nC 0 0 0 0 ", 999), "curve|command 'C'"),
        (lambda svg: svg.replace(' x="', ' x="?', 999), "is not a number"),
    ],
)
def test_a_damaged_figure_is_refused(damage, message):
    """If this failed, a damaged SVG would end in a traceback, or worse, in numbers."""
    with pytest.raises(RecordError, match=message):
        decode_svg(damage(one_line()))


@pytest.mark.parametrize(
    "place", ["line2d_1", "the line", "its path", "xtick_2", "matplotlib.axis_2"]
)
def test_a_moved_part_is_refused(place):
    """If this failed, a figure that a drawing program edited would be read where it was before."""
    svg = one_line()
    whole = svg.replace('<g id="axes_1">', '<g id="axes_1" transform="scale(2)">')
    assert as_json(Record("", "", (decode_svg(whole),))) == as_json(
        Record("", "", (decode_svg(svg),))
    )
    line = re.findall(r'<g id="line2d_\d+">', svg)[-1]
    if place == "its path":
        before, _, after = svg.partition(line)
        moved = before + line + after.replace("<path ", '<path transform="translate(1 1)" ', 1)
    else:
        tag = line if place == "the line" else f'<g id="{place}">'
        moved = svg.replace(tag, tag.replace(">", ' transform="translate(1 1)">'))
    with pytest.raises(RecordError, match="moved by a transform"):
        decode_svg(moved)


def test_arrows_and_bars_are_left_out_by_name():
    """If this failed, a figure with an annotation could not be judged, or nobody would be told."""
    canvas = Canvas()
    axes = canvas.subplots()
    axes.plot([0, 1, 2], [0, 1, 0])
    plain = decode_svg(as_svg(canvas)).axes[0]
    axes.annotate("here", xy=(1, 1), xytext=(0.5, 0.5), arrowprops={"arrowstyle": "->"})
    axes.bar([0.5], [0.5], width=0.1)
    annotated = decode_svg(as_svg(canvas)).axes[0]
    assert plain.left_out == ()
    assert len(annotated.left_out) == 2
    (line,), (line_before,) = annotated.polylines, plain.polylines
    np.testing.assert_allclose(line.vertices, line_before.vertices, atol=1e-6)


# --- The program --------------------------------------------------------------------------------


def decode(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run the program as a person would, from a checkout."""
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    "text, message",
    [
        (None, r"a.md: no such file"),
        ("# Title\n", r"a.md:1: not a chapter, no code cells"),
        (
            INPUT + output_block({"output_type": "pyout"}),
            r"a.md:1: cell 1: output 1 has no output_type",
        ),
        (
            INPUT + output_block({"output_type": "display_data", "data": {"image/png": ""}}),
            r"a.md:1: a figure cannot be decoded: a bitmap",
        ),
    ],
)
def test_the_program_refuses_bad_input_in_one_line(tmp_path, text, message):
    """If this failed, bad input would give a traceback, a wrong status or a half-written file."""
    chapter, out = tmp_path / "a.md", tmp_path / "out.json"
    if text is not None:
        chapter.write_text(text, encoding="utf-8")
    done = decode(chapter, "--out", out)
    assert done.returncode == 2 and done.stdout == ""
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert not out.exists()


def test_the_program_says_where_it_cannot_write(tmp_path):
    """If this failed, a wrong --out would give a traceback."""
    chapter = tmp_path / "a.md"
    chapter.write_text(INPUT, encoding="utf-8")
    done = decode(chapter, "--out", chapter / "out.json")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert re.search(r"out.json: cannot be written \((Not a directory|File exists)\)", done.stderr)
    assert os.listdir(tmp_path) == ["a.md"]
