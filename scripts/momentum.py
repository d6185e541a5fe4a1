"""Momentum, a section of chapter 7."""

# %% [markdown]
# # Momentum
#
# Gradient descent zigzags across a narrow valley. Momentum keeps a velocity, in which what points
# to and fro cancels and what points along the valley adds up:
#
# $$v \leftarrow \gamma v + \eta g, \qquad x \leftarrow x - v.$$
#
# A constant gradient ends up with steps $1/(1-\gamma)$ times as long, so $\eta$ has to shrink as
# $\gamma$ grows.

# %%
import functools

from section import load_data, show

import gluonbook_ch7 as gb

data = load_data()
features, labels = data.features, data.labels


# %% [markdown]
# ## Two dimensions
#
# With the $\eta = 0.6$ that gradient descent diverges with, momentum converges.


# %%
def momentum_2d(x1, x2, v1, v2, eta=0.4, gamma=0.5):
    v1 = gamma * v1 + eta * 0.2 * x1
    v2 = gamma * v2 + eta * 4 * x2
    return x1 - v1, x2 - v2, v1, v2


gb.show_trace_2d(gb.f_2d, gb.train_2d(momentum_2d))
show("momentum_2d")

# %%
gb.show_trace_2d(gb.f_2d, gb.train_2d(functools.partial(momentum_2d, eta=0.6)))
show("momentum_2d_faster")


# %% [markdown]
# ## From scratch
#
# The velocity has the shape of its parameter and begins at zero.


# %%
def sgd_momentum(params, states, hyperparams):
    for p, v in zip(params, states):
        v *= hyperparams["mom"]
        v += hyperparams["lr"] * p.grad
        p -= v


states = gb.init_momentum_states(features)
gb.train_ch7(sgd_momentum, states, {"lr": 0.02, "mom": 0.5}, features, labels)
show("momentum")

# %% [markdown]
# With $\gamma = 0.9$ the same $\eta$ would take steps five times as long in the end, so $\eta$
# falls to a fifth.

# %%
states = gb.init_momentum_states(features)
gb.train_ch7(sgd_momentum, states, {"lr": 0.004, "mom": 0.9}, features, labels)
show("momentum_0.9")

# %% [markdown]
# ## With Gluon

# %%
gb.train_gluon_ch7("sgd", {"learning_rate": 0.02, "momentum": 0.5}, features, labels)
show("momentum_gluon")

# %% [markdown]
# ## Exercise: other momenta and learning rates
#
# 100 runs each. What counts is $\eta / (1 - \gamma)$: 0.5 with 0.02 and 0.9 with 0.004 end alike,
# and so do 0.5 with 0.1 and 0.9 with 0.02. Where it reaches 1, as in the last cell, runs are wild.

# %%
print("final loss, mean ± sd of 100 runs")
print("   mom" + "".join(f"       lr {lr:<8}" for lr in (0.004, 0.02, 0.1)))
for mom in (0, 0.5, 0.9):
    cells = []
    for lr in (0.004, 0.02, 0.1):
        states = gb.init_momentum_states(features)
        hyperparams = {"lr": lr, "mom": mom}
        runs = gb.fit_ensemble(
            gb.sgd_momentum, states, hyperparams, features, labels, seeds=range(100)
        )
        final = runs.losses[:, -1]
        cells.append(f"  {final.mean():8.4f} ± {final.std():.4f}")
    print(f"{mom:6}" + "".join(cells))
