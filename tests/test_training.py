"""The training functions against the book's loops, the recorded numbers, and bad input."""

import inspect
import re

import book
import numpy as np
import pytest

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import mx, nd
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import ArgumentError, DivergenceWarning

SCRATCH = {"lr": 0.01, "gamma": 0.9}
GLUON = {"learning_rate": 0.01, "gamma1": 0.9}


@pytest.fixture(scope="module")
def twin():
    data = load_data_ch7(source="twin")
    return data.features, data.labels


# One epoch is enough for minibatches of 1; the others see a short last minibatch and go on. The
# book reads a loss after each 1600 examples that it asks for, and never after 1503.
SIZES = pytest.mark.parametrize(("batch_size", "epochs"), [(1, 1), (7, 2), (10, 2), (1600, 2)])


@SIZES
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_scratch_gives_the_books_losses_bit_for_bit(twin, seed, batch_size, epochs):
    """If this fails, a chapter rerun with us no longer computes what the book's loop computes."""
    book.seed_both(seed)
    states = gb.init_rmsprop_states(twin[0])
    expected = book.train_scratch(
        book.rmsprop_as_printed, states, SCRATCH, *twin, batch_size, epochs
    )
    for rule in (book.rmsprop_as_printed, gb.rmsprop):
        states = gb.init_rmsprop_states(twin[0])
        curve = gb.fit_scratch(rule, states, SCRATCH, *twin, batch_size, epochs, seed=seed)
        np.testing.assert_array_equal(curve.losses, expected)


@SIZES
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gluon_gives_the_books_losses_bit_for_bit(twin, seed, batch_size, epochs):
    """If this fails, Gluon's column can no longer be compared with what the book's loop gives."""
    book.seed_both(seed)
    expected = book.train_gluon("rmsprop", GLUON, *twin, batch_size, epochs)
    curve = gb.fit_gluon("rmsprop", GLUON, *twin, batch_size, epochs, seed=seed)
    np.testing.assert_array_equal(curve.losses, expected)


def test_generators_end_where_the_books_loop_leaves_them(twin):
    """If this fails, the cells after a training cell draw other numbers than in the book."""
    book.seed_both(3)
    states = gb.init_rmsprop_states(twin[0])
    book.train_scratch(book.rmsprop_as_printed, states, SCRATCH, *twin)
    book.train_gluon("rmsprop", GLUON, *twin)
    expected = nd.random.normal(shape=5).asnumpy(), np.random.rand(5)
    gb.fit_scratch(gb.rmsprop, gb.init_rmsprop_states(twin[0]), SCRATCH, *twin, seed=3)
    gb.fit_gluon("rmsprop", GLUON, *twin)
    np.testing.assert_array_equal(nd.random.normal(shape=5).asnumpy(), expected[0])
    np.testing.assert_array_equal(np.random.rand(5), expected[1])


@pytest.mark.parametrize("num_epochs", [1, 3])
def test_states_are_updated_in_place_and_epochs_are_counted(twin, num_epochs):
    """If this fails, a reader who trains on from the states of a run gets other numbers."""
    ours, books = gb.init_rmsprop_states(twin[0]), gb.init_rmsprop_states(twin[0])
    book.seed_both(0)
    book.train_scratch(book.rmsprop_as_printed, books, SCRATCH, *twin, num_epochs=num_epochs)
    curve = gb.fit_scratch(gb.rmsprop, ours, SCRATCH, *twin, num_epochs=num_epochs, seed=0)
    for mine, theirs in zip(ours, books):
        np.testing.assert_array_equal(mine.asnumpy(), theirs.asnumpy())
    assert len(curve.losses) == 1 + 15 * num_epochs
    assert (curve.epochs[0], curve.epochs[-1]) == (0, num_epochs)


def test_the_book_prints_its_line_and_draws_its_figure(twin, capsys):
    """If this fails, a rerun cell shows something else than the book's."""
    gb.plt.close("all")
    assert (
        gb.train_ch7(gb.rmsprop, gb.init_rmsprop_states(twin[0]), SCRATCH, *twin, num_epochs=1)
        is None
    )
    assert gb.train_gluon_ch7("rmsprop", GLUON, *twin, num_epochs=1) is None
    lines = capsys.readouterr().out.splitlines()
    axes = gb.plt.gca()
    for line, drawn in zip(lines, axes.lines):
        printed = re.fullmatch(r"loss: (\d\.\d{6}), \d+\.\d{6} sec per epoch", line)
        assert printed[1] == f"{drawn.get_ydata()[-1]:f}"
    assert len(lines) == len(axes.lines) == 2
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")
    gb.plt.close("all")


