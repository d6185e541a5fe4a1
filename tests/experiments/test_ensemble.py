"""Ensembles against single runs."""

import re
import tracemalloc

import book
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import MINIMA

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import gluon, mx, nd
from gluonbook_ch7._sampling import draw_orders, draw_starts
from gluonbook_ch7._validation import check_start
from gluonbook_ch7.errors import ArgumentError
from gluonbook_ch7.experiments import ensemble as ensemble_module
from gluonbook_ch7.experiments.objective import smallest_loss
from gluonbook_ch7.experiments.registry import RULES as RULES_BY_NAME

SCRATCH = {"lr": 0.01, "gamma": 0.9}
GLUON = {"learning_rate": 0.01, "gamma1": 0.9}


def single_run(rule, hyperparams, data, *sizes, seed):
    if isinstance(rule, str):
        return gb.fit_gluon(rule, hyperparams, *data, *sizes, seed=seed)
    states = gb.init_rmsprop_states(data[0])
    return gb.fit_scratch(rule, states, hyperparams, *data, *sizes, seed=seed)


def single(*arguments, seed):
    return single_run(*arguments, seed=seed).losses


def ensemble(rule, hyperparams, data, *sizes, **options):
    states = None if isinstance(rule, str) else gb.init_rmsprop_states(data[0])
    return gb.fit_ensemble(rule, states, hyperparams, *data, *sizes, **options)


RULES = pytest.mark.parametrize(
    ("rule", "hyperparams"),
    [(book.rmsprop_as_printed, SCRATCH), (gb.rmsprop, SCRATCH), ("rmsprop", GLUON)],
    ids=["printed", "ours", "gluon"],
)


@RULES
@pytest.mark.parametrize("sizes", [(10, 2), (7, 1), (100, 3)])
def test_run_i_is_the_single_run_with_its_seed(data, rule, hyperparams, sizes):
    """If this fails, statistics of an ensemble say nothing about the runs a reader makes."""
    seeds = (5, 0, 2)
    runs = ensemble(rule, hyperparams, data, *sizes, seeds=seeds)
    for seed, losses in zip(seeds, runs.losses):
        expected = single(rule, hyperparams, data, *sizes, seed=seed)
        np.testing.assert_allclose(losses, expected, rtol=1e-5)


@pytest.mark.parametrize("name", RULES_BY_NAME)
def test_every_rule_of_the_chapter(data, name):
    """If this fails, an ensemble of another rule is not what its single runs are.

    Adam counts its steps, so each step of a block has numbers of its own.
    """
    rule = RULES_BY_NAME[name]

    def train(fit, states, **how):
        return fit(rule.step, states, dict(rule.hyperparams), *data, 10, 1, **how).losses

    for seed, losses in zip((1, 2), train(gb.fit_ensemble, rule.states, seeds=(1, 2))):
        expected = train(gb.fit_scratch, rule.states(data[0]), seed=seed)
        np.testing.assert_allclose(losses, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "name", ["sgd", "nag", "adagrad", "adadelta", "adam", "nadam", "ftrl", "lamb", "LARS"]
)
def test_any_optimizer_of_gluons(data, name):
    """If this fails, an ensemble of another optimizer is not what its single runs are.

    LAMB and LARS divide by norms, which must not be those of all runs.
    """
    runs = ensemble(name, {}, data, 10, 1, seeds=(1, 2))
    for seed, losses in zip((1, 2), runs.losses):
        np.testing.assert_allclose(losses, single(name, {}, data, 10, 1, seed=seed), rtol=1e-5)


def test_a_learning_rate_that_is_scheduled(data, monkeypatch):
    """If this fails, some runs begin with the learning rate at which others ended."""

    def hyperparams():
        return {"learning_rate": 0.1, "lr_scheduler": mx.lr_scheduler.FactorScheduler(20, 0.5)}

    monkeypatch.setattr(ensemble_module, "RUNS_PER_BLOCK", 1)
    runs = ensemble("sgd", hyperparams(), data, 10, 1, seeds=2)
    for seed, losses in enumerate(runs.losses):
        expected = single("sgd", hyperparams(), data, 10, 1, seed=seed)
        np.testing.assert_allclose(losses, expected, rtol=1e-5)


