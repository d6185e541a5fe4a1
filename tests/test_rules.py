"""The rules: their formulas in float64, the chapter's form bit for bit, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gluonbook_ch7 import rules
from gluonbook_ch7._mxnet import nd
from gluonbook_ch7._validation import check_hyperparams
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import ArgumentError
from gluonbook_ch7.experiments.ensemble import fit_ensemble
from gluonbook_ch7.experiments.registry import RULES, adam_like_gluon
from gluonbook_ch7.training import fit_gluon, fit_scratch

EPSILON = {"adagrad": 1e-6, "rmsprop": 1e-6, "adadelta": 1e-5, "adam": 1e-6}


# Each rule's formula in float64: from a parameter, its states, the gradient and the hyperparameters
# to the update and the new states.


def sgd_update(states, g, lr):
    return lr * g, ()


def momentum_update(states, g, lr, mom):
    v = mom * states[0] + lr * g
    return v, (v,)


def adagrad_update(states, g, lr):
    s = states[0] + g**2
    return lr * g / np.sqrt(s + EPSILON["adagrad"]), (s,)


def rmsprop_update(states, g, lr, gamma):
    s = gamma * states[0] + (1 - gamma) * g**2
    return lr * g / np.sqrt(s + EPSILON["rmsprop"]), (s,)


def adadelta_update(states, g, rho):
    eps = EPSILON["adadelta"]
    s = rho * states[0] + (1 - rho) * g**2
    update = np.sqrt(states[1] + eps) / np.sqrt(s + eps) * g
    return update, (s, rho * states[1] + (1 - rho) * update**2)


def adam_update(states, g, lr, t):
    v = 0.9 * states[0] + 0.1 * g
    s = 0.999 * states[1] + 0.001 * g**2
    v_hat, s_hat = v / (1 - 0.9**t), s / (1 - 0.999**t)
    return lr * v_hat / (np.sqrt(s_hat) + EPSILON["adam"]), (v, s)


REFERENCES = {
    "sgd": sgd_update,
    "sgd_momentum": momentum_update,
    "adagrad": adagrad_update,
    "rmsprop": rmsprop_update,
    "adadelta": adadelta_update,
    "adam": adam_update,
}
# A parameter's states: v has the gradient's sign, s is of squares.
STATES = {
    "sgd": "",
    "sgd_momentum": "v",
    "adagrad": "s",
    "rmsprop": "s",
    "adadelta": "ss",
    "adam": "vs",
}


# Each rule as the chapter writes it, with `s[:] = …`.


def sgd_as_printed(params, states, hyperparams):
    for p in params:
        p[:] -= hyperparams["lr"] * p.grad


def momentum_as_printed(params, states, hyperparams):
    for p, v in zip(params, states):
        v[:] = hyperparams["mom"] * v + hyperparams["lr"] * p.grad
        p[:] -= v


def adagrad_as_printed(params, states, hyperparams):
    for p, s in zip(params, states):
        s[:] += p.grad.square()
        p[:] -= hyperparams["lr"] * p.grad / (s + 1e-6).sqrt()


def rmsprop_as_printed(params, states, hyperparams):
    gamma = hyperparams["gamma"]
    for p, s in zip(params, states):
        s[:] = gamma * s + (1 - gamma) * p.grad.square()
        p[:] -= hyperparams["lr"] * p.grad / (s + 1e-6).sqrt()


def adadelta_as_printed(params, states, hyperparams):
    rho, eps = hyperparams["rho"], 1e-5
    for p, (s, delta) in zip(params, states):
        s[:] = rho * s + (1 - rho) * p.grad.square()
        g = ((delta + eps).sqrt() / (s + eps).sqrt()) * p.grad
        p[:] -= g
        delta[:] = rho * delta + (1 - rho) * g * g


def adam_as_printed(params, states, hyperparams):
    t = hyperparams["t"]
    for p, (v, s) in zip(params, states):
        v[:] = 0.9 * v + (1 - 0.9) * p.grad
        s[:] = 0.999 * s + (1 - 0.999) * p.grad.square()
        v_hat, s_hat = v / (1 - 0.9**t), s / (1 - 0.999**t)
        p[:] -= hyperparams["lr"] * v_hat / (s_hat.sqrt() + 1e-6)
    hyperparams["t"] += 1


PRINTED = {
    "sgd": sgd_as_printed,
    "sgd_momentum": momentum_as_printed,
    "adagrad": adagrad_as_printed,
    "rmsprop": rmsprop_as_printed,
    "adadelta": adadelta_as_printed,
    "adam": adam_as_printed,
}

# Below 1e-30 a decay is no float32 number any more.
FRACTIONS = st.floats(1e-30, 1) | st.sampled_from([0, 1, 0.9, 0.999])
HYPERPARAMS = {
    "lr": st.floats(1e-6, 10),
    "mom": FRACTIONS,
    "gamma": FRACTIONS,
    "rho": FRACTIONS,
    "t": st.integers(1, 100_000),
}
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, max_side=5)


def gradients(shape):
    """Gradients of either sign from 1e-12 to 1e6, and zero."""
    size = st.floats(-12, 6).map(lambda exponent: 10.0**exponent)
    signed = st.builds(lambda value, sign: value * sign, size, st.sampled_from([-1, 0, 1]))
    return hnp.arrays(np.float32, shape, elements=signed.map(lambda x: float(np.float32(x))))


def parameter(values, gradient):
    array = nd.array(values, dtype="float32")
    array.attach_grad()
    array.grad[:] = nd.array(gradient, dtype="float32")
    return array


def states_of(arrays):
    """Return what a rule takes as the state of one parameter: an array, or a tuple of several."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


