"""Compare a rule from scratch with any optimizer, difference by difference.

Both train from the same start on the same minibatches, and every parameter is followed at every
step. Then the known differences are switched off: all of them, to see whether anything unknown is
left; and all but one, to see how much that one matters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from .._mxnet import nd
from .._results import Result, Table, run_settings
from .._sampling import last_checkpoint
from .._validation import check_seeds, check_training
from ..figures import plt
from .charts import GAPS_TITLE, draw_comparison, draw_gaps
from .gap import Gap, Parting, measure_gap, short_number, ulps_number
from .objective import full_batch_losses
from .registry import Difference
from .sides import Side, other_side, peer_names, peer_side, scratch_side
from .trajectory import Trials, draw_trials

# The values that are tried if two optimizers differ and the other's ε can be set.
EPSILONS = (1e-8, 1e-6, 1e-7, 1e-5, 1e-10, 1e-9, 1e-4, 1e-3, 1e-12)


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """What a comparison found.

    Attributes
    ----------
    rule, against : str
        Such as ``"rmsprop"`` and ``"Gluon's rmsprop"``.
    as_in_book : Gap
        Between the two with nothing switched off.
    only : dict of str to Gap
        For each known difference, with all the others switched off.
    aligned : Gap
        With all known differences switched off.
    differences : tuple of (str, str, str)
        The name of each known difference, what the rule does, and what the other does.
    losses : dict of str to ndarray, shape (seeds, steps + 1), float64
        The full-batch losses of the rule (``"scratch"``), the other and the peers, with nothing
        switched off.
    last_checkpoint : int
        The step after which the book takes the final loss.
    settings : dict
        ``rule``, ``hyperparams``, ``against_hyperparams``, ``batch_size``, ``num_epochs``,
        ``seeds``, ``data`` and ``versions``.
    peers, peers_aligned : dict of str to Gap
        Between the rule and other libraries' optimizers: with those libraries' defaults, and with
        everything set that their hyperparameters can set.
    """

    rule: str
    against: str
    as_in_book: Gap
    only: Mapping[str, Gap]
    aligned: Gap
    differences: tuple[tuple[str, str, str], ...]
    losses: Mapping[str, npt.NDArray[np.float64]]
    last_checkpoint: int
    settings: Mapping[str, Any]
    peers: Mapping[str, Gap] = field(default_factory=dict)
    peers_aligned: Mapping[str, Gap] = field(default_factory=dict)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each trial."""
        return self.as_in_book.seeds

    @property
    def cases(self) -> dict[str, Gap]:
        """The gaps by what is left different: everything, one difference, or nothing known."""
        only = self.only if len(self.only) > 1 else {}  # a single known difference is everything
        nothing = {"nothing known": self.aligned} if self.only else {}
        return {"everything": self.as_in_book, **only, **nothing}

    @property
    def final_losses(self) -> dict[str, npt.NDArray[np.float64]]:
        """The loss for each seed where the book prints it, for each optimizer."""
        return {name: losses[:, self.last_checkpoint] for name, losses in self.losses.items()}

    @property
    def diverged_at(self) -> dict[str, int]:
        """For each optimizer that diverged, the first step whose loss is not a finite number."""
        bad = {name: (~np.isfinite(losses)).any(axis=0) for name, losses in self.losses.items()}
        return {name: int(np.argmax(steps)) for name, steps in bad.items() if steps.any()}

    @property
    def parting(self) -> Optional[Parting]:
        """Where the two part with all known differences switched off, or None."""
        return self.aligned.parting

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.diverged_at:
            at = [f"{name} at step {step}" for name, step in self.diverged_at.items()]
            return f"diverged: {', '.join(at)}"
        if self.as_in_book.is_rounding:
            return f"the same to rounding ({self.as_in_book.size})"
        if self.aligned.is_rounding:
            alone = [name for name, gap in self.only.items() if not gap.is_rounding]
            matter = alone or list(self.only)  # each alone may be less than all together
            them = "them" if len(matter) > 1 else "it"
            return f"the same but for {' and '.join(matter)} (without {them}, {self.aligned.size})"
        if self.parting is None:  # no step adds more than rounding might
            return f"drifting apart slowly ({self.aligned.size})"
        known = ", and not because of a known difference" if self.differences else ""
        return f"different{known}: {self.parting}"

    def numbers(self) -> dict[str, Any]:
        """Return the results without the curves: what ``gluonbook-ch7 compare --json`` writes."""
        return {
            "rule": self.rule,
            "against": self.against,
            "verdict": self.verdict,
            "statistic": "largest difference of a parameter: median, smallest and largest of seeds",
            "as_in_book": self.as_in_book.numbers(),
            "aligned": self.aligned.numbers(),
            "only": {name: gap.numbers() for name, gap in self.only.items()},
            "peers": {name: gap.numbers() for name, gap in self.peers.items()},
            "peers_aligned": {name: gap.numbers() for name, gap in self.peers_aligned.items()},
            "parting": None if self.parting is None else self.parting._asdict(),
            "final_losses": {name: loss.tolist() for name, loss in self.final_losses.items()},
            "diverged_at": self.diverged_at,
            "differences": {name: [ours, theirs] for name, ours, theirs in self.differences},
            **self.settings,
        }

    def _summary(self) -> str:
        verdict = self.verdict.partition(" (")[0]
        if verdict.startswith("different") and self.parting:
            verdict = f"different from step {self.parting.step} on"
        return f"{self.rule} against {self.against}: {verdict}"

    def _table(self) -> Table:
        rows = [_row(name, gap) for name, gap in self.cases.items()]
        for peer, gap in self.peers.items():
            rows.append(_row(f"{peer}, defaults", gap))
            rows.append(_row(f"{peer}, set as ours", self.peers_aligned[peer]))
        return ("left different", "median", "range of seeds", "worst", "ulps", "> 1e-6"), rows

    def plot(self, ax: Optional[Axes] = None) -> Any:
        """Plot the losses and, below them, how far apart the parameters are.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            If given, only how far apart they are is plotted, into these axes.

        Returns
        -------
        matplotlib Axes, or an array of two
        """
        gaps = {name: gap.so_far for name, gap in self.cases.items()}
        if ax is not None:
            draw_gaps(ax, gaps)
            ax.legend(title=GAPS_TITLE)
            return ax
        figure = plt.figure(figsize=(7.5, 7), layout="constrained")
        figure.suptitle(
            f"{self.rule} from scratch beside {self.against}, minibatches of "
            f"{self.settings['batch_size']}\n{self.settings['data']}; "
            f"lines: median of {len(self.seeds)} seeds, bands: their range"
        )
        return draw_comparison(figure, self.losses, gaps)