def adam_by_kind(params, states, hyperparams):
    velocities, squares = states
    gb.adam(params, list(zip(velocities, squares)), hyperparams)


def adam_in_one_list(params, states, hyperparams):
    gb.adam(params, [(states[0], states[2]), (states[1], states[3])], hyperparams)


def states_by_kind(features):
    return [gb.init_momentum_states(features), gb.init_momentum_states(features)]


def states_in_one_list(features):
    return [*gb.init_momentum_states(features), *gb.init_momentum_states(features)]


@pytest.mark.parametrize(
    ("rule", "states"), [(adam_by_kind, states_by_kind), (adam_in_one_list, states_in_one_list)]
)
def test_states_in_an_order_of_a_readers_own(data, rule, states, recwarn):
    """If this fails, a rule can only keep its states as the chapter does, for each parameter."""
    hyperparams = {"lr": 0.01, "t": 1}
    book.seed_both(3)
    adam = gb.adam, gb.init_adam_states(data[0]), dict(hyperparams)
    expected = book.train_scratch(*adam, *data, 10, 1)
    for traced in (True, False):
        task = rule, states(data[0]), dict(hyperparams), *data, 10, 1
        curve = gb.fit_scratch(*task, seed=3, traced=traced)
        np.testing.assert_array_equal(curve.losses, expected)
    runs = gb.fit_ensemble(rule, states(data[0]), hyperparams, *data, 10, 1, seeds=[4, 3])
    np.testing.assert_allclose(runs.losses[1], expected, rtol=1e-5)
    grid = {**hyperparams, "lr": [0.02, 0.01]}
    swept = gb.sweep(rule, states, grid, *data, 10, 1, seeds=[3])
    assert swept.losses[1, 0] == pytest.approx(expected[-1], rel=1e-5)
    sides = {"against": gb.adam, "against_hyperparams": hyperparams}
    given = {"hyperparams": hyperparams, "states": states(data[0])}
    assert gb.compare(rule, *data, 10, 1, seeds=[3], **given, **sides).as_in_book.worst == 0
    assert not [each for each in recwarn if each.category is gb.TracingWarning]


def test_a_rule_that_asks_for_the_shape(data):
    """If this fails, a decay of the weights alone is applied to the biases of an ensemble."""

    def decaying(params, states, hyperparams):
        for p, s in zip(params, states):
            s[:] = 0.5 * s + p.grad
            decay = 0.5 if len(p.shape) == 2 else 0.0
            p[:] -= hyperparams["lr"] * (s + decay * p) / p.shape[0]

    rates = [0.1, 0.2]
    runs = ensemble(decaying, {"lr": rates}, data, 10, 1, seeds=2, start=([0.1] * 4, [0.9]))
    for seed, lr in enumerate(rates):
        states = gb.init_rmsprop_states(data[0])
        task = decaying, states, {"lr": lr}, *data, 10, 1
        expected = gb.fit_scratch(*task, seed=seed, start=([0.1] * 4, [0.9]))
        np.testing.assert_allclose(runs.losses[seed], expected.losses, rtol=1e-5)


def test_an_untraced_rule_that_has_a_rate_for_each_weight(data):
    """If this fails, a rule that cannot be traced trains otherwise in an ensemble, or not at all.

    The lengths of the first axes, and an array for the weights, are those of a single run.
    """
    of_weights = nd.array([[0.1], [0.2], [0.05], [0.1]])

    def rates(params, states, hyperparams):
        for p, rate in zip(params, (of_weights, hyperparams["lr"])):
            p[:] = p - rate * p.grad.clip(-1, 1) / p.shape[0]

    runs = gb.fit_ensemble(rates, None, {"lr": 0.1}, *data, 10, 1, seeds=3)
    for seed, losses in enumerate(runs.losses):
        expected = gb.fit_scratch(rates, None, {"lr": 0.1}, *data, 10, 1, seed=seed)
        np.testing.assert_allclose(losses, expected.losses, rtol=1e-5)


