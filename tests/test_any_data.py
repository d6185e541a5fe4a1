"""Training on any data: finite losses, or a divergence that is said; nothing else."""

import math
import warnings

import numpy as np
import pytest
from counts import cases
from hypothesis import given, settings
from hypothesis import strategies as st

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import mx, nd
from gluonbook_ch7.errors import ArgumentError, DivergenceWarning
from gluonbook_ch7.experiments.registry import RULES

KINDS = ["literal", "scaled", "columns", "constant", "zero", "denormal", "overflowing"]
LARGEST = float(np.finfo(np.float32).max)


def values(draws, shape, kind, exponents):
    """Return float32 numbers of one of the `KINDS`."""
    numbers = draws.normal(size=shape)
    scales = 10.0 ** np.resize(exponents, shape[-1] if len(shape) == 2 else 1)
    if kind == "scaled":
        numbers *= scales[0]
    elif kind == "columns":
        numbers *= scales
    elif kind == "constant":
        numbers[..., : (shape[-1] + 1) // 2 if len(shape) == 2 else None] = scales[0]
    elif kind in ("zero", "denormal", "overflowing"):
        numbers *= {"zero": 0, "denormal": 1e-40, "overflowing": 1e38}[kind]
    return np.clip(numbers, -0.9 * LARGEST, 0.9 * LARGEST).astype(np.float32)


@st.composite
def tasks(draw):
    """Draw features, labels, a minibatch size and a number of epochs."""
    n = draw(st.one_of(st.integers(1, 40), st.integers(1, 300), st.integers(1, 2000)))
    k = draw(st.one_of(st.integers(1, 6), st.integers(1, 50)))
    epochs = draw(st.integers(1, 3))
    batch_size = draw(st.one_of(st.sampled_from([1, 7, 10, 20, 50, 100]), st.integers(1, n + 9)))
    draws = np.random.RandomState(draw(st.integers(0, 2**31 - 1)))
    exponents = draw(st.lists(st.floats(-20, 20), min_size=1, max_size=4))
    features = values(draws, (n, k), draw(st.sampled_from(KINDS)), exponents)
    labels = values(draws, (n,), draw(st.sampled_from(KINDS)), exponents[::-1])
    # At most some 150 steps, so that the large ones do not take all the time.
    return features, labels, max(batch_size, n * epochs // 150), epochs


RULE_CASES = {
    "rule": st.sampled_from(list(RULES.values())),
    "rate": st.sampled_from([1e-3, 1, 1, 30, 1e3]),
    "task": tasks(),
    "seed": st.integers(0, 2**31 - 1),
}


def hyperparams_of(rule, rate):
    hyperparams = dict(rule.hyperparams)
    if "lr" in hyperparams:
        hyperparams["lr"] *= rate
    return hyperparams


def without_a_warning(train, *args, **options):
    """Train; whatever is warned of is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Please import .csr_matrix.", DeprecationWarning)
        return train(*args, **options)


def as_bytes(array):
    """Return the bytes of an array; a nan is a nan, whatever its sign."""
    array = np.array(array.asnumpy() if isinstance(array, nd.NDArray) else array)
    array[np.isnan(array)] = np.nan
    return array.tobytes()


def flat(states):
    if isinstance(states, (tuple, list)):
        return [part for state in states for part in flat(state)]
    return [] if states is None else [as_bytes(states)]


def check_first_loss(loss, start, features, labels):
    """Hold a first loss against float64's, to float32's rounding; infinite if it overflows."""
    X, y = features.astype(np.float64), labels.astype(np.float64)
    w, b = (part.astype(np.float64) for part in start)
    squares = ((X @ w).ravel() + b - y) ** 2 / 2
    size = (((abs(X) @ abs(w)).ravel() + abs(b) + abs(y)) ** 2 / 2).mean()
    if squares.mean() > 1.01 * LARGEST:
        assert not math.isfinite(loss)
    elif size * len(X) < LARGEST / 4:
        assert abs(loss - squares.mean()) <= 2e-4 * size + 1e-37


def check_curve(curve, features, labels, batch_size, epochs):
    """Check what is promised of every `LossCurve`."""
    steps = range(1, math.ceil(len(features) / batch_size) + 1)
    checkpoints = epochs * sum(step * batch_size % 100 == 0 for step in steps)
    assert len(curve.losses) == len(curve.epochs) == 1 + checkpoints
    np.testing.assert_array_equal(curve.epochs, np.linspace(0, epochs, 1 + checkpoints))
    finite = np.isfinite(curve.losses)
    assert (curve.losses[finite] >= 0).all()
    if finite.all():
        assert curve.diverged_at is None
    else:
        assert finite[: curve.diverged_at].all()
        assert not finite[curve.diverged_at]
    check_first_loss(float(curve.losses[0]), curve.start, features, labels)


@settings(max_examples=cases(1000))
@given(**RULE_CASES)
def test_any_data_from_scratch(rule, rate, task, seed):
    """If this fails, some data end in an error, a wrong first loss, or another curve traced."""
    features, labels, *sizes = task
    data = nd.array(features), nd.array(labels)
    outcomes = []
    for traced in (False, True):
        states, hyperparams = rule.states(data[0]), hyperparams_of(rule, rate)
        curve = without_a_warning(
            gb.fit_scratch, rule.step, states, hyperparams, *data, *sizes, seed=seed, traced=traced
        )
        check_curve(curve, features, labels, *sizes)
        # With most sizes there is no checkpoint, and the only loss is the first.
        learned = [as_bytes(part) for part in (curve.losses, curve.weights, curve.bias)]
        outcomes.append((learned, flat(states), hyperparams))
    assert outcomes[0] == outcomes[1]


@settings(max_examples=cases(1000))
@given(**RULE_CASES)
def test_any_data_with_gluon(rule, rate, task, seed):
    """If this fails, some data end in an error, a wrong first loss, or another curve traced."""
    features, labels, *sizes = task
    data = nd.array(features), nd.array(labels)
    hyperparams = rule.gluon_hyperparams(hyperparams_of(rule, rate))
    outcomes = []
    for traced in (False, True):
        curve = without_a_warning(
            gb.fit_gluon, rule.gluon, hyperparams, *data, *sizes, seed=seed, traced=traced
        )
        check_curve(curve, features, labels, *sizes)
        outcomes.append([as_bytes(part) for part in (curve.losses, curve.weights, curve.bias)])
    assert outcomes[0] == outcomes[1]


@settings(max_examples=cases(1000))
@given(by_gluon=st.booleans(), **RULE_CASES)
def test_any_data_in_an_ensemble(rule, rate, task, seed, by_gluon):
    """If this fails, an ensemble of some data ends in an error, or hides a divergence."""
    features, labels, *sizes = task
    data = nd.array(features), nd.array(labels)
    hyperparams = hyperparams_of(rule, rate)
    call = (rule.step, rule.states(data[0]), hyperparams)
    if by_gluon:
        call = (rule.gluon, None, rule.gluon_hyperparams(hyperparams))
    start = draw_start_of(seed, features.shape[1])
    runs = without_a_warning(gb.fit_ensemble, *call, *data, *sizes, seeds=[seed, 0])
    assert runs.losses.shape == (2, len(runs.epochs))
    for losses, diverged_at in zip(runs.losses, runs.diverged_at):
        infinite = np.flatnonzero(~np.isfinite(losses)).tolist()
        assert diverged_at == (infinite[0] if infinite else None)
        assert (losses[np.isfinite(losses)] >= 0).all()
    check_first_loss(float(runs.losses[0, 0]), start, features, labels)


def draw_start_of(seed, k):
    mx.random.seed(seed)
    return nd.random.normal(scale=0.01, shape=(k, 1)).asnumpy(), np.zeros(1, np.float32)


@settings(max_examples=cases(200))
@given(by_gluon=st.booleans(), **RULE_CASES)
def test_the_books_functions_say_so_when_a_run_diverges(rule, rate, task, seed, by_gluon):
    """If this fails, a reader sees nan, or an error, and no word of a divergence."""
    features, labels, *sizes = task
    data = nd.array(features), nd.array(labels)

    def call():
        hyperparams = hyperparams_of(rule, rate)
        if by_gluon:
            return rule.gluon, rule.gluon_hyperparams(hyperparams), *data, *sizes
        return rule.step, rule.states(data[0]), hyperparams, *data, *sizes

    curve = (gb.fit_gluon if by_gluon else gb.fit_scratch)(*call(), seed=seed)
    mx.random.seed(seed)
    np.random.seed(seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (gb.train_gluon_ch7 if by_gluon else gb.train_ch7)(*call())
        gb.plt.gcf().canvas.draw()
    gb.plt.close("all")
    kinds = [w.category for w in caught if "csr_matrix" not in str(w.message)]
    assert kinds == [DivergenceWarning] * (curve.diverged_at is not None)


@settings(max_examples=cases(200))
@given(task=tasks(), seed=st.integers(0, 2**31 - 1))
def test_gradient_descent_never_climbs(task, seed):
    """If this fails, a gradient is wrong on data that are not the chapter's."""
    features, labels, _, epochs = task
    z = np.column_stack([features, np.ones(len(features))]).astype(np.float64)
    curvature = np.linalg.eigvalsh(z.T @ z / len(z))[-1]
    if max(curvature, abs(labels).max() ** 2.0) > 1e30:
        return
    call = nd.array(features), nd.array(labels), 2000, epochs  # all at once, and a checkpoint
    rate = 1 / curvature
    curves = [
        gb.fit_scratch(gb.sgd, None, {"lr": rate}, *call, seed=seed),
        gb.fit_gluon("sgd", {"learning_rate": rate}, *call, seed=seed),
    ]
    for curve in curves:
        assert (np.diff(curve.losses.astype(np.float64)) <= 1e-5 * curve.losses[0] + 1e-37).all()


DATA = nd.array(np.ones((20, 3))), nd.array(np.ones(20))
FITS = {
    "scratch": lambda *data: gb.fit_scratch(gb.sgd, None, {"lr": 0.1}, *data),
    "gluon": lambda *data: gb.fit_gluon("sgd", {}, *data),
    "ensemble": lambda *data: gb.fit_ensemble(gb.sgd, None, {"lr": 0.1}, *data, seeds=[0]),
}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_data_that_are_not_finite_are_refused(fit, value):
    """If this fails, one gap in the data turns a whole run into nan without saying where it is."""
    features, labels = (part.asnumpy() for part in DATA)
    features[3, 1] = value
    with pytest.raises(ArgumentError, match=f"features has {value} in row 3 and column 1"):
        fit(nd.array(features), nd.array(labels))
    labels[5] = value
    with pytest.raises(ArgumentError, match=f"labels has {value} in row 5 "):
        fit(DATA[0], nd.array(labels))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("learning_rate", x)
            for x in (np.nan, np.inf, -0.1, "0.1", True, 1j, [0.1], 1e39, 1e-40)
        ],
        *[("learning_rate", nd.array([0.1])), ("learning_rate", 10**400), ("wd", "x")],
        *[("gamma1", 1.5), ("gamma1", None), ("epsilon", -1), ("lr_scheduler", 3)],
    ],
)
def test_hyperparameters_that_gluon_cannot_train_with_are_refused(name, value):
    """If this fails, a bad hyperparameter climbs, or ends in an error deep inside MXNet."""
    for traced in (False, True):
        with pytest.raises(ArgumentError, match=f"Gluon's rmsprop's {name} is .*; it must be"):
            gb.fit_gluon("rmsprop", {name: value}, *DATA, traced=traced)
    if isinstance(value, (list, nd.NDArray)):
        return  # which an ensemble takes: one number for each run
    with pytest.raises(ArgumentError, match=f"{name}.* must be"):
        gb.fit_ensemble("rmsprop", None, {name: [value, value]}, *DATA, seeds=[0, 1])


