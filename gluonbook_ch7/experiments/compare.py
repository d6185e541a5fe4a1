"""Compare a rule from scratch with any optimizer, difference by difference.

Both train from the same start on the same minibatches, and every parameter is followed at every
step. Then the known differences are switched off: all of them, to see whether anything unknown is
left; and all but one, to see what that one is worth.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
import numpy.typing as npt

from .. import _validation as validation
from .._mxnet import nd
from .._results import Result, Table, run_settings
from .._sampling import last_checkpoint
from ..errors import ArgumentError
from .frameworks import peer_names
from .gap import Gap, Parting, measure_gap, short_number
from .objective import full_batch_losses
from .registry import Difference
from .sides import Pair, Side, make_pair, peer_side
from .trajectory import Path, Trial, draw_trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison", "Gap", "Parting", "compare"]

ROW_HEADINGS = (
    "left different",
    "median",
    "range of seeds",
    "worst",
    "ulps",
    "> 1e-6",
)
# The values of ε that are tried if two optimizers differ and one has an ε that can be set.
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
        ``hyperparams``, ``against_hyperparams``, ``batch_size``, ``num_epochs``, ``seeds``,
        ``data`` and ``versions``.
    peers : dict of str to Gap
        Between the rule and other libraries' optimizers with those libraries' defaults.
    peers_aligned : dict of str to Gap
        The same with everything set that their hyperparameters can set.
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
        only = self.only if len(self.only) > 1 else {}  # a single one is everything
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
        """Where the two part with all known differences switched off; None if they do not."""
        return self.aligned.parting

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.diverged_at:
            at = [f"{name} at step {step}" for name, step in self.diverged_at.items()]
            return f"diverged: {', '.join(at)}"
        if self.as_in_book.is_rounding:
            return f"the same to rounding ({_size(self.as_in_book)})"
        if self.aligned.is_rounding:
            matter = [name for name, gap in self.only.items() if not gap.is_rounding]
            return f"the same but for: {', '.join(matter)} (without, {_size(self.aligned)})"
        if self.parting is None:  # no step adds more than rounding might
            return f"drifting apart slowly ({_size(self.aligned)})"
        known = ", and not because of a known difference" if self.differences else ""
        return f"different{known}: {self.parting}"

    def _short_verdict(self) -> str:
        """Return the first words of the verdict."""
        if self.parting is not None and not self.diverged_at:
            return f"different from step {self.parting.step} on"
        return self.verdict.partition(" (")[0]

    def numbers(self) -> dict[str, Any]:
        """Return the results without the curves: what ``gluonbook-ch7 compare --json`` writes."""
        return {
            "rule": self.rule,
            "against": self.against,
            "verdict": self.verdict,
            "statistic": "largest difference of a parameter: median, smallest and largest of seeds",
            **{name: _numbers(gap) for name, gap in _named(self.as_in_book, self.aligned)},
            "only": {name: _numbers(gap) for name, gap in self.only.items()},
            "peers": {name: _numbers(gap) for name, gap in self.peers.items()},
            "peers_aligned": {name: _numbers(gap) for name, gap in self.peers_aligned.items()},
            "parting": None if self.parting is None else self.parting._asdict(),
            "final_losses": {name: loss.tolist() for name, loss in self.final_losses.items()},
            "diverged_at": self.diverged_at,
            "differences": {name: [ours, theirs] for name, ours, theirs in self.differences},
            **self.settings,
        }

    def _summary(self) -> str:
        return f"{self.rule} against {self.against}: {self._short_verdict()}"

    def _table(self) -> Table:
        rows = [_row(name, gap) for name, gap in self.cases.items()]
        for peer, gap in self.peers.items():
            rows.append(_row(f"{peer}, defaults", gap))
            rows.append(_row(f"{peer}, set as ours", self.peers_aligned[peer]))
        return ROW_HEADINGS, rows

    def plot(self, ax: Optional["Axes"] = None) -> Any:
        """Plot the losses and, below them, how far apart the parameters are.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Plots only how far apart they are, into these axes.

        Returns
        -------
        matplotlib Axes, or an array of two
        """
        from ..figures import plt
        from .charts import COMPARISON_SIZE, draw_comparison, draw_gaps

        gaps = {name: gap.so_far for name, gap in self.cases.items()}
        if ax is not None:
            draw_gaps(ax, gaps)
            ax.legend()
            return ax
        figure = plt.figure(figsize=COMPARISON_SIZE, layout="constrained")
        return draw_comparison(figure, self.losses, gaps, self._title())

    def _title(self) -> str:
        batch_size, data = self.settings["batch_size"], self.settings["data"]
        return (
            f"{self.rule} from scratch beside {self.against}, minibatches of {batch_size}\n"
            f"{data}; lines: median of {len(self.seeds)} seeds, bands: their range"
        )


def _named(as_in_book: Gap, aligned: Gap) -> list[tuple[str, Gap]]:
    return [("as_in_book", as_in_book), ("aligned", aligned)]


def _numbers(gap: Gap) -> dict[str, Any]:
    return {
        "median": gap.largest,
        "smallest": gap.range[0],
        "largest": gap.range[1],
        "worst_seed": gap.worst_seed,
        "relative": gap.relative,
        "ulps": gap.ulps,
        "first_step_over_1e-6": gap.first_over(),
    }


def _row(case: str, gap: Gap) -> tuple[str, ...]:
    """Return a row: what is left different, the statistic of the seeds, and since which step."""
    low, high = map(short_number, gap.range)
    first = gap.first_over()
    return (
        case,
        short_number(gap.largest),
        f"{low} to {high}",
        str(gap.worst_seed),
        _ulps(gap.ulps),
        "never" if first is None else str(first),
    )


def _ulps(value: float) -> str:
    if value >= 1e5:
        return short_number(value)
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _size(gap: Gap) -> str:
    return f"{short_number(gap.worst)} at most, {_ulps(gap.ulps)} ulps"


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
    Against a Gluon optimizer that is not the rule's counterpart, one difference is known: what it
    divides a short minibatch by. If the two differ otherwise and the other has an ε, common values
    of it are tried; one with which the two are equal becomes a known difference.
    """
    validation.check_data(features, labels)
    validation.check_sizes(batch_size, num_epochs)
    seeds = validation.check_seeds(seeds)
    pair = make_pair(rule, hyperparams, states, against, against_hyperparams, against_states)
    libraries = peer_names(peers)
    if libraries and pair.rule is None:
        raise ArgumentError("peers are counterparts of the chapter's rules; give against instead")
    settings = run_settings(
        pair.ours.name,
        pair.ours.hyperparams,
        features,
        labels,
        batch_size,
        num_epochs,
        against_hyperparams=dict(pair.theirs.hyperparams),
        seeds=seeds,
    )
    numpy_generator = np.random.get_state()
    try:
        runs = _Runs([draw_trial(features, labels, batch_size, num_epochs, s) for s in seeds])
        known = pair.differences + _epsilon_difference(runs, pair)
        paths = _paths_in_book(runs, pair, libraries)
        return Comparison(
            rule=pair.ours.name,
            against=pair.theirs.name,
            as_in_book=runs.gap(pair, ()),
            only={one.name: runs.gap(pair, [d for d in known if d != one]) for one in known},
            aligned=runs.gap(pair, known),
            differences=tuple((each.name, each.ours, each.theirs) for each in known),
            losses={n: full_batch_losses(np.stack(p), features, labels) for n, p in paths.items()},
            last_checkpoint=last_checkpoint(len(features), batch_size, num_epochs),
            settings=settings,
            peers={each: runs.peer_gap(pair, each, aligned=False) for each in libraries},
            peers_aligned={each: runs.peer_gap(pair, each, aligned=True) for each in libraries},
        )
    finally:
        np.random.set_state(numpy_generator)


