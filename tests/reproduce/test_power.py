"""What the judge notices: each edit of a recorded chapter is different where it is, and only there.

No test of a recorded curve can notice what changes it less than another order of the minibatches
does: RMSProp's epsilon of 1e-8 for 1e-6, which changes the weights by 2e-5; or a single loss moved
by 0.01, as one odd minibatch moves it.
"""

import io
from dataclasses import replace

import numpy as np
import pytest
from counts import ALL
from recordings import Cell, judge, outputs_of, record, train

import gluonbook_ch7 as gb
from gluonbook_ch7._sampling import fresh_starts
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.figures import plt
from gluonbook_ch7.reproduce import chance, evidence, losses
from gluonbook_ch7.reproduce.evidence import judge_cell
from gluonbook_ch7.reproduce.geometry import judge_figure
from gluonbook_ch7.reproduce.observer import Training
from gluonbook_ch7.reproduce.pictures import likelihood_figure
from gluonbook_ch7.reproduce.record import CellOutputs
from gluonbook_ch7.reproduce.starts import find_edition, find_start
from gluonbook_ch7.reproduce.svg import decode_svg
from gluonbook_ch7.reproduce.verdict import Verdict, hold_together

pytestmark = pytest.mark.usefixtures("trained_once")


@pytest.fixture(scope="module")
def data():
    """Return the features and labels of both editions; the twin's have the same losses."""
    loaded = {edition: load_data_ch7(edition, "twin") for edition in ("0.7", "1.0")}
    return {edition: (each.features, each.labels) for edition, each in loaded.items()}


def different(judgements):
    """Return what is different, once the outputs have been decided on together."""
    decided = hold_together(judgements)
    return [each.output for each in decided if each.verdict is Verdict.DIFFERENT]


def sign_error(params, states, hyperparams):
    for p, s in zip(params, states):
        s[:] = hyperparams["gamma"] * s + (1 - hyperparams["gamma"]) * p.grad.square()
        p[:] += hyperparams["lr"] * p.grad / (s + 1e-6).sqrt()


def state_not_updated(params, states, hyperparams):
    for p, s in zip(params, states):
        p[:] -= hyperparams["lr"] * p.grad / (s + 1).sqrt()


LATER = ["cell: 30 later losses"]
BOTH = ["cell: printed loss", *LATER]
EDITED_CALLS = {
    "learning rate x 2": ({"hyperparams": {"lr": 0.02, "gamma": 0.9}}, {}, LATER),
    "learning rate / 10": ({"hyperparams": {"lr": 0.001, "gamma": 0.9}}, {}, BOTH),
    "gamma 0.99": ({"hyperparams": {"lr": 0.01, "gamma": 0.99}}, {}, LATER),
    "minibatches of 20": ({"batch_size": 20}, {"seed": 2}, LATER),
    "one epoch more": ({"num_epochs": 3}, {}, ["cell: axes"]),
    "one epoch less": ({"num_epochs": 1}, {}, ["cell: axes"]),
    "a sign error": ({"rule": sign_error}, {}, BOTH),
    "a state that is not updated": ({"rule": state_not_updated}, {}, BOTH),
    "a start of twice the scale": ({}, {"scale": 2.0}, ["cell: first loss"]),
    "another colour": ({}, {"color": "C1"}, ["cell: axes"]),
    "another label": ({}, {"label": "losses"}, ["cell: axes"]),
}


@pytest.mark.parametrize("edit", EDITED_CALLS)
def test_an_edit_of_the_code_is_noticed_where_it_is(data, edit):
    """If this fails, a chapter that computes something else is called reproduced."""
    cell, how, expected = EDITED_CALLS[edit]
    recorded = record(replace(Cell(), **cell).call(*data["0.7"]), **how)
    assert different(judge(recorded, Cell().call(*data["0.7"]))) == expected


def test_other_labels_are_noticed(data):
    """If this fails, data that were changed pass for the book's."""
    features, labels = data["0.7"]
    recorded = record(Cell().call(features, labels + 0.1))
    assert "cell: first loss" in different(judge(recorded, Cell().call(features, labels)))


def moved(outputs, vertex, change, along=1):
    """Return a cell's outputs with one loss of the drawn curve, or its checkpoint, changed."""
    (figure,) = outputs.figures
    (axes,) = figure.axes
    (line,) = axes.polylines
    vertices = line.vertices.copy()
    vertices[vertex, along] += change
    axes = replace(axes, polylines=(replace(line, vertices=vertices),))
    return replace(outputs, figures=(replace(figure, axes=(axes,)),))


