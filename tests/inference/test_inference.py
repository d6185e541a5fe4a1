"""Inference from loss curves: honest about what gave a curve, and sharp."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gluonbook_ch7 as gb
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import ArgumentError
from gluonbook_ch7.experiments.objective import smallest_loss
from gluonbook_ch7.experiments.registry import RULES
from gluonbook_ch7.inference.alternatives import Call, other_calls, with_free_hyperparams
from gluonbook_ch7.inference.curvetest import CurveTest
from gluonbook_ch7.inference.infer import draw_inference, infer
from gluonbook_ch7.inference.likelihood import Coordinates
from gluonbook_ch7.inference.results import (
    as_numbers,
    in_words,
    interval_figure,
    intervals_from,
)
from gluonbook_ch7.inference.scale import Scale

RMSPROP = {"lr": 0.01, "gamma": 0.9}
RECORDED = 3 * 10**6  # seeds that no test trains with


@pytest.fixture(scope="module")
def call():
    """Return the section's call on the twin, from one start."""
    data = load_data_ch7(source="twin")
    start = np.array([0.022, 0.008, 0.01, 0.012]), np.zeros(1)
    states = gb.init_rmsprop_states(data.features)
    return Call(gb.rmsprop, states, RMSPROP, data.features, data.labels, start=start)


@pytest.fixture(scope="module")
def stated(call):
    return CurveTest(call)


@pytest.fixture(scope="module")
def small():
    """Return few rows, on which a run takes no time: 300 examples, 7 losses."""
    data = load_data_ch7(source="twin")
    return data.features[:300], data.labels[:300]


def curves(stated, runs, **hyperparams):
    losses = stated.call.train(range(RECORDED, RECORDED + runs), **hyperparams)
    return stated.coordinates(losses[:, 1:])


def test_the_stated_call_is_rejected_as_often_as_the_level_says(stated):
    """If this fails, runs of the very call are accused, or p-values mean nothing."""
    p = stated.p_values(curves(stated, 500))
    assert 5 <= np.sum(p <= 0.05) <= 50  # 25 expected
    assert np.sum(p <= 0.01) <= 16  # 5 expected
    assert abs(np.mean(p) - 0.5) < 0.06


@pytest.mark.parametrize(
    ("hyperparams", "least"),
    [({"lr": 0.012}, 0.5), ({"lr": 0.015}, 0.97), ({"gamma": 0.5}, 0.4), ({"gamma": 0.99}, 0.97)],
)
def test_another_hyperparameter_is_noticed(stated, hyperparams, least):
    """If this fails, the score is blunter than the alternatives allow."""
    p = stated.p_values(curves(stated, 300, **hyperparams))
    assert np.mean(p <= 0.01) >= least


def test_what_no_alternative_foresees_is_noticed(stated):
    """If this fails, a curve that fits no alternative passes for the stated call's."""
    curve = stated.call.train([RECORDED])[:, 1:]
    curve[0, 10] += 0.05
    assert stated.p_values(stated.coordinates(curve))[0] <= 2 / 1001


def test_the_truth_is_named_and_the_intervals_hold_it(stated):
    """If this fails, the reader is told the wrong difference, or an interval that misses it."""
    inference = draw_inference(stated.call.train([RECORDED], lr=0.02)[0], stated)
    assert inference.p <= 0.01
    assert any(words.startswith("lr ≈ 0.0") for words in inference.likelier)
    interval = inference.intervals["lr"]
    assert 0.015 < interval.low < 0.02 < interval.high < 0.04
    assert interval.low <= interval.likeliest <= interval.high


def test_other_minibatches_are_named(stated):
    """If this fails, the size of the minibatches is taken for a hyperparameter."""
    twenty = replace(stated.call, batch_size=20)
    assert draw_inference(twenty.train([RECORDED])[0], stated).likelier[0] == "minibatches of 20"


def test_an_ordinary_run_has_intervals_around_the_stated_values(stated):
    """If this fails, interval and p-value contradict each other."""
    inference = draw_inference(stated.call.train([RECORDED + 1])[0], stated)
    assert inference.p > 0.01 and not inference.limitation
    for name, interval in inference.intervals.items():
        assert interval.low < RMSPROP[name] < interval.high
        assert interval.log_likelihoods[interval.values == RMSPROP[name]] == 0
    below, above = inference.intervals["lr"].noticed
    assert 0.005 < below < 0.009 and 0.011 < above < 0.016


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda losses: losses[:-1], "has the shape"),
        (lambda losses: [*losses[:-1], np.nan], "must be finite"),
        (lambda losses: losses - 0.3, "the smallest loss of any linear model"),
        (lambda losses: ["a loss"], "sequence of numbers"),
    ],
)
def test_a_curve_that_the_call_cannot_give(stated, change, message):
    """If this fails, such a curve gets a p-value, or an error that explains nothing."""
    losses = stated.call.train([RECORDED])[0]
    with pytest.raises(ArgumentError, match=message):
        draw_inference(change(losses), stated)


