"""Fused runs against plain ones and the book's loop; rules that cannot be fused."""

import functools
import random
import re
import threading
import warnings

import book
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rules import PRINTED

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet.library import OPERATOR_CALLS, mx, nd
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import ArgumentError, FusionWarning
from gluonbook_ch7.experiments.registry import RULES

DATA = load_data_ch7(source="twin")
FULL = DATA.features, DATA.labels
HALF = DATA.features[:705], DATA.labels[:705]
SOME = DATA.features[:203], DATA.labels[:203]
HYPERPARAMS = {"lr": 0.01, "gamma": 0.9}

# Fewer rows for small minibatches; 7 and 10 end with a short minibatch; 1503 is a single one.
SIZES = pytest.mark.parametrize(
    ("data", "batch_size", "epochs"), [(SOME, 1, 1), (HALF, 7, 1), (HALF, 10, 2), (FULL, 1503, 2)]
)
SEEDS = pytest.mark.parametrize("seed", [0, 1, 2])


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


def train_ours(seed, fused):
    def train(rule, *task):
        with warnings.catch_warnings():
            warnings.simplefilter("error", FusionWarning)
            return gb.fit_scratch(rule, *task, seed=seed, fused=fused).losses

    return train


def assert_same(one, other):
    for mine, theirs in zip(one, other):
        np.testing.assert_equal(mine, theirs)


@SIZES
@SEEDS
@pytest.mark.parametrize("name", RULES)
def test_fused_is_the_plain_run_and_the_books(name, seed, data, batch_size, epochs):
    """If this fails, fused=True changes a result, or what a reader trains on from."""
    rule = RULES[name]
    task = rule.hyperparams, data, batch_size, epochs
    runs = [train_book(seed), train_ours(seed, fused=False), train_ours(seed, fused=True)]
    books, plain, fused = (outcome(run, rule.step, rule.states(data[0]), *task) for run in runs)
    assert_same(fused, books)
    assert_same(fused, plain)


@pytest.mark.parametrize("name", RULES)
def test_rules_as_the_chapter_writes_them(name):
    """If this fails, a rule copied out of the chapter is not fused, or not faithfully."""
    rule = RULES[name]
    task = rule.hyperparams, FULL, 10, 2
    runs = [train_book(3), train_ours(3, fused=True)]
    assert_same(*(outcome(run, PRINTED[name], rule.states(FULL[0]), *task) for run in runs))


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
@SEEDS
@pytest.mark.parametrize("name", ["rmsprop", "adam"])
def test_fused_gluon_is_the_plain_run_and_the_books(name, seed, data, batch_size, epochs):
    """If this fails, fused=True changes what Gluon's column says."""
    assert_gluon_alike(name, seed, *data, batch_size, epochs)


@pytest.mark.parametrize("name", sorted(GLUON.keys() - {"rmsprop", "adam"}))
def test_fused_gluon_with_other_optimizers(name):
    """If this fails, an optimizer gets something else than Trainer.step gives it."""
    assert_gluon_alike(name, 1, *FULL, 7, 1)


def assert_gluon_alike(name, seed, *task):
    book.seed_both(seed)
    books = book.train_gluon(name, dict(GLUON[name]), *task), *generators()
    for fused in (False, True):
        curve = gb.fit_gluon(name, GLUON[name], *task, seed=seed, fused=fused)
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
    data, rule = (FULL[0][:rows], FULL[1][:rows]), RULES[name]
    task = rule.hyperparams, data, batch_size, epochs
    runs = [train_ours(seed, fused) for fused in (False, True)]
    assert_same(*(outcome(run, rule.step, rule.states(data[0]), *task) for run in runs))
    gluons = rule.gluon, rule.gluon_hyperparams(rule.hyperparams), *data, batch_size, epochs
    plain, fused = (gb.fit_gluon(*gluons, seed=seed, fused=fused) for fused in (False, True))
    assert_same((plain.losses, plain.epochs), (fused.losses, fused.epochs))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_diverging_run():
    """If this fails, infinite and undefined losses come out otherwise than by the plain path."""
    states = [gb.init_momentum_states(SOME[0]) for _ in range(3)]
    runs = [train_book(0), train_ours(0, fused=False), train_ours(0, fused=True)]
    task = {"lr": 1e9, "mom": 0.9}, SOME, 10, 2
    books, plain, fused = (outcome(r, gb.sgd_momentum, s, *task) for r, s in zip(runs, states))
    assert not np.isfinite(books[0]).all()
    assert_same(fused, books)
    assert_same(fused, plain)
    curves = [
        gb.fit_gluon("sgd", {"learning_rate": 1e3}, *SOME, 10, 2, seed=0, fused=fused)
        for fused in (False, True)
    ]
    assert curves[0].diverged_at == curves[1].diverged_at is not None


def test_changing_numbers_and_every_operator():
    """If this fails, an operator or a learning rate that decays is fused as something else."""

    def decaying(params, states, hyperparams):
        hyperparams["lr"] *= 0.99
        for p, s in zip(params, states):
            kept, s[:] = p, p.grad
            s += 0.1 * s**2 - (2**s) * 1e-4 + np.float32(3) / (3 + s * s) - (1 - s) * 1e-3
            s /= 1.5
            s -= s.abs() + s.sign() - s.tanh() * s.sigmoid() + s.relu() - s.expm1() * 1e-3
            s *= (s.square() + 1).rsqrt() + (s.abs() + 1).log() + s.cbrt().copy() - s.exp() * 1e-3
            s += (s.abs() + 1).reciprocal() * s.ones_like() + s.zeros_like() + s.abs().log1p()
            kept -= hyperparams["lr"] * (s - -s) + hyperparams["lr"] ** p

    runs = [train_book(0), train_ours(0, fused=False), train_ours(0, fused=True)]
    states = [gb.init_rmsprop_states(SOME[0]) for _ in runs]
    results = [outcome(r, decaying, s, {"lr": 0.01}, SOME, 7, 2) for r, s in zip(runs, states)]
    assert_same(results[2], results[0])
    assert_same(results[2], results[1])


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