def with_printed(outputs, change):
    printed = float(outputs.text[6:14])
    return replace(outputs, text=outputs.text.replace(f"{printed:f}", f"{printed + change:f}"))


def without_line(outputs):
    axes = replace(outputs.figures[0].axes[0], polylines=())
    return replace(outputs, figures=(replace(outputs.figures[0], axes=(axes,)),))


EDITED_RECORDS = {
    "no edit": (lambda outputs: outputs, []),
    "a printed loss": (lambda outputs: with_printed(outputs, 0.02), ["cell: printed loss"]),
    "one of its last digits": (lambda outputs: with_printed(outputs, 5e-6), ["cell: printed loss"]),
    "the first loss": (lambda outputs: moved(outputs, 0, 1e-6), ["cell: first loss"]),
    "a vertex": (lambda outputs: moved(outputs, 20, 0.03), LATER),
    "no line": (without_line, ["cell: figure"]),
    "no text": (lambda outputs: replace(outputs, text=""), ["cell: text"]),
    "a figure more": (
        lambda outputs: replace(outputs, figures=outputs.figures * 2),
        ["cell: figure"],
    ),
}


def test_full_batches_are_not_random(data):
    """If this fails, a run in which no order matters is taken for a random one."""
    call = Cell(batch_size=1600, num_epochs=3).call(*data["0.7"])
    recorded = record(call)
    found = {each.output: each for each in judge(recorded, call)}
    for output in ("cell: printed loss", "cell: 3 later losses"):
        assert found[output].verdict is Verdict.IDENTICAL
        assert "full batches, not random" in found[output].basis
    for change in (1e-4, -1e-4):
        judgements = judge(moved(recorded, 2, change), call)
        assert different(judgements) == ["cell: 3 later losses"]
        assert judgements[-1].numbers["largest_difference"] == pytest.approx(1e-4, rel=1e-3)
    short = replace(call, num_epochs=1)
    assert judge(record(short), short)[-1].output == "cell: 1 later loss"


def test_rounding_that_a_rule_amplifies_is_no_difference(data):
    """If this fails, RMSProp near the minimum is called different, whatever the order of rows."""
    call = Cell(batch_size=1600, num_epochs=30).call(*data["0.7"])
    later = judge(record(call), call)[-1]
    assert later.verdict is Verdict.CONSISTENT
    assert "100 orders of the rows are up to" in later.basis
    assert different(judge(moved(record(call), 25, 0.01), call)) == ["cell: 30 later losses"]


@pytest.mark.parametrize("edit", EDITED_RECORDS)
def test_an_edit_of_the_record_is_noticed_where_it_is(data, edit):
    """If this fails, a record that somebody changed is called reproduced."""
    change, expected = EDITED_RECORDS[edit]
    call = Cell().call(*data["0.7"])
    assert different(judge(change(record(call)), call)) == expected


def test_a_figure_that_was_not_recorded_is_no_difference(data):
    """If this fails, a notebook that was saved without its figures is called different."""
    call = Cell().call(*data["0.7"])
    judgements = judge(replace(record(call), figures=()), call)
    assert different(judgements) == []
    figure = judgements[-1]
    assert (figure.output, figure.verdict) == ("cell: figure", Verdict.NOT_JUDGED)
    assert figure.basis == "no figure was recorded"


SLOW = {"hyperparams": {"lr": 0.0001, "gamma": 0.9}}  # so that the end depends on the start


@pytest.mark.parametrize(
    ("batch_size", "start"), [(100, "draw"), (1600, "draw 3 of a fresh process on macOS")]
)
def test_a_printed_loss_may_belong_to_another_start(data, batch_size, start):
    """If this fails, who trained twice, or on a Mac, and kept no figure is called different."""
    call = Cell(**SLOW, batch_size=batch_size).call(*data["0.7"])
    recorded = replace(record(call, draw=3, system="macOS"), figures=())
    judgements = judge(recorded, call)
    assert different(judgements) == []
    assert f", if it began with {start}" in judgements[0].basis
    assert different(judge(with_printed(recorded, 0.05), call)) == ["cell: printed loss"]