def test_own_hyperparameter_names_are_judged_by_the_distance(small):
    """If this fails, a reader's own rule cannot be judged, or nobody says how it was."""

    def own_rule(params, states, hyperparams):
        for p in params:
            p[:] = p - hyperparams["pace"] * p.grad

    run = gb.fit_scratch(own_rule, None, {"pace": 0.05}, *small, seed=RECORDED)
    inference = infer(run.losses, own_rule, *small, hyperparams={"pace": 0.05}, start=run.start)
    assert "hyperparameters" in inference.limitation
    assert inference.intervals == {} and inference.likelier == ()
    assert 0.001 < inference.p <= 1
    far = np.where(np.arange(7) == 3, 2 * run.losses, run.losses)
    assert infer(far, own_rule, *small, hyperparams={"pace": 0.05}, start=run.start).p < 0.01


def test_a_rule_that_takes_only_numbers(small):
    """If this fails, a rule that cannot train many values at once cannot be judged."""

    def own_rule(params, states, hyperparams):
        for p in params:
            p[:] = p - float(hyperparams["lr"]) * p.grad

    run = gb.fit_scratch(own_rule, None, {"lr": 0.05}, *small, seed=RECORDED)
    inference = infer(run.losses, own_rule, *small, hyperparams={"lr": 0.05}, start=run.start)
    assert "one value for each run" in inference.limitation
    assert inference.p > 0.001


def test_an_optimizer_without_counterpart(small):
    """If this fails, Gluon's other optimizers cannot be judged."""
    hyperparams = {"learning_rate": 0.05}
    run = gb.fit_gluon("nag", hyperparams, *small, seed=RECORDED)
    inference = infer(run.losses, "nag", *small, hyperparams=hyperparams, start=run.start)
    assert inference.limitation.startswith("no rule of the chapter does what Gluon's nag does")
    assert inference.p > 0.001


def test_a_rule_of_ones_own_finds_its_states(small):
    """If this fails, a rule with states must be given them here, and not in a comparison."""

    def momentum(params, states, hyperparams):
        for p, v in zip(params, states):
            v[:] = 0.5 * v + p.grad
            p[:] = p - hyperparams["lr"] * v

    task = momentum, gb.init_momentum_states, {"lr": 0.05}
    run = gb.fit_scratch(*task, *small, seed=RECORDED)
    inference = infer(run.losses, momentum, *small, hyperparams={"lr": 0.05}, start=run.start)
    assert not inference.limitation and inference.p > 0.001


@pytest.mark.parametrize("given", [{"learning_rate": 0.002}, {}])
def test_hyperparameters_that_are_not_given_have_gluons_defaults(small, given):
    """If this fails, only a call that states what is the default anyway has an interval."""
    call = Call("rmsprop", None, given, *small, start=(np.full(4, 0.01), np.zeros(1)))
    free, found = with_free_hyperparams(call)
    assert set(found) == {"learning_rate", "gamma1"}
    assert np.median(abs(free.train(range(5)) - call.train(range(5)))) < 1e-5


@pytest.mark.parametrize("name", list(RULES))
def test_gluons_optimizers_are_stood_in_for(name, small):
    """If this fails, the alternatives to a call of Gluon's are those of another optimizer."""
    rule = RULES[name]
    hyperparams = rule.gluon_hyperparams(rule.hyperparams)
    features, labels = small[0][:293], small[1][:293]  # the last minibatch has 3 rows
    start = np.full(4, 0.01), np.zeros(1)
    call = Call(rule.gluon, None, hyperparams, features, labels, start=start)
    free, scales = with_free_hyperparams(call)
    assert set(scales) == set(hyperparams)
    ours = free.train(range(20), **{scales[n].name: np.full(20, h) for n, h in hyperparams.items()})
    assert np.median(abs(ours - call.train(range(20)))) < 1e-5


def test_the_start_decides_the_first_loss(small):
    """If this fails, nobody sees that a curve began elsewhere."""
    run = gb.fit_scratch(gb.sgd, None, {"lr": 0.05}, *small, seed=RECORDED)
    inference = infer(run.losses, gb.sgd, *small, hyperparams={"lr": 0.05}, start=run.start)
    recorded, expected = inference.first_losses
    assert abs(recorded - expected) < 1e-6
    anywhere = infer(run.losses, gb.sgd, *small, hyperparams={"lr": 0.05})
    assert anywhere.first_losses == (recorded, None)
    assert anywhere.p > 0.001


def test_minibatches_of_all_examples_have_no_noise(small):
    """If this fails, a run without randomness breaks the stated."""
    task = {"hyperparams": {"lr": 0.05}, "batch_size": 300}
    run = gb.fit_scratch(gb.sgd, None, {"lr": 0.05}, *small, 300, seed=RECORDED)
    assert infer(run.losses, gb.sgd, *small, start=run.start, **task).p > 0.001