@RULES
@settings(max_examples=5)
@given(batch_size=st.integers(10, 1503), seed=st.integers(0, 2**31 - 1))
def test_any_minibatch_size_and_seed(data, rule, hyperparams, batch_size, seed):
    """If this fails, an ensemble is right only for the section's own sizes."""
    runs = ensemble(rule, hyperparams, data, batch_size, 1, seeds=[seed])
    expected = single_run(rule, hyperparams, data, batch_size, 1, seed=seed)
    np.testing.assert_allclose(runs.losses[0], expected.losses, rtol=1e-5)
    # With most sizes there is no checkpoint, and the only loss is the first.
    np.testing.assert_allclose(runs.weights[0], expected.weights, atol=1e-4)
    np.testing.assert_allclose(runs.bias[0], expected.bias, atol=1e-4)


def test_a_run_is_the_same_whatever_the_others_are(data, monkeypatch):
    """If this fails, a run depends on how the ensemble was cut into blocks."""
    whole = ensemble(gb.rmsprop, SCRATCH, data, seeds=range(5))
    monkeypatch.setattr(ensemble_module, "RUNS_PER_BLOCK", 2)
    cut = ensemble(gb.rmsprop, SCRATCH, data, seeds=range(5))
    np.testing.assert_allclose(cut.losses, whole.losses, rtol=1e-6)


@RULES
def test_hyperparameters_may_vary_from_run_to_run(data, rule, hyperparams):
    """If this fails, a sweep's cells are not what single runs with their settings would give."""
    rate = "learning_rate" if isinstance(rule, str) else "lr"
    rates = [0.01, 0.03, 0.01]
    for each in (rates, np.array(rates), nd.array(rates)):
        varied = {**hyperparams, rate: each}
        runs = ensemble(rule, varied, data, seeds=range(3))
        for seed, lr in enumerate(rates):
            expected = single(rule, {**hyperparams, rate: lr}, data, seed=seed)
            np.testing.assert_allclose(runs.losses[seed], expected, rtol=1e-5)


@settings(max_examples=10)
@given(
    seeds=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=6),
    k=st.integers(1, 9) | st.integers(60, 300),
)
def test_starts_are_mxnets_own(seeds, k):
    """If this fails, an ensemble without given starts begins elsewhere than its single runs."""
    weights, bias = draw_starts(tuple(seeds), k)
    assert not bias.any()
    for seed, drawn in zip(seeds, weights):
        mx.random.seed(seed)
        expected = nd.random.normal(scale=0.01, shape=(k, 1)).asnumpy()
        np.testing.assert_allclose(drawn, expected, rtol=3e-7)


def test_orders_are_those_of_gluons_sampler():
    """If this fails, a run of an ensemble sees its examples in another order than the book's."""
    orders = draw_orders((3, 0), num_examples=20, num_epochs=3)
    for run, seed in enumerate((3, 0)):
        np.random.seed(seed)
        sampler = gluon.data.RandomSampler(20)
        for epoch in range(3):
            assert orders[epoch, run].tolist() == list(sampler)


def test_given_starts_and_untouched_arguments(data):
    """If this fails, an ensemble does not start where it is told, or spoils what it is given."""
    w, b = nd.array([[0.3], [0.2], [0.1], [-0.4]]), nd.array([0.5])
    states, hyperparams = gb.init_rmsprop_states(data[0]), dict(SCRATCH)
    runs = gb.fit_ensemble(gb.rmsprop, states, hyperparams, *data, seeds=range(3), start=(w, b))
    first = gb.squared_loss(gb.linreg(data[0], w, b), data[1]).mean().asscalar()
    np.testing.assert_allclose(runs.losses[:, 0], first, rtol=1e-6)
    assert len({losses.tobytes() for losses in runs.losses}) == 3
    assert hyperparams == SCRATCH
    assert all(state.asnumpy().sum() == 0 for state in states)
    each = np.stack([w.asnumpy()] * 3), np.zeros((3, 1))
    each[0][1] *= 2
    own = gb.fit_ensemble("sgd", None, {}, *data, seeds=range(3), start=each).losses[:, 0]
    assert own[0] == own[2] != own[1]


def test_the_global_generators_are_left_alone(data):
    """If this fails, computing the evidence changes what a reader's next cell draws."""
    book.seed_both(4)
    expected = np.random.rand(), nd.random.normal(shape=1).asscalar()
    book.seed_both(4)
    ensemble(gb.rmsprop, SCRATCH, data, seeds=range(2))
    assert (np.random.rand(), nd.random.normal(shape=1).asscalar()) == expected