def test_a_function_of_its_own_may_have_begun_anywhere(data):
    """If this fails, a chapter's own loop without a figure is accused of its start."""
    call = Cell(batch_size=1600).call(*data["0.7"])
    curve = train(call, fresh_starts(1, 4)[0], seed=0)
    own = {"function": lambda *arguments: plt.plot(curve.losses)}
    training = Training(call, curve.losses.astype(np.float64), **own)
    recorded = replace(record(call, draw=2), figures=())
    printed = judge_cell("cell", recorded, outputs_of(curve), [training])[0]
    assert printed.verdict is Verdict.NOT_JUDGED
    assert printed.basis == losses.NO_START


def test_fewer_losses_than_calls_are_not_judged(data):
    """If this fails, a cell that prints the loss of one of its trainings is called different."""
    call = Cell().call(*data["0.7"])
    curve = train(call, fresh_starts(1, 4)[0], seed=0)
    training = Training(call, curve.losses.astype(np.float64))
    recorded, today = (
        CellOutputs(text=f"loss: {loss:f}, 0.2 sec per epoch\nend\n") for loss in (0.26, 0.25)
    )
    judgements = judge_cell("cell", recorded, today, [training, training])
    assert [(each.output, each.verdict) for each in judgements] == [
        ("cell: printed losses", Verdict.NOT_JUDGED),
        ("cell: text", Verdict.IDENTICAL),
    ]
    assert judgements[0].basis == "random, and not one loss for each training call"
    silent = replace(today, text="end\n")
    assert different(judge_cell("cell", recorded, silent, [training, training])) == ["cell: text"]
    thrice = [replace(each, text=3 * each.text) for each in (recorded, today)]
    judgements = judge_cell("cell", *thrice, [training, training])
    assert judgements[0].recorded == "0.260000, 0.260000, 0.260000"
    assert different(judgements) == []


def test_fewer_lines_than_calls_are_not_judged(data):
    """If this fails, the curve of one training is held against that of another."""
    call = Cell().call(*data["0.7"])
    curve = train(call, fresh_starts(1, 4)[0], seed=0)
    training = Training(call, curve.losses.astype(np.float64))
    outputs = replace(outputs_of(curve), text=2 * outputs_of(curve).text)
    judgements = judge_cell("cell", outputs, outputs, [training, training])
    assert [each.output for each in judgements if each.verdict is Verdict.CONSISTENT] == [
        "cell, call 1: printed loss",
        "cell, call 2: printed loss",
    ]
    assert judgements[0].recorded == judgements[0].rerun == f"{curve.losses[-1]:f}"
    figure = judgements[-1]
    assert (figure.output, figure.verdict) == ("cell: figure", Verdict.NOT_JUDGED)
    assert figure.basis == "its lines are not those of the training calls"


def test_a_figure_of_something_else_is_not_judged(data):
    """If this fails, a curve that is not that of the call's losses is taken for it."""
    call = Cell().call(*data["0.7"])
    recorded, curve = record(call), train(call, fresh_starts(1, 4)[0], seed=0)
    training = Training(call, curve.losses.astype(np.float64))
    (figure,) = outputs_of(curve).figures
    (axes,) = figure.axes
    twice = replace(figure, axes=(replace(axes, polylines=axes.polylines * 2),))
    others, cut = "its lines are not those of the training calls", evidence.CUT
    for today, reason in (
        (replace(outputs_of(curve), figures=(twice,)), others),
        (without_line(outputs_of(curve)), others),
        (moved(outputs_of(curve), 20, 3e-7), cut),
    ):
        printed, *_, shown = judge_cell("cell", recorded, today, [training])
        assert printed.verdict is Verdict.CONSISTENT
        assert (shown.output, shown.verdict) == ("cell: figure", Verdict.NOT_JUDGED)
        assert shown.basis == reason


def test_a_checkpoint_that_moved_is_told_with_its_distance(data):
    """If this fails, a curve over other epochs is the same, or its distance is another."""
    call = Cell().call(*data["0.7"])
    recorded = moved(record(call), 5, 0.01, along=0)
    judgements = judge(recorded, call)
    assert different(judgements) == ["cell: axes"]
    frame = next(each for each in judgements if each.output == "cell: axes")
    units = recorded.figures[0].axes[0].units
    assert frame.numbers["points"] == pytest.approx(0.01 / units[0], rel=1e-3)