def test_a_call_that_diverges(small):
    """If this fails, a call whose losses are infinite gives a p-value."""
    with pytest.raises(ArgumentError, match="diverges"):
        infer(np.ones(7), gb.sgd, *small, hyperparams={"lr": 1e6})


@given(st.lists(st.floats(-3, 3), min_size=5, max_size=5))
def test_no_weights_have_less_than_the_smallest_loss(weights):
    """If this fails, curves that a run can give are refused."""
    generator = np.random.RandomState(0)
    features = generator.normal(size=(50, 4)).astype(np.float32)
    labels = generator.normal(size=50).astype(np.float32)
    residuals = features @ weights[:4] + weights[4] - labels
    assert np.mean(residuals**2) / 2 >= smallest_loss(features, labels) - 1e-9


@given(st.sampled_from(["lr", "eta", "gamma", "mom"]), st.floats(1e-3, 0.99))
def test_the_alternatives_surround_the_stated_value(name, stated):
    """If this fails, an interval has nowhere to end."""
    scale = Scale(name, stated)
    assert scale.value(scale.place(stated)) == pytest.approx(stated, rel=1e-6)
    values = scale.alternatives()
    assert min(values) < stated < max(values)
    assert min(values) >= 0 and (name in ("lr", "eta") or max(values) < 1)


def test_other_calls_give_as_many_losses(small):
    """If this fails, curves of different lengths are compared."""
    call = Call(gb.sgd, None, {"lr": 0.05}, *small)
    fewer = {"250 rows": (small[0][:250], small[1][:250])}
    sizes, rules = other_calls(call, fewer)
    assert "minibatches of 20" in sizes and "minibatches of 10" not in sizes
    assert {other.train([0]).shape for other in [*sizes.values(), *rules.values()]} == {(1, 7)}


def test_other_data_are_named():
    """If this fails, nobody learns that a curve belongs to the other edition."""
    four, five = (load_data_ch7(edition, "twin") for edition in ("0.7", "1.0"))
    task = {"hyperparams": {"lr": 0.05}, "other_data": {"4 features": (four.features, four.labels)}}
    run = gb.fit_scratch(gb.sgd, None, {"lr": 0.05}, four.features, four.labels, seed=RECORDED)
    inference = infer(run.losses, gb.sgd, five.features, five.labels, **task)
    assert inference.p <= 0.01
    assert inference.likelier[0] == "4 features"


def test_coordinates_make_curves_alike():
    """If this fails, the likelihoods of a curve rest on the wrong scale."""
    generator = np.random.RandomState(1)
    steps = generator.gamma(3, 0.01, size=(4000, 8)).cumsum(axis=1)
    coordinates = Coordinates(0.25 + steps, 0.25)
    assert np.allclose(np.cov(coordinates(0.25 + steps).T), np.eye(8), atol=0.05)
    assert np.isfinite(coordinates(np.full((1, 8), np.nan))).all()
    assert np.isfinite(coordinates(np.full((1, 8), np.inf))).all()


def test_the_chart_shows_every_hyperparameter(small):
    """If this fails, the chart shows another interval than the numbers, or breaks without one."""
    run = gb.fit_scratch(gb.sgd, None, {"lr": 0.05}, *small, seed=RECORDED)
    inference = gb.infer(run.losses, gb.sgd, *small, hyperparams={"lr": 0.05}, start=run.start)
    (interval,) = inference.intervals.values()
    rejected = replace(interval, low=None, high=None, noticed=(None, None))
    panels = interval_figure([interval, rejected], "a title").axes
    assert panels[0].get_title() == f"lr: {interval.low:.3g} to {interval.high:.3g}; stated 0.05"
    assert panels[1].get_title() == "lr: every value is rejected; stated 0.05"
    assert np.allclose(panels[0].get_lines()[0].get_xdata(), interval.values)


def test_the_words_say_what_the_numbers_say(stated):
    """If this fails, the table shows another interval or alternative than was found."""
    inference = draw_inference(stated.call.train([RECORDED + 1])[0], stated)
    lr, gamma = inference.intervals.values()
    below, above = lr.noticed
    words = (
        f"lr in [{lr.low:.3g}, {lr.high:.3g}] (≤ {below:.3g} or ≥ {above:.3g} would show), gamma"
    )
    assert in_words(inference).startswith(words)
    elsewhere = replace(inference, p=0.001, likelier=("lr ≈ 0.02", "gamma ≈ 0.99"))
    assert in_words(elsewhere) == "lr ≈ 0.02 or gamma ≈ 0.99 would fit better"
    assert in_words(replace(elsewhere, likelier=())) == "no alternative would fit better"
    rejected = replace(inference, intervals={"lr": replace(lr, low=None, high=None)})
    assert in_words(rejected) == "no lr"
    assert "because" in in_words(replace(inference, limitation="a reason"))
    read = intervals_from(json.loads(json.dumps(as_numbers(inference))))
    assert [each.noticed for each in read] == [lr.noticed, gamma.noticed]
    assert np.array_equal(read[1].log_likelihoods, gamma.log_likelihoods)
