"""The peers: PyTorch's and optax's optimizers on the same trial (skipped where not installed)."""

import numpy as np
import pytest

from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import DependencyError
from gluonbook_ch7.experiments import frameworks as peers
from gluonbook_ch7.experiments.compare import compare
from gluonbook_ch7.experiments.registry import RULES
from gluonbook_ch7.experiments.trajectory import draw_trial, follow_scratch

# What is left between a rule and a peer's optimizer once its hyperparameters are set like ours.
# PyTorch's RMSprop and Adagrad add epsilon outside the root, which no hyperparameter changes;
# optax takes 1 − β₂ in float32, as Gluon does.
LEFT = {
    ("PyTorch", "adagrad"): (1e-6, 1e-4),
    ("PyTorch", "rmsprop"): (1e-6, 1e-3),
    ("optax", "adam"): (1e-6, 1e-5),
}


@pytest.fixture(scope="module")
def twin():
    return load_data_ch7(source="twin")


@pytest.fixture(scope="module")
def trials(twin):
    return [draw_trial(twin.features, twin.labels, 10, 1, seed) for seed in range(3)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("peer", peers.PEERS)
def test_a_peer_is_the_rule_but_for_its_epsilon(peer, rule, trials):
    """If this fails, a column compares a rule with another optimizer than it says."""
    if peer not in peers.installed():
        pytest.skip(f"{peer} is not installed")
    found = RULES[rule]
    differences = []
    for trial in trials:
        states = found.states(trial.minibatches[0][0])
        ours = follow_scratch(trial, found.step, states, found.hyperparams)
        theirs = peers.follow_peer(peer, trial, rule, found.hyperparams, aligned=True)
        assert theirs.shape == ours.shape and theirs.dtype == np.float32
        differences.append(np.abs(ours - theirs).max())
    low, high = LEFT.get((peer, rule), (0, 1e-6))
    assert low <= np.median(differences) <= high


def test_the_comparison_has_a_column_for_each_peer(twin):
    """If this fails, the peers that are installed do not show in the table."""
    installed = peers.installed()
    found = compare(
        "adadelta", twin.features, twin.labels, num_epochs=1, seeds=[0], peers=installed
    )
    assert list(found.losses) == ["scratch", "Gluon", *installed]
    assert list(found.peers) == list(found.peers_aligned) == installed
    for peer in installed:
        # Both have an epsilon of 1e-6 where the chapter has 1e-5, which is what AdaDelta starts on.
        assert found.peers[peer].largest > 0.1 and found.peers_aligned[peer].largest <= 1e-6


def test_a_peer_that_is_not_installed_is_refused(twin, monkeypatch):
    """If this fails, someone without the extra gets an ImportError that names no command."""
    monkeypatch.setattr(peers, "_can_be_imported", lambda module: False)
    trial = draw_trial(twin.features, twin.labels, 10, 1, seed=0)
    with pytest.raises(DependencyError, match=r"pip install 'gluonbook_ch7\[peers\]'"):
        peers.follow_peer("PyTorch", trial, "sgd", {"lr": 0.1})


def test_every_rule_has_a_counterpart():
    """If this fails, one rule breaks the table for all where the extra is installed."""
    for library in peers.PEERS.values():
        assert set(library.optimizers) == set(RULES)


def test_a_peer_starts_where_the_others_do(twin):
    """If this fails, differences are of the start and not of the rule."""
    trial = draw_trial(twin.features, twin.labels, 10, 1, seed=0)
    for peer in peers.installed():
        path = peers.follow_peer(peer, trial, "sgd", {"lr": 0.1})
        np.testing.assert_array_equal(path[0], np.append(*trial.start))
