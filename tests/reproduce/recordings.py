"""Chapters recorded by the tests: our own cells, run from any start with any shuffle and drawn.

Each looks as a cell of a recorded file does when it has been read: text, and a figure decoded from
the SVG that today's Matplotlib writes.
"""

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Canvas

import gluonbook_ch7 as gb
from gluonbook_ch7._observers import TrainingCall
from gluonbook_ch7._sampling import fresh_starts
from gluonbook_ch7.reproduce.evidence import judge_cell
from gluonbook_ch7.reproduce.observer import Training
from gluonbook_ch7.reproduce.record import CellOutputs
from gluonbook_ch7.reproduce.svg import decode_svg

GLUON_NAMES = {"lr": "learning_rate", "gamma": "gamma1"}


@dataclass(frozen=True)
class Cell:
    """A training cell: RMSProp's, unless something else is said."""

    rule: Any = gb.rmsprop
    states: Any = gb.init_rmsprop_states
    hyperparams: dict = field(default_factory=lambda: {"lr": 0.01, "gamma": 0.9})
    batch_size: int = 10
    num_epochs: int = 2

    def call(self, features, labels):
        states = self.states and self.states(features)
        hyperparams = dict(self.hyperparams)
        task = features, labels, self.batch_size, self.num_epochs
        return TrainingCall(self.rule, states, hyperparams, *task)


def train(call, weights, seed):
    """Train as a call says, from some weights, with the shuffle of a seed."""
    np.random.seed(seed)
    start = weights, np.zeros(1, np.float32)
    arguments = dict(vars(call.copied()))  # training changes the states
    rule, states = arguments.pop("rule"), arguments.pop("states")
    task = [arguments[name] for name in ("hyperparams", "features", "labels")]
    sizes = arguments["batch_size"], arguments["num_epochs"]
    if isinstance(rule, str):
        return gb.fit_gluon(rule, *task, *sizes, start=start)
    return gb.fit_scratch(rule, states, *task, *sizes, start=start)


def outputs_of(curve, color="C0", label="loss"):
    """Return what the book's functions would have printed and drawn of a curve."""
    canvas = Canvas(figsize=(3.5, 2.5))
    axes = canvas.subplots()
    axes.plot(curve.epochs, curve.losses, color=color)
    axes.set(xlabel="epoch", ylabel=label)
    written = io.StringIO()
    canvas.savefig(written, format="svg")
    text = "loss: %f, %f sec per epoch\n" % (curve.losses[-1], 0.2)
    return CellOutputs(text=text, figures=(decode_svg(written.getvalue()),))


def record(call, draw=1, system="Linux", seed=1, scale=1.0, **look):
    """Return the outputs of a recorded run that began with a certain draw of a fresh process."""
    weights = scale * fresh_starts(draw, call.features.shape[1], system)[draw - 1]
    return outputs_of(train(call, weights, seed), **look)


def judge(recorded, call, name="cell"):
    """Judge recorded outputs as a rerun does, whose own run begins with the first draw."""
    weights = fresh_starts(1, call.features.shape[1])[0]
    curve = train(call, weights, seed=0)
    training = Training(call, curve.losses.astype(np.float64), weights)
    return judge_cell(name, recorded, outputs_of(curve), [training])
