"""The evidence: it says yes to the book's own record, and no to anything else."""

import io
import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure as Canvas
from recordings import Cell, outputs_of

from gluonbook_ch7._mxnet import mx, nd
from gluonbook_ch7._sampling import fresh_starts
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import GluonbookError
from gluonbook_ch7.figures import plt
from gluonbook_ch7.reproduce import kernel, losses
from gluonbook_ch7.reproduce.chance import conformal_p, p_value, runs_to_accuse
from gluonbook_ch7.reproduce.evidence import judge_cell
from gluonbook_ch7.reproduce.geometry import judge_figure, judge_figures
from gluonbook_ch7.reproduce.losses import RecordedRun
from gluonbook_ch7.reproduce.observer import Descent, Training
from gluonbook_ch7.reproduce.record import CellOutputs, load_recorded
from gluonbook_ch7.reproduce.section import _run
from gluonbook_ch7.reproduce.starts import Start
from gluonbook_ch7.reproduce.svg import Axes, Figure, Polyline, decode_svg
from gluonbook_ch7.reproduce.text import judge_text
from gluonbook_ch7.reproduce.verdict import Judgement, Verdict, hold_together
from gluonbook_ch7.rules import sgd
from gluonbook_ch7.training import train_ch7


def descent():
    return next(cell.figures[0] for cell in load_recorded().cells if cell.figures)


def with_polylines(figure, polylines):
    return Figure((replace(figure.axes[0], polylines=tuple(polylines)),))


@settings(max_examples=40)
@given(line=st.integers(0, 8), vertex=st.integers(0, 1), dy=st.sampled_from([-0.01, 0.3]))
def test_one_moved_vertex_is_caught(line, vertex, dy):
    """If this fails, a figure may differ from the record without being called different."""
    figure = descent()
    polylines = list(figure.axes[0].polylines)
    vertices = polylines[line].vertices.copy()
    vertices[vertex, 1] += dy
    polylines[line] = replace(polylines[line], vertices=vertices)
    judgement = judge_figure("figure", with_polylines(figure, polylines), figure)
    assert judgement.verdict is Verdict.DIFFERENT
    assert 0 < judgement.numbers["largest_difference"] <= abs(dy) + 1e-6


def test_the_order_in_which_lines_are_drawn_does_not_matter():
    """If this fails, another version of Matplotlib makes an equal figure different."""
    figure = descent()
    turned = with_polylines(figure, reversed(figure.axes[0].polylines))
    assert judge_figure("figure", figure, turned).verdict is Verdict.IDENTICAL


@pytest.mark.parametrize(
    ("change", "basis"),
    [
        ({"x_label": "x"}, "x label x1 became x"),
        ({"y_ticks": ("0",)}, "y ticks"),
        ({"polylines": ()}, "not the same number of lines"),
        ({"x_label": "epoch"}, "x label"),
    ],
)
def test_other_axes_are_caught(change, basis):
    """If this fails, a figure with other axes or fewer lines passes for the recorded one."""
    figure = descent()
    other = Figure((replace(figure.axes[0], **change),))
    judgement = judge_figure("figure", figure, other)
    assert judgement.verdict is Verdict.DIFFERENT
    assert basis in judgement.basis


def test_a_figure_that_cannot_be_read_is_not_judged():
    """If this fails, an unreadable figure counts as evidence."""
    refused = Figure((), refusal="the figure is a bitmap")
    assert judge_figure("figure", refused, descent()).verdict is Verdict.NOT_JUDGED


def test_either_minus_sign_makes_the_same_axis():
    """If this fails, whoever had set axes.unicode_minus, as many fonts want, is accused."""
    figure = descent()
    ticks = tuple(tick.replace("\N{MINUS SIGN}", "-") for tick in figure.axes[0].x_ticks)
    assert ticks != figure.axes[0].x_ticks
    other = Figure((replace(figure.axes[0], x_ticks=ticks),))
    assert judge_figure("figure", other, figure).verdict is Verdict.IDENTICAL


