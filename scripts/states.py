# %% [markdown]
# # What the states do
#
# > **Remember.** A state is a rule's memory. Velocities remember where the gradients pointed, sums
# > and averages of squares remember how large they were, and the learning rate follows from those.
#
# Six rules train the same linear model on the same 1,000 orders of the same minibatches, and we
# look inside at every step: at the loss, at the states, and at the learning rate that each rule
# really uses. Lines are means over the 1,000 runs; bands hold nine of ten runs.
#
# | rule | state | what multiplies the gradient |
# | --- | --- | --- |
# | SGD | none | $\eta$ |
# | momentum | $v$, a sum of past steps | $\eta$ (and $v$ continues the last step) |
# | AdaGrad | $s$, the sum of squares | $\eta / \sqrt{s + \epsilon}$ |
# | RMSProp | $s$, an average of squares | $\eta / \sqrt{s + \epsilon}$ |
# | AdaDelta | $s$, and $\Delta$ of its steps | $\sqrt{\Delta + \epsilon} / \sqrt{s + \epsilon}$ |
# | Adam | $s$, and $v$ of the gradients | $\eta / (\sqrt{\hat s} + \epsilon)$, of $\hat v$ |

# %%
import numpy as np

import gluonbook_ch7 as gb  # before mxnet, because it readies NumPy for it

# isort: split
from mxnet import nd

data = gb.load_data_ch7()
X, y = data.features.asnumpy(), data.labels.asnumpy()[:, np.newaxis]
print(f"Data: edition {data.edition}, {data.origin}.")

# %% [markdown]
# ## A thousand runs at once
#
# A rule works element by element. So it does not matter to a rule whether a parameter holds the
# four weights of one run or, stacked, those of a thousand. `gb.fit_ensemble` does this for you and
# returns the losses; to see the states as well, we write the loop out here. Every rule starts from
# the same weights and meets the same minibatches in the same order.


# %%
RUNS, BATCH_SIZE, EPOCHS = 1000, 10, 2


def train(rule, states_each, hyperparams):
    """Train many runs; return every step's losses and the states of the first weight."""
    random = np.random.RandomState(0)
    w = nd.array(random.normal(0, 0.01, (RUNS, X.shape[1], 1)))
    b = nd.zeros((RUNS, 1, 1))
    for p in (w, b):
        p.attach_grad()
    w_states = tuple(w.zeros_like() for _ in range(states_each))
    b_states = tuple(b.zeros_like() for _ in range(states_each))
    states = (w_states, b_states) if states_each > 1 else w_states + b_states
    losses, history = [], []
    for _ in range(EPOCHS):
        order = random.random_sample((RUNS, len(X))).argsort(axis=1)
        for first in range(0, len(X), BATCH_SIZE):
            rows = order[:, first : first + BATCH_SIZE]
            features, labels = X[rows], y[rows]
            errors = features @ w.asnumpy() + b.asnumpy() - labels
            w.grad[:] = features.transpose(0, 2, 1) @ errors / rows.shape[1]
            b.grad[:] = errors.mean(axis=1, keepdims=True)
            rule((w, b), states, hyperparams)
            losses.append(full_loss(w.asnumpy(), b.asnumpy()))
            history.append([state.asnumpy()[:, 0, 0] for state in w_states])
    return np.array(losses), np.array(history)


def full_loss(w, b):
    """Return the loss on all examples, one for each run."""
    errors = X @ w[:, :, 0].T + b[:, 0, 0] - y
    return (errors**2).mean(axis=0) / 2


# %% [markdown]
# The hyperparameters are those of the chapter.

# %%
RULES = {
    "SGD": (gb.sgd, 0, {"lr": 0.05}),
    "momentum": (gb.sgd_momentum, 1, {"lr": 0.02, "mom": 0.5}),
    "AdaGrad": (gb.adagrad, 1, {"lr": 0.1}),
    "RMSProp": (gb.rmsprop, 1, {"lr": 0.01, "gamma": 0.9}),
    "AdaDelta": (gb.adadelta, 2, {"rho": 0.9}),
    "Adam": (gb.adam, 2, {"lr": 0.01, "t": 1}),
}
losses, states = {}, {}
for name, (rule, states_each, hyperparams) in RULES.items():
    losses[name], states[name] = train(rule, states_each, hyperparams)
    final = losses[name][-1]
    print(f"{name}: final loss {final.mean():.4f} ± {final.std():.4f}")


