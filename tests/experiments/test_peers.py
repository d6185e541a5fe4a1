"""PyTorch's and optax's optimizers on the same trials (skipped where they are not installed)."""

import numpy as np
import pytest

from gluonbook_ch7.errors import ArgumentError, DependencyError
from gluonbook_ch7.experiments import sides
from gluonbook_ch7.experiments.compare import compare
from gluonbook_ch7.experiments.registry import RULES
from gluonbook_ch7.experiments.sides import peer_side, scratch_side
from gluonbook_ch7.experiments.trajectory import draw_trials, follow_scratch

# What is left between a rule and a peer's optimizer once its hyperparameters are set like ours.
# PyTorch's RMSprop and Adagrad add epsilon outside the root, which no hyperparameter changes;
# optax takes 1 − β₂ in float32, as Gluon does.
LEFT = {
    ("PyTorch", "adagrad"): (1e-6, 1e-4),
    ("PyTorch", "rmsprop"): (1e-6, 1e-3),
    ("optax", "adam"): (1e-6, 1e-5),
}


@pytest.fixture(scope="module")
def trials(twin):
    return draw_trials(twin.features, twin.labels, 10, 1, (0, 1, 2))


@pytest.fixture(params=sides.PEERS)
def peer(request):
    if request.param not in sides.installed():
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.mark.parametrize("rule", RULES)
def test_a_peer_is_the_rule_but_for_its_epsilon(peer, rule, trials):
    """If this fails, a row compares a rule with another optimizer than it says."""
    found = RULES[rule]
    side, known = peer_side(peer, scratch_side(rule))
    aligned = {name: value for each in known for name, value in each.their_changes.items()}
    theirs = side.paths(trials, aligned)
    ours = follow_scratch(trials, found.step, found.states, found.hyperparams)
    assert theirs.shape == ours.shape and theirs.dtype == np.float32
    low, high = LEFT.get((peer, rule), (0, 1e-6))
    assert low <= np.median(np.abs(ours - theirs).max(axis=(1, 2))) <= high


@pytest.mark.parametrize("rule", RULES)
def test_stacked_trials_are_the_single_ones(peer, rule, trials):
    """If this fails, a trial depends on which others it is followed with."""
    side, _ = peer_side(peer, scratch_side(rule))
    for seed, path in zip(trials.seeds, side.paths(trials, {})):
        alone = draw_trials(trials.features, trials.labels, 10, 1, (seed,))
        np.testing.assert_allclose(path, side.paths(alone, {})[0], atol=1e-6)


def test_the_comparison_has_rows_for_each_peer(twin):
    """If this fails, the peers that are installed do not show in the table."""
    installed = sides.installed()
    if not installed:
        pytest.skip("neither PyTorch nor optax is installed")
    found = compare(
        "adadelta", twin.features, twin.labels, num_epochs=1, seeds=[0], peers=installed
    )
    assert list(found.losses) == ["scratch", "Gluon", *installed]
    assert list(found.peers) == list(found.peers_aligned) == installed
    shown = [row[0] for row in found._table()[1]]
    for peer in installed:
        assert f"{peer}, defaults" in shown and f"{peer}, set as ours" in shown
        # Both have an epsilon of 1e-6 where the chapter has 1e-5, which is what AdaDelta starts on.
        assert found.peers[peer].largest > 0.1 and found.peers_aligned[peer].largest <= 1e-6


def test_peers_are_named_in_any_case(peer):
    """If this fails, peers="pytorch" is seven unknown libraries, or an unknown one."""
    assert sides.peer_names(peer.upper()) == (peer,)
    assert sides.peer_names([peer.lower()]) == (peer,)
    with pytest.raises(ArgumentError, match=r"no peer 'Keras'\. There are: PyTorch, optax"):
        sides.peer_names("Keras")


def test_a_peer_that_is_not_installed_is_refused(twin, monkeypatch):
    """If this fails, someone without the extra gets an ImportError that names no command."""
    monkeypatch.setattr(sides, "_can_be_imported", lambda module: False)
    with pytest.raises(
        DependencyError, match=r"PyTorch cannot be imported: .*pip install .*(torch|peers)"
    ):
        compare("sgd", twin.features, twin.labels, peers="PyTorch")


def test_every_rule_has_a_counterpart():
    """If this fails, one rule breaks the table for all where the extra is installed."""
    for rule in RULES.values():
        assert rule.gluon in sides.PEERS["PyTorch"].spelling
        for library in sides.PEERS.values():
            assert set(rule.gluon_names) <= set(library.names)


def test_a_peer_starts_where_the_others_do(peer, trials):
    """If this fails, differences are of the start and not of the rule."""
    side, _ = peer_side(peer, scratch_side("sgd"))
    np.testing.assert_array_equal(side.paths(trials, {})[:, 0], trials.starts)
