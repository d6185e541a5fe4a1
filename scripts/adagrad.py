"""AdaGrad, a section of chapter 7."""

# %% [markdown]
# # AdaGrad
#
# One learning rate for all coordinates is too large for the steep ones or too small for the flat
# ones. AdaGrad gives each its own: it adds up the squared gradients and divides by the root of the
# sum,
#
# $$s \leftarrow s + g \odot g, \qquad x \leftarrow x - \frac{\eta}{\sqrt{s + \epsilon}} \odot g.$$
#
# The sum only grows, so every coordinate's learning rate only falls.

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
# No zigzag any more, but with $\eta = 0.4$ the descent tires before it arrives. With $\eta = 2$ it
# arrives.


# %%
def adagrad_2d(x1, x2, s1, s2, eta=0.4):
    g1, g2, eps = 0.2 * x1, 4 * x2, 1e-6
    s1 += g1**2
    s2 += g2**2
    return x1 - eta * g1 / math.sqrt(s1 + eps), x2 - eta * g2 / math.sqrt(s2 + eps), s1, s2


gb.show_trace_2d(gb.f_2d, gb.train_2d(adagrad_2d))
show("adagrad_2d")

# %%
gb.show_trace_2d(gb.f_2d, gb.train_2d(functools.partial(adagrad_2d, eta=2)))
show("adagrad_2d_faster")


# %% [markdown]
# ## From scratch


# %%
def adagrad(params, states, hyperparams):
    for p, s in zip(params, states):
        s += p.grad.square()
        p -= hyperparams["lr"] * p.grad / (s + 1e-6).sqrt()


states = gb.init_adagrad_states(features)
gb.train_ch7(adagrad, states, {"lr": 0.1}, features, labels)
show("adagrad")

# %% [markdown]
# ## With Gluon
#
# Its $\epsilon$ is 1e-7.

# %%
gb.train_gluon_ch7("adagrad", {"learning_rate": 0.1}, features, labels)
show("adagrad_gluon")

# %% [markdown]
# ## Exercise: other learning rates
#
# The first step of each coordinate is $\eta$ long, whatever its gradient: $g / \sqrt{g^2} = \pm 1$.
# So $\eta$ is best somewhat below the size that the weights will have. With a larger one the first
# steps are wild; they fill $s$, and $s$ tames the later ones, but two epochs do not make up for it.

# %%
gb.set_figsize((5, 3))
for lr, line in zip((0.01, 0.1, 1, 10), LINES):
    states = gb.init_adagrad_states(features)
    runs = gb.fit_ensemble(gb.adagrad, states, {"lr": lr}, features, labels, seeds=range(100))
    final = runs.losses[:, -1]
    print(f"lr {lr}: final loss {final.mean():.4f} ± {final.std():.4f} over 100 runs")
    gb.plt.plot(runs.epochs, runs.losses.mean(axis=0), **line, label=f"η = {lr}")
gb.plt.xlabel("epoch")
gb.plt.ylabel("mean loss of 100 runs")
gb.plt.yscale("log")
show("adagrad_learning_rates")

# %% [markdown]
# ## Exercise: what about the sum that only grows?
#
# Forget the past a little: an average in place of the sum is RMSProp, the next section. How far the
# learning rate has fallen after two epochs shows in $s$:

# %%
for name, rule, hyperparams in (
    ("AdaGrad", gb.adagrad, {"lr": 0.1}),
    ("RMSProp", gb.rmsprop, {"lr": 0.01, "gamma": 0.9}),
):
    states = gb.init_adagrad_states(features)
    gb.fit_scratch(rule, states, hyperparams, features, labels, seed=0)
    rates = hyperparams["lr"] / states[0].asnumpy()[:, 0] ** 0.5
    print(f"{name}: each weight's learning rate in the end", rates.round(4))