def test_figures_that_are_missing_or_new_are_caught():
    """If this fails, a figure that is no longer drawn is not missed."""
    one, two = (descent(),), (descent(), descent())
    found = {
        "today": judge_figures("cell", one, ()),
        "recorded": judge_figures("cell", one, two),
        "at all": judge_figures("cell", (), one),
    }
    assert {each: judgements[-1].basis for each, judgements in found.items()} == {
        "today": "no figure today",
        "recorded": "no figure was recorded",
        "at all": "no figure was recorded",
    }
    verdicts = {each: judgements[-1].verdict for each, judgements in found.items()}
    assert verdicts["today"] is verdicts["recorded"] is Verdict.DIFFERENT
    assert verdicts["at all"] is Verdict.NOT_JUDGED
    assert found["recorded"][0].verdict is Verdict.IDENTICAL


@pytest.mark.parametrize(("recorded", "rerun"), [("x 1", ""), ("", "x 1")])
def test_text_on_one_side_only_is_caught(recorded, rerun):
    """If this fails, a cell that prints nothing any more, or something new, is not noticed."""
    (judgement,) = judge_cell("cell", CellOutputs(text=recorded), CellOutputs(text=rerun))
    assert (judgement.output, judgement.verdict) == ("cell: text", Verdict.DIFFERENT)
    assert judge_cell("cell", CellOutputs(text=" \n"), CellOutputs()) == []


def test_an_error_on_one_side_only_is_told():
    """If this fails, a cell that now fails passes for the recorded one.

    Or a cell that its author interrupted is called different.
    """
    failed = CellOutputs(text="epoch 1", error="KeyboardInterrupt: ")
    finished = CellOutputs(text="epoch 1\nepoch 2")
    (judgement,) = judge_cell("cell", failed, finished)
    assert (judgement.output, judgement.verdict) == ("cell: error", Verdict.NOT_JUDGED)
    verdicts = {each.output: each.verdict for each in judge_cell("cell", finished, failed)}
    assert verdicts["cell: error"] is Verdict.DIFFERENT


TODAYS_FIGURE = "<Figure size 640x480 with 0 Axes>"
SAME_NUMBERS = "the same text, and the same numbers as float32"
TIMED = "CPU times: user 612 µs, sys: 0 ns, total: 612 µs\nWall time: 1.2 ms\nx"


@pytest.mark.parametrize(
    ("recorded", "rerun", "verdict", "basis"),
    [
        ("x 1.5, y 2\n", "x 1.5, y 2", Verdict.IDENTICAL, "the same text"),
        ("x 1.5, y 2", "x 1.5, y 3", Verdict.DIFFERENT, "1 of 2 numbers differ: 2 → 3"),
        ("x 1.5, y 3", "x 1.5, y 2", Verdict.DIFFERENT, "1 of 2 numbers differ: 3 → 2"),
        # Too large for a float32.
        ("1e39", "2e39", Verdict.DIFFERENT, "1 of 1 numbers differ: 1e39 → 2e39"),
        ("2e39", "1e39", Verdict.DIFFERENT, "1 of 1 numbers differ: 2e39 → 1e39"),
        ("1e39", "1.0e39", Verdict.IDENTICAL, SAME_NUMBERS),
        ("loss -1e-3", "loss nan", Verdict.DIFFERENT, "1 of 1 numbers differ: -1e-3 → nan"),
        ("[0.5, -2]", "[np.float32(0.5), np.int64(-2)]", Verdict.IDENTICAL, "the same text"),
        ("<Dot at 0x000001F2A3B4C5D8>", "<Dot at 0x7fd2>", Verdict.IDENTICAL, "the same text"),
        ("<Figure size 432x288 with 0 Axes>", TODAYS_FIGURE, Verdict.IDENTICAL, "the same text"),
        ("Wall time: 1min 2s\nx", TIMED, Verdict.IDENTICAL, "the same text but for its times"),
        (
            "[<matplotlib.text.Text at 0x7fd2>]",
            "[Text(0.5, 0, 'epoch')]",
            Verdict.NOT_COMPARABLE,
            "releases of a library show an object in other words",
        ),
        ("x 1", "z 1", Verdict.DIFFERENT, "the words differ"),
        ("x 1", "x 1 1", Verdict.DIFFERENT, "the words differ"),
        ("2.00119352", "2.0011935", Verdict.IDENTICAL, SAME_NUMBERS),
        ("[1.   2.]", "[1. 2.]", Verdict.IDENTICAL, SAME_NUMBERS),
        ("nan 1.50", "nan 1.5", Verdict.IDENTICAL, SAME_NUMBERS),
        (
            "x 2.0011935",
            "x 2.0011938",
            Verdict.DIFFERENT,
            "1 of 1 numbers differ: 2.0011935 → 2.0011938",
        ),
    ],
)
def test_text_is_judged_number_by_number(recorded, rerun, verdict, basis):
    """If this fails, a reader is not told which printed number changed."""
    judgement = judge_text("text", recorded, rerun)
    assert (judgement.verdict, judgement.basis) == (verdict, basis)


