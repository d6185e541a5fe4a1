# %% [markdown]
# # RMSProp
#
# > **Remember.** RMSProp divides each coordinate's step by the recent size of that coordinate's
# > gradient. So every coordinate has a learning rate of its own, which can fall and rise again.
#
# ## The idea
#
# Gradient descent has one learning rate $\eta$ for all coordinates. That is awkward where the loss
# is steep in one direction and flat in another: an $\eta$ that is safe for the steep one is slow
# for the flat one. [AdaGrad](adagrad.ipynb) gives each coordinate its own rate by adding up the
# squares of all its gradients. But a sum only grows, so its learning rates only fall, and if the
# minimum is still far away they may be used up before it is reached.
#
# RMSProp replaces the sum with an average that forgets. What was measured long ago fades, and a
# coordinate whose gradients have become small gets a larger learning rate again.
#
# ## The formula
#
# With $g$ for the gradient of the minibatch, and all operations element by element,
#
# $$\begin{aligned}
# s &\leftarrow \gamma\, s + (1 - \gamma)\, g \odot g, \\[4pt]
# x &\leftarrow x - \frac{\eta}{\sqrt{s + \epsilon}} \odot g.
# \end{aligned}$$
#
# **What is $s$?** The state: one number for each parameter, zero before the first step. It is the
# exponentially weighted moving average of the squared gradient, so $\sqrt{s}$ is the typical size
# of that parameter's recent gradients. Written out after $t$ steps,
#
# $$s_t = (1 - \gamma)\left(g_t^2 + \gamma\, g_{t-1}^2 + \gamma^2 g_{t-2}^2 + \dots\right).$$
#
# The gradient of $k$ steps ago counts $\gamma^k$ as much as today's. With $\gamma = 0.9$ that is
# about a third after ten steps: $s$ looks back over some $1/(1-\gamma) = 10$ steps.
#
# **Why does a $\gamma$ near 1 not stop learning**, as AdaGrad's sum does? Because the weights
# $(1 - \gamma)\gamma^k$ never add up to more than 1. So $s$ is a mean, and a mean is never above
# the largest square that went into it: the learning rate of a coordinate cannot fall below
# $\eta / \sqrt{g_{\max}^2 + \epsilon}$, however long the training lasts. A $\gamma$ nearer to 1
# makes the memory longer, not the steps shorter. At the start it even makes them longer: $s$ begins
# at zero, the first step has the length $\eta / \sqrt{1 - \gamma}$, and it takes some
# $1/(1-\gamma)$ steps until $s$ is as large as the squares that it averages.
#
# **What is $\epsilon$ for?** It keeps the division defined where a gradient is zero. Here it is
# $10^{-6}$, under the root. Libraries disagree on both; see [RMSProp in five
# libraries](../libraries.md).

# %%
import math

import numpy as np

import gluonbook_ch7 as gb

# %% [markdown]
# ## Two dimensions
#
# $f(x_1, x_2) = 0.1 x_1^2 + 2 x_2^2$ is twenty times as steep along $x_2$ as along $x_1$. With
# $\eta = 0.4$ AdaGrad is still at $x_1 = -2.38$ after twenty steps; RMSProp arrives.


# %% A trace of 21 points from (-5, -2): straight to the valley, then along it to the minimum.
def rmsprop_2d(x1, x2, s1, s2, eta=0.4, gamma=0.9):
    g1, g2, eps = 0.2 * x1, 4 * x2, 1e-6
    s1 = gamma * s1 + (1 - gamma) * g1**2
    s2 = gamma * s2 + (1 - gamma) * g2**2
    return x1 - eta * g1 / math.sqrt(s1 + eps), x2 - eta * g2 / math.sqrt(s2 + eps), s1, s2


gb.show_trace_2d(gb.f_2d, gb.train_2d(rmsprop_2d))
gb.plt.show()

# %% [markdown]
# Here are the learning rates $\eta / \sqrt{s + \epsilon}$ of both coordinates on the way. AdaGrad's
# fall and never recover. RMSProp's rise as soon as the gradients get smaller: that of $x_2$ after
# the first steps, when the valley's floor is near, that of $x_1$ towards the end.

