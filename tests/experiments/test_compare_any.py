"""Any rule against any optimizer: right ones are told the same, wrong ones where they go wrong."""

import functools

import my_rules
import numpy as np
import pytest

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import mx, nd
from gluonbook_ch7.errors import ArgumentError
from gluonbook_ch7.experiments.compare import compare
from gluonbook_ch7.experiments.trajectory import draw_trials

NESTEROV = {
    "against": "nag",
    "hyperparams": {"lr": 0.05, "mom": 0.5},
    "against_hyperparams": {"learning_rate": 0.05, "momentum": 0.5},
}
CENTERED = {
    "against": "rmsprop",
    "hyperparams": {"lr": 0.01, "gamma": 0.9, "mom": 0.9, "eps": 1e-8},
    "against_hyperparams": {
        "learning_rate": 0.01,
        "gamma1": 0.9,
        "gamma2": 0.9,
        "epsilon": 1e-8,
        "centered": True,
    },
    "states": my_rules.init_centered_states,
}


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def optax():
    return pytest.importorskip("optax")


def short(rule, data, **options):
    return compare(rule, *data, num_epochs=1, seeds=2, **options)


@pytest.mark.parametrize(
    ("rule", "options"),
    [(my_rules.nesterov, NESTEROV), (my_rules.centered, CENTERED)],
    ids=["nesterov", "centered"],
)
def test_a_right_rule_is_gluons_but_for_the_short_minibatch(data, rule, options):
    """If this fails, a right rule is called wrong, or the short minibatch is not switched off."""
    found = short(rule, data, **options)
    assert found.aligned.worst <= 1e-6 < found.as_in_book.largest
    assert found.as_in_book.first_over() == 151
    assert found.verdict.startswith("the same but for short minibatch (without it, ")
    assert found.parting is None and set(found.only) == {"short minibatch"}
    assert repr(found) == (
        f"Comparison({rule.__name__} against Gluon's {options['against']}: the same but for "
        "short minibatch)"
    )


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (my_rules.nesterov_without_decay, NESTEROV),
        (my_rules.centered_without_momentum, CENTERED),
    ],
    ids=["nesterov", "centered"],
)
def test_a_wrong_rule_is_found_where_it_goes_wrong(data, rule, options):
    """If this fails, a mistake hides, or is blamed on another step: both matter from step 2 on."""
    found = short(rule, data, **options)
    assert [parting.step for parting in found.aligned.partings] == [2, 2]
    assert found.parting.ulps > 1000 and found.parting.seed in (0, 1)
    assert found.parting.parameter in ("weight 0", "weight 1", "weight 2", "weight 3", "bias")
    assert "different, and not because of a known difference: from step 2 on" in found.verdict
    assert repr(found).endswith(": different from step 2 on)")


def first_steps_below_the_maximum(data):
    """Return, for each seed, the first step in which AMSGrad's maximum is not the newest mean."""
    firsts = []
    for seed in (0, 1):
        below = []

        def watch(params, states, hyperparams, below=below):
            my_rules.amsgrad(params, states, hyperparams)
            below.append(any(bool((s < s_max).asnumpy().any()) for _, s, s_max in states))

        gb.fit_scratch(
            watch,
            my_rules.init_amsgrad_states,
            {"lr": 0.01, "t": 1},
            *data,
            num_epochs=1,
            seed=seed,
            traced=False,
        )
        firsts.append(below.index(True) + 1)
    return firsts


def test_amsgrad_and_pytorchs(data, torch):
    """If this fails, AMSGrad is not PyTorch's, or a forgotten maximum is found at another step."""
    options = {
        "against": torch.optim.Adam,
        "hyperparams": {"lr": 0.01, "t": 1},
        "against_hyperparams": {"lr": 0.01, "amsgrad": True},
        "states": my_rules.init_amsgrad_states,
    }
    right = short(my_rules.amsgrad, data, **options)
    assert right.as_in_book.worst <= 1e-6 and right.against == "PyTorch's Adam"
    assert right.verdict.startswith("the same to rounding (") and not right.differences
    wrong = short(my_rules.amsgrad_without_maximum, data, **options)
    steps = [parting.step for parting in wrong.aligned.partings]
    assert steps == first_steps_below_the_maximum(data)


def test_epsilon_outside_the_root_and_pytorchs(data, torch):
    """If this fails, where ε stands makes no difference, or one is found that is not there."""
    options = {
        "against": torch.optim.RMSprop,
        "hyperparams": {"lr": 0.01, "gamma": 0.9, "eps": 1e-4},
        "against_hyperparams": {"lr": 0.01, "alpha": 0.9, "eps": 1e-4},
    }
    right = short(my_rules.rmsprop_outside, data, **options)
    assert right.as_in_book.worst <= 1e-6
    wrong = short(my_rules.rmsprop_inside, data, **options)
    assert wrong.parting.step == 1 and wrong.verdict.startswith("different: from step 1 on ")


