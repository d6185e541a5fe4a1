"""Print the data and the losses of RMSProp as hexadecimal digests: nox compares environments by it.

A program and not a test, because another processor may round otherwise; on one machine every
interpreter and every NumPy must give the same.
"""

import hashlib

import numpy as np

import gluonbook_ch7 as gb
from gluonbook_ch7.data import load_data_ch7

SEEDS = (0, 1, 2)


def show(name, *arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    print(f"{name:20} {digest.hexdigest()[:32]}")


data = load_data_ch7(source="twin")
features, labels = data.features, data.labels
show("the twin", features.asnumpy(), labels.asnumpy())

for traced in (False, True):
    for seed in SEEDS:
        states, hyperparams = gb.init_rmsprop_states(features), {"lr": 0.01, "gamma": 0.9}
        scratch = gb.fit_scratch(
            gb.rmsprop, states, hyperparams, features, labels, seed=seed, traced=traced
        )
        hyperparams = {"learning_rate": 0.01, "gamma1": 0.9}
        gluon = gb.fit_gluon("rmsprop", hyperparams, features, labels, seed=seed, traced=traced)
        show(f"seed {seed}{', traced' * traced}", scratch.losses, gluon.losses)

states, hyperparams = gb.init_rmsprop_states(features), {"lr": 0.01, "gamma": 0.9}
runs = gb.fit_ensemble(gb.rmsprop, states, hyperparams, features, labels, seeds=SEEDS)
show("as an ensemble", runs.losses)
