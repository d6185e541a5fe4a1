"""Traced runs against the literal loop and the oracle; rules that cannot be traced."""

import functools
import math
import random
import re
import time
import warnings
from typing import NamedTuple

import book
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rules import PRINTED

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import mx, nd
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import ArgumentError, TracingWarning
from gluonbook_ch7.experiments.registry import RULES
from gluonbook_ch7.tracing.runs import blocks

DATA = load_data_ch7(source="twin")
ROUND = DATA.features[:1500], DATA.labels[:1500]
HALF = DATA.features[:705], DATA.labels[:705]
SOME = DATA.features[:203], DATA.labels[:203]
HYPERPARAMS = {"lr": 0.01, "gamma": 0.9}

# Fewer rows for small minibatches; 7 and 10 end with a short minibatch; 1500 is a single one, and
# the book reads a loss after it, as after no minibatch of 1503. Each size has another seed.
SIZES = pytest.mark.parametrize(
    ("data", "batch_size", "epochs", "seed"),
    [(SOME, 1, 1, 0), (HALF, 7, 1, 1), (HALF, 10, 2, 2), (ROUND, 1500, 2, 3)],
)


def flat(states):
    """Return the bytes of all arrays of a tree; a nan is a nan, whatever its sign."""
    if isinstance(states, (tuple, list)):
        return [part for state in states for part in flat(state)]
    if states is None:
        return []
    numbers = states.asnumpy()
    numbers[np.isnan(numbers)] = np.nan
    return [numbers.tobytes()]


def generators():
    """Return where the generators stand; draws from MXNet's."""
    state = np.random.get_state()
    return state[1].tobytes(), state[2:], random.getstate(), nd.random.normal(shape=3).asnumpy()


def outcome(train, rule, states, hyperparams, data, batch_size, epochs):
    """Train and return all that is left of it: losses, states, hyperparameters, generators."""
    hyperparams = dict(hyperparams)
    losses = train(rule, states, hyperparams, *data, batch_size, epochs)
    return losses, flat(states), hyperparams, *generators()


def train_book(seed):
    def train(rule, *task):
        book.seed_both(seed)
        return book.train_scratch(rule, *task)

    return train


def train_ours(seed, traced):
    def train(rule, *task):
        with warnings.catch_warnings():
            warnings.simplefilter("error", TracingWarning)
            return gb.fit_scratch(rule, *task, seed=seed, traced=traced).losses

    return train


def assert_same(one, other):
    for mine, theirs in zip(one, other):
        np.testing.assert_equal(mine, theirs)


@SIZES
@pytest.mark.parametrize("name", RULES)
def test_traced_is_the_literal_run_and_the_books(name, data, batch_size, epochs, seed):
    """If this fails, traced=True changes a result, or what a reader trains on from."""
    rule = RULES[name]
    task = rule.hyperparams, data, batch_size, epochs
    runs = [train_book(seed), train_ours(seed, traced=False), train_ours(seed, traced=True)]
    books, literal, traced = (outcome(run, rule.step, rule.states(data[0]), *task) for run in runs)
    assert_same(traced, books)
    assert_same(traced, literal)


@pytest.mark.parametrize("name", RULES)
def test_rules_as_the_chapter_writes_them(name):
    """If this fails, a rule copied out of the chapter is not traced, or not faithfully."""
    rule = RULES[name]
    task = rule.hyperparams, HALF, 10, 2
    runs = [train_book(3), train_ours(3, traced=True)]
    assert_same(*(outcome(run, PRINTED[name], rule.states(HALF[0]), *task) for run in runs))


GLUON = {
    "sgd": {"learning_rate": 0.02, "momentum": 0.5, "wd": 0.01},
    "adagrad": {"learning_rate": 0.1, "clip_gradient": 0.5},
    "rmsprop": {"learning_rate": 0.01, "gamma1": 0.9, "rescale_grad": 2.0},
    "adadelta": {"rho": 0.9},
    "adam": {"learning_rate": 0.01},
    "nadam": {},  # looks at how many updates there were, so that the parameters' order counts
    "sgld": {},  # draws from MXNet's generator
}


