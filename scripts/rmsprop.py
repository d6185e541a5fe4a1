"""RMSProp, a section of chapter 7, and the one whose recorded results this project reproduces."""

# %% [markdown]
# # RMSProp
#
# AdaGrad's sum of squared gradients never shrinks. RMSProp takes an exponentially weighted moving
# average instead,
#
# $$s \leftarrow \gamma s + (1 - \gamma)\, g \odot g, \qquad
# x \leftarrow x - \frac{\eta}{\sqrt{s + \epsilon}} \odot g,$$
#
# which looks back over about $1/(1-\gamma)$ steps. So the learning rates can recover.

# %%
import functools
import math

from section import LINES, load_data, show

import gluonbook_ch7 as gb

data = load_data()
features, labels = data.features, data.labels


# %% [markdown]
# ## Two dimensions
#
# With the $\eta = 0.4$ that tires AdaGrad out, RMSProp arrives within the twenty steps.


# %%
def rmsprop_2d(x1, x2, s1, s2, eta=0.4, gamma=0.9):
    g1, g2, eps = 0.2 * x1, 4 * x2, 1e-6
    s1 = gamma * s1 + (1 - gamma) * g1**2
    s2 = gamma * s2 + (1 - gamma) * g2**2
    return x1 - eta * g1 / math.sqrt(s1 + eps), x2 - eta * g2 / math.sqrt(s2 + eps), s1, s2


gb.show_trace_2d(gb.f_2d, gb.train_2d(rmsprop_2d))
show("rmsprop_2d")


# %% [markdown]
# ## From scratch


# %%
def rmsprop(params, states, hyperparams):
    gamma = hyperparams["gamma"]
    for p, s in zip(params, states):
        s *= gamma
        s += (1 - gamma) * p.grad.square()
        p -= hyperparams["lr"] * p.grad / (s + 1e-6).sqrt()


states = gb.init_rmsprop_states(features)
gb.train_ch7(rmsprop, states, {"lr": 0.01, "gamma": 0.9}, features, labels)
show("rmsprop")

# %% [markdown]
# ## With Gluon
#
# $\gamma$ is called `gamma1` there, and $\epsilon$ is 1e-8.

# %%
gb.train_gluon_ch7("rmsprop", {"learning_rate": 0.01, "gamma1": 0.9}, features, labels)
show("rmsprop_gluon")

# %% [markdown]
# ## Exercise: $\gamma$ of 0 and 1
#
# $\gamma = 0$ forgets everything: $g / \sqrt{g^2}$ is the gradient's sign, and each coordinate
# moves by $\eta$ every time, also at the minimum. It never settles.
#
# $\gamma = 1$ learns nothing: $s$ stays 0, and $\eta / \sqrt{\epsilon}$ is a thousand times $\eta$.
# With $\eta = 0.01$ that is gradient descent with a learning rate of 10, which diverges; with
# $\eta$ = 5e-5 it is minibatch SGD with 0.05.

# %%
for gamma in (0, 1):
    gb.train_2d(functools.partial(rmsprop_2d, gamma=gamma))
for lr, gamma in ((0.01, 0), (0.01, 1), (5e-5, 1)):
    states = gb.init_rmsprop_states(features)
    hyperparams = {"lr": lr, "gamma": gamma}
    curve = gb.fit_scratch(gb.rmsprop, states, hyperparams, features, labels, seed=0)
    end = f"diverged at checkpoint {curve.diverged_at}" if curve.diverged_at else curve.losses[-1]
    print(f"lr {lr}, gamma {gamma}: {end}")

# %% [markdown]
# ## Exercise: other learning rates and $\gamma$
#
# Means of 100 runs. A small $\eta$ is slow, a large one restless. Between 0.5 and 0.99 $\gamma$
# hardly matters for the end; it sets how long the first steps are, $\eta / \sqrt{1 - \gamma}$.

# %%
gb.set_figsize((5, 3))
for (lr, gamma), line in zip(
    ((0.001, 0.9), (0.01, 0.9), (0.01, 0.5), (0.01, 0.99), (0.1, 0.9)), LINES
):
    states = gb.init_rmsprop_states(features)
    hyperparams = {"lr": lr, "gamma": gamma}
    runs = gb.fit_ensemble(gb.rmsprop, states, hyperparams, features, labels, seeds=range(100))
    final = runs.losses[:, -1]
    print(f"lr {lr}, gamma {gamma}: final loss {final.mean():.4f} ± {final.std():.4f}")
    label = f"η = {lr}, γ = {gamma}"
    gb.plt.plot(runs.epochs, runs.losses.mean(axis=0), **line, label=label)
gb.plt.xlabel("epoch")
gb.plt.ylabel("mean loss of 100 runs")
show("rmsprop_hyperparameters")
