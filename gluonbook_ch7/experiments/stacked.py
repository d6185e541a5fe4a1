"""Many runs stacked along a leading axis and trained together: parameters are (runs, k, 1).

An update rule is elementwise, so it does not care whether a parameter holds the weights of one run
or of many. Taking each step of all runs together costs little more than taking it for one.
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
from ..tracing.graph import stacked_gradients, stacked_steps
from ..tracing.runs import ELEMENTWISE, blocks
from ..tracing.tracer import Program, trace
from ..training import Rule

# Drawing the orders of some runs overlaps with training the runs before them.
RUNS_AT_ONCE = 500
# How many minibatches MXNet holds: that of the step that runs, and those of the next.
STEPS_AHEAD = 8

# Gluon's optimizers that can be given many runs as one array. The others may take its norm, or
# draw random numbers, as SGLD does.
STACKABLE = {
    *ELEMENTWISE,
    *("adamax", "ccsgd", "dcasgd", "ftml", "ftrl", "nadam", "nag", "signum"),
}

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
# Takes the examples (steps, runs, rows) of some steps, and what the sum of a minibatch's gradients
# is divided by; returns the weights and the biases after these steps.
BlockTrainer = Callable[[nd.NDArray, int], tuple[nd.NDArray, nd.NDArray]]


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
    count_rows: bool  # as `fit_ensemble` takes it

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
        """About how much memory a run takes: its orders, minibatches and residuals."""
        num_examples, num_features = self.features.shape
        minibatches = STEPS_AHEAD * min(self.batch_size, num_examples) * (num_features + 4)
        return 4 * (num_examples * self.num_epochs + minibatches)

    @property
    def _at_once(self) -> int:
        """How many runs may be stacked: one with a Gluon optimizer that may take norms."""
        is_single = isinstance(self.rule, str) and self.rule.lower() not in STACKABLE
        return 1 if is_single else RUNS_AT_ONCE

    @in_turn
    def check_independence(self) -> None:
        """Raise `ArgumentError` if a run ends elsewhere beside others, or when it is trained again.

        It does if the rule is not elementwise, or does not do the same in every training. A rule
        that can be traced is elementwise, and so are Gluon's optimizers in `STACKABLE`.
        """
        if isinstance(self.rule, str) and self._at_once > 1:
            return
        try:
            self._trace_one()
        except TraceError as error:
            beside, alone = (self.some(slice(runs)).run()[0] for runs in (self._at_once, 1))
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
        # MXNet computes while the next group's orders are drawn; reading its arrays waits for it.
        trained = [self.some(runs)._train() for runs in groups]
        params = np.concatenate([pending.asnumpy() for pending in trained], axis=1)
        in_runs: Floats = params[:, np.argsort(np.concatenate(groups))].transpose(1, 0, 2)
        return in_runs

    def _groups(self) -> Iterator[Indices]:
        """Yield which runs are trained at once.

        A rule takes arrays of hyperparameters. A Gluon optimizer takes numbers, so only the runs
        that share them can be trained together.
        """
        which = np.zeros(len(self.seeds), np.int64)
        if isinstance(self.rule, str) and self._varying:
            settings = np.column_stack([*self._varying.values()])
            _, which = np.unique(settings, axis=0, return_inverse=True)
        for group in range(which.max() + 1):
            runs = np.flatnonzero(which.ravel() == group)
            for first in range(0, len(runs), self._at_once):
                yield runs[first : first + self._at_once]

    def _train(self) -> nd.NDArray:
        """Train all runs at once; return their pending parameters, (m + 1, runs, k + 1)."""
        seeds, which = np.unique(self.seeds, return_inverse=True)
        orders = draw_orders(seeds.tolist(), len(self.features), self.num_epochs)[:, which]
        w, b = nd.array(self.weights), nd.array(self.bias)
        params = [_flat(w, b)]
        train_block = self._block_trainer(w, b)
        for order in orders:
            for first, steps, rows in blocks(len(self.features), self.batch_size):
                start = first * self.batch_size
                examples = order[:, start : start + steps * rows]
                examples = examples.reshape(-1, steps, rows).transpose(1, 0, 2)
                divisor = rows if self.count_rows else self.batch_size
                w, b = train_block(nd.array(examples, dtype="int32"), divisor)
                if is_checkpoint(first + steps - 1, self.batch_size):
                    params.append(_flat(w, b))
        return nd.stack(*params, _flat(w, b))

    def _block_trainer(self, w: nd.NDArray, b: nd.NDArray) -> BlockTrainer:
        """Return the function that takes the steps of a block."""
        data = {"features": nd.array(self.features), "labels": nd.array(self.labels[:, None])}
        shared = {name: h[0].item() for name, h in self._varying.items()}  # if all have the same
        if isinstance(self.rule, str):
            # Copied, because a learning rate scheduler counts the steps that it has seen.
            hyperparams = copy.deepcopy({**self.hyperparams, **shared})
            optimizer = mx.optimizer.create(self.rule, **hyperparams)
            optimizer.rescale_grad /= self.batch_size
            update = mx.optimizer.get_updater(optimizer)

            def train_with_gluon(examples: nd.NDArray, _: int) -> tuple[nd.NDArray, nd.NDArray]:
                for order in examples:
                    grad_w, grad_b = stacked_gradients(1)(order=order, w=w, b=b, **data)
                    # The bias first, because Trainer sorts by name: Nadam's steps depend on it.
                    update([0, 1], [grad_b, grad_w], [b, w])
                return w, b

            return train_with_gluon
        stacked = {name: nd.array(h.reshape(-1, 1, 1)) for name, h in self._varying.items()}
        hyperparams = {**self.hyperparams, **stacked}
        stack = (len(self.seeds), 1, 1)
        states = map_arrays(lambda s: nd.array(np.tile(s.reshape(1, -1, 1), stack)), self.states)
        try:
            program = self._trace_one()
        except TraceError:
            if len(self.seeds) == 1:
                states = map_arrays(nd.array, self.states)
                hyperparams = {**self.hyperparams, **shared}
            return _untraced(self.rule, w, b, states, hyperparams, data)
        arrays = [x for x in leaves([w, b, states, hyperparams]) if isinstance(x, nd.NDArray)]
        return _traced(program._replace(arrays=arrays), data)

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


def _traced(program: Program, data: dict[str, nd.NDArray]) -> BlockTrainer:
    """Return a function that takes a traced rule's steps, all of a block as one operator."""
    arrays, step = program.arrays, 0

    def train_block(examples: nd.NDArray, divisor: int) -> tuple[nd.NDArray, nd.NDArray]:
        nonlocal arrays, step
        steps = len(examples)
        inputs = program.inputs(arrays, slice(step, step + steps))
        step += steps
        arrays = stacked_steps(program.key, steps, divisor)(order=examples, **data, **inputs)
        return arrays[0], arrays[1]

    return train_block


def _untraced(
    rule: Rule, w: nd.NDArray, b: nd.NDArray, states: Any, hyperparams: Any, data: Any
) -> BlockTrainer:
    """Return a function that takes the steps of a rule that must be called for each."""
    # A single run has its own shapes, which the rule may ask for. Slices are views.
    params = [w, b] if len(w) > 1 else [w[0], b[0, 0]]
    for p in params:
        p.attach_grad()

    def train_block(examples: nd.NDArray, divisor: int) -> tuple[nd.NDArray, nd.NDArray]:
        for order in examples:
            gradients = stacked_gradients(divisor)(order=order, w=w, b=b, **data)
            for p, gradient in zip(params, gradients):
                p.grad[:] = gradient.reshape(p.shape)
            rule(params, states, hyperparams)
        return w, b

    return train_block


def _flat(w: nd.NDArray, b: nd.NDArray) -> nd.NDArray:
    """Copy stacked weights and biases into one array (runs, k + 1)."""
    return nd.concat(w, b, dim=1).reshape((0, -1))