def test_a_short_minibatch_can_be_averaged_as_gluon_does(data):
    """If this fails, alternatives to a recorded run of Gluon's differ from it by the averaging."""
    options = {"seeds": range(3), "start": (np.zeros(4), np.zeros(1))}
    ours = gb.fit_ensemble(gb.sgd, None, {"lr": 0.05}, *data, count_rows=False, **options)
    gluons = gb.fit_ensemble("sgd", None, {"learning_rate": 0.05}, *data, **options)
    np.testing.assert_allclose(ours.losses, gluons.losses, atol=1e-6)
    book_style = gb.fit_ensemble(gb.sgd, None, {"lr": 0.05}, *data, **options)
    assert np.abs(book_style.losses - gluons.losses).max() > 1e-4


@pytest.mark.parametrize("lr", [-1.0, [0.1, -1.0, 0.1]])
def test_hyperparameters_outside_their_domain_are_refused(data, lr):
    """If this fails, a run that climbs stands among the others without a word."""
    with pytest.raises(ArgumentError, match=r"rmsprop's lr is -1\.0"):
        ensemble(gb.rmsprop, {"lr": lr, "gamma": 0.9}, data, seeds=3)


@pytest.mark.parametrize("gammas", [[0.9, 0.8], [0.9, 0.8, 0.7, 0.6]])
def test_hyperparameters_for_another_number_of_runs_are_refused(data, gammas):
    """If this fails, settings and seeds are silently paired wrongly."""
    with pytest.raises(ArgumentError, match=r"gamma has the shape .* for each of the 3 runs"):
        ensemble(gb.rmsprop, {"lr": 0.01, "gamma": gammas}, data, seeds=range(3))


def test_diverging_runs_stay_with_themselves(data):
    """If this fails, one diverged run spoils its neighbours or stops the ensemble."""
    gammas = [1, 0.9, 1]
    runs = ensemble(gb.rmsprop, {"lr": 0.01, "gamma": gammas}, data, seeds=range(3))
    for seed, gamma in enumerate(gammas):
        expected = single(gb.rmsprop, {"lr": 0.01, "gamma": gamma}, data, seed=seed)
        finite = np.isfinite(expected)
        assert finite.all() == (gamma < 1)
        np.testing.assert_array_equal(np.isfinite(runs.losses[seed]), finite)
        assert runs.diverged_at[seed] == (None if finite.all() else finite.tolist().index(False))
        if gamma < 1:
            np.testing.assert_allclose(runs.losses[seed], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": [-1]}, "-1 is not a seed"),
        ({"seeds": [0.5]}, "0.5 is not a seed"),
        ({"seeds": np.array(0.5)}, "is not a seed"),
        ({"seeds": [0], "max_memory": 100}, "max_memory is 100 bytes; one run takes about"),
        ({"seeds": [0], "start": (np.zeros((3, 1)), np.zeros(1))}, "starting weights"),
        ({"seeds": [0, 1], "start": (np.zeros((3, 4, 1)), np.zeros(1))}, "starting weights"),
        ({"seeds": [0], "start": (np.full(4, np.nan), np.zeros(1))}, "weights must be finite"),
        (
            {"seeds": [0, 1], "start": (np.zeros((4, 2)), np.zeros(1))},
            r"weights is \(4, 2\); the size must be 4 for all runs, or the shape \(2, 4\)",
        ),
    ],
)
def test_what_an_ensemble_refuses(data, options, message):
    """If this fails, a mistake in the call becomes a wrong number or an error from deep inside."""
    with pytest.raises(ArgumentError, match=message):
        ensemble(gb.rmsprop, SCRATCH, data, **options)


@pytest.mark.parametrize("shape", [(8,), (8, 1), (1, 8), (2, 8), (2, 8, 1), (1, 8, 1)])
def test_starts_of_one_run_or_of_each(shape):
    """If this fails, starts are dealt out to the wrong runs, or have to be reshaped."""
    weights = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    found, bias = check_start((weights, 0.5), 8, runs=2)
    np.testing.assert_array_equal(found, weights.reshape(-1, 8, 1))
    assert bias.shape == (1, 1, 1)