def test_a_difference_of_epsilon_alone_is_named(data):
    """If this fails, two optimizers that differ in ε are called different and nobody knows why."""
    options = {**CENTERED, "hyperparams": {**CENTERED["hyperparams"], "eps": 1e-6}}
    found = short(my_rules.centered, data, **options)
    assert found.verdict.startswith("the same but for short minibatch and epsilon (")
    assert found.differences[1] == ("epsilon", "as with ε = 1e-06", "ε = 1e-08")


def test_a_pytorch_class_or_an_optax_constructor_is_the_counterpart(data, torch, optax):
    """If this fails, a counterpart is compared with other hyperparameters than the rule has."""
    for against in (torch.optim.Adadelta, optax.adadelta):
        found = short("adadelta", data, against=against)
        assert found.verdict.startswith("the same but for epsilon (without it, ")
    assert short("sgd", data, against=optax.sgd).as_in_book.worst <= 1e-6
    built = optax.chain(optax.trace(decay=0.5), optax.scale(-0.02))
    assert short("sgd_momentum", data, against=built).as_in_book.worst <= 1e-6
    partial = functools.partial(optax.sgd, learning_rate=0.05)
    assert short("sgd", data, against=partial, against_hyperparams={}).as_in_book.worst <= 1e-6


def test_an_optimizer_that_calls_the_loss_again(data, torch):
    """If this fails, PyTorch's LBFGS, which needs a closure, cannot be compared."""
    found = short("sgd", data, against=torch.optim.LBFGS, against_hyperparams={"lr": 0.05})
    assert found.parting is not None
    trial = draw_trials(*data, 10, 1, (0,))
    start = torch.from_numpy(trial.starts[0])
    w, b = start[:-1].clone().requires_grad_(), start[-1:].clone().requires_grad_()
    optimizer = torch.optim.LBFGS([w, b], lr=0.05)
    features, labels = (torch.from_numpy(array.asnumpy()) for array in data)

    def mean_loss(examples):
        return ((features[examples] @ w + b - labels[examples]) ** 2 / 2).mean()

    def closure():
        optimizer.zero_grad()
        loss = mean_loss(examples)
        loss.backward()
        return loss

    losses = [mean_loss(slice(None)).item()]
    for step in range(12):  # later on, rounding grows into another path
        examples = trial.orders[0, 0, 10 * step : 10 * (step + 1)].tolist()
        optimizer.step(closure)
        losses.append(mean_loss(slice(None)).item())
    assert losses[-1] < 0.3 < losses[0]
    np.testing.assert_allclose(found.losses["PyTorch"][0, :13], losses, rtol=1e-3)


def test_two_functions(data):
    """If this fails, a rule cannot be compared with a reference written in the same style."""
    same = short(
        my_rules.rmsprop_inside,
        data,
        hyperparams={"lr": 0.01, "gamma": 0.9, "eps": 1e-6},
        against=gb.rmsprop,
        against_hyperparams={"lr": 0.01, "gamma": 0.9},
    )
    assert same.as_in_book.worst == 0 and same.against == "rmsprop"
    assert list(same.losses) == ["scratch", "rmsprop"]
    assert [row[0] for row in same._table()[1]] == ["everything"]


def test_states_may_be_given_made_found_or_left_out(data):
    """If this fails, a trial starts with the states that the one before it ended with."""
    features = data[0]
    expected = short(my_rules.nesterov, data, **NESTEROV)  # init_nesterov_states is beside it
    for states in (my_rules.init_nesterov_states, my_rules.init_nesterov_states(features)):
        assert short(my_rules.nesterov, data, states=states, **NESTEROV) == expected
    zeros = short(my_rules.nesterov_without_decay, data, **NESTEROV)
    assert zeros.as_in_book.differences[:, 1].max() < 1e-6

    def sgd(params, states, hyperparams):
        for p, s in zip(params, states):
            assert s.shape == p.shape
            p[:] = p - hyperparams["lr"] * p.grad

    options = {"hyperparams": {"lr": 0.1}, "against_hyperparams": {"learning_rate": 0.1}}
    assert short(sgd, data, against="sgd", **options).aligned.worst <= 1e-6


def test_a_partial_is_named_and_has_the_states_of_its_function(data):
    """If this fails, a result shows an address in memory, or another state than the rule's."""
    scaled = functools.partial(my_rules.centered)
    options = {**CENTERED, "states": None}
    assert short(scaled, data, **options).rule == "centered()"


def test_adams_count_of_steps_is_left_as_it_was(data):
    """If this fails, the second trial of a comparison begins where the first one ended."""
    hyperparams = {"lr": 0.01, "t": 1}
    found = short("adam", data, hyperparams=hyperparams)
    assert hyperparams["t"] == found.settings["hyperparams"]["t"] == 1
    assert found.aligned.worst <= 1e-6


class Callable:
    """A rule that is an object, not a function."""

    def __call__(self, params, states, hyperparams):
        for p in params:
            p[:] = p - hyperparams["lr"] * p.grad


def test_a_rule_may_be_any_callable(data):
    """If this fails, a rule without a __name__ ends in an AttributeError."""
    options = {"hyperparams": {"lr": 0.1}, "against_hyperparams": {"learning_rate": 0.1}}
    found = short(Callable(), data, against="sgd", **options)
    assert found.rule == "Callable" and found.aligned.worst <= 1e-6