def test_the_books_signatures():
    """If this fails, a call as the book writes it no longer works."""
    expected = {
        gb.get_data_ch7: "(edition='0.7', source='auto')",
        gb.linreg: "(X, w, b)",
        gb.squared_loss: "(y_hat, y)",
        gb.train_2d: "(trainer)",
        gb.show_trace_2d: "(f, res)",
        gb.set_figsize: "(figsize=(3.5, 2.5))",
        gb.use_svg_display: "()",
        gb.train_ch7: (
            "(trainer_fn, states, hyperparams, features, labels, batch_size=10, num_epochs=2)"
        ),
        gb.train_gluon_ch7: (
            "(trainer_name, trainer_hyperparams, features, labels, batch_size=10, num_epochs=2)"
        ),
    }
    for function, signature in expected.items():
        parameters = [
            p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()
        ]
        assert str(inspect.Signature(parameters)) == signature


@pytest.mark.parametrize("gamma", [0, 1])
def test_the_exercise_gamma_0_and_1(twin, capsys, gamma):
    """If this fails, the chapter's first exercise cannot be done."""
    states = gb.init_rmsprop_states(twin[0])
    hyperparams = {"lr": 0.01, "gamma": gamma}
    if gamma == 0:
        gb.train_ch7(gb.rmsprop, states, hyperparams, *twin)
        assert re.match(r"loss: 0\.\d{6},", capsys.readouterr().out)
    else:
        with pytest.warns(DivergenceWarning, match=r"checkpoint \d+ of 30") as warned:
            gb.train_ch7(gb.rmsprop, states, hyperparams, *twin)
        (warning,) = [w for w in warned if w.category is DivergenceWarning]
        assert warning.filename == __file__
        assert re.match(r"loss: (nan|inf),", capsys.readouterr().out)
    gb.plt.close("all")


def test_a_run_that_diverges_names_its_checkpoint(twin):
    """If this fails, the checkpoint in the warning is not where the loss stopped being finite."""
    curve = gb.fit_gluon("sgd", {"learning_rate": 1e3}, *twin, seed=0)
    at = curve.diverged_at
    assert np.isfinite(curve.losses[:at]).all()
    assert not np.isfinite(curve.losses[at])
    assert gb.fit_gluon("sgd", {"learning_rate": 0.05}, *twin, seed=0).diverged_at is None


def nothing(params, states, hyperparams):
    """A rule that changes nothing."""


FEATURES, LABELS = np.zeros((20, 4), np.float32), np.zeros(20, np.float32)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (FEATURES[:5], LABELS, "features has 5 rows and labels has 20"),
        (FEATURES[:0], LABELS[:0], "features is empty"),
        (LABELS, LABELS, r"features has the shape \(20,\); it must be \(n, k\)"),
        (FEATURES, FEATURES, r"labels has the shape \(20, 4\); it must be \(n,\)"),
        (FEATURES.astype(np.float64), LABELS, "features is float64; it must be float32"),
    ],
)
def test_data_that_do_not_fit(features, labels, message):
    """If this fails, bad data give MXNet's error from deep inside, or none."""
    features, labels = (nd.array(a, dtype=a.dtype) for a in (features, labels))
    with pytest.raises(ArgumentError, match=message):
        gb.fit_scratch(nothing, None, {}, features, labels)
    with pytest.raises(ArgumentError, match=message):
        gb.fit_gluon("sgd", {}, features, labels)


def test_data_that_are_no_ndarrays():
    """If this fails, a NumPy array is refused without a word on how to convert it."""
    with pytest.raises(ArgumentError, match=r"features is a ndarray.*mxnet\.nd\.array"):
        gb.fit_scratch(nothing, None, {}, FEATURES, nd.array(LABELS))