def test_states_for_an_optimizer_of_gluons_are_refused(data):
    """If this fails, states that somebody gives have no effect, and nobody says so."""
    states = gb.init_momentum_states(data[0])
    with pytest.raises(ArgumentError, match="Gluon's nag keeps its own states"):
        gb.fit_ensemble("nag", states, {}, *data, seeds=2)


@pytest.mark.parametrize("lr", [0.1, np.array([0.1, 0.05])], ids=["shared", "varying"])
def test_a_rule_that_cannot_be_traced(data, lr):
    """If this fails, an ensemble of a rule that clips its gradients stays where it began.

    The parameters are those at the end, one step after the last checkpoint.
    """

    def clipping(params, states, hyperparams):
        for p in params:
            p[:] = p - hyperparams["lr"] * p.grad.clip(-0.5, 0.5)

    runs = gb.fit_ensemble(clipping, None, {"lr": lr}, *data, 10, 1, seeds=(3, 4))
    for run, (seed, own) in enumerate(zip(runs.seeds, np.broadcast_to(lr, 2).tolist())):
        curve = gb.fit_scratch(clipping, None, {"lr": own}, *data, 10, 1, seed=seed, keep_path=True)
        np.testing.assert_allclose(runs.losses[run], curve.losses, rtol=1e-5)
        np.testing.assert_allclose(runs.weights[run], curve.path[-1, :-1], atol=1e-5)
        np.testing.assert_allclose(runs.bias[run], curve.path[-1, -1], atol=1e-5)


def by_norm(params, states, hyperparams):
    for p in params:
        p[:] = p - hyperparams["lr"] * p.grad / p.grad.norm()


def by_count(params, states, hyperparams, calls=[]):  # noqa: B006
    calls.append(1)
    for p in params:
        p[:] = p - hyperparams["lr"] / len(calls) * p.grad


def by_chance(params, states, hyperparams):
    for p in params:
        p[:] = p - hyperparams["lr"] * (p.grad + nd.random.normal(shape=p.shape))


def by_size(params, states, hyperparams):
    for p in params:
        p[:] = p - hyperparams["lr"] * p.grad.clip(-1, 1) / p.size


def by_large_norm(params, states, hyperparams):
    """Clips the gradients of many runs, and not those of a single run."""
    norm = sum((p.grad**2).sum() for p in params).sqrt()
    for p in params:
        p[:] = p - hyperparams["lr"] * p.grad * nd.minimum(1, 5 / norm)


@pytest.mark.parametrize("rule", [by_norm, by_large_norm, by_size, by_count, by_chance])
def test_a_rule_whose_runs_would_not_be_single_runs(data, rule):
    """If this fails, an ensemble gives wrong numbers for a rule that takes a norm or counts."""
    with pytest.raises(ArgumentError, match=f"{rule.__name__} cannot .* together, because a run"):
        ensemble(rule, {"lr": 0.1}, data, seeds=60)


def test_an_optimizer_that_draws_is_refused(data):
    """If this fails, the runs of an ensemble are not those of their seeds, nor twice the same."""
    with pytest.raises(ArgumentError, match=r"SGLD cannot train runs together.* fit_gluon"):
        ensemble("SGLD", {"learning_rate": 0.01}, data, 10, 1, seeds=[3])


def test_a_rule_that_changes_an_array_of_hyperparameters(data):
    """If this fails, a learning rate is halved again and again in a sweep, and not in a run."""

    def halving(params, states, hyperparams):
        lr = hyperparams["lr"]
        lr *= 0.5
        for p in params:
            p[:] = p - lr * p.grad

    with pytest.raises(ArgumentError, match="it changes an array of hyperparameters"):
        ensemble(halving, {"lr": np.array([0.1, 0.2])}, data, 10, 1, seeds=[3, 4])


def test_a_sweep_over_what_a_rule_does_not_have(data):
    """If this fails, a sweep shows an axis on which nothing can change."""
    with pytest.raises(ArgumentError, match="rmsprop has no hyperparameter 'eps'"):
        ensemble(gb.rmsprop, {**SCRATCH, "eps": np.array([1e-8, 1])}, data, seeds=[3, 4])


