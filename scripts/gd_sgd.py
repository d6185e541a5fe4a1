"""Gradient descent and stochastic gradient descent, the first algorithms of chapter 7."""

# %% [markdown]
# # Gradient descent and stochastic gradient descent
#
# The derivative says which way is up. Gradient descent goes the other way:
#
# $$x \leftarrow x - \eta f'(x).$$
#
# The learning rate $\eta > 0$ is ours to choose, and nearly everything depends on it.

# %%
import functools

import numpy as np
from section import LINES, show

import gluonbook_ch7 as gb


def descend(eta, x=10.0, num_steps=10):
    """Follow gradient descent on f(x) = x², whose derivative is 2x."""
    trace = [x]
    for _ in range(num_steps):
        x -= eta * 2 * x
        trace.append(x)
    return np.array(trace)


# %% [markdown]
# ## Exercise: other learning rates
#
# On $f(x) = x^2$ one step multiplies $x$ by $1 - 2\eta$. So $\eta = 0.05$ creeps, $\eta = 0.2$
# arrives, $\eta = 0.5$ is there in one step, and from $\eta = 1$ on it never gets nearer.

# %%
gb.set_figsize((5, 3))
for eta, line in zip((0.05, 0.2, 0.5, 1.05), LINES):
    trace = descend(eta)
    print(f"eta {eta}: after {len(trace) - 1} steps x = {trace[-1]:.6f}")
    gb.plt.plot(trace, **line, marker=".", label=f"η = {eta}")
gb.plt.xlabel("step")
gb.plt.ylabel("x")
show("gd_1d")

# %% [markdown]
# ## Two dimensions
#
# $f(x_1, x_2) = 0.1 x_1^2 + 2 x_2^2$ is twenty times steeper along $x_2$ than along $x_1$, and one
# $\eta$ has to serve both. At 0.4 the steep coordinate zigzags while the flat one crawls; at 0.6
# the steep one overshoots more each time: $|1 - 4\eta| = 1.4 > 1$.


# %%
def gd_2d(x1, x2, s1, s2, eta=0.4):
    g1, g2 = 0.2 * x1, 4 * x2
    return x1 - eta * g1, x2 - eta * g2, 0, 0


gb.show_trace_2d(gb.f_2d, gb.train_2d(gd_2d))
show("gd_2d")

# %%
trace = gb.train_2d(functools.partial(gd_2d, eta=0.6))
gb.show_trace_2d(gb.f_2d, trace[:8])  # later points are far outside of any useful figure
show("gd_2d_diverging")

# %% [markdown]
# ## Stochastic gradient descent
#
# With $n$ examples the gradient is a mean of $n$ gradients. Stochastic gradient descent takes one
# of them at random. It is right on average, costs $1/n$, and brings noise, here Gaussian.

# %%
noise = np.random.RandomState(0)


def sgd_2d(x1, x2, s1, s2, eta=0.4):
    g1, g2 = 0.2 * x1 + noise.normal(0, 0.1), 4 * x2 + noise.normal(0, 0.1)
    return x1 - eta * g1, x2 - eta * g2, 0, 0


gb.show_trace_2d(gb.f_2d, gb.train_2d(sgd_2d))
show("sgd_2d")

# %% [markdown]
# ## Exercise: what can go wrong with them?
#
# Gradient descent reads all data for one step. Stochastic gradient descent does not settle: with a
# constant $\eta$ it ends up wandering around the minimum, the wider the larger $\eta$ is.

# %%
for eta in (0.4, 0.1, 0.02):
    step, where, wander = functools.partial(sgd_2d, eta=eta), (0, 0, 0, 0), []
    for _ in range(5000):
        where = step(*where)
        wander.append(gb.f_2d(*where[:2]))
    print(f"eta {eta}: on average f = {np.mean(wander):.6f} around its minimum 0")