def test_conformal_p_is_uniform_for_one_more_draw():
    """If this fails, "p > 0.01" does not mean what it says, whatever the distribution."""
    random = np.random.RandomState(0)
    ps = []
    for _ in range(400):
        draws = random.standard_exponential((100, 5)).cumsum(axis=1)
        ps.append(conformal_p(draws[0], draws[1:]))
    # For 400 uniform values the shares below have sds of 0.5 %, 1.5 % and 2.5 %.
    for level, slack in ((0.01, 0.02), (0.1, 0.06), (0.5, 0.1)):
        assert np.mean(np.array(ps) <= level) == pytest.approx(level, abs=slack)


def test_conformal_p_says_no_to_what_is_far_away():
    """If this fails, a curve outside the distribution is called consistent."""
    sample = np.random.RandomState(1).normal(size=(999, 3))
    assert conformal_p([0, 0, 9], sample) == pytest.approx(0.001)
    assert conformal_p([0, 0, 0], sample) > 0.9
    assert conformal_p([0, np.nan, 0], sample) == pytest.approx(0.001)
    assert conformal_p([1.0], np.full((99, 1), 0.5)) == pytest.approx(0.01)
    assert conformal_p([0.5], np.full((99, 1), 0.5)) == 1
    # Below a mean that is far from zero, too.
    assert conformal_p([991.0, 991.0], 1000 + sample[:, :2]) == pytest.approx(0.001)


def test_a_loss_that_follows_from_another_adds_nothing():
    """If this fails, the rounding of what does not vary decides which curve is ordinary."""
    sample = np.random.RandomState(2).normal(size=(99, 3))
    twice = np.hstack([sample, sample[:, :1]])
    for curve, repeated in zip(sample, twice):
        assert conformal_p(repeated, twice) == conformal_p(curve, sample)


# --- Curves as the points that they draw --------------------------------------------------------


def curve_figure(x, y, color="#1f77b4"):
    """Return a figure of one line, on axes of a hundredth of a unit a point."""
    line = Polyline(np.column_stack([x, y]), color)
    return Figure((Axes("x", "y", ("0", "1"), ("0", "1"), (line,), (0.01, 0.01)),))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 300), st.integers(2, 300))
def test_a_line_is_the_same_with_other_vertices(some, others):
    """If this fails, another release of Matplotlib makes the same curve different."""
    figures = [curve_figure(x := np.linspace(0, 2, n), 3 * x - 1) for n in (some, others)]
    judgement = judge_figure("figure", *figures)
    assert judgement.verdict is Verdict.IDENTICAL


