# %% [markdown]
# # Gradient descent and stochastic gradient descent
#
# > **Remember.** The gradient says which way to go, and the learning rate how far. Too small a
# > learning rate wastes steps; too large a one moves away from the minimum.
#
# ## The idea
#
# Near a point $x$ a smooth function is almost a straight line: $f(x + \Delta) \approx f(x) +
# f'(x)\,\Delta$. Choose $\Delta$ opposite to the derivative and small enough, and the value falls.
# Gradient descent does this again and again. With several variables the gradient $g$ takes the
# derivative's place: it points where $f$ rises fastest.
#
# If $f$ is a mean over $n$ examples, so is its gradient, and every step reads all of them.
# Stochastic gradient descent reads a single example, drawn at random. Its gradient is right on
# average, so the steps lead to the minimum on average, at $1/n$ of the cost; and because it is only
# right on average, they never quite settle there.
#
# ## The formula
#
# $$x \leftarrow x - \eta\, g$$
#
# - $x$ is what we look for, in the chapter's models the weights and the bias;
# - $g$ is the gradient at $x$, of all examples or of one;
# - $\eta > 0$ is the learning rate, ours to choose.

# %%
import functools

import numpy as np

import gluonbook_ch7 as gb

# %% [markdown]
# ## The rule in five lines
#
# In two variables, on $f(x_1, x_2) = 0.1 x_1^2 + 2 x_2^2$. The two states `s1` and `s2` are for the
# rules of later sections, and not used here.


# %%
def gd_2d(x1, x2, s1, s2, eta=0.4):
    g1, g2 = 0.2 * x1, 4 * x2
    return x1 - eta * g1, x2 - eta * g2, 0, 0


# %% [markdown]
# ## Two descents
#
# $f$ is twenty times as steep along $x_2$ as along $x_1$, and one $\eta$ has to serve both. A step
# multiplies $x_1$ by $1 - 0.2\eta$ and $x_2$ by $1 - 4\eta$. At $\eta = 0.4$ those are 0.92 and
# −0.6: $x_2$ changes sides and shrinks, while $x_1$ creeps.

# %% The trace zigzags across the valley at first, then creeps along it and stops short.
gb.show_trace_2d(gb.f_2d, gb.train_2d(gd_2d))
gb.plt.show()

# %% [markdown]
# Stochastic gradient descent, with random noise in each gradient (normal, standard deviation 0.1)
# in place of randomly drawn examples:

# %% The same trace with noise: it bends and wanders on its way.
noise = np.random.RandomState(0)


def sgd_2d(x1, x2, s1, s2, eta=0.4):
    g1, g2 = 0.2 * x1 + noise.normal(0, 0.1), 4 * x2 + noise.normal(0, 0.1)
    return x1 - eta * g1, x2 - eta * g2, 0, 0


gb.show_trace_2d(gb.f_2d, gb.train_2d(sgd_2d))
gb.plt.show()

# %% [markdown]
# ## What differs between the two, and why
#
# Both go the same way on average. Without noise the steps get shorter as the gradient does, and the
# descent comes to rest. With noise the gradient is never zero, not even at the minimum, and $\eta$
# says how far each random kick carries.
#
# ## Exercise: try other learning rates
#
# First in one variable. On $f(x) = x^2$ a step multiplies $x$ by $1 - 2\eta$. So $\eta = 0.05$ is
# slow, 0.2 arrives within ten steps, 0.5 arrives in a single step, and from 1 on the distance to
# the minimum never shrinks.


# %% Ten steps from 10: slow at 0.05, there at 0.2 and 0.5, growing and changing sides at 1.05.
def descend(eta, x=10.0, num_steps=10):
    """Follow gradient descent on f(x) = x², whose derivative is 2x."""
    trace = [x]
    for _ in range(num_steps):
        x -= eta * 2 * x
        trace.append(x)
    return np.array(trace)


gb.set_figsize((5, 3))
for eta, style in zip((0.05, 0.2, 0.5, 1.05), ("-", "--", "-.", ":")):
    trace = descend(eta)
    print(f"eta = {eta}: after {len(trace) - 1} steps x = {trace[-1]:.6f}")
    gb.plt.plot(trace, linestyle=style, marker=".", label=f"η = {eta}")
gb.plt.xlabel("step")
gb.plt.ylabel("x")
gb.plt.legend()
gb.plt.show()

# %% [markdown]
# In two variables $\eta = 0.6$ is already too large: $1 - 4\eta = -1.4$, and $x_2$ grows with every
# step. The first seven:

# %% The trace swings from side to side of the valley, each time farther out.
trace = gb.train_2d(functools.partial(gd_2d, eta=0.6))
gb.show_trace_2d(gb.f_2d, trace[:8])
gb.plt.show()

# %% [markdown]
# ## Exercise: what can go wrong with each?
#
# Gradient descent reads all examples for one step, which is too slow for large data sets.
# Stochastic gradient descent does not settle: with a constant $\eta$ it wanders around the minimum,
# and the wider the larger $\eta$ is. So the learning rate is usually lowered during training.

# %%
for eta in (0.4, 0.1, 0.02):
    step = functools.partial(sgd_2d, eta=eta)
    state = (0, 0, 0, 0)
    values = []
    for _ in range(5000):
        state = step(*state)
        values.append(gb.f_2d(*state[:2]))
    print(f"eta = {eta}: around the minimum f is {np.mean(values):.6f} on average")

# %% [markdown]
# ## 中文小结
#
# 梯度给出方向，学习率 $\eta$ 决定走多远。学习率太小，要很多步才能接近最优解；太大，自变量会越过
# 最优解甚至发散。梯度下降每一步都要读完所有样本；随机梯度下降只用随机抽取的一个样本，它的梯度
# 平均来说是正确的，每步的开销只有 $1/n$，但因为有噪声，学习率不变时它会一直在最优解附近徘徊，
# $\eta$ 越大徘徊得越远。