@pytest.mark.parametrize("name", ["batch_size", "num_epochs"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "10", None, True])
def test_sizes_that_are_not_whole_numbers_from_1(twin, name, value):
    """If this fails, a wrong size trains nothing or ends deep inside the loop."""
    with pytest.raises(ArgumentError, match=f"{name} is {value!r}; it must be a whole number"):
        gb.fit_scratch(nothing, None, {}, *twin, **{name: value})


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5, "1"])
def test_seeds_that_are_none(twin, seed):
    """If this fails, a seed that one generator takes and the other refuses seeds only one."""
    with pytest.raises(ArgumentError, match="is not a seed; it must be a whole number"):
        gb.fit_scratch(nothing, None, {}, *twin, seed=seed)
    with pytest.raises(ArgumentError, match="is not a seed"):
        gb.fit_gluon("sgd", {}, *twin, seed=seed)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ((nd.zeros((4, 1)),), "states has 1 entries; it must have two"),
        ((nd.zeros((5, 1)), nd.zeros(1)), r"the weights has the shape \(5, 1\); it must be \(4, 1"),
        ((nd.zeros((4, 1)), nd.zeros(2)), r"the bias has the shape \(2,\); it must be \(1,\)"),
        (((nd.zeros((4, 1)), nd.zeros(4)), (nd.zeros(1),)), "state of the weights has the shape"),
        ([[nd.zeros((5, 1)), nd.zeros(1)]] * 2, r"the weights has the shape \(5, 1\)"),
        ([nd.zeros((4, 1)), nd.zeros(1), nd.zeros(2)], r"the bias has the shape \(2,\)"),
    ],
)
def test_states_that_do_not_match(twin, states, message):
    """If this fails, a rule silently leaves a parameter out or broadcasts a state."""
    with pytest.raises(ArgumentError, match=message):
        gb.fit_scratch(nothing, states, {}, *twin)


@pytest.mark.parametrize(
    ("name", "hyperparams", "message"),
    [
        ("rmsprop", {"gamma": 0.9}, r"no hyperparameter 'gamma'; did you mean gamma1 or gamma2\?"),
        ("rmspropp", {}, r"no optimizer 'rmspropp'; did you mean rmsprop\? There are: .*adam"),
        (None, {}, "no optimizer None"),
    ],
)
def test_optimizers_and_hyperparameters_that_gluon_lacks(twin, name, hyperparams, message):
    """If this fails, a misspelt name ends in MXNet's TypeError, which names no right one."""
    with pytest.raises(ArgumentError, match=message):
        gb.fit_gluon(name, hyperparams, *twin)


def test_every_optimizer_takes_the_hyperparameters_it_documents(twin):
    """If this fails, the check refuses what Gluon accepts."""
    curve = gb.fit_gluon(
        "adam",
        {"learning_rate": 0.01, "beta1": 0.8, "wd": 0.1, "clip_gradient": 1.0},
        *twin,
        num_epochs=1,
        seed=0,
    )
    assert curve.diverged_at is None


def test_star_import_gives_the_books_names():
    """If this fails, `from gluonbook_ch7 import *` lacks a name that the chapter uses."""
    names: dict = {}
    exec("from gluonbook_ch7 import *", names)
    wanted = "get_data_ch7 linreg squared_loss train_2d show_trace_2d train_ch7 train_gluon_ch7"
    wanted += " set_figsize use_svg_display plt rmsprop init_rmsprop_states rmsprop_2d"
    assert set(wanted.split()) <= set(names)
    assert names["plt"].__name__ == "matplotlib.pyplot"
    assert mx.__version__ == "1.9.1"


@pytest.mark.parametrize("traced", [None, False])
def test_two_epochs_and_two_more_are_four(twin, traced):
    """If this fails, training cannot be continued from a result."""
    some = twin[0][:203], twin[1][:203]
    states, more = gb.init_rmsprop_states(some[0]), {"traced": traced}
    four = gb.fit_scratch(gb.rmsprop, states, SCRATCH, *some, num_epochs=4, seed=5, **more)
    states = gb.init_rmsprop_states(some[0])
    two = gb.fit_scratch(gb.rmsprop, states, SCRATCH, *some, seed=5, **more)
    start = (two.weights, two.bias)
    rest = gb.fit_scratch(gb.rmsprop, states, SCRATCH, *some, start=start, **more)
    np.testing.assert_array_equal(np.append(two.losses, rest.losses[1:]), four.losses)
    np.testing.assert_array_equal(rest.weights, four.weights)
    assert rest.bias == four.bias


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (1.0, "start must be a pair"),
        ((np.zeros(3), 0.0), r"starting weights is \(3,\); the size must be 4"),
        ((np.zeros(4), np.zeros(2)), r"starting bias is \(2,\); the size must be 1"),
        ((["a"] * 4, 0.0), "start must be a pair"),
    ],
)
def test_starts_that_do_not_fit(twin, start, message):
    """If this fails, a wrong start is broadcast, or ends in an error of MXNet's."""
    with pytest.raises(ArgumentError, match=message):
        gb.fit_scratch(nothing, None, {}, *twin, start=start)
    with pytest.raises(ArgumentError, match=message):
        gb.fit_gluon("sgd", {}, *twin, start=start)