@pytest.mark.parametrize(
    ("points", "verdict"),
    [
        (4.9e-6, Verdict.IDENTICAL),
        (5.1e-6, Verdict.CONSISTENT),
        (0.099, Verdict.CONSISTENT),
        (0.101, Verdict.DIFFERENT),
    ],
)
def test_a_bend_is_judged_by_what_can_be_seen(points, verdict):
    """If this fails, an invisible difference is an accusation, or a visible one is none."""
    x = np.linspace(0, 1, 11)
    bent = x + 0
    bent[5] += points * 0.01 * np.sqrt(2)  # of this, 1 / √2 is off the line
    judgement = judge_figure("figure", curve_figure(x, bent), curve_figure(x, x))
    assert judgement.verdict is verdict
    assert judgement.numbers["points"] == pytest.approx(points, rel=1e-6)


def test_the_place_of_a_difference_is_named():
    """If this fails, a reader has to search the figure for what is different."""
    x = np.linspace(0, 1, 11)
    judgement = judge_figure("figure", curve_figure(x, x + (x == x[3])), curve_figure(x, x))
    assert "at (0.3, 1.3)" in judgement.basis


def test_a_line_of_one_point_is_compared():
    """If this fails, a figure in which something was drawn once only ends in an error."""
    points = [curve_figure([x], [0.5]) for x in (0.5, 0.5, 0.7)]
    assert judge_figure("figure", *points[:2]).verdict is Verdict.IDENTICAL
    moved = judge_figure("figure", *points[1:])
    assert (moved.verdict, moved.numbers["points"]) == (Verdict.DIFFERENT, pytest.approx(20))


def test_axes_without_a_line_are_the_same():
    """If this fails, empty axes have a difference, and a negative one."""
    empty = Figure((Axes("x", "y", ("0", "1"), ("0", "1"), (), (0.01, 0.01)),))
    judgement = judge_figure("figure", empty, empty)
    assert judgement.verdict is Verdict.IDENTICAL
    assert judgement.numbers["largest_difference"] == judgement.numbers["points"] == 0


def test_a_part_of_a_line_is_not_the_line():
    """If this fails, a curve that stops early passes for the recorded one."""
    x = np.linspace(0, 1, 11)
    half = curve_figure(x[:6], x[:6])
    for pair in ((half, curve_figure(x, x)), (curve_figure(x, x), half)):
        assert judge_figure("figure", *pair).verdict is Verdict.DIFFERENT


def test_lines_with_markers_may_be_close_together():
    """If this fails, a line is held against its neighbour and called different."""
    x = np.linspace(0, 1, 11)
    lines = [
        Polyline(np.column_stack([x, y]), "#1f77b4", marker=True, line=True) for y in (x, x + 0.005)
    ]
    both, turned = (
        Figure((Axes("x", "y", ("0", "1"), ("0", "1"), tuple(each), (0.01, 0.01)),))
        for each in (lines, lines[::-1])
    )
    assert judge_figure("figure", both, turned).verdict is Verdict.IDENTICAL


# --- Chance -------------------------------------------------------------------------------------


def trained(rate, seed, then=lambda: None):
    """Train from the first draw of a fresh process, and return what the cell puts out and calls."""
    mx.random.seed(0)
    np.random.seed(seed)
    data = load_data_ch7(source="twin")

    def cell():
        train_ch7(sgd, None, {"lr": rate}, data.features, data.labels)
        then()

    return _run(cell)


@pytest.mark.filterwarnings("ignore::gluonbook_ch7.errors.DivergenceWarning")
@pytest.mark.parametrize("rate", [1.2, 1.5])
def test_a_training_that_grows_or_diverges_is_not_called_different(rate):
    """If this fails, a rate that is too large makes the same program another one by chance.

    The losses of the figures reach up to 1e38, where the first one can hardly be read or not
    at all, and those that are not finite are left out.
    """
    now, calls = trained(rate, seed=0)
    for seed in (1, 2):
        recorded, _ = trained(rate, seed)
        judgements = hold_together(judge_cell("cell", recorded, now, calls))
        assert Verdict.DIFFERENT not in {each.verdict for each in judgements}
        (printed,) = [each for each in judgements if each.output == "cell: printed loss"]
        assert printed.verdict is Verdict.CONSISTENT


