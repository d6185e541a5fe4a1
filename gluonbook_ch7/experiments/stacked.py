"""Many runs trained together, as one array.

An update rule is elementwise, so it does not care whether a parameter holds the weights of one run
or of many. Taking each step of all runs together costs little more than taking it for one. NumPy
computes the gradients, and the steps of a rule that can be traced, because on many small runs it is
faster than MXNet; the results differ by rounding alone.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Callable, Union

import numpy as np
import numpy.typing as npt

from .._mxnet import mx, nd
from .._mxnet.locking import in_turn
from .._results import name_of
from .._sampling import draw_orders, is_checkpoint, steps_per_epoch
from .._trees import leaves, map_arrays
from ..errors import ArgumentError, TraceError
from ..tracing.runs import ELEMENTWISE
from ..tracing.tape import OPERATORS
from ..tracing.tracer import Program, trace
from ..training import Rule

# Gluon's optimizers that can be given many runs as one array. The others may take its norm, or
# draw random numbers, as SGLD does.
STACKABLE = {
    *ELEMENTWISE,
    *("adamax", "ccsgd", "dcasgd", "ftml", "ftrl", "nadam", "nag", "signum"),
}

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
# Takes a step: from the gradient of all parameters to their new values, both (k + 1, runs).
Stepper = Callable[[Floats], Floats]


@dataclass(frozen=True)
class StackedRuns:
    """Runs that are trained together, as a block of work.

    It holds NumPy arrays, so it can be sent to another process, and all random draws follow from
    its seeds, so it gives the same result there.
    """

    rule: Union[Rule, str]
    states: Any  # those of a single run
    hyperparams: dict[str, Any]  # numbers, or arrays (runs,)
    features: Floats
    labels: Floats
    batch_size: int
    num_epochs: int
    seeds: Indices  # of the runs' shuffles
    weights: Floats  # before the first step, (runs, k, 1)
    bias: Floats  # (runs, 1, 1)
    count_rows: bool  # whether a short minibatch is averaged over its own rows

    def some(self, runs: Union[slice, Indices]) -> "StackedRuns":
        """Return some of the runs."""
        varying = {name: h[runs] for name, h in self._varying.items()}
        return replace(
            self,
            hyperparams={**self.hyperparams, **varying},
            seeds=self.seeds[runs],
            weights=self.weights[runs],
            bias=self.bias[runs],
        )

    @property
    def _varying(self) -> dict[str, Any]:
        """The hyperparameters that are arrays (runs,)."""
        return {name: h for name, h in self.hyperparams.items() if np.ndim(h)}

    @property
    def bytes_per_run(self) -> int:
        """About how much memory a run takes: its orders, and two minibatches at a time."""
        num_examples, num_features = self.features.shape
        # Of each example its features, a one, its label, its index and the residual.
        minibatch = min(self.batch_size, num_examples) * (num_features + 5)
        return 4 * (num_examples * self.num_epochs + 2 * minibatch)

    @in_turn
    def check_independence(self) -> None:
        """Raise `ArgumentError` if a run ends elsewhere beside others, or when it is trained again.

        It does if the rule is not elementwise, or does not do the same in every training. A rule
        that can be traced is elementwise, and so are Gluon's optimizers in `STACKABLE`.
        """
        if isinstance(self.rule, str) and self.rule.lower() in STACKABLE:
            return
        try:
            self._trace_one()
        except TraceError as error:
            beside, alone = self.run()[0], self.some(slice(1)).run()[0]
            if not np.allclose(beside, alone, rtol=1e-3, atol=1e-6, equal_nan=True):
                raise ArgumentError(
                    f"{name_of(self.rule)} cannot train runs together, because a run depends on "
                    f"the others or on earlier calls ({error}); train them one at a time with "
                    "fit_scratch or fit_gluon"
                ) from error

    @in_turn
    def run(self) -> Floats:
        """Train the runs; return the parameters at each checkpoint and at the end.

        They are (runs, m + 1, k + 1): the weights and, last in each row, the bias.
        """
        groups = list(self._groups())
        params = np.concatenate([self.some(runs)._train() for runs in groups])
        in_order: Floats = params[np.argsort(np.concatenate(groups))]
        return in_order

    def _groups(self) -> Iterator[Indices]:
        """Yield which runs are trained at once.

        A rule takes arrays of hyperparameters. A Gluon optimizer takes numbers, so only the runs
        that share them can be trained together; and one that may take norms, only a run at a time.
        """
        runs = np.arange(len(self.seeds))
        if not isinstance(self.rule, str):
            yield runs
        elif self.rule.lower() not in STACKABLE:
            yield from runs.reshape(-1, 1)
        elif not self._varying:
            yield runs
        else:
            settings = np.column_stack([*self._varying.values()])
            _, which = np.unique(settings, axis=0, return_inverse=True)
            yield from (runs[which.ravel() == group] for group in range(which.max() + 1))

    @np.errstate(all="ignore")  # of runs that diverge
    def _train(self) -> Floats:
        """Train all runs at once, as `run` does."""
        seeds, which = np.unique(self.seeds, return_inverse=True)
        orders = draw_orders(seeds.tolist(), len(self.features), self.num_epochs)
        # With a last row of ones, whose weight is the bias: (k + 1, n).
        features = np.vstack([self.features.T, np.ones_like(self.labels)])
        params = np.concatenate([self.weights, self.bias], axis=1)[..., 0].T
        take_step = self._stepper(params)
        points = [params]
        for order in orders:
            for batch_i in range(steps_per_epoch(len(self.labels), self.batch_size)):
                first = batch_i * self.batch_size
                examples = order[:, first : first + self.batch_size].T.take(which, axis=1)
                X, y = features.take(examples, axis=1), self.labels.take(examples)
                residual = np.einsum("knr,kr->nr", X, params) - y
                divisor = len(examples) if self.count_rows else self.batch_size
                params = take_step(np.einsum("knr,nr->kr", X, residual) / divisor)
                if is_checkpoint(batch_i, self.batch_size):
                    points.append(params)
        in_runs: Floats = np.stack([*points, params]).transpose(2, 0, 1)
        return in_runs

    def _stepper(self, params: Floats) -> Stepper:
        """Return the function that takes a step of all runs, the first from `params`.

        For a rule all arrays are two-dimensional, with the runs along the second axis.
        """
        shared = {name: h[0].item() for name, h in self._varying.items()}  # if all have the same
        if isinstance(self.rule, str):
            # Copied, because a learning rate scheduler counts the steps that it has seen.
            hyperparams = copy.deepcopy({**self.hyperparams, **shared})
            optimizer = mx.optimizer.create(self.rule, **hyperparams)
            return _gluon(optimizer, self.rule.lower() in ELEMENTWISE, params)
        states = map_arrays(lambda s: np.tile(s.reshape(-1, 1), len(self.seeds)), self.states)
        varying = {name: np.array([h], np.float32) for name, h in self._varying.items()}
        arrays = [params[:-1], params[-1:], states, {**self.hyperparams, **varying}]
        try:
            return _traced(self._trace_one(), arrays)
        except TraceError:
            if len(self.seeds) == 1:
                # A single run has its own shapes, which the rule may ask for.
                hyperparams = {**self.hyperparams, **shared}
                arrays = [self.weights[0], self.bias[0, 0], self.states, hyperparams]
            return _untraced(self.rule, arrays)

    def _trace_one(self) -> Program:
        """Trace the rule on the arrays of one run, whose shapes it may ask for."""
        if isinstance(self.rule, str):
            raise TraceError("it may draw random numbers")
        params = [nd.array(self.weights[0]), nd.array(self.bias[0, 0])]
        arrays = {name: nd.zeros(1) for name in self._varying}
        num_steps = self.num_epochs * steps_per_epoch(len(self.features), self.batch_size)
        states = map_arrays(nd.array, self.states)
        program = trace(self.rule, params, states, {**self.hyperparams, **arrays}, num_steps)
        for k, end in enumerate(program.key.ends):
            # As by lr *= 0.5, which leaves the number of a single run alone.
            if any(program.arrays[k] is h for h in arrays.values()) and end != ("array", k):
                raise TraceError("it changes an array of hyperparameters")
        return program


def _traced(program: Program, arrays: list[Any]) -> Stepper:
    """Return a function that takes a traced rule's steps with NumPy."""
    arrays = [leaf for leaf in leaves(arrays) if isinstance(leaf, np.ndarray)]
    changing = iter(program.changing.tolist())

    def apply(name: str, *operands: Any) -> Any:
        return OPERATORS[name](*operands)

    def take_step(gradient: Floats) -> Floats:
        nonlocal arrays
        before = [*arrays, gradient[:-1], gradient[-1:]]
        arrays = program.key.take_step(before, iter(next(changing)), apply)
        return np.concatenate(arrays[:2])

    return take_step