@pytest.fixture(scope="module")
def twin():
    return load_data_ch7(source="twin")


def pair(data):
    return data.features, data.labels


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=60)
@given(data=st.data())
def test_a_step_is_the_formula(name, data):
    """If this fails, a rule does not compute what its docstring says."""
    shape = data.draw(SHAPES)
    p, g, *pasts = (data.draw(gradients(shape)) for _ in range(2 + len(STATES[name])))
    befores = [past if kind == "v" else past**2 for past, kind in zip(pasts, STATES[name])]
    hyperparams = {h: data.draw(HYPERPARAMS[h]) for h in RULES[name].hyperparams}

    x, states = parameter(p, g), [nd.array(before) for before in befores]
    RULES[name].step([x], [states_of(states)], dict(hyperparams))

    exact = [array.astype(np.float64) for array in befores]
    g = g.astype(np.float64)
    change, afters = REFERENCES[name](exact, g, **hyperparams)
    # Terms of both signs may cancel; what float32 loses then is measured by the terms.
    terms, state_terms = REFERENCES[name](list(map(np.abs, exact)), np.abs(g), **hyperparams)
    for state, after, size in zip(states, afters, state_terms):
        assert (np.abs(state.asnumpy() - after) <= 1e-6 * size + 1e-37).all()
    tolerance = 2e-6 * terms + 2e-7 * np.abs(p) + 1e-37
    assert (np.abs(x.asnumpy() - (p - change)) <= tolerance).all()


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=30)
@given(data=st.data())
def test_in_place_is_the_printed_form_bit_for_bit(name, data):
    """If this fails, the in-place rules are no longer the chapter's, only something near them."""
    arrays = len(STATES[name])
    shape = data.draw(SHAPES)
    p = data.draw(gradients(shape))
    steps = [data.draw(gradients(shape)) for _ in range(3)]
    hyperparams = {h: data.draw(HYPERPARAMS[h]) for h in RULES[name].hyperparams}

    def run(rule):
        x, states, own = parameter(p, p), [nd.zeros(shape) for _ in range(arrays)], {**hyperparams}
        for g in steps:
            x.grad[:] = nd.array(g)
            rule([x], [states_of(states)], own)
        return [array.asnumpy() for array in (x, *states)], own

    (ours, own), (printed, printed_own) = run(RULES[name].step), run(PRINTED[name])
    assert own == printed_own
    for a, b in zip(ours, printed):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", RULES)
def test_runs_stack_along_a_leading_axis(name):
    """If this fails, ensembles and sweeps train something else than single runs."""
    rule, rng = RULES[name], np.random.RandomState(0)
    p, g = rng.normal(size=(2, 3, 4, 1)).astype(np.float32)
    scales = [1.0, 0.5, 0.25]
    arrays = len(STATES[name])
    shared = {h: v for h, v in rule.hyperparams.items() if h == "t"}
    each = {h: [v * scale for scale in scales] for h, v in rule.hyperparams.items() if h != "t"}

    stacked, states = parameter(p, g), [nd.zeros((3, 4, 1)) for _ in range(arrays)]
    arrays_of_values = {h: nd.array(v).reshape((3, 1, 1)) for h, v in each.items()}
    rule.step([stacked], [states_of(states)], {**arrays_of_values, **shared})
    for run in range(3):
        x, own = parameter(p[run], g[run]), [nd.zeros((4, 1)) for _ in range(arrays)]
        values = {h: float(np.float32(v[run])) for h, v in each.items()}
        rule.step([x], [states_of(own)], {**values, **shared})
        for together, alone in zip((stacked, *states), (x, *own)):
            np.testing.assert_allclose(together[run].asnumpy(), alone.asnumpy(), rtol=2e-6)