def own_training(losses, num_epochs=2):
    """Return a call of a chapter's own training function, which draws these losses."""

    def train_ch7(*arguments):
        plt.plot(losses)

    data = load_data_ch7(source="twin")
    call = Cell(num_epochs=num_epochs).call(data.features, data.labels)
    return Training(call, np.array(losses), function=train_ch7)


def test_a_function_that_fixes_its_order_is_not_judged(monkeypatch):
    """If this fails, a function that seeds or does not shuffle is called different by rounding."""
    monkeypatch.setattr(losses, "SECONDS", 0.1)
    with pytest.raises(GluonbookError, match="chooses the order itself"):
        RecordedRun(own_training([0.5, 0.3]), [])._repeats(Start(np.zeros((4, 1)), draw=1), 2)


def test_a_function_of_the_chapters_is_repeated_from_the_recorded_start(monkeypatch):
    """If this fails, a recorded curve is ranked among runs that began elsewhere."""
    monkeypatch.setattr(losses, "SECONDS", 0)  # which is always enough for two
    starts = []

    def train_ch7(*arguments):
        starts.append(nd.random.normal(scale=0.01, shape=(4, 1)).asnumpy())
        plt.plot(np.random.rand(3))

    training = replace(own_training([0.5, 0.3]), function=train_ch7)
    weights = fresh_starts(3, 4)[2]
    assert len(RecordedRun(training, [])._repeats(Start(weights, draw=3), 1000)) == 2
    np.testing.assert_allclose(starts, [weights] * 2, rtol=1e-6)


def test_a_start_or_a_printed_loss_of_its_own_is_not_judged():
    """If this fails, a function with other starts, or that prints another loss, is accused."""
    training = own_training([0.6, 0.3])
    assert RecordedRun(training, [0.7, 0.3]).judge_start()[0] is Verdict.NOT_JUDGED
    then, now = (f"loss: {loss}, 0.1 sec per epoch\n" for loss in (0.46, 0.45))
    printed = judge_cell("cell", CellOutputs(text=then), CellOutputs(text=now), [training])
    assert printed[0].basis == "what is printed today is not the last loss of the curve"


@pytest.mark.parametrize("count", [128, 151])
def test_a_long_curve_may_have_lost_vertices(count):
    """If this fails, nine epochs are called different: Matplotlib thins out lines of 128 points."""
    epochs = np.linspace(0, 10, count)
    noise = np.random.RandomState(0).normal(0, 1e-3, (2, count))
    curves = [np.append(0.5, (0.25 + 0.25 * np.exp(-epochs) + each)[1:]) for each in noise]
    then, now = (outputs_of(SimpleNamespace(epochs=epochs, losses=each)) for each in curves)
    assert len(then.figures[0].axes[0].polylines[0].vertices) < count
    training = own_training(curves[1].tolist(), num_epochs=10)
    judgements = judge_cell("cell", replace(then, text=""), replace(now, text=""), [training])
    assert {each.output: each.verdict for each in judgements} == {
        "cell: axes": Verdict.IDENTICAL,
        "cell: first loss": Verdict.IDENTICAL,
        "cell: later losses": Verdict.NOT_JUDGED,
    }
    left_out = count - len(then.figures[0].axes[0].polylines[0].vertices)
    assert judgements[-1].basis.endswith(f"here {left_out}")


def test_a_curve_that_its_axis_cuts_is_not_judged():
    """If this fails, the pieces of a curve inside ylim are taken for all losses, and accused."""
    then, _ = trained(0.05, seed=1, then=lambda: plt.ylim(0.2, 0.3))
    now, calls = trained(0.05, seed=0, then=lambda: plt.ylim(0.2, 0.3))
    judgements = {each.output: each for each in judge_cell("cell", then, now, calls)}
    assert judgements["cell: printed loss"].verdict is Verdict.CONSISTENT
    assert judgements["cell: figure"].basis == "the figure does not show all losses of the call"
    assert len(judgements) == 3  # and the time