def test_calls_that_are_mixed_up():
    """If this fails, a forgotten dict or a name in the place of a rule is an error of Python's."""
    with pytest.raises(ArgumentError, match="hyperparameters are a NoneType; they must be a dict"):
        gb.fit_gluon("sgd", None, *DATA)
    with pytest.raises(ArgumentError, match="hyperparams is a NoneType; it must be a dict"):
        gb.fit_ensemble(gb.sgd, None, None, *DATA, seeds=[0])
    with pytest.raises(ArgumentError, match="update rule is 'sgd'; it must be a function"):
        gb.fit_scratch("sgd", None, {}, *DATA)
    with pytest.raises(ArgumentError, match=r"Gluon's adam's beta1 is 1; it must be .* \[0, 1\)"):
        gb.fit_gluon("adam", {"beta1": 1}, *DATA)


def test_numpys_numbers_are_numbers():
    """If this fails, a learning rate from np.logspace stops MXNet where NumPy is 2."""
    task = *DATA, 100  # all at once, and a checkpoint
    plain = gb.fit_gluon("sgd", {"learning_rate": 0.05}, *task, seed=0).losses
    assert plain[0] > plain[1] > plain[2]
    for traced in (False, True):
        hyperparams = {"learning_rate": np.float64(0.05), "wd": np.float32(0)}
        curve = gb.fit_gluon("sgd", hyperparams, *task, seed=0, traced=traced)
        np.testing.assert_array_equal(curve.losses, plain)
    runs = gb.fit_ensemble("sgd", None, {"learning_rate": np.float64(0.05)}, *task, seeds=[0])
    np.testing.assert_allclose(runs.losses[0], plain, rtol=1e-5)


def test_any_numpy_integer_is_a_seed():
    """If this fails, a seed of SeedSequence.generate_state, a uint32, is refused by MXNet."""
    draws = np.random.RandomState(0).normal(size=(20, 4))  # so that the order of the rows matters
    data = nd.array(draws[:, :3]), nd.array(draws[:, 3])
    plain = gb.fit_scratch(gb.sgd, None, {"lr": 0.05}, *data, seed=7)
    curve = gb.fit_scratch(gb.sgd, None, {"lr": 0.05}, *data, seed=np.uint32(7))
    np.testing.assert_array_equal(curve.start[0], plain.start[0])
    np.testing.assert_array_equal(curve.weights, plain.weights)


def test_an_error_of_the_rules_own_stays_what_it_is():
    """If this fails, who writes a rule no longer sees which name is missing."""

    def rule(params, states, hyperparams):
        for p in params:
            p -= hyperparams["lr"] * p.grad

    with pytest.raises(KeyError, match="'lr'"):
        gb.fit_scratch(rule, None, {}, *DATA)