UNREADABLE = [
    (lambda: looks, r"takes \.sum of an array"),
    (lambda: compares, "looks at the numbers"),
    (lambda: branches, "not do the same in every step"),
    (lambda: draws, "calls an MXNet function"),
    (lambda: draws_by_the_other_interface, "calls an MXNet function"),
    (lambda: calls_functions, "calls an MXNet function"),
    (lambda: indexes, r"takes a part of an array, \[slice\(0, 1, None\)\]"),
    (lambda: has_another_operator, r"takes \.clip of an array"),
    (lambda: catches_the_refusal, r"takes \.clip of an array"),
    (lambda: replaces_its_states, "replaces its states|one step to the next"),
    (lambda: assigns_a_number, "assigns a int to an array"),
    (counts_in_a_list, "uses count, a list"),
    (counts_and_then_branches, "not do the same in every step"),
    (remembers_an_array, "uses last, a "),
    (Counting, "no plain function but a Counting"),
]


@pytest.mark.parametrize(("make", "reason"), UNREADABLE)
def test_what_cannot_be_fused_is_trained_the_plain_way(make, reason):
    """If this fails, fused=True raises, is silent about it, or changes what the rule computes."""
    results = []
    for fused in (False, True):
        random.seed(5)
        states, hyperparams = list(gb.init_rmsprop_states(SOME[0])), {"lr": 0.01}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", FusionWarning)
            curve = gb.fit_scratch(make(), states, hyperparams, *SOME, 7, 2, seed=1, fused=fused)
        results.append((curve.losses, flat(states), hyperparams, *generators()))
    assert_same(*results)
    (warning,) = [w for w in caught if w.category is FusionWarning]
    assert warning.filename == __file__
    assert re.search(reason, str(warning.message))


BUFFER = nd.zeros((4, 1))


@pytest.mark.parametrize(
    ("states", "hyperparams", "reason"),
    [
        (None, {"lr": nd.array([0.1])}, "hyperparameter lr is a NDArray"),
        (None, {"lr": 0.1, "log": []}, "hyperparameter log is a list"),
        ({"count": 0}, {"lr": 0.1}, "states hold a int"),
        ((BUFFER, BUFFER.reshape(-1)[1:2]), {"lr": 0.1}, "share their memory"),
    ],
)
def test_states_and_hyperparameters_that_cannot_be_fused(states, hyperparams, reason):
    """If this fails, something that may change from within is read twice."""

    def rule(params, states, hyperparams):
        for p in params:
            p -= hyperparams["lr"] * p.grad

    with pytest.warns(FusionWarning, match=reason):
        fused = gb.fit_scratch(rule, states, hyperparams, *SOME, seed=0, fused=True)
    plain = gb.fit_scratch(rule, states, hyperparams, *SOME, seed=0)
    np.testing.assert_array_equal(fused.losses, plain.losses)


def test_dicts_partial_rules_and_plain_memory_are_fused():
    """If this fails, rules that could be fused are not."""
    decay, steps = 0.9, 0

    def rule(params, states, hyperparams, scale):
        nonlocal steps
        steps += 1
        for p, s in zip(params, states["averages"]):
            s[:] = decay * s + scale * p.grad
            p[:] -= hyperparams["lr"] / steps**0.5 * s

    results = []
    for run in (train_book(0), train_ours(0, fused=True)):
        steps, averages = 0, gb.init_rmsprop_states(SOME[0])
        scaled = functools.partial(rule, scale=0.5)
        losses = run(scaled, {"averages": averages, "none": None}, {"lr": 0.1}, *SOME, 7, 2)
        results.append((losses, flat(averages), steps))
    assert_same(*results)


def test_a_rule_that_raises():
    """If this fails, a mistake in a rule gives another error than without fused=True."""
    states = gb.init_rmsprop_states(SOME[0])
    with (
        pytest.warns(FusionWarning, match="ArgumentError"),
        pytest.raises(ArgumentError, match="did not get gamma"),
    ):
        gb.fit_scratch(gb.rmsprop, states, {"lr": 0.1}, *SOME, fused=True)


def test_a_store_and_fused_exclude_each_other():
    """If this fails, workers that share a run would each train alone."""
    for store in ("local", "dist_sync"):
        with pytest.raises(ArgumentError, match="takes no kvstore"):
            gb.fit_gluon("sgd", {}, *SOME, kvstore=store, fused=True)


def test_mxnet_works_as_before_and_for_other_threads_meanwhile():
    """If this fails, reading a rule leaves MXNet shut, or shuts it for other threads."""
    before = [getattr(owner, name) for owner, name in OPERATOR_CALLS]

    def rule(params, states, hyperparams):
        def learn() -> None:
            hyperparams["lr"] = float(nd.ones(1).asscalar())

        thread = threading.Thread(target=learn)
        thread.start()
        thread.join()
        for p in params:
            p -= 0.1 * hyperparams["lr"] * p.grad

    curve = gb.fit_scratch(rule, None, {"lr": 0.0}, *SOME, 7, 1, seed=0, fused=True)
    assert [getattr(owner, name) for owner, name in OPERATOR_CALLS] == before
    plain = gb.fit_scratch(rule, None, {"lr": 0.0}, *SOME, 7, 1, seed=0)
    np.testing.assert_array_equal(curve.losses, plain.losses)