@pytest.mark.parametrize("name", RULES)
def test_states_begin_as_zeros_of_the_parameters_shapes(name):
    """If this fails, a rule cannot be trained with the states its own function makes."""
    states = RULES[name].states(nd.ones((7, 4)))
    shapes = [(4, 1), (1,)]
    for state, shape in zip(states or (), shapes):
        arrays = state if isinstance(state, tuple) else (state,)
        assert len(arrays) == len(STATES[name])
        for array in arrays:
            assert array.shape == shape and array.dtype == np.float32
            assert not array.asnumpy().any()
    assert len(states or ()) == (2 if STATES[name] else 0)


BAD = [("lr", value) for value in (0, -0.1, math.inf, math.nan, "0.1", None, True, 1e39, 10**400)]
BAD += [("lr", np.float32(value)) for value in (-1, math.inf, math.nan)]
BAD += [(h, value) for h in ("mom", "gamma", "rho") for value in (-0.1, 1.1, math.nan, None)]
BAD += [("t", value) for value in (0, 1.5, None)]


@pytest.mark.parametrize("name", RULES)
def test_bad_hyperparameters_are_refused_and_change_nothing(name):
    """If this fails, a misspelt or impossible hyperparameter trains silently or fails obscurely."""
    rule, x = RULES[name], parameter([[1.0]], [[1.0]])
    states = (rule.states(nd.ones((1, 1))) or ())[:1]
    for bad, value in BAD:
        if bad in rule.hyperparams:
            with pytest.raises(ArgumentError, match=f"{name}'s {bad} is"):
                rule.step([x], states, {**rule.hyperparams, bad: value})
    for missing in rule.hyperparams:
        misspelt = {h + ("x" if h == missing else ""): v for h, v in rule.hyperparams.items()}
        wants = " and ".join(rule.hyperparams)
        with pytest.raises(ArgumentError, match=f"{name} needs {wants}.*{missing}x"):
            rule.step([x], states, misspelt)
    with pytest.raises(ArgumentError, match="needs a dict"):
        rule.step([x], states, None)
    assert x.asscalar() == 1
    for state in states:
        for array in state if isinstance(state, tuple) else (state,):
            assert array.asscalar() == 0


@pytest.mark.parametrize("name", [name for name in RULES if STATES[name]])
def test_states_that_do_not_match_are_refused(name, twin):
    """If this fails, zip drops a parameter without a word, or a state is torn into its rows."""
    rule, params = RULES[name], [parameter([1.0], [1.0]), parameter([1.0], [1.0])]
    good = rule.states(nd.ones((1, 1)))
    wrong = (nd.zeros(1), nd.zeros(1), nd.zeros(1))
    for states in (good[:1], (*good, good[0]), None, (0, 0), nd.zeros((2, 1)), (wrong, wrong)):
        with pytest.raises(ArgumentError, match=f"{name} needs"):
            rule.step(params, states, dict(rule.hyperparams))
    if len(STATES[name]) == 2:
        # Unpacked, a state of two rows would pass for a pair of states.
        with pytest.raises(ArgumentError, match="a tuple of 2 arrays"):
            rule.step(params, (nd.zeros((2, 1)),) * 2, dict(rule.hyperparams))
        # Arranged by kind, which another rule may want.
        by_kind = tuple(zip(*rule.states(twin.features)))
        with pytest.raises(ArgumentError, match=r"states of the shapes of their parameters"):
            fit_scratch(rule.step, by_kind, dict(rule.hyperparams), *pair(twin))


def test_bad_hyperparameters_are_refused_through_fit_scratch(twin):
    """If this fails, the error reaches a person training with fit_scratch in another shape."""
    rule = RULES["rmsprop"]
    with pytest.raises(ArgumentError, match=r"rmsprop's gamma is 1\.5"):
        fit_scratch(rule.step, rule.states(twin.features), {"lr": 0.1, "gamma": 1.5}, *pair(twin))
    with pytest.raises(ArgumentError, match="did not get mom, but 'momentum'"):
        fit_scratch(
            rules.sgd_momentum,
            rules.init_momentum_states(twin.features),
            {"lr": 0.1, "momentum": 0.5},
            *pair(twin),
        )


def test_arrays_of_hyperparameters_are_read_before_a_sweep():
    """If this fails, one impossible cell of a sweep goes unnoticed."""
    good = {"lr": nd.array([0.1, 0.2]), "gamma": np.array([0.0, 1.0])}
    check_hyperparams("rmsprop", good, ("lr", "gamma"))
    with pytest.raises(ArgumentError, match="gamma is"):
        check_hyperparams("rmsprop", {**good, "gamma": nd.array([0.5, 2.0])}, ("lr", "gamma"))