# %% Learning rates over twenty steps: AdaGrad's two curves fall, RMSProp's two curves rise again.
gb.set_figsize((5, 3))
for name, rule, style in (("AdaGrad", gb.adagrad_2d, "--"), ("RMSProp", rmsprop_2d, "-")):
    x1, x2, s1, s2 = -5, -2, 0, 0
    rates = []
    for _ in range(20):
        x1, x2, s1, s2 = rule(x1, x2, s1, s2)
        rates.append((0.4 / math.sqrt(s1 + 1e-6), 0.4 / math.sqrt(s2 + 1e-6)))
    for coordinate, marker in ((0, "o"), (1, "s")):
        label = f"{name}, x{coordinate + 1}"
        rate = [pair[coordinate] for pair in rates]
        gb.plt.plot(range(1, 21), rate, style, marker=marker, markersize=4, label=label)
gb.plt.xlabel("step")
gb.plt.xticks(range(0, 21, 5))
gb.plt.ylabel("learning rate")
gb.plt.yscale("log")
gb.plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
gb.plt.show()

# %% [markdown]
# ## The rule in five lines
#
# The chapter trains a linear model on measurements of the noise of aircraft wings: 1,503 rows, four
# features, two epochs of minibatches of ten. A rule gets the parameters (the weights and the bias),
# a state for each, and the hyperparameters, and takes one step.

# %%
data = gb.load_data_ch7()
features, labels = data.features, data.labels
print(f"Data: edition {data.edition}, {data.origin}.")


# %%
def rmsprop(params, states, hyperparams):
    for p, s in zip(params, states):
        s *= hyperparams["gamma"]
        s += (1 - hyperparams["gamma"]) * p.grad.square()
        p -= hyperparams["lr"] * p.grad / (s + 1e-6).sqrt()


# %% [markdown]
# ## Two trainings
#
# First from scratch, with this rule:

# %% The loss falls from about 0.5 to about 0.26 within half an epoch, and then moves up and down.
states = gb.init_rmsprop_states(features)
gb.train_ch7(rmsprop, states, {"lr": 0.01, "gamma": 0.9}, features, labels)
gb.plt.show()

# %% [markdown]
# Then with Gluon's optimizer, which calls $\gamma$ `gamma1`:

# %% The loss falls from about 0.5 to about 0.26 here too.
gb.train_gluon_ch7("rmsprop", {"learning_rate": 0.01, "gamma1": 0.9}, features, labels)
gb.plt.show()

# %% [markdown]
# ## Why 0.26?
#
# Because a linear model cannot do better. The loss is half the mean squared error of labels that
# have the variance 1. A model that always predicts the mean, which is where training begins, has a
# loss of about 0.5; the best of all linear models on these four features leaves 0.2577. RMSProp
# ends a little above. Near the minimum the gradients get small, but so does $\sqrt{s}$ below them,
# so the steps stay about $\eta$ long and the weights keep moving around the best ones: over
# 1,000 shuffles of the data the last loss is 0.2598 ± 0.0015.

# %%
inputs = np.column_stack([features.asnumpy(), np.ones(len(labels))]).astype("float64")
targets = labels.asnumpy().astype("float64")
best, *_ = np.linalg.lstsq(inputs, targets, rcond=None)
print(f"loss of the mean: {np.mean((targets - targets.mean()) ** 2) / 2:.4f}")
print(f"loss of the best linear model: {np.mean((inputs @ best - targets) ** 2) / 2:.4f}")

runs = gb.fit_ensemble(
    rmsprop, gb.init_rmsprop_states(features), {"lr": 0.01, "gamma": 0.9}, features, labels,
    seeds=range(1000),
)  # fmt: skip
print(f"RMSProp, 1,000 shuffles: {runs.losses[:, -1].mean():.4f} ± {runs.losses[:, -1].std():.4f}")

# %% [markdown]
# (Later copies of the book's package print 0.243 instead. They train on five features, and with
# those the best linear model leaves 0.2421.)
#
# ## What differs between the two, and why
#
# The printed losses differ mostly by chance: each training starts from other random weights and
# sees the minibatches in another order. Give both the same start and the same order, and three
# differences are left:
#
# - **The last minibatch.** 1,503 is not a multiple of 10, so each epoch ends with a minibatch of
#   three rows. From scratch the gradient is averaged over the three; Gluon's `trainer.step(10)`
#   divides their sum by 10, so that it is 0.3 times as large.
# - **$\epsilon$.** $10^{-6}$ in the book, $10^{-8}$ in Gluon, under the root in both.
# - **Rounding** of float32.
#
# `gb.compare` follows every weight at every step of both trainings, switches the known differences
# off, and reports the largest difference of any weight (the median of three seeds). The last line
# checks that nothing else differs: it should be a few millionths at most.