def test_a_training_function_of_the_chapters_own_is_repeated(data, monkeypatch):
    """If this fails, its curve is judged by the package's function, or from another start."""
    monkeypatch.setattr(chance, "RUNS", 100)
    monkeypatch.setattr(losses, "RUNS", 100)

    def own(*arguments):
        np.random.rand()  # so that the same seed gives another shuffle than the package's
        with plt.rc_context():
            gb.train_ch7(*arguments)

    def later(system):
        call = Cell(batch_size=100).call(*data["0.7"])
        curve = train(call, fresh_starts(1, 4)[0], seed=0)
        training = Training(call, curve.losses.astype(np.float64), function=own)
        recorded = record(call, draw=2, system=system)
        return judge_cell("cell", recorded, outputs_of(curve), [training])[-1]

    repeated = later("Linux").numbers
    assert (repeated["p"] > 0.02, repeated["runs"]) == (True, 100)
    refused = later("macOS")
    assert refused.verdict is Verdict.NOT_JUDGED
    assert "the chapter's own training function draws its start itself" in refused.basis


# --- Figures in two dimensions ------------------------------------------------------------------


def descent(eta=0.4, levels=None, nudge=0.0):
    """Return the figure of RMSProp's descent, as the book draws it."""
    trace = gb.train_2d(lambda *state: gb.rmsprop_2d(*state, eta=eta))
    trace[5] = trace[5][0] + nudge, trace[5][1]
    contour, written = plt.contour, io.StringIO()
    with plt.rc_context():
        plt.figure()
        gb.show_trace_2d(gb.f_2d, trace)
        if levels:
            plt.cla()
            gb.plt.plot(*zip(*trace), "-o", color="#ff7f0e")
            x1, x2 = np.meshgrid(np.arange(-5.5, 1.0, 0.1), np.arange(-3.0, 1.05, 0.1))
            contour(x1, x2, gb.f_2d(x1, x2), colors="#1f77b4", levels=levels)
            gb.plt.xlabel("x1")
            gb.plt.ylabel("x2")
        plt.savefig(written, format="svg")
        plt.close()
    return decode_svg(written.getvalue())


LEVELS = [3, 6, 9, 12, 15, 18, 21]


@pytest.mark.parametrize(
    ("edit", "verdict"),
    [
        ({}, Verdict.IDENTICAL),
        ({"levels": LEVELS}, Verdict.IDENTICAL),
        ({"eta": 0.41}, Verdict.DIFFERENT),
        ({"nudge": 0.01}, Verdict.DIFFERENT),
        ({"levels": [3, 6, 9, 12, 15, 18.1, 21]}, Verdict.DIFFERENT),
        ({"levels": LEVELS[:-1]}, Verdict.DIFFERENT),
    ],
)
def test_an_edit_of_a_descent_is_noticed(capsys, edit, verdict):
    """If this fails, another descent or another contour passes for the recorded one."""
    assert judge_figure("figure", descent(**edit), descent()).verdict is verdict


# --- No false alarm -----------------------------------------------------------------------------


# The first four have each pair of values once.
MADE = [
    ("0.7", "Linux", "scratch"),
    ("0.7", "macOS", "Gluon"),
    ("1.0", "Linux", "Gluon"),
    ("1.0", "macOS", "scratch"),
    ("0.7", "Linux", "Gluon"),
    ("0.7", "macOS", "scratch"),
    ("1.0", "Linux", "scratch"),
    ("1.0", "macOS", "Gluon"),
]
GLUON = {"rule": "rmsprop", "states": None, "hyperparams": {"learning_rate": 0.01, "gamma1": 0.9}}


@pytest.mark.parametrize("number", range(200 if ALL else 4))
def test_a_chapter_that_nobody_changed_is_reproduced(data, number):
    """If this fails, a stranger is told that a chapter is different that is not.

    All 200 are tried with ``GLUONBOOK_CH7_CASES=all``.
    """
    edition, system, kind = MADE[number % len(MADE)]
    draw = 1 + (7 * number) % 50
    call = Cell(**(GLUON if kind == "Gluon" else {})).call(*data[edition])
    recorded = record(call, draw, system, seed=1000 + number)
    first = recorded.figures[0].axes[0].polylines[0].vertices[0, 1]
    tasks = {name: (X.asnumpy(), y.asnumpy()) for name, (X, y) in data.items()}
    assert find_edition(tasks, [first], [])[0] == edition
    start = find_start(*tasks[edition], first)
    assert (start.draw, start.system) == (draw, system)
    judgements = {each.output: each for each in judge(recorded, call)}
    assert different(judgements.values()) == []
    # The recorded start explains the first loss, whichever draw it was.
    assert judgements["cell: first loss"].numbers["difference"] < 1e-6


