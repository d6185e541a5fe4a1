"""The comparison of the chapter's rules with Gluon's: its numbers, and that it can say no."""

import dataclasses
import json

import numpy as np
import pytest

from gluonbook_ch7._mxnet import autograd, gluon, nd
from gluonbook_ch7._optimizers import default_hyperparams
from gluonbook_ch7._sampling import is_checkpoint, last_checkpoint
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import ArgumentError
from gluonbook_ch7.experiments.compare import Comparison, compare
from gluonbook_ch7.experiments.gap import Gap
from gluonbook_ch7.experiments.objective import full_batch_losses
from gluonbook_ch7.experiments.registry import RULES
from gluonbook_ch7.experiments.trajectory import draw_trials, follow_gluon, follow_scratch
from gluonbook_ch7.rules import init_momentum_states, sgd_momentum
from gluonbook_ch7.training import fit_gluon, fit_scratch


@pytest.fixture(scope="module")
def data(request, twin):
    """Return the real data if it is there, else the twin."""
    try:
        return load_data_ch7(source=request.getfixturevalue("real_data_path"))
    except pytest.skip.Exception:
        return twin


def pair(data):
    return data.features, data.labels


@pytest.fixture(scope="module")
def comparisons(data):
    """Compare a rule once for all tests."""
    found = {}

    def of(name):
        if name not in found:
            found[name] = compare(name, *pair(data), seeds=3)
        return found[name]

    return of


def test_rmsprop_on_the_real_data(real_data_path, comparisons):
    """If this fails, the README's answer to what separates the two RMSProps is wrong.

    Measured with seeds 0 to 2: 2.2e-2, 2.3e-5 and 1.2e-7. Over ten seeds epsilon alone is worth
    between 5e-6 and 2.2e-2, most where a weight's first gradient happens to be almost zero.
    """
    found = comparisons("rmsprop")
    assert found.as_in_book.largest == pytest.approx(2.2e-2, rel=0.05)
    assert found.only["epsilon"].largest == pytest.approx(2.3e-5, rel=0.2)
    assert found.only["epsilon"].first_over() == 1
    assert found.only["short minibatch"].largest == pytest.approx(1.3e-2, rel=0.05)
    assert found.only["short minibatch"].first_over() == 151
    assert found.aligned.worst <= 1e-6 and found.aligned.first_over() is None
    assert found.verdict.startswith(
        "the same but for epsilon and short minibatch (without them, 1.2e-7"
    )


def test_a_difference_is_described_as_it_was_given(data):
    """If this fails, a reader is told that Gluon's epsilon is 1e-8 when it was set otherwise."""
    given = {"against_hyperparams": {"epsilon": 1e-4}}
    found = compare("rmsprop", *pair(data), num_epochs=1, seeds=1, **given)
    assert found.differences[0] == ("epsilon", "ε = 1e-06", "epsilon = 0.0001")
    assert found.aligned.worst <= 1e-6
    with pytest.raises(ArgumentError, match="epsilon"):
        compare("rmsprop", *pair(data), against_hyperparams={"epsilon": "1e-8"})


def test_differences_that_count_only_together_are_all_named():
    """If this fails, a verdict says "the same but for" without what."""

    def gap(size):
        return Gap((0,), np.full((1, 2, 5), size), np.ones((1, 2), np.float32))

    names = ("epsilon", "short minibatch")
    found = Comparison(
        rule="mine",
        against="yours",
        as_in_book=gap(1.5e-6),
        only=dict.fromkeys(names, gap(0.8e-6)),
        aligned=gap(1e-7),
        differences=tuple((name, "", "") for name in names),
        losses={},
        last_checkpoint=0,
        settings={},
    )
    assert found.verdict.startswith("the same but for epsilon and short minibatch (without them, ")


@pytest.mark.parametrize("name", RULES)
def test_nothing_unknown_is_left(name, comparisons):
    """If this fails, a rule differs from Gluon's in something that the table does not declare."""
    found = comparisons(name)
    assert found.aligned.worst <= 1e-6
    assert found.aligned.ulps < 16


# What each difference is worth: the order of magnitude of the median of three seeds.
WORTH = {
    ("sgd", "short minibatch"): (1e-3, 1e-1),
    ("sgd_momentum", "short minibatch"): (1e-3, 1e-1),
    ("adagrad", "epsilon"): (1e-6, 1e-4),
    ("adagrad", "short minibatch"): (1e-3, 1e-1),
    ("rmsprop", "epsilon"): (1e-6, 1e-3),
    ("rmsprop", "short minibatch"): (1e-3, 1e-1),
    ("adadelta", "short minibatch"): (1e-3, 1e-1),
    ("adam", "epsilon"): (1e-6, 1e-4),
    ("adam", "folded bias correction"): (1e-6, 1e-4),
    ("adam", "float32 1 − β"): (1e-6, 1e-5),
    ("adam", "short minibatch"): (1e-3, 1e-1),
}