@SIZES
@pytest.mark.parametrize("name", ["rmsprop", "adam"])
def test_traced_gluon_is_the_literal_run_and_the_books(name, data, batch_size, epochs, seed):
    """If this fails, traced=True changes what Gluon's column says."""
    assert_gluon_alike(name, seed, *data, batch_size, epochs)


@pytest.mark.parametrize("name", sorted(GLUON.keys() - {"rmsprop", "adam"}))
def test_traced_gluon_with_other_optimizers(name):
    """If this fails, an optimizer gets something else than Trainer.step gives it."""
    assert_gluon_alike(name, 1, *HALF, 7, 1)


def assert_gluon_alike(name, seed, *task):
    book.seed_both(seed)
    books = book.train_gluon(name, dict(GLUON[name]), *task), *generators()
    for traced in (False, True):
        curve = gb.fit_gluon(name, GLUON[name], *task, seed=seed, traced=traced)
        assert_same((curve.losses, *generators()), books)


@settings(max_examples=25)
@given(
    rows=st.integers(1, 260),
    batch_size=st.integers(1, 270),
    epochs=st.integers(1, 3),
    name=st.sampled_from(sorted(RULES)),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_sizes(rows, batch_size, epochs, name, seed):
    """If this fails, some size puts a checkpoint or a short minibatch into the wrong block."""
    data, rule = (HALF[0][:rows], HALF[1][:rows]), RULES[name]
    task = rule.hyperparams, data, batch_size, epochs
    runs = [train_ours(seed, traced) for traced in (False, True)]
    assert_same(*(outcome(run, rule.step, rule.states(data[0]), *task) for run in runs))
    gluons = rule.gluon, rule.gluon_hyperparams(rule.hyperparams), *data, batch_size, epochs
    curves = [gb.fit_gluon(*gluons, seed=seed, traced=t, keep_path=True) for t in (False, True)]
    # With most sizes the only loss is the first.
    assert_same(*((curve.losses, curve.epochs, curve.path) for curve in curves))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_diverging_run():
    """If this fails, infinite and undefined losses come out otherwise than by the plain path."""
    states = [gb.init_momentum_states(SOME[0]) for _ in range(3)]
    runs = [train_book(0), train_ours(0, traced=False), train_ours(0, traced=True)]
    task = {"lr": 1e9, "mom": 0.9}, SOME, 10, 2
    books, literal, traced = (outcome(r, gb.sgd_momentum, s, *task) for r, s in zip(runs, states))
    assert not np.isfinite(books[0]).all()
    assert_same(traced, books)
    assert_same(traced, literal)
    curves = [
        gb.fit_gluon(
            "sgd", {"learning_rate": 1e3}, *SOME, 10, 2, seed=0, traced=traced, keep_path=True
        )
        for traced in (False, True)
    ]
    assert curves[0].diverged_at == curves[1].diverged_at is not None
    assert_same(*((curve.losses, curve.path) for curve in curves))


def test_changing_numbers_and_every_operator():
    """If this fails, an operator or a learning rate that decays is traced as something else.

    An ensemble applies NumPy's operators in place of MXNet's.
    """

    def decaying(params, states, hyperparams):
        hyperparams["lr"] *= 0.99
        for p, s in zip(params, states):
            kept, g = p, p.grad.tanh()
            s *= 0.5
            s += g + 0.1 * g**2 - (2**g) * 1e-2 + np.float32(3) / (3 + g * g) - (1 - g) * 0.1
            s /= 1.5
            s -= g.abs() + g.sign() - g.tanh() * g.sigmoid() + g.relu() - g.expm1() * 0.1
            s *= (g.square() + 1).rsqrt() + (g.abs() + 1).log() + g.cbrt().copy() - g.exp() * 0.1
            s += (g.abs() + 1).reciprocal() * g.ones_like() + g.zeros_like() + g.abs().log1p()
            kept -= hyperparams["lr"] * (s - -g) + 1e-3 * hyperparams["lr"] ** g

    runs = [train_book(0), train_ours(0, traced=False), train_ours(0, traced=True)]
    states = [gb.init_rmsprop_states(SOME[0]) for _ in runs]
    results = [outcome(r, decaying, s, {"lr": 0.01}, SOME, 10, 2) for r, s in zip(runs, states)]
    assert_same(results[2], results[0])
    assert_same(results[2], results[1])
    assert len(results[2][0]) == 5 and np.isfinite(results[2][0]).all()
    assert all(np.isfinite(s.asnumpy()).all() for s in states[2])
    task = decaying, gb.init_rmsprop_states, {"lr": 0.01}, *SOME, 10, 2
    np.testing.assert_allclose(gb.fit_ensemble(*task, seeds=2).losses[0], results[0][0], rtol=1e-5)


# Rules that cannot be read, each made anew for a run, with what the warning says of it.


def looks(params, states, hyperparams):
    for p in params:
        p -= 0.1 * p.grad if p.grad.abs().sum().asscalar() > 1 else 0.2 * p.grad


def compares(params, states, hyperparams):
    for p in params:
        p -= 0.1 * p.grad * (p.grad > 0)


def branches(params, states, hyperparams):
    hyperparams["t"] = hyperparams.get("t", 0) + 1
    for p in params:
        p -= 0.01 * (p.grad if hyperparams["t"] < 20 else p.grad.sign())


def changes_an_operator(params, states, hyperparams):
    hyperparams["t"] = hyperparams.get("t", 0) + 1
    for p in params:
        p -= 0.01 * (p.grad.tanh() if hyperparams["t"] < 20 else p.grad.sign())


def changes_it_the_other_way(params, states, hyperparams):
    hyperparams["t"] = hyperparams.get("t", 0) + 1
    for p in params:
        p -= 0.01 * (p.grad.sign() if hyperparams["t"] < 20 else p.grad.tanh())


def draws(params, states, hyperparams):
    for p in params:
        p -= 0.01 * p.grad + 0.001 * nd.random.normal(shape=p.shape)


def draws_by_the_other_interface(params, states, hyperparams):
    for p in params:
        p -= 0.01 * p.grad * float(mx.np.random.uniform())


def calls_functions(params, states, hyperparams):
    for p, s in zip(params, states):
        s += p.grad * p.grad
        p -= 0.1 * p.grad / nd.sqrt(s + 1)


def indexes(params, states, hyperparams):
    for p in params:
        p[0:1] -= 0.1 * p.grad[0:1]


def has_another_operator(params, states, hyperparams):
    for p in params:
        p -= 0.1 * p.grad.clip(-1, 1)


def catches_the_refusal(params, states, hyperparams):
    for p in params:
        try:
            p -= 0.1 * p.grad.clip(-0.1, 0.1)
        except Exception:
            p -= 0.1 * p.grad


def replaces_its_states(params, states, hyperparams):
    for i, p in enumerate(params):
        states[i] = 0.9 * states[i] + p.grad * p.grad
        p -= 0.01 * p.grad


def assigns_a_number(params, states, hyperparams):
    for p in params:
        p -= 0.01 * p.grad
        p.grad[:] = 0


def catches_any_error(params, states, hyperparams):
    for p in params:
        try:
            p -= hyperparams["lr"] * (p.grad % 1)
        except:  # noqa: E722
            p -= 0.1 * p.grad


def counts_around_a_rule():
    """Looks like `sgd`: functools.wraps gives it the name and the module."""
    count = 0

    @functools.wraps(gb.sgd)
    def rule(params, states, hyperparams):
        nonlocal count
        count += 1
        gb.sgd(params, states, {"lr": hyperparams["lr"] / count})

    return rule


def counts_in_an_attribute():
    def rule(params, states, hyperparams):
        rule.kept["t"] += 1
        for p in params:
            p -= 0.1 / rule.kept["t"] * p.grad

    rule.kept = {"t": 0}
    return rule


def counts_in_an_attribute_of_a_global():
    keeps_a_dict.kept = {"t": 0}
    return keeps_a_dict


def keeps_a_dict(params, states, hyperparams):
    keeps_a_dict.kept["t"] += 1
    for p in params:
        p -= 0.1 / keeps_a_dict.kept["t"] * p.grad


def uses_many_names():
    """With more names than fit into a byte, an instruction is preceded by one that extends it."""
    names = [f"c{i}" for i in range(300)]
    namespace = dict.fromkeys(names, 1)
    code = (
        "def rule(params, states, hyperparams):\n"
        f"    {'; '.join(names)}\n"
        "    rule.kept['t'] += 1\n"
        "    for p in params:\n"
        "        p -= 0.1 / rule.kept['t'] * p.grad\n"
    )
    exec(code, namespace)
    namespace["rule"].kept = {"t": 0}
    return namespace["rule"]


def counts_in_a_list():
    count = [0]

    def rule(params, states, hyperparams):
        count[0] += 1
        for p in params:
            p -= 0.1 / count[0] * p.grad

    return rule


def counts_and_then_branches():
    """Fails half-way: the second reading must begin with the first step again."""
    count = 0

    def rule(params, states, hyperparams):
        nonlocal count
        count += 1
        rule.count = count
        hyperparams["t"] = count
        for p in params:
            scale = np.random.rand() * random.random() / count
            p -= scale * (p.grad.sign() if count == 30 else p.grad)

    return rule


def mentions_a_name_without_a_value():
    def rule(params, states, hyperparams):
        for p in params:
            p -= 0.1 * p.grad
            if states is None:
                p -= later

    return rule
    later = 1  # so that it is a variable of this function


def remembers_an_array():
    def rule(params, states, hyperparams):
        rule.last = params[0].grad.copy()
        for p in params:
            p -= 0.01 * p.grad

    return rule


class Counting:
    t = 0

    def __call__(self, params, states, hyperparams):
        self.t += 1
        for p in params:
            p -= 0.05 / self.t**0.5 * p.grad


SCALE = 0.1
LOG = []


def reads_a_global_that_changes(params, states, hyperparams):
    global SCALE
    SCALE *= 0.99
    for p in params:
        p -= SCALE * p.grad


def keeps_a_list(params, states, hyperparams):
    LOG.append(hyperparams["lr"])
    for p in params:
        p -= hyperparams["lr"] * p.grad / len(LOG)


def prints_its_states(params, states, hyperparams):
    for p, s in zip(params, states):
        s += p.grad
        print(s.asnumpy().ravel())
        p -= 0.01 * s


def imports(params, states, hyperparams):
    from random import random

    for p in params:
        p -= 0.01 * random() * p.grad


UNTRACEABLE = [
    (lambda: looks, r"uses \.sum of an array"),
    (lambda: compares, "looks at the numbers"),
    (lambda: branches, "not do the same in every step"),
    (lambda: changes_an_operator, "not do the same in every step"),
    (lambda: changes_it_the_other_way, "not do the same in every step"),
    (lambda: draws, r"uses nd\.random, a module"),
    (lambda: draws_by_the_other_interface, r"uses mx\.np, a module"),
    (lambda: calls_functions, r"calls nd\.sqrt\(\)"),
    (lambda: indexes, r"uses a part of an array, \[slice\(0, 1, None\)\]"),
    (lambda: has_another_operator, r"uses \.clip of an array"),
    (lambda: catches_the_refusal, "uses Exception, a type"),
    (lambda: catches_any_error, "handles exceptions"),
    (counts_around_a_rule, "changes count, a variable of the enclosing function"),
    (counts_in_an_attribute, r"uses rule\.kept, a dict"),
    (counts_in_an_attribute_of_a_global, r"uses keeps_a_dict\.kept, a dict"),
    (lambda: replaces_its_states, "replaces its states"),
    (lambda: assigns_a_number, "assigns a int to an array"),
    (uses_many_names, r"uses rule\.kept, a dict"),
    (counts_in_a_list, "uses count, a list"),
    (counts_and_then_branches, "changes count, a variable of the enclosing function"),
    (mentions_a_name_without_a_value, "uses later, which is not defined"),
    (remembers_an_array, "sets the attribute last"),
    (Counting, "not a function but a Counting"),
    (lambda: reads_a_global_that_changes, "changes the global SCALE"),
    (lambda: keeps_a_list, "uses LOG, a list"),
    (lambda: prints_its_states, r"calls print\(\)"),
    (lambda: imports, "imports random"),
]


@pytest.mark.parametrize(("make", "reason"), UNTRACEABLE)
def test_what_cannot_be_traced_runs_the_books_loop(make, reason, capsys):
    """If this fails, a rule with a memory or a look at its arrays computes something else."""
    global SCALE
    results = []
    for traced in (False, None, True):
        random.seed(5)
        SCALE = 0.1
        LOG.clear()
        states, hyperparams = list(gb.init_rmsprop_states(SOME[0])), {"lr": 0.01}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", TracingWarning)
            curve = gb.fit_scratch(make(), states, hyperparams, *SOME, 10, 2, seed=1, traced=traced)
        kept = SCALE, list(LOG), capsys.readouterr().out
        learned = curve.losses, curve.weights, curve.bias
        results.append((*learned, flat(states), hyperparams, *kept, *generators()))
        assert len(caught) == (traced is True)
        # A rule without a state shows what it did in the losses and the parameters alone.
        assert len(set(curve.losses)) == 5 and np.isfinite(curve.losses).all()
    assert_same(results[0], results[1])
    assert_same(results[0], results[2])
    (warning,) = caught
    assert warning.filename == __file__
    assert re.search(reason, str(warning.message))


BUFFER = nd.zeros((4, 1))


@pytest.mark.parametrize(
    ("states", "hyperparams", "reason"),
    [
        (None, {"lr": 0.1, "log": []}, "hyperparameter log is a list"),
        ({"count": object()}, {"lr": 0.1}, "hold a object"),
        ((BUFFER, BUFFER.reshape(-1)[1:2]), {"lr": 0.1}, "share their memory"),
        ((nd.zeros((4, 1), dtype="float64"), nd.zeros(1)), {"lr": 0.1}, "not float32"),
    ],
)
def test_states_and_hyperparameters_that_cannot_be_traced(states, hyperparams, reason):
    """If this fails, arrays that are more than numbers to add and multiply are traced wrongly."""

    def rule(params, states, hyperparams):
        for p in params:
            p -= hyperparams["lr"] * p.grad

    with pytest.warns(TracingWarning, match=reason):
        traced = gb.fit_scratch(rule, states, hyperparams, *SOME, seed=0, traced=True)
    literal = gb.fit_scratch(rule, states, hyperparams, *SOME, seed=0, traced=False)
    np.testing.assert_array_equal(traced.losses, literal.losses)


def test_dicts_partials_closures_and_helpers_are_traced():
    """If this fails, rules that depend on nothing but their arguments run 50 times slower."""
    decay = 0.9

    def decayed(s, g):
        return decay * s + math.sqrt(0.25) * np.float32(2) * g

    def rule(params, states, hyperparams, scale):
        for p, s in zip(params, states["averages"]):
            s[:] = decayed(s, scale * p.grad)
            p[:] -= hyperparams["lr"] * max(scale, 0.1) * s

    results = []
    for run in (train_book(0), train_ours(0, traced=True)):
        averages = gb.init_rmsprop_states(SOME[0])
        scaled = functools.partial(rule, scale=0.5)
        losses = run(scaled, {"averages": averages, "none": None}, {"lr": 0.1}, *SOME, 7, 2)
        results.append((losses, flat(averages)))
    assert_same(*results)


@pytest.mark.parametrize(("rows", "batch_size", "epochs"), [(203, 10, 2), (100, 100, 9)])
def test_a_rate_that_stops_changing(rows, batch_size, epochs):
    """If this fails, a learning rate that decays down to a bound ends in an error."""

    def rule(params, states, hyperparams):
        for p in params:
            p -= hyperparams["lr"] * p.grad
        hyperparams["lr"] = max(0.9 * hyperparams["lr"], 0.06)

    task = {"lr": 0.1}, [each[:rows] for each in SOME], batch_size, epochs
    runs = train_book(0), train_ours(0, traced=True)
    results = [outcome(run, rule, None, *task) for run in runs]
    assert_same(*results)
    assert len(results[0][0]) > 4  # without states, only the losses show what was trained


@pytest.mark.parametrize(("batch_size", "epochs"), [(7, 1), (203, 1), (203, 2)])
def test_states_that_move(batch_size, epochs):
    """If this fails, a state that a rule moves on is lost at the end of the training."""

    def rule(params, states, hyperparams):
        for p, (last, one_before, first, second) in zip(params, states):
            one_before[:] = last
            last[:] = p.grad
            kept = first.copy()
            first[:] = second
            second[:] = kept
            p -= 0.1 * (last + one_before) + 0.01 * first

    results = []
    for run in (train_book(0), train_ours(0, traced=True)):
        states = [[nd.full(shape, i) for i in range(4)] for shape in ((4, 1), 1)]
        results.append(outcome(run, rule, states, {}, SOME, batch_size, epochs))
    assert_same(*results)


def test_states_that_are_namedtuples():
    """If this fails, a rule that gives its states names cannot be trained with."""

    class State(NamedTuple):
        velocity: nd.NDArray
        square: nd.NDArray

    def rule(params, states, hyperparams):
        for p, state in zip(params, states):
            state.velocity[:] = 0.9 * state.velocity + p.grad
            p -= hyperparams["lr"] * state.velocity

    results = []
    for run in (train_book(0), train_ours(0, traced=True)):
        states = [State(*arrays) for arrays in gb.init_adam_states(SOME[0])]
        results.append(outcome(run, rule, states, {"lr": 0.01}, SOME, 7, 1))
    assert_same(*results)


def test_an_array_of_another_shape():
    """If this fails, a bias that is given the weights' shape is trained with, or not refused."""

    def mixing(params, states, hyperparams):
        w, b = params
        scaled = b.grad * w.grad
        w[:] = w - 0.1 * scaled

    runs = train_book(0), train_ours(0, traced=True)
    assert_same(*(outcome(run, mixing, None, {}, SOME, 10, 2) for run in runs))

    def confused(params, states, hyperparams):
        w, b = params
        b[:] = b - 0.1 * w.grad

    with (
        pytest.warns(TracingWarning, match=r"assigns the shape \(4, 1\) to \(1,\)"),
        pytest.raises(ValueError),
    ):
        gb.fit_scratch(confused, None, {}, *SOME, traced=True)

    def unfit(params, states, hyperparams):
        params[0][:] = params[0] * states["s"]

    with (
        pytest.warns(TracingWarning, match=r"combines arrays of the shapes \(4, 1\) and \(3, 1\)"),
        pytest.raises(mx.base.MXNetError),
    ):
        gb.fit_scratch(unfit, {"s": nd.zeros((3, 1))}, {}, *SOME, traced=True)


@pytest.mark.parametrize("traced", [True, False])
def test_the_seconds_of_an_epoch(traced):
    """If this fails, the time that is printed is not the last epoch's."""
    for fit, rule in (
        (gb.fit_scratch, (gb.sgd, None, {"lr": 0.1})),
        (gb.fit_gluon, ("sgd", {"learning_rate": 0.1})),
    ):
        begin = time.perf_counter()
        curve = fit(*rule, *SOME, num_epochs=4, traced=traced)
        assert 0 < curve.seconds_per_epoch < time.perf_counter() - begin


def test_a_rule_that_raises():
    """If this fails, a mistake in a rule gives another error than without traced=True."""
    states = gb.init_rmsprop_states(SOME[0])
    with (
        pytest.warns(TracingWarning, match="raised ArgumentError"),
        pytest.raises(ArgumentError, match="did not get gamma"),
    ):
        gb.fit_scratch(gb.rmsprop, states, {"lr": 0.1}, *SOME, traced=True)


@pytest.mark.parametrize(
    ("batch_size", "expected"),
    [
        (10, [(0, 10, 10), (10, 10, 10), (20, 1, 3)]),
        (20, [(0, 5, 20), (5, 5, 20), (10, 1, 3)]),
        (7, [(0, 10, 7), (10, 10, 7), *((step, 1, 7) for step in range(20, 29))]),
    ],
)
def test_ten_steps_are_taken_at_once(batch_size, expected):
    """If this fails, a traced training is slower than it could be, or passes over a checkpoint."""
    assert list(blocks(203, batch_size)) == expected


def test_the_traced_form_runs_by_default(monkeypatch):
    """If this fails, everybody waits for the book's loop where nothing needs it."""

    def books_loop(*_):
        raise AssertionError("the book's loop was run")

    for name in ("_scratch_loop", "_gluon_loop"):
        monkeypatch.setattr(f"gluonbook_ch7.training.{name}", books_loop)
    calls = [
        functools.partial(gb.fit_scratch, gb.sgd, None, {"lr": 0.1}, *SOME),
        functools.partial(gb.fit_gluon, "sgd", {}, *SOME),
    ]
    for call in calls:
        call()
        call(traced=True)
        with pytest.raises(AssertionError, match="was run"):
            call(traced=False)


def test_a_store_runs_the_books_loop():
    """If this fails, workers that share a run would each train alone, or a store is ignored."""
    with pytest.warns(TracingWarning, match="a kvstore is given") as caught:
        traced = gb.fit_gluon("sgd", {}, *SOME, kvstore="local", seed=0, traced=True)
    assert caught[0].filename == __file__
    literal = gb.fit_gluon("sgd", {}, *SOME, seed=0, traced=False)
    np.testing.assert_array_equal(traced.losses, literal.losses)


@pytest.mark.parametrize("traced", [None, False])
@pytest.mark.parametrize("batch_size", [7, 10, 203])
def test_the_path_ends_where_the_parameters_end(traced, batch_size):
    """If this fails, keep_path gives other parameters than the training's, or is on by default."""
    options = {"seed": 0, "keep_path": True, "traced": traced}
    call = (gb.init_rmsprop_states, HYPERPARAMS, *SOME, batch_size)
    scratch = gb.fit_scratch(gb.rmsprop, *call, **options)
    gluon = gb.fit_gluon("rmsprop", {"gamma1": 0.9}, *SOME, batch_size, **options)
    for curve in (scratch, gluon):
        assert curve.path.shape == (2 * -(-203 // batch_size) + 1, 5)
        first = np.append(curve.start[0].ravel(), curve.start[1])
        np.testing.assert_array_equal(curve.path[0], first)
        np.testing.assert_array_equal(curve.path[-1], np.append(curve.weights, curve.bias))
    literal = gb.fit_scratch(gb.rmsprop, *call, seed=0, keep_path=True, traced=False)
    np.testing.assert_array_equal(scratch.path, literal.path)
    del options["keep_path"]
    assert gb.fit_scratch(gb.rmsprop, *call, **options).path is None
    assert gb.fit_gluon("rmsprop", {}, *SOME, batch_size, **options).path is None
