"""The comparison: a rule from scratch beside Gluon's optimizer, difference by difference.

Both train from the same start on the same minibatches, and every weight is followed at every step.
Then the known differences, which `RULES` declares, are switched off: all of them, to see whether
anything unknown is left; and all but one, to see what that one is worth.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .. import _validation as checks
from .._mxnet import nd
from .._sampling import last_checkpoint
from ..errors import ArgumentError
from .frameworks import follow_peer
from .objective import full_batch_losses
from .registry import Difference, UpdateRule, find_rule
from .trajectory import Trial, draw_trial, follow_gluon, follow_scratch

__all__ = ["Comparison", "Gap", "compare"]

LIMIT = 1e-6


@dataclass(frozen=True)
class Gap:
    """How far two optimizers are apart, at every step of every trial.

    Attributes
    ----------
    absolute : ndarray, shape (trials, steps + 1), float64
        The largest difference of any weight (the bias is one). NaN once a run has diverged.
    scale : ndarray, shape (trials, steps + 1), float32
        The largest weight of either run at that step.
    """

    absolute: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float32]

    @property
    def largest_of_each(self) -> npt.NDArray[np.float64]:
        """The largest difference of any weight at any step of each trial: (trials,)."""
        largest: npt.NDArray[np.float64] = np.nanmax(self.absolute, axis=1)
        return largest

    @property
    def largest(self) -> float:
        """The median of `largest_of_each`.

        The largest of all would speak of a single trial: if the first gradient of one weight
        happens to be almost zero, epsilon decides that weight's first step.
        """
        return float(np.median(self.largest_of_each))

    @property
    def worst(self) -> float:
        """The largest of `largest_of_each`."""
        return float(self.largest_of_each.max())

    @property
    def relative(self) -> float:
        """`largest`, with each step in units of its largest weight."""
        scale = np.where(self.scale > 0, self.scale, np.inf)
        return float(np.median(np.nanmax(self.absolute / scale, axis=1)))

    @property
    def ulps(self) -> float:
        """`largest`, with each step in units in the last place of its largest weight."""
        return float(np.median(np.nanmax(self.absolute / np.spacing(self.scale), axis=1)))

    def first_over(self, limit: float = LIMIT) -> Optional[int]:
        """Return the first step of any trial after which a weight differs by more, or None."""
        with np.errstate(invalid="ignore"):
            steps = np.flatnonzero((self.absolute > limit).any(axis=0))
        return int(steps[0]) if len(steps) else None


@dataclass(frozen=True)
class Comparison:
    """What a comparison of one rule found.

    Attributes
    ----------
    rule : UpdateRule
    hyperparams : dict
        Under the chapter's names.
    batch_size, num_epochs : int
    seeds : tuple of int
        One for each trial.
    as_in_book : Gap
        Between the rule and Gluon's optimizer as the book uses both.
    only : dict of str to Gap
        For each known difference, with all the others switched off.
    aligned : Gap
        With all of them switched off.
    peers : dict of str to Gap
        Between the rule and another library's optimizer with that library's defaults.
    peers_aligned : dict of str to Gap
        The same with everything set that its hyperparameters can set.
    losses : dict of str to ndarray, shape (trials, steps + 1), float64
        The full-batch losses of ``"scratch"``, ``"Gluon"`` and the peers, as in the book.
    last_checkpoint : int
        The step after which the book takes the final loss.
    """

    rule: UpdateRule
    hyperparams: Mapping[str, Any]
    batch_size: int
    num_epochs: int
    seeds: tuple[int, ...]
    as_in_book: Gap
    only: Mapping[str, Gap]
    aligned: Gap
    losses: Mapping[str, npt.NDArray[np.float64]]
    last_checkpoint: int
    peers: Mapping[str, Gap] = field(default_factory=dict)
    peers_aligned: Mapping[str, Gap] = field(default_factory=dict)

    @property
    def final_losses(self) -> dict[str, npt.NDArray[np.float64]]:
        """The loss of each trial (trials,) where the book prints it, for each optimizer."""
        return {name: losses[:, self.last_checkpoint] for name, losses in self.losses.items()}

    @property
    def diverged_at(self) -> dict[str, int]:
        """For each optimizer that diverged, the first step whose loss is not a finite number."""
        bad = {name: (~np.isfinite(losses)).any(axis=0) for name, losses in self.losses.items()}
        return {name: int(np.argmax(steps)) for name, steps in bad.items() if steps.any()}


def compare(
    rule: str,
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
    *,
    seeds: Iterable[int] = range(3),
    hyperparams: Optional[Mapping[str, Any]] = None,
    peers: Iterable[str] = (),
) -> Comparison:
    """Compare a rule with Gluon's optimizer, and explain the difference.

    Parameters
    ----------
    rule : str
        The name of one of the `RULES`.
    features, labels, batch_size, num_epochs
        As in `fit_scratch`.
    seeds : iterable of int
        One for each trial; it draws what ``fit_scratch(..., seed=seed)`` draws.
    hyperparams : dict, optional
        Under the chapter's names; by default what the chapter trains with.
    peers : iterable of str
        Other libraries to compare with as well: of ``"PyTorch"`` and ``"optax"``, those that are
        installed (`peers.installed`).

    Returns
    -------
    Comparison

    Raises
    ------
    ArgumentError
        If the rule is unknown, or the arguments do not fit together.
    DependencyError
        If a peer is not installed.
    """
    found, seeds, peers = find_rule(rule), tuple(seeds), tuple(peers)
    hyperparams = dict(found.hyperparams if hyperparams is None else hyperparams)
    checks.check_data(features, labels)
    checks.check_sizes(batch_size, num_epochs)
    checks.check_hyperparams(rule, hyperparams, tuple(found.hyperparams))
    if not seeds:
        raise ArgumentError("seeds is empty; give one for each trial, such as range(3)")
    trials = [
        _Runs(draw_trial(features, labels, batch_size, num_epochs, seed), found, hyperparams)
        for seed in seeds
    ]
    known = found.differences
    book = [runs.ours(()) for runs in trials]
    gluons = [runs.gluons(()) for runs in trials]
    with_defaults = {peer: [runs.peers(peer, False) for runs in trials] for peer in peers}
    with_ours = {peer: [runs.peers(peer, True) for runs in trials] for peer in peers}
    paths = {"scratch": book, "Gluon": gluons, **with_defaults}
    return Comparison(
        found,
        hyperparams,
        batch_size,
        num_epochs,
        seeds,
        as_in_book=_gap(book, gluons),
        only={one.name: _switched_off(trials, [d for d in known if d != one]) for one in known},
        aligned=_switched_off(trials, known),
        losses={n: full_batch_losses(np.stack(p), features, labels) for n, p in paths.items()},
        last_checkpoint=last_checkpoint(len(features), batch_size, num_epochs),
        peers={peer: _gap(book, paths) for peer, paths in with_defaults.items()},
        peers_aligned={peer: _gap(book, paths) for peer, paths in with_ours.items()},
    )


class _Runs:
    """All runs of one trial, each trained once however often its path is asked for."""

    def __init__(self, trial: Trial, rule: UpdateRule, hyperparams: Mapping[str, Any]) -> None:
        self.trial, self.rule, self.hyperparams = trial, rule, dict(hyperparams)
        self.paths: dict[Any, npt.NDArray[np.float32]] = {}

    def ours(self, off: Sequence[Difference]) -> npt.NDArray[np.float32]:
        """Return the path from scratch with these differences switched off."""
        variant = {name: value for d in off for name, value in d.variant.items()}
        like_gluon = self.rule.like_gluon or self.rule.step
        step = partial(like_gluon, **variant) if variant else self.rule.step
        key = ("scratch", *sorted(variant))
        if key not in self.paths:
            states = self.rule.states(self.trial.minibatches[0][0])
            self.paths[key] = follow_scratch(self.trial, step, states, self.hyperparams)
        return self.paths[key]

    def gluons(self, off: Sequence[Difference]) -> npt.NDArray[np.float32]:
        """Return the path of Gluon's optimizer with these differences switched off."""
        hyperparams = self.rule.gluon_hyperparams(self.hyperparams)
        for difference in off:
            hyperparams.update(difference.gluon_hyperparams)
        count_rows = any(difference.count_rows for difference in off)
        key = ("Gluon", *sorted(hyperparams.items()), count_rows)
        if key not in self.paths:
            self.paths[key] = follow_gluon(self.trial, self.rule.gluon, hyperparams, count_rows)
        return self.paths[key]

    def peers(self, peer: str, aligned: bool) -> npt.NDArray[np.float32]:
        """Return the path of another library's optimizer."""
        return follow_peer(peer, self.trial, self.rule.name, self.hyperparams, aligned)


def _switched_off(trials: Sequence[_Runs], off: Sequence[Difference]) -> Gap:
    return _gap([runs.ours(off) for runs in trials], [runs.gluons(off) for runs in trials])


def _gap(ours: Sequence[npt.NDArray[np.float32]], theirs: Sequence[npt.NDArray[np.float32]]) -> Gap:
    """Return how far apart the paths (steps + 1, k + 1) of each trial are."""
    a, b = np.stack(ours), np.stack(theirs)
    finite = (np.isfinite(a) & np.isfinite(b)).all(axis=-1, keepdims=True)
    a, b = np.where(finite, a, np.nan), np.where(finite, b, np.nan)
    absolute = np.abs(a.astype(np.float64) - b).max(axis=-1)
    return Gap(absolute, np.maximum(np.abs(a), np.abs(b)).max(axis=-1))