@pytest.mark.parametrize("name", RULES)
def test_each_difference_is_worth_something(name, comparisons):
    """If this fails, a declared difference is none, or switching another off leaves it out."""
    found = comparisons(name)
    assert set(found.only) == {case for rule, case in WORTH if rule == name}
    for case, gap in found.only.items():
        low, high = WORTH[name, case]
        assert low < gap.largest < high
    assert found.as_in_book.largest > 1e-3 and not found.diverged_at


@pytest.mark.parametrize("name", [name for name, case in WORTH if case == "epsilon"])
def test_the_epsilon_that_a_reader_is_told_is_gluons(name):
    """If this fails, the table says of Gluon what its optimizer does not do."""
    (declared,) = [each for each in RULES[name].differences if each.name == "epsilon"]
    ((hyperparameter, ours),) = declared.their_changes.items()
    gluons = default_hyperparams(RULES[name].gluon)[hyperparameter]
    assert (declared.ours, declared.theirs) == (f"ε = {ours:g}", f"ε = {gluons:g}")


def undeclare(monkeypatch, rule, name):
    declared = tuple(d for d in RULES[rule].differences if d.name != name)
    monkeypatch.setitem(RULES, rule, dataclasses.replace(RULES[rule], differences=declared))


def test_an_undeclared_difference_is_seen(twin, monkeypatch):
    """If this fails, the comparison cannot say no, and its yes is worth nothing."""
    undeclare(monkeypatch, "adam", "folded bias correction")
    found = compare("adam", *pair(twin), num_epochs=1, seeds=[1])
    assert found.aligned.worst > 1e-6 and found.parting.step == 1


def test_an_undeclared_epsilon_is_found(twin, monkeypatch):
    """If this fails, a library's new default of ε looks like another algorithm."""
    undeclare(monkeypatch, "rmsprop", "epsilon")
    found = compare("rmsprop", *pair(twin), num_epochs=1, seeds=[1])
    assert found.aligned.worst <= 1e-6
    assert found.differences[-1] == ("epsilon", "as with ε = 1e-06", "ε = 1e-08")