@pytest.mark.parametrize("gamma", [0, 1])
def test_both_ends_of_gamma_run(gamma, twin):
    """If this fails, the chapter's first exercise cannot be done."""
    rule = RULES["rmsprop"]
    hyperparams = {"lr": 1e-5, "gamma": gamma}
    curve = fit_scratch(rule.step, rule.states(twin.features), hyperparams, *pair(twin), seed=0)
    assert np.isfinite(curve.losses).all() and curve.losses[-1] < curve.losses[0]


def test_the_variant_without_differences_is_adam():
    """If this fails, switching Adam's differences off changes something else as well."""
    outcomes = []
    for rule in (rules.adam, adam_like_gluon):
        x, states = parameter(np.ones(5), np.ones(5)), [(nd.zeros(5), nd.zeros(5))]
        hyperparams = {"lr": 0.1, "t": 1}
        for g in np.random.RandomState(1).normal(size=(5, 5)):
            x.grad[:] = nd.array(g)
            rule([x], states, hyperparams)
        outcomes.append(x.asnumpy())
        assert hyperparams["t"] == 6
    np.testing.assert_allclose(*outcomes, rtol=1e-6)


def test_the_table_is_complete():
    """If this fails, a rule cannot be looked up, or a hyperparameter is not tied to Gluon's."""
    for name, rule in RULES.items():
        assert rule.name == name and getattr(rules, name) is rule.step
        assert set(rule.gluon_names) == set(rule.hyperparams) - {"t"}
        names = [difference.name for difference in rule.differences]
        assert len(set(names)) == len(names)
        assert all(bool(d.our_changes) + bool(d.their_changes) == 1 for d in rule.differences)


# The final losses of 2,000 runs (fit_ensemble, seeds 0 to 1999, each with its own start and
# shuffles) with the chapter's hyperparameters, two epochs, minibatches of 10, edition 0.7: mean and
# sd from scratch on the real data, which Gluon's match to 1e-5, and on the twin.
FINAL = {
    "sgd": ((0.26052, 0.00201), (0.26022, 0.00177)),
    "sgd_momentum": ((0.25972, 0.00144), (0.25951, 0.00128)),
    "adagrad": ((0.25859, 0.00064), (0.25857, 0.00064)),
    "rmsprop": ((0.25977, 0.00148), (0.25970, 0.00140)),
    "adadelta": ((0.25921, 0.00105), (0.25931, 0.00106)),
    "adam": ((0.25956, 0.00128), (0.25945, 0.00123)),
}
MINIMUM = 0.2577130634906876  # of the loss, by least squares


def assert_distribution(losses, mean, sd):
    """Hold a sample of final losses against the mean and sd of the distribution it is drawn from.

    The mean of n draws has the standard error sd / √n; their sd varies more than a Gaussian's,
    because the distribution has a long upper tail, and n = 300 leaves it within a third.
    """
    assert losses.min() > MINIMUM
    assert abs(losses.mean() - mean) < 4 * sd / np.sqrt(len(losses))
    assert 2 / 3 < losses.std() / sd < 3 / 2


@pytest.mark.parametrize("name", RULES)
def test_final_losses_from_scratch_on_the_real_data(name, real_data_path):
    """If this fails, a rule from scratch no longer trains the chapter's model as it did."""
    data, rule = load_data_ch7(source=real_data_path), RULES[name]
    states, hyperparams = rule.states(data.features), dict(rule.hyperparams)
    runs = fit_ensemble(rule.step, states, hyperparams, *pair(data), seeds=range(5000, 5300))
    assert_distribution(runs.losses[:, -1].astype(np.float64), *FINAL[name][0])


@pytest.mark.parametrize("name", RULES)
def test_final_losses_with_gluon_on_the_twin(name, twin):
    """If this fails, the table gives Gluon's optimizer other hyperparameters than the rule's."""
    rule = RULES[name]
    hyperparams = rule.gluon_hyperparams(rule.hyperparams)
    runs = fit_ensemble(rule.gluon, None, hyperparams, *pair(twin), seeds=range(5000, 5300))
    assert_distribution(runs.losses[:, -1].astype(np.float64), *FINAL[name][1])


@pytest.mark.parametrize("name", RULES)
def test_single_runs_end_in_the_distribution(name, twin):
    """If this fails, the book's own training of a rule ends elsewhere than its ensemble does."""
    rule, (mean, sd) = RULES[name], FINAL[name][1]
    states, hyperparams = rule.states(twin.features), dict(rule.hyperparams)
    scratch = fit_scratch(rule.step, states, hyperparams, *pair(twin), seed=1)
    gluon_hyperparams = rule.gluon_hyperparams(rule.hyperparams)
    gluon = fit_gluon(rule.gluon, gluon_hyperparams, *pair(twin), seed=1)
    for curve in (scratch, gluon):
        assert abs(curve.losses[-1] - mean) < 4 * sd
