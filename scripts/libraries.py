"""Measure RMSProp in other libraries, for the page docs/libraries.md.

    pip install '.[peers]' keras
    python scripts/libraries.py > docs/libraries_table.md

Every library gets the chapter's training, with the same starts and the same minibatches, and its
weights are compared with those of the rule from scratch after every step. For Gluon's optimizer,
`gluonbook-ch7 compare rmsprop` does this, and takes the differences apart.
"""

import os
from importlib.metadata import version

os.environ.setdefault("KERAS_BACKEND", "torch")

import jax.numpy as jnp
import keras
import numpy as np
import optax
import torch

import gluonbook_ch7 as gb

SEEDS = (0, 1, 2)
HYPERPARAMS = {"lr": 0.01, "gamma": 0.9}


def pytorch(shapes, **settings):
    """Return a function from parameters and gradients to the parameters after PyTorch's step."""
    params = [torch.zeros(shape) for shape in shapes]
    optimizer = torch.optim.RMSprop(params, lr=0.01, alpha=0.9, **settings)

    def step(values, gradients):
        with torch.no_grad():
            for param, value, gradient in zip(params, values, gradients):
                param.copy_(torch.from_numpy(value))
                param.grad = torch.from_numpy(gradient)
        optimizer.step()
        return [param.numpy() for param in params]

    return step


def by_optax(shapes, **settings):
    """The same with optax."""
    optimizer = optax.rmsprop(0.01, decay=0.9, **settings)
    state = optimizer.init([jnp.zeros(shape) for shape in shapes])

    def step(values, gradients):
        nonlocal state
        updates, state = optimizer.update([jnp.asarray(g) for g in gradients], state)
        updated = optax.apply_updates([jnp.asarray(value) for value in values], updates)
        return [np.asarray(value) for value in updated]

    return step


def by_keras(shapes, **settings):
    """The same with Keras."""
    variables = [keras.Variable(np.zeros(shape, "float32")) for shape in shapes]
    optimizer = keras.optimizers.RMSprop(learning_rate=0.01, rho=0.9, **settings)
    optimizer.build(variables)

    def step(values, gradients):
        for variable, value in zip(variables, values):
            variable.assign(value)
        optimizer.apply([torch.from_numpy(g) for g in gradients], variables)
        return [variable.numpy() for variable in variables]

    return step


def path(rule, data, seed):
    """Train with a rule in the book's style; return the weights and the bias after every step."""
    visited = []

    def recorded(params, states, hyperparams):
        rule(params, states, hyperparams)
        visited.append(np.concatenate([p.asnumpy().ravel() for p in params]))

    states = gb.init_rmsprop_states(data.features)
    gb.fit_scratch(recorded, states, dict(HYPERPARAMS), data.features, data.labels, seed=seed)
    return np.array(visited)


def as_rule(make, settings):
    """Wrap a library's optimizer as a rule in the book's style."""
    step = None

    def rule(params, states, hyperparams):
        nonlocal step
        step = step or make([p.shape for p in params], **settings)
        values = [p.asnumpy() for p in params]
        for p, value in zip(params, step(values, [p.grad.asnumpy() for p in params])):
            p[:] = value.copy()

    return rule


def largest_difference(make, settings, data):
    """Return the largest difference of any weight at any step: the median of the seeds."""
    differences = []
    for seed in SEEDS:
        ours = path(gb.rmsprop, data, seed)
        theirs = path(as_rule(make, settings), data, seed)
        differences.append(abs(ours - theirs).max())
    return np.median(differences)


ROWS = (
    ("PyTorch, its ε", pytorch, {}),
    ("PyTorch, ε = 1e-6", pytorch, {"eps": 1e-6}),
    ("optax, its ε", by_optax, {}),
    ("optax, ε = 1e-6", by_optax, {"eps": 1e-6}),
    ("optax, ε = 1e-6, s from 1", by_optax, {"eps": 1e-6, "initial_scale": 1.0}),
    ("optax, ε = 1e-6, bias corrected", by_optax, {"eps": 1e-6, "bias_correction": True}),
    ("Keras, its ε", by_keras, {}),
    ("Keras, ε = 1e-6", by_keras, {"epsilon": 1e-6}),
)


def main() -> None:
    data = gb.load_data_ch7(source="real")
    print("| optimizer | largest difference of a weight from the rule from scratch |")
    print("| --- | --- |")
    for name, make, settings in ROWS:
        print(f"| {name} | {largest_difference(make, settings, data):.1e} |")
    libraries = {"PyTorch": "torch", "jax": "jax", "optax": "optax", "Keras": "keras"}
    versions = ", ".join(f"{name} {version(package)}" for name, package in libraries.items())
    print(f"\nMeasured on the real data of edition {data.edition} with {versions}.")


if __name__ == "__main__":
    main()