def _row(case: str, gap: Gap) -> tuple[str, ...]:
    median, low, high = map(short_number, (gap.largest, *gap.range))
    step = gap.first_over()
    first = "never" if step is None else str(step)
    return case, median, f"{low} to {high}", str(gap.worst_seed), ulps_number(gap.ulps), first


def compare(
    rule: Any,
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
    *,
    against: Any = None,
    hyperparams: Optional[Mapping[str, Any]] = None,
    against_hyperparams: Optional[Mapping[str, Any]] = None,
    states: Any = None,
    against_states: Any = None,
    seeds: Union[int, Iterable[int]] = 3,
    peers: Union[str, Iterable[str]] = (),
) -> Comparison:
    """Compare an update rule with another optimizer, and explain the difference.

    Parameters
    ----------
    rule : str or callable
        One of the chapter's rules, or its name; or any function in the book's style,
        ``rule(params, states, hyperparams)``.
    features, labels, batch_size, num_epochs
        As in `fit_scratch`.
    against : str, callable or class, optional
        The name of a Gluon optimizer; another function in the book's style; a class of
        ``torch.optim``; a constructor of ``optax``. By default Gluon's counterpart of the chapter's
        rule.
    hyperparams, against_hyperparams : dict, optional
        Each under the names of its own library. By default those that the chapter trains with, and
        the same for the rule's counterpart; for any other optimizer its library's defaults.
    states, against_states : sequence of NDArray, or of sequences of NDArray, or callable, optional
        A rule's states before the first step, which are copied, or a function from the features to
        them, such as `init_rmsprop_states`. By default what ``init_NAME_states`` makes, if that
        function is defined beside the rule NAME, or else a zero array for each parameter.
    seeds : int or iterable of int
        One for each trial; a trial starts and shuffles as ``fit_scratch(..., seed=seed)`` does. A
        number n means ``range(n)``.
    peers : str or iterable of str
        Compare one of the chapter's rules with its counterparts in these libraries as well:
        ``"PyTorch"``, ``"optax"``.

    Returns
    -------
    Comparison

    Raises
    ------
    ArgumentError
        If the rule, the optimizer or a hyperparameter is unknown, or the arguments do not fit
        together.
    DependencyError
        If a peer is not installed.

    Notes
    -----
    Against a Gluon optimizer that is not the rule's counterpart, one difference is known: the
    divisor of a short minibatch; against PyTorch's or optax's counterpart, the hyperparameters that
    can be set there. If the two differ otherwise and the other has an ε, common values of it are
    tried; one that makes the two equal becomes a known difference.
    """
    batch_size, num_epochs = check_training(features, labels, batch_size, num_epochs)
    seeds = check_seeds(seeds)
    ours = scratch_side(rule, hyperparams, states)
    theirs, known = other_side(ours, against, against_hyperparams, against_states)
    others = {library: peer_side(library, ours) for library in peer_names(peers)}
    task = (features, labels, batch_size, num_epochs)
    settings = run_settings(
        ours.name, ours.hyperparams, *task, against_hyperparams=theirs.hyperparams, seeds=seeds
    )
    trials = draw_trials(*task, seeds)
    known += _epsilon_difference(trials, ours, theirs, known)
    sides = {
        "scratch": ours,
        theirs.name if theirs.library == "scratch" else theirs.library: theirs,
    }
    sides.update({name: peer for name, (peer, _) in others.items()})
    return Comparison(
        rule=ours.name,
        against=theirs.name,
        as_in_book=_gap(trials, ours, theirs),
        only={d.name: _gap(trials, ours, theirs, [e for e in known if e != d]) for d in known},
        aligned=_gap(trials, ours, theirs, known),
        differences=tuple((each.name, each.ours, each.theirs) for each in known),
        losses={
            name: full_batch_losses(side.paths(trials, {}), features, labels)
            for name, side in sides.items()
        },
        last_checkpoint=last_checkpoint(len(features), batch_size, num_epochs),
        settings=settings,
        peers={name: _gap(trials, ours, peer) for name, (peer, _) in others.items()},
        peers_aligned={name: _gap(trials, ours, peer, off) for name, (peer, off) in others.items()},
    )


def _gap(trials: Trials, ours: Side, theirs: Side, off: Iterable[Difference] = ()) -> Gap:
    """Return how far the two sides are apart with some differences switched off."""
    our_changes = {name: value for each in off for name, value in each.our_changes.items()}
    their_changes = {name: value for each in off for name, value in each.their_changes.items()}
    our_paths = ours.paths(trials, our_changes)
    return measure_gap(trials.seeds, our_paths, theirs.paths(trials, their_changes))


def _epsilon_difference(
    trials: Trials, ours: Side, theirs: Side, known: tuple[Difference, ...]
) -> tuple[Difference, ...]:
    """Return the difference of ε if the two are equal with another value of it."""
    name = theirs.epsilon()
    is_known = any(each.name == "epsilon" for each in known)
    if name is None or is_known or _gap(trials, ours, theirs, known).is_rounding:
        return ()
    for value in EPSILONS:
        epsilon = theirs.difference(name, value)
        if _gap(trials, ours, theirs, (*known, epsilon)).is_rounding:
            return (epsilon,)
    return ()