def test_an_optimizer_of_a_readers_own_is_not_stacked(data):
    """If this fails, an optimizer that takes a norm is given many runs as one array."""

    @mx.optimizer.Optimizer.register
    class NormSGD(mx.optimizer.Optimizer):
        def create_state(self, index, weight):
            return None

        def update(self, index, weight, grad, state):
            weight[:] -= self._get_lr(index) * grad / grad.norm()

    try:
        runs = ensemble("normsgd", {"learning_rate": 0.01}, data, 10, 1, seeds=[3, 4])
        for run, seed in enumerate(runs.seeds):
            curve = gb.fit_gluon("normsgd", {"learning_rate": 0.01}, *data, 10, 1, seed=seed)
            np.testing.assert_allclose(runs.losses[run], curve.losses, rtol=1e-5)
    finally:
        del mx.optimizer.Optimizer.opt_registry["normsgd"]


def test_runs_are_trained_together_as_memory_allows(data):
    """If this fails, an ensemble takes more memory than it may, or trains run by run."""

    def blocks(max_memory, num_epochs=1):
        counts = []
        options = {"max_memory": max_memory, "on_block": lambda done, total: counts.append(total)}
        gb.fit_ensemble(gb.sgd, None, {"lr": 0.1}, *data, 100, num_epochs, seeds=6, **options)
        return counts[0]

    def bytes_of_a_run(num_epochs):
        with pytest.raises(ArgumentError) as refused:
            blocks(1, num_epochs)
        return int(str(refused.value).split()[-1])

    needed = bytes_of_a_run(num_epochs=1)
    assert [blocks(share * needed) for share in (1, 2, 3, 6)] == [6, 3, 2, 1]
    # The order of an epoch's examples is kept as int32.
    assert bytes_of_a_run(num_epochs=3) - needed == 2 * 1503 * 4


@pytest.mark.parametrize("edition", MINIMA)
def test_the_smallest_loss(edition):
    """If this fails, evidence that rests on the distance from the minimum rests on nothing."""
    twin = gb.load_data_ch7(edition, "twin")
    found = smallest_loss(twin.features, twin.labels)
    assert found == pytest.approx(MINIMA[edition], abs=1e-6)


def test_a_summary_says_which_loss_it_is(data):
    """If this fails, the loss before training passes for the final one."""
    sizes = (np.int64(1503), np.int64(1))  # NumPy's integers are sizes, too
    runs = ensemble(gb.rmsprop, SCRATCH, data, *sizes, seeds=2)
    assert "2 runs: median loss before training 0.5" in repr(runs)
    curve = single_run(gb.rmsprop, SCRATCH, data, *sizes, seed=0)
    assert repr(curve).startswith("LossCurve(rmsprop, seed 0: loss 0.511186 before training, 1 ep")
    several = gb.fit_scratch(gb.sgd, None, {"lr": 0.1}, *data, np.int8(10), np.int8(1), seed=0)
    assert len(several.losses) == 16


@pytest.mark.parametrize("sizes", [(10, 2), (10, 1), (200, 1)])
def test_the_memory_that_a_run_takes(data, sizes):
    """If this fails, the blocks of an ensemble take more memory than they were allowed."""
    with pytest.raises(ArgumentError) as raised:
        ensemble(gb.rmsprop, SCRATCH, data, *sizes, seeds=[0], max_memory=1)
    (needed,) = re.findall(r"one run takes about (\d+)", str(raised.value))
    tracemalloc.start()
    try:
        ensemble(gb.rmsprop, SCRATCH, data, *sizes, seeds=500)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.8 < most / 500 / int(needed) < 1.2


def test_a_single_run_has_the_shapes_of_one(data):
    """If this fails, a rule that asks for shapes trains otherwise in an ensemble of one."""
    task = by_size, None, {"lr": 0.01}, *data, 10, 1
    run, runs = gb.fit_scratch(*task, seed=3), gb.fit_ensemble(*task, seeds=[3])
    np.testing.assert_allclose(runs.losses[0], run.losses, rtol=1e-5)
    np.testing.assert_array_equal(runs.epochs, run.epochs)