def test_a_learning_rate_that_is_scheduled(data):
    """If this fails, a scheduler goes on where it ended, and equal optimizers differ."""

    def scheduled(params, states, hyperparams):
        lr = 0.1 * 0.5 ** (hyperparams["t"] // 20)
        for p in params:
            p[:] = p - lr * p.grad
        hyperparams["t"] += 1

    theirs = {"learning_rate": 0.1, "lr_scheduler": mx.lr_scheduler.FactorScheduler(20, 0.5)}
    options = {"hyperparams": {"t": 0}, "against_hyperparams": theirs}
    found = short(scheduled, data, against="sgd", **options)
    assert found.verdict.startswith("the same but for short minibatch (without it, ")


def test_a_rule_that_raises_says_so_itself(data):
    """If this fails, a mistake in somebody's rule is reported as ours."""
    options = {"hyperparams": {"lr": 0.1}, "against_hyperparams": {"learning_rate": 0.1}}
    with pytest.raises(AttributeError, match="gradient") as raised:
        short(my_rules.raises, data, against="sgd", **options)
    assert raised.traceback[-1].path.name == "my_rules.py"


def test_bad_sides_are_told(data):
    """If this fails, a wrong optimizer or hyperparameter ends in a traceback."""
    rule = my_rules.nesterov
    with pytest.raises(ArgumentError, match="nesterov has no counterpart"):
        short(rule, data, hyperparams={"lr": 0.1, "mom": 0.5})
    with pytest.raises(ArgumentError, match="Gluon has no optimizer 'nagg'; did you mean nag"):
        short(rule, data, against="nagg")
    with pytest.raises(ArgumentError, match=r"Gluon's nag has no hyperparameter 'lr'.*momentum"):
        short(rule, data, against="nag", against_hyperparams={"lr": 0.1})
    with pytest.raises(ArgumentError, match="Gluon's groupadagrad takes matrices alone"):
        short(rule, data, against="groupadagrad")
    message = "nesterov asks for the hyperparameter 'lr' and was given none; give its hyperparams"
    with pytest.raises(ArgumentError, match=message):
        short(rule, data, against="nag")
    with pytest.raises(ArgumentError, match=f"{message} or against_hyperparams"):
        short("sgd", data, against=rule)
    for wrong in (dict, 3, nd):
        with pytest.raises(ArgumentError, match="it must be the name of a Gluon optimizer"):
            short(rule, data, against=wrong)
    with pytest.raises(ArgumentError, match="the update rule is 3"):
        short(3, data, against="nag")


def test_peers_go_with_the_chapters_rules(data, torch):
    """If this fails, a column beside somebody's own rule shows another rule's counterpart."""
    with pytest.raises(ArgumentError, match="peers are counterparts of the chapter's rules"):
        short(my_rules.nesterov, data, peers="pytorch", **NESTEROV)


def test_bad_classes_of_other_libraries_are_told(data, torch, optax):
    """If this fails, what PyTorch or optax cannot do ends in their traceback."""
    with pytest.raises(ArgumentError, match="PyTorch's Adam has no hyperparameter 'learning_rate'"):
        short("adam", data, against=torch.optim.Adam, against_hyperparams={"learning_rate": 0.1})
    with pytest.raises(ArgumentError, match=r"optax's adam has no hyperparameter 'lr'.*b1"):
        short("adam", data, against=optax.adam, against_hyperparams={"lr": 0.1})
    with pytest.raises(ArgumentError, match=r"optax's lion cannot train here: .*learning_rate"):
        short("adam", data, against=optax.lion)
    with pytest.raises(ArgumentError, match=r"PyTorch's Adam cannot train here: .*-1"):
        short("adam", data, against=torch.optim.Adam, against_hyperparams={"lr": -1})
    with pytest.raises(ArgumentError, match=r"SparseAdam cannot train here: .*dense gradients"):
        short("adam", data, against=torch.optim.SparseAdam)


@pytest.mark.parametrize("seeds", [2, (0, 1), np.arange(2)])
def test_seeds_may_be_a_number(data, seeds):
    """If this fails, seeds=2 is one seed, or an error."""
    assert compare("sgd", *data, num_epochs=1, seeds=seeds).seeds == (0, 1)


class CountingAdam:
    """Adam as an object that counts its steps."""

    def __init__(self):
        self.t = 0

    def __call__(self, params, states, hyperparams):
        self.t += 1
        gb.adam(params, states, {**hyperparams, "t": self.t})


def test_a_rule_that_counts_its_steps_begins_anew_with_each_seed():
    """If this fails, a rule that is an object is called different from the second seed on."""
    data = gb.get_data_ch7(source="twin")
    found = gb.compare(
        CountingAdam(),
        *data,
        num_epochs=1,
        against=gb.adam,
        hyperparams={"lr": 0.01},
        against_hyperparams={"lr": 0.01, "t": 1},
        states=gb.init_adam_states,
        seeds=2,
    )
    assert found.verdict.startswith("the same"), found.verdict