def test_losses_beside_a_very_large_one_are_not_read():
    """If this fails, the digits that a figure does not hold make a curve different."""
    values = np.array([0.1, 20_000, 0.3])
    figure = outputs_of(SimpleNamespace(epochs=np.arange(3), losses=values))
    training = own_training(values.tolist())
    (judgement,) = judge_cell("cell", *[replace(figure, text="")] * 2, [training])
    assert "too coarse to read the others" in judgement.basis


def test_what_is_printed_beside_a_loss_is_judged_without_its_call():
    """If this fails, other seeds cannot show that such text is random, and it is accused."""
    cells = [CellOutputs(text=f"loss: 0.3, 0.1 sec per epoch\nw {w}\n") for w in (1, 2)]
    assert len(judge_cell("cell", replace(cells[0], text=2 * cells[0].text), cells[1])) == 1
    unknown, rest = judge_cell("cell", *cells)
    assert unknown.verdict is Verdict.NOT_JUDGED
    assert (rest.output, rest.verdict) == ("cell: text", Verdict.DIFFERENT)


@pytest.mark.parametrize("options", [{"seed": 1}, {"seed_state": 1, "ctx": "all"}])
def test_seeds_given_by_name_are_changed_too(options):
    """If this fails, the run with other seeds stops there, and random outputs are accused."""
    seen = {}
    kernel._seed_with_next(seen.update, **options)
    assert seen == {**options, next(iter(options)): 2}


def test_a_descent_of_any_form_can_be_observed():
    """If this fails, a chapter's own train_2d that returns more than a trace fails by our doing."""

    def train_2d(trainer):
        return [(1, 2), (3, 4)], [1.0, 2.0]

    assert kernel.watched(train_2d)(None) == train_2d(None)


def ends(*places):
    """Return what a cell prints of a descent that ends at each of these x1."""
    return [CellOutputs(text=f"x1 {x}, x2 0.0\n") for x in places]


def test_a_descent_is_repeated_only_where_it_is_accused():
    """If this fails, judging changes what the chapter goes on with, or stops it."""
    lengths = iter(range(2, 9))
    walk = Descent(np.zeros((2, 2)), lambda: np.zeros((next(lengths), 2)))
    then, now = ends(0.0, 0.1)
    assert judge_cell("cell", now, now, [walk])[0].verdict is Verdict.IDENTICAL
    assert next(lengths) == 2
    assert judge_cell("cell", then, now, [walk])[0].verdict is Verdict.NOT_JUDGED


def test_what_a_descent_prints_besides_its_end_is_judged():
    """If this fails, a changed line is passed over because a random descent was made."""
    walk = Descent(np.zeros((2, 2)), lambda: np.random.normal(size=(2, 2)))
    then, now = (CellOutputs(text=f"eta {eta}\n") for eta in (0.4, 0.5))
    (judgement,) = judge_cell("cell", then, now, [walk])
    assert (judgement.output, judgement.verdict) == ("cell: text", Verdict.DIFFERENT)
    # Of several descents it is not known which one the line tells of.
    (judgement,) = judge_cell("cell", *ends(0.0, 0.1), [walk, walk])
    assert judgement.output == "cell: text"


def random_output(p):
    return Judgement("output", "", "", Verdict.CONSISTENT, "", {"p": p})