# %%
def panels(curves, ylabel, scale="linear", share=True):
    """Draw one panel for each rule: its curves (steps, runs), as mean and band, by label."""
    figure, axes = gb.plt.subplots(
        3, 2, figsize=(5.2, 6.2), sharex=True, sharey=share, layout="constrained"
    )
    for axis, (name, lines) in zip(axes.flat, curves.items()):
        for (label, values), style in zip(lines.items(), ("-", "--")):
            steps = np.arange(1, len(values) + 1)
            low, high = np.percentile(values, (5, 95), axis=1)
            axis.fill_between(steps, low, high, color="0.8", linewidth=0)
            axis.plot(steps, values.mean(axis=1), style, color="black", linewidth=1.2, label=label)
        axis.set_title(name, fontsize=10)
        axis.set_yscale(scale)
        if len(lines) > 1:
            axis.legend(fontsize=9)
        if not lines:
            axis.text(0.5, 0.5, "no state", ha="center", transform=axis.transAxes)
            axis.set_yticks([])
    figure.supxlabel("step")
    figure.supylabel(ylabel)
    gb.plt.show()


gb.use_svg_display()

# %% [markdown]
# ## The loss
#
# All six arrive at about 0.26, below which no linear model on these features can get. They differ
# in how fast, and in how much the runs differ from each other at the end (the ± above). Most keep
# moving around the minimum, because their learning rates do not shrink there. AdaGrad's do, and its
# runs end closest together and nearest to the best loss, 0.2577.

# %% Six panels with the loss over 302 steps: all fall from 0.5 to about 0.26.
panels({name: {"loss": values} for name, values in losses.items()}, "loss")

# %% [markdown]
# ## The states
#
# These are the states of the first weight. Momentum's velocity $v$ is large while the weight is on
# its way, and then fluctuates around zero. AdaGrad's sum $s$ only grows: fast at first, while
# gradients are large, and then by about the same amount in every step, because minibatches disagree
# even at the minimum. RMSProp's average $s$ rises from zero within some ten steps, its memory, and
# comes down again as the gradients get smaller. AdaDelta's $s$ does the same; its $\Delta$ is too
# small to be seen beside it. Adam remembers the squares for a thousand steps and begins at zero, so
# its $s$ is still rising at the end: that is why it needs the bias correction.
#
# (The small peak at step 151 is the last minibatch of the first epoch. It has three examples, not
# ten, and so its gradient has more noise.)

# %% Six panels with states over 302 steps: a growing sum, averages that rise and fall, velocities.
named = {
    "SGD": (),
    "momentum": ("v",),
    "AdaGrad": ("s",),
    "RMSProp": ("s",),
    "AdaDelta": ("s", "Δ"),
    "Adam": ("v", "s"),
}
curves = {
    name: {label: states[name][:, i] for i, label in enumerate(labels)}
    for name, labels in named.items()
}
panels(curves, "state of the first weight", share=False)

# %% [markdown]
# ## The learning rates
#
# What multiplies the gradient in the end (in Adam, the averaged gradient). SGD's and momentum's are
# $\eta$, always. AdaGrad's only falls. RMSProp's, AdaDelta's and Adam's fall while their averages
# fill up, are lowest while gradients are large, and rise again near the minimum.
#
# The narrow bands of AdaGrad and Adam and the wide one of RMSProp show how long each remembers: a
# mean over ten gradients depends on which ten they were.

# %% Six panels with the learning rate of the first weight over 302 steps, on a logarithmic scale.
eps = 1e-6
steps = np.arange(1, len(losses["SGD"]) + 1)[:, np.newaxis]
adadelta_s, adadelta_delta = states["AdaDelta"][:, 0], states["AdaDelta"][:, 1]
rates = {
    "SGD": np.full_like(losses["SGD"], 0.05),
    "momentum": np.full_like(losses["momentum"], 0.02),
    "AdaGrad": 0.1 / np.sqrt(states["AdaGrad"][:, 0] + eps),
    "RMSProp": 0.01 / np.sqrt(states["RMSProp"][:, 0] + eps),
    "AdaDelta": np.sqrt((adadelta_delta + 1e-5) / (adadelta_s + 1e-5)),
    "Adam": 0.01 / (np.sqrt(states["Adam"][:, 1] / (1 - 0.999**steps)) + eps),
}
panels({name: {"rate": values} for name, values in rates.items()}, "learning rate", "log")

# %% [markdown]
# ## 中文小结
#
# 状态变量是算法的记忆。动量法的速度 $v$ 记住梯度的方向；AdaGrad 的 $s$ 是按元素平方的总和，
# 只增不减，所以学习率只降不升；RMSProp 的 $s$ 是按元素平方的指数加权移动平均，先升后降，
# 学习率因此先降后升；
# AdaDelta 再用自变量变化量的平均 $\Delta$ 代替学习率；Adam 同时记住小批量梯度及其平方的平均，
# 并修正初始值为 0 带来的偏差。图中的线是 1000 次训练的平均值，灰色区域包含其中的百分之九十。