class _Runs:
    """The runs of all trials, each trained once however often its path is asked for."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self.trials = trials
        self.seeds = tuple(trial.seed for trial in trials)
        self._paths: dict[Any, list[Path]] = {}

    def gap(self, pair: Pair, off: Sequence[Difference]) -> Gap:
        """Return how far the two sides are apart with some differences switched off."""
        hyperparams = dict(pair.theirs.hyperparams)
        for difference in off:
            hyperparams.update(difference.their_hyperparams)
        ours = self.paths(pair.ours, pair.ours.hyperparams, off)
        return measure_gap(self.seeds, ours, self.paths(pair.theirs, hyperparams, off))

    def peer_gap(self, pair: Pair, peer: str, *, aligned: bool) -> Gap:
        """Return how far the chapter's rule and its counterpart in a library are apart."""
        ours = self.paths(pair.ours, pair.ours.hyperparams, ())
        return measure_gap(self.seeds, ours, self.peer_paths(pair, peer, aligned=aligned))

    def peer_paths(self, pair: Pair, peer: str, *, aligned: bool) -> list[Path]:
        """Return the paths of the rule's counterpart in a library."""
        assert pair.rule is not None
        side = peer_side(peer, pair.rule, pair.ours.hyperparams, aligned)
        key = (peer, repr(sorted(side.hyperparams.items())))
        if key not in self._paths:
            self._paths[key] = self.paths(side, side.hyperparams, ())
        return self._paths[key]

    def paths(
        self, side: Side, hyperparams: Mapping[str, Any], off: Sequence[Difference]
    ) -> list[Path]:
        """Return the paths of one side."""
        matters = "variant" if side.library == "scratch" else "count_rows"
        changes = tuple(each.name for each in off if getattr(each, matters))
        key = (side, repr(sorted(hyperparams.items())), changes)
        if key not in self._paths:
            self._paths[key] = side.train(self.trials, dict(hyperparams), off)
        return self._paths[key]


def _paths_in_book(runs: _Runs, pair: Pair, libraries: Sequence[str]) -> dict[str, list[Path]]:
    """Return each optimizer's paths with nothing switched off."""
    ours, theirs = pair.ours, pair.theirs
    their_name = theirs.name if theirs.library == "scratch" else theirs.library
    return {
        "scratch": runs.paths(ours, ours.hyperparams, ()),
        their_name: runs.paths(theirs, theirs.hyperparams, ()),
        **{peer: runs.peer_paths(pair, peer, aligned=False) for peer in libraries},
    }


def _epsilon_difference(runs: _Runs, pair: Pair) -> tuple[Difference, ...]:
    """Return the difference of ε if the two are equal with another value of it."""
    name = pair.theirs.epsilon
    is_known = any(each.name == "epsilon" for each in pair.differences)
    if name is None or is_known or runs.gap(pair, pair.differences).is_rounding:
        return ()
    default = pair.theirs.hyperparams.get(name, pair.theirs.known[name])
    first = _Runs(runs.trials[:1])
    for value in EPSILONS:
        epsilon = Difference("epsilon", f"as with ε = {value:g}", f"ε = {default}", {name: value})
        off = (*pair.differences, epsilon)
        if first.gap(pair, off).is_rounding and runs.gap(pair, off).is_rounding:
            return (epsilon,)
    return ()