@pytest.mark.parametrize("batch_size", [10, 7, 1503])
def test_the_paths_are_those_of_the_books_training(batch_size, twin):
    """If this fails, the comparison follows other runs than the ones fit_* and the book make."""
    rule = RULES["rmsprop"]
    trials = draw_trials(*pair(twin), batch_size, 2, (3, 4))
    scratch = follow_scratch(trials, rule.step, rule.states, rule.hyperparams)
    gluons = rule.gluon, rule.gluon_hyperparams(rule.hyperparams)
    followed = follow_gluon(trials, *gluons)
    for path, seed in zip(followed, trials.seeds):
        alone = draw_trials(*pair(twin), batch_size, 2, (seed,))
        np.testing.assert_array_equal(path, follow_gluon(alone, *gluons)[0])
    sizes = {"batch_size": batch_size, "num_epochs": 2, "seed": 3}
    curves = (
        fit_scratch(rule.step, rule.states, dict(rule.hyperparams), *pair(twin), **sizes),
        fit_gluon(*gluons, *pair(twin), **sizes),
    )
    steps = -(-len(twin.features) // batch_size)
    checkpoints = [i + 1 for i in range(steps) if is_checkpoint(i, batch_size)]
    where = [0, *(epoch * steps + step for epoch in range(2) for step in checkpoints)]
    for path, curve in zip((scratch[0], followed[0]), curves):
        assert path.shape == (2 * steps + 1, 5)
        losses = full_batch_losses(path, *pair(twin))[where]
        np.testing.assert_allclose(losses, curve.losses, rtol=1e-5)
        np.testing.assert_array_equal(path[-1], [*curve.weights, curve.bias])


def test_the_generators_of_numpy_are_left_alone(twin):
    """If this fails, a comparison in between changes what a notebook draws afterwards."""
    np.random.seed(7)
    compare("sgd", *pair(twin), num_epochs=1, seeds=1)
    drawn = np.random.rand()
    np.random.seed(7)
    assert drawn == np.random.rand()


def test_momentum_has_the_learning_rate_inside_the_velocity_in_both():
    """If this fails, ours and Gluon's part ways as soon as the learning rate is changed."""
    gradient, w = nd.array([[1.0], [-2.0]]), nd.array([[0.5], [-0.5]])
    parameter = gluon.Parameter("weight", shape=(2, 1))
    parameter.initialize()
    parameter.set_data(w)
    w.attach_grad()
    trainer = gluon.Trainer([parameter], "sgd", {"learning_rate": 0.1, "momentum": 0.9})
    states = init_momentum_states(w.T)[:1]
    for lr in (0.1, 0.1, 0.01, 0.01):
        w.grad[:] = gradient
        sgd_momentum([w], states, {"lr": lr, "mom": 0.9})
        with autograd.record():
            loss = (parameter.data() * gradient).sum()
        loss.backward()
        trainer.set_learning_rate(lr)
        trainer.step(1)
    ours, gluons = w.asnumpy()[:, 0], parameter.data().asnumpy()[:, 0]
    np.testing.assert_allclose(ours, gluons, rtol=1e-6)
    # With the learning rate outside: v = 1, 1.9, 2.71, 3.439 and steps of 0.1, 0.1, 0.01, 0.01.
    assert abs(ours[0] - (0.5 - 0.1 * 2.9 - 0.01 * 6.149)) > 0.1


def test_a_diverging_run_is_reported_and_still_compared(twin):
    """If this fails, a diverging run hides, breaks the comparison, or spoils the JSON."""
    found = compare("sgd", *pair(twin), seeds=[0], hyperparams={"lr": 100.0})
    assert set(found.diverged_at) == {"scratch", "Gluon"}
    assert all(0 < step < 100 for step in found.diverged_at.values())
    assert found.verdict.startswith("diverged: scratch at step ")
    json.dumps(found.numbers()["as_in_book"], allow_nan=False)
    assert found.as_in_book.largest > 1
    assert [row[0] for row in found._table()[1]] == ["everything", "nothing known"]


def test_batches_without_a_short_one_are_alike(twin):
    """If this fails, something else than the short minibatch is counted as it."""
    rows = twin.features[:1500], twin.labels[:1500]
    found = compare("sgd", *rows, num_epochs=1, seeds=[0])
    assert found.as_in_book.worst <= 1e-6
    assert found.last_checkpoint == 150
    assert found.verdict.startswith("the same to rounding (")


def test_the_final_loss_is_the_one_that_the_book_prints(comparisons):
    """If this fails, the losses that are compared are not those after the last checkpoint."""
    found = comparisons("rmsprop")
    assert found.last_checkpoint == 301  # of 302 steps, after 1,500 of the second epoch's rows
    np.testing.assert_array_equal(found.final_losses["scratch"], found.losses["scratch"][:, -2])
    assert last_checkpoint(1503, batch_size=10, num_epochs=3) == 151 + 151 + 150


def test_a_comparison_is_saved_and_loaded(comparisons, tmp_path):
    """If this fails, a saved comparison has other numbers than the one that was shown."""
    found = comparisons("rmsprop")
    loaded = Comparison.load(found.save(tmp_path / "rmsprop.npz"))
    assert loaded == found and loaded.verdict == found.verdict
    assert loaded.numbers() == found.numbers()
    assert loaded.settings["seeds"] == (0, 1, 2) and loaded.settings["batch_size"] == 10


def test_table_figure_and_json_show_the_same_statistic(comparisons):
    """If this fails, a reader finds one number in the table and another in the figure or JSON."""
    found = comparisons("rmsprop")
    numbers = found.numbers()
    (row,) = [row for row in found._table()[1] if row[0] == "epsilon"]
    line = found.only["epsilon"].so_far
    shown = numbers["only"]["epsilon"]
    assert "median" in numbers["statistic"]
    assert shown["median"] == np.median(line[:, -1]) == pytest.approx(float(row[1]), rel=0.05)
    assert [shown["smallest"], shown["largest"]] == [line[:, -1].min(), line[:, -1].max()]
    assert shown["worst_seed"] == np.argmax(line[:, -1]) == int(row[3])
    first = int(np.flatnonzero(np.median(line, axis=0) > 1e-6)[0])
    assert shown["first_step_over_1e-6"] == first == int(row[5])
    axes = found.plot()
    (drawn,) = [each for each in axes[1].lines if each.get_label() == "epsilon"]
    assert drawn.get_ydata()[-1] == shown["median"]
    assert any("1e-6" in each.get_label() for each in axes[1].lines)
    assert "median of 3 seeds" in axes[0].figure.get_suptitle()


def test_a_plot_into_given_axes(comparisons):
    """If this fails, a comparison cannot be a panel of somebody's own figure."""
    from matplotlib import pyplot as plt

    _, axes = plt.subplots()
    assert comparisons("rmsprop").plot(axes) is axes
    assert axes.get_yscale() == "log" and len(axes.lines) == 5
    assert len(axes.collections) == 4  # the range of the seeds
    plt.close("all")


def test_bad_arguments_are_refused(twin):
    """If this fails, a mistake costs a traceback, or minutes of work before it is said."""
    known = "sgd, sgd_momentum, adagrad, rmsprop, adadelta, adam"
    with pytest.raises(ArgumentError, match=f"no rule 'adamax'.*{known}"):
        compare("adamax", *pair(twin))
    with pytest.raises(ArgumentError, match="rmsprop's gamma is 2"):
        compare("rmsprop", *pair(twin), hyperparams={"lr": 0.1, "gamma": 2})
    with pytest.raises(ArgumentError, match="rmsprop has no hyperparameter 'gama'; did you mean"):
        compare("rmsprop", *pair(twin), hyperparams={"lr": 0.1, "gama": 0.9})
    with pytest.raises(ArgumentError, match="seeds is empty"):
        compare("rmsprop", *pair(twin), seeds=())
    with pytest.raises(ArgumentError, match="batch_size is 0"):
        compare("rmsprop", *pair(twin), 0)
    with pytest.raises(ArgumentError, match="no peer 'Keras'"):
        compare("rmsprop", *pair(twin), num_epochs=1, seeds=[0], peers=["Keras"])