# %%
comparison = gb.compare("rmsprop", features, labels)
print(f"everything, as in the book: {comparison.as_in_book.largest:.1e}")
for difference, gap in comparison.only.items():
    print(f"only the {difference}: {gap.largest:.1e}")
print(f"neither, so rounding alone: {comparison.aligned.largest:.1e}")

# %% [markdown]
# ## Exercise: what do $\gamma = 0$ and $\gamma = 1$ do?
#
# **$\gamma = 0$** remembers nothing but the gradient at hand, and $g / \sqrt{g^2}$ is its sign:
# every coordinate moves by $\eta$ each time, near the minimum as well as far from it. It gets there
# and never settles.
#
# **$\gamma = 1$** never takes in a gradient. $s$ stays zero, and what is left is gradient descent
# with a learning rate of $\eta / \sqrt{\epsilon} = 1000\,\eta$. For $\eta = 0.01$ that is 10, which
# diverges; for $\eta = 0.00005$ it is 0.05, and [minibatch SGD](minibatch_sgd.ipynb) with that rate
# works. Only exactly 1 does this. With 0.9999 the state is slow to build up, but it does.

# %%
for gamma in (0, 1):
    x1, x2, s1, s2 = -5, -2, 0, 0
    values = [f"{x1:.3g}"]
    for _ in range(5):
        x1, x2, s1, s2 = rmsprop_2d(x1, x2, s1, s2, gamma=gamma)
        values.append(f"{x1:.3g}")
    print(f"gamma = {gamma}: x1 goes", ", ".join(values))

# %%
for lr, gamma in ((0.01, 0), (0.01, 1), (0.00005, 1)):
    states = gb.init_rmsprop_states(features)
    hyperparams = {"lr": lr, "gamma": gamma}
    curve = gb.fit_scratch(rmsprop, states, hyperparams, features, labels, seed=0)
    end = "diverged" if curve.diverged_at else f"final loss {curve.losses[-1]:.4f}"
    print(f"lr = {lr}, gamma = {gamma}: {end}")

# %% [markdown]
# ## Exercise: try other values of $\eta$ and $\gamma$
#
# $\eta$ decides how far the weights get, $\gamma$ how long the first steps are. With $\eta = 0.001$
# two epochs are too short; with 0.1 the weights move too widely around the minimum. Between 0.5 and
# 0.99 $\gamma$ hardly changes the end. With 0.999 the first steps are $1/\sqrt{0.001} \approx 32$
# times $\eta$ long: fast at first, and restless until $s$ has caught up, after some 1,000 steps.

# %% Mean losses of 100 runs: only the smallest and the largest learning rate stand out.
gb.set_figsize((5, 3))
settings = ((0.001, 0.9), (0.01, 0.9), (0.01, 0.5), (0.01, 0.99), (0.01, 0.999), (0.1, 0.9))
styles = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
for (lr, gamma), style in zip(settings, styles):
    states = gb.init_rmsprop_states(features)
    hyperparams = {"lr": lr, "gamma": gamma}
    runs = gb.fit_ensemble(rmsprop, states, hyperparams, features, labels, seeds=range(100))
    final = runs.losses[:, -1]
    print(f"lr = {lr}, gamma = {gamma}: final loss {final.mean():.4f} ± {final.std():.4f}")
    label = f"η = {lr}, γ = {gamma}"
    gb.plt.plot(runs.epochs, runs.losses.mean(axis=0), linestyle=style, label=label)
gb.plt.xlabel("epoch")
gb.plt.ylabel("mean loss of 100 runs")
gb.plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
gb.plt.show()

# %% [markdown]
# ## 中文小结
#
# AdaGrad 把每个元素所有小批量梯度的平方累加起来，所以每个元素的学习率只降不升。RMSProp
# 改用按元素平方的指数加权移动平均 $s$：它大约只看最近 $1/(1-\gamma)$ 个时间步，
# 旧的梯度逐渐被忘记，学习率因此还能回升。$s$ 是平均值而不是总和，所以 $\gamma$ 接近 1
# 只是让记忆变长，并不会让学习停止；只有 $\gamma$ 恰好等于 1 时 $s$ 始终为 0，更新量变成
# $1000\,\eta g$。损失停在 0.26 附近，是因为在这四个特征上，线性模型的最小损失就是 0.2577。
# 从零开始的实现与 Gluon 的实现只有两处不同：每个迭代周期最后那个只有 3 个样本的小批量，梯度除以
# 3 还是除以 10；以及 $\epsilon$ 取 $10^{-6}$ 还是 $10^{-8}$。其余差别只是舍入误差。