def _gluon(optimizer: Any, is_elementwise: bool, params: Floats) -> Stepper:
    """Return a function that takes the steps of a Gluon optimizer."""
    update = mx.optimizer.get_updater(optimizer)
    # One array takes half the time of two. The bias first, because Trainer sorts parameters by
    # name: Nadam's steps depend on it.
    parts = [slice(None)] if is_elementwise else [slice(-1, None), slice(-1)]
    arrays = [nd.array(params[part]) for part in parts]

    def take_step(gradient: Floats) -> Floats:
        update([*range(len(parts))], [nd.array(gradient[part]) for part in parts], arrays)
        return np.concatenate([array.asnumpy() for array in reversed(arrays)])

    return take_step


def _untraced(rule: Rule, arrays: list[Any]) -> Stepper:
    """Return a function that takes the steps of a rule that must be called for each."""
    w, b, states, hyperparams = map_arrays(nd.array, arrays)
    for p in (w, b):
        p.attach_grad()

    def take_step(gradient: Floats) -> Floats:
        w.grad[:], b.grad[:] = gradient[:-1].reshape(w.shape), gradient[-1:].reshape(b.shape)
        rule([w, b], states, hyperparams)
        flat = [p.asnumpy().ravel() for p in (w, b)]
        return np.reshape(np.concatenate(flat), gradient.shape)

    return take_step