@pytest.mark.parametrize(
    ("ps", "different"),
    [
        ([0.0009], 1),
        ([0.0009, 0.5], 0),
        ([0.0004, 0.5], 1),
        ([0.0004, 0.0009], 2),
        ([0.0006, 0.0006], 0),
        ([0.5, 0.0001, 0.0004], 2),
        ([], 0),
    ],
)
def test_the_outputs_of_a_file_share_one_chance_in_a_thousand(ps, different):
    """If this fails, a file with many outputs is called different by chance."""
    fixed = Judgement("text", "", "", Verdict.IDENTICAL, "the same text")
    judgements = hold_together([fixed, *map(random_output, ps)])
    assert [each.verdict for each in judgements].count(Verdict.DIFFERENT) == different
    assert judgements[0] is fixed
    for judgement in judgements[1:]:
        assert f"(level {judgement.numbers['level']:.2g})" in judgement.basis


def test_a_small_p_is_looked_at_with_more_runs():
    """If this fails, an accusation rests on a thousand shuffles, or every output takes long."""
    asked = []

    def draw(runs):
        asked.append(runs)
        return np.random.RandomState(0).normal(size=(runs, 1))

    assert p_value([0.1], draw)[0] > 0.5
    assert asked == [1000]
    assert p_value([9.0], draw)[0] == pytest.approx(1 / 5001)
    assert asked[1:] == [1000, 5000]


@pytest.mark.parametrize("outputs", [1, 2, 3, 20, 21, 100])
def test_one_of_many_outputs_can_be_called_different(outputs):
    """If this fails, a long chapter passes with any curve in it, or a short one takes long."""
    sample = np.random.RandomState(0).normal(size=(runs_to_accuse(outputs), 1))
    assert len(sample) == max(5000, 2000 * outputs)
    p, _ = p_value([9.0], lambda runs: sample[:runs], more_runs=len(sample))
    judgements = hold_together([random_output(p), *[random_output(0.5)] * (outputs - 1)])
    assert judgements[0].verdict is Verdict.DIFFERENT


# --- Figures of older releases of Matplotlib ----------------------------------------------------

OLDER = Path(__file__).parent / "older_matplotlib"
DRAWN = runpy.run_path(str(OLDER / "draw.py"))


@pytest.mark.parametrize("name", ["descent", "square"])
@pytest.mark.parametrize("release", ["3.0.3", "3.3.4", "3.7.5"])
def test_figures_of_older_releases_are_the_same(name, release):
    """If this fails, a chapter that was recorded with another Matplotlib is called different."""
    written = io.StringIO()
    with plt.rc_context():
        DRAWN[f"{name}_figure"]().savefig(written, format="svg", bbox_inches="tight")
        plt.close()
    then = decode_svg((OLDER / f"{name}-{release}.svg").read_text(encoding="utf-8"))
    judgement = judge_figure("figure", then, decode_svg(written.getvalue()))
    assert judgement.verdict in (Verdict.IDENTICAL, Verdict.CONSISTENT), judgement.basis
    assert judgement.numbers["points"] < 0.1


def test_a_random_descent_is_judged_as_one_of_many():
    """If this fails, a chapter's descent with noise gets no verdict, or a false one."""

    def follow():
        trace = [np.array([-5.0, -2.0])]
        for _ in range(5):
            trace.append(trace[-1] / 2 + np.random.normal(scale=0.1, size=2))
        return trace

    def outputs(trace):
        canvas, written = Canvas(), io.StringIO()
        axes = canvas.subplots()
        axes.plot(*np.transpose(trace), "-o")
        axes.set(xlim=(-6, 1), ylim=(-3, 1))
        canvas.savefig(written, format="svg")
        text = "epoch 5, x1 {:f}, x2 {:f}\n".format(*trace[-1])
        return CellOutputs(text=text, figures=(decode_svg(written.getvalue()),))

    np.random.seed(7)
    recorded, today = follow(), follow()
    observed = Descent(np.array(today), follow)
    for shift, verdict in ((0, Verdict.CONSISTENT), (1, Verdict.DIFFERENT)):
        moved = [point + shift for point in recorded]
        judgements = hold_together(judge_cell("cell", outputs(moved), outputs(today), [observed]))
        assert [(each.output, each.verdict) for each in judgements] == [
            ("cell: printed end", verdict),
            ("cell: trace", verdict),
            ("cell: figure", Verdict.IDENTICAL),
        ]