def test_a_first_loss_of_no_draw_does_not_hide_the_rest(data):
    """If this fails, a chapter that seeded its generator is accused in all of its losses."""
    call = Cell().call(*data["0.7"])
    weights = np.float32([[0.01], [-0.02], [0.005], [0.012]])
    recorded = outputs_of(train(call, weights, seed=3))
    assert different(judge(recorded, call)) == ["cell: first loss"]


def test_a_slow_change_is_noticed_from_an_unknown_start(data):
    """If this fails, a decay of 0.99 for 0.9 passes wherever alternatives cannot be inferred."""
    call = Cell().call(*data["0.7"])
    edited = Cell(hyperparams={"lr": 0.01, "gamma": 0.99}).call(*data["0.7"])
    weights = np.float32([[0.01], [-0.02], [0.005], [0.012]])
    recorded = outputs_of(train(edited, weights, seed=3))
    assert different(judge(recorded, call)) == ["cell: first loss", *LATER]


def test_a_seeded_chapter_is_judged_from_its_own_start(data):
    """If this fails, a start that is no draw of a fresh process is not seen to be today's."""
    call = Cell().call(*data["0.7"])
    weights = np.float32([[0.01], [-0.02], [0.005], [0.012]])
    recorded, curve = outputs_of(train(call, weights, seed=3)), train(call, weights, seed=0)
    training = Training(call, curve.losses.astype(np.float64), weights)
    judgements = judge_cell("cell", recorded, outputs_of(curve), [training])
    assert different(judgements) == []
    assert "inference" in judgements[-1].numbers


def test_a_seeded_chapter_may_have_another_start_on_another_system(data):
    """If this fails, who seeded the generator on a Mac is accused of the first loss."""
    call = Cell().call(*data["0.7"])
    weights = [np.float32([[0.01], [-0.02], [0.005], [w]]) for w in (0.012, 0.002)]
    recorded, curve = outputs_of(train(call, weights[0], seed=3)), train(call, weights[1], seed=0)
    training = Training(call, curve.losses.astype(np.float64), weights[1])
    judgements = judge_cell("cell", recorded, outputs_of(curve), [training])
    assert different(judgements) == []
    assert judgements[3].output == "cell: first loss"
    assert judgements[3].verdict is Verdict.NOT_JUDGED


def test_draws_are_those_of_a_fresh_process():
    """If this fails, a start is searched for among numbers that MXNet never draws."""
    recorded = [0.02212206, 0.00774004, 0.0104344, 0.01183925]
    np.testing.assert_allclose(fresh_starts(2, 4)[0, :, 0], recorded, atol=5e-9)


def test_an_ordinary_curve_says_which_values_it_is_compatible_with(data):
    """If this fails, a reader does not learn what the verdict on a curve is worth."""
    call = Cell().call(*data["0.7"])
    *_, first, later = judge(record(call), call)
    runs = [train(call, fresh_starts(1, 4)[0], seed).losses for seed in (1, 0)]
    shown = [
        float(text.strip("… ")) for each in (first, later) for text in (each.recorded, each.rerun)
    ]
    assert shown == pytest.approx([losses[i] for i in (0, -1) for losses in runs], abs=1e-6)
    intervals = {each["name"]: each for each in later.numbers["inference"]["intervals"]}
    assert intervals["lr"]["low"] < 0.01 < intervals["lr"]["high"]
    assert f"lr in [{intervals['lr']['low']:.3g}, {intervals['lr']['high']:.3g}]" in later.basis
    fan = later.numbers["fan"]
    assert fan["epochs"] == np.linspace(0, 2, 31).tolist()
    percentiles = np.array(fan["losses"])
    assert percentiles.shape == (21, 31)
    assert (np.diff(percentiles, axis=0) >= 0).all()
    titles = [axes.get_title() for axes in likelihood_figure(later).axes]
    assert [title.partition(":")[0] for title in titles] == ["lr", "gamma"]


def test_another_curve_says_what_it_fits(data):
    """If this fails, a difference is found and not named."""
    faster = Cell(hyperparams={"lr": 0.015, "gamma": 0.9}).call(*data["0.7"])
    later = judge(record(faster), Cell().call(*data["0.7"]))[-1]
    assert any("lr ≈ 0.01" in words for words in later.numbers["inference"]["likelier"])
    assert f"; {later.numbers['inference']['likelier'][0]}" in later.basis