@pytest.mark.parametrize(
    ("recorded", "rerun", "verdict"),
    [
        ("损失0.25876500000001元", "损失0.258765元", Verdict.IDENTICAL),
        ("耗时 0.4 秒", "耗时 1.3 秒", Verdict.IDENTICAL),
        ("[True, 3]", "[np.True_, np.uint8(3)]", Verdict.IDENTICAL),
        ("<function f>", "<function f(x)>", Verdict.NOT_COMPARABLE),
        ("[0, 10, -5, 5]", "(np.float64(0.0), 10.0, -5.0, 5.0)", Verdict.IDENTICAL),
        ("[0, 10, -5, 5]", "(0.0, 10.0, -5.0, 6.0)", Verdict.DIFFERENT),
        ("[0, 10]", "(0, 10)", Verdict.DIFFERENT),
        ("array([ True, False], dtype=bool)", "array([ True, False])", Verdict.IDENTICAL),
        (
            "Populating",
            "%pylab is deprecated, use %matplotlib inline.\nPopulating",
            Verdict.IDENTICAL,
        ),
        ("Using matplotlib backend: Qt5Agg", "Using matplotlib backend: inline", Verdict.IDENTICAL),
        ("<IPython.core.display.HTML object>",) * 2 + (Verdict.NOT_JUDGED,),
    ],
)
def test_how_libraries_show_things_is_no_difference(recorded, rerun, verdict):
    """If this fails, another release is accused, or what only a browser shows passes for judged."""
    assert judge_text("cell", recorded, rerun).verdict is verdict


MACHINES = [
    ("'1.3.1'", "'1.9.1'"),
    ("mxnet 1.5.0b20190220+cu92, took 0.1 s.", "mxnet 2.0.0, took 0.3 s."),
    (
        "'3.6.5 |Anaconda, Inc.| (default, Apr 29 2018, 16:14:56) \\n[GCC 7.2.0]'",
        "'3.11.2 (main, Nov 30 2024, 21:22:50) [GCC 12.2.0]'",
    ),
    ("MXNet 1.3.1版", "MXNet 1.9.1版"),
    ("'/Users/John Doe/book'", "'/home/reader/book'"),
    (r"'C:\\Users\\john\\book'", "'/home/reader/book'"),
    ("['', '/home/john/lib']", "['', '/usr/lib']"),
]


@pytest.mark.parametrize(("recorded", "rerun"), MACHINES)
def test_versions_and_paths_are_not_compared(recorded, rerun):
    """If this fails, the owner of another machine is accused, or told that both say the same."""
    judgement = judge_text("cell", recorded, rerun)
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert "apart from versions and paths, which belong to one machine" in judgement.basis
    judgement = judge_text("cell", f"{recorded} 0.5", f"{rerun} 0.6")
    assert judgement.basis == "1 of 1 numbers differ: 0.5 → 0.6"


@pytest.mark.parametrize(
    "recorded", ["1.5", "5 / 3", "1 /30", "a/b 3", "</b3>", "http://a.b/3", "1, 2.3.", "1.0.0版1.5"]
)
def test_what_looks_like_a_version_or_a_path_is_compared(recorded):
    """If this fails, a number that differs is excused as another machine's."""
    rerun = recorded.replace("3", "4").replace("1.5", "1.6")
    assert judge_text("cell", recorded, rerun).verdict is Verdict.DIFFERENT


def test_the_message_of_an_exception_may_be_worded_anew():
    """If this fails, another release's words for the same mistake are called different."""
    then, now = (CellOutputs(error=f"TypeError: {text}") for text in ("no", "not allowed"))
    (judgement,) = judge_cell("cell", then, now)
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    other = CellOutputs(error="ValueError: no")
    (judgement,) = judge_cell("cell", then, other)
    assert judgement.verdict is Verdict.DIFFERENT
