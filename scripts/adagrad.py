# %% [markdown]
# # AdaGrad
#
# > **Remember.** AdaGrad divides each coordinate's step by the root of the sum of all its squared
# > gradients. Steep coordinates get small learning rates, flat ones large ones; none ever rises.
#
# ## The idea
#
# One learning rate for all coordinates is too large for the steep ones or too small for the flat
# ones. AdaGrad measures how steep each coordinate has been so far, and divides by it: a coordinate
# with large gradients takes short steps, one with small gradients long ones. Nobody has to choose
# those rates by hand.
#
# ## The formula
#
# With all operations element by element,
#
# $$\begin{aligned}
# s &\leftarrow s + g \odot g, \\[4pt]
# x &\leftarrow x - \frac{\eta}{\sqrt{s + \epsilon}} \odot g
# \end{aligned}$$
#
# - $s$ is the sum of the squared gradients so far, one number for each parameter, zero before the
#   first step;
# - $\eta$ is the length of the very first step in each coordinate, since $g / \sqrt{g^2} = \pm 1$;
# - $\epsilon = 10^{-6}$ keeps the division defined.
#
# A sum of squares never shrinks, so the learning rate $\eta / \sqrt{s + \epsilon}$ never rises. If
# early gradients are large and the minimum is far away, the steps get short too soon.

# %%
import functools
import math

import gluonbook_ch7 as gb

# %% [markdown]
# ## Two dimensions
#
# No zigzag any more. But with $\eta = 0.4$ the steps get too short to arrive in twenty; $\eta = 2$
# arrives.


# %% A smooth trace that slows down in the middle of the valley.
def adagrad_2d(x1, x2, s1, s2, eta=0.4):
    g1, g2, eps = 0.2 * x1, 4 * x2, 1e-6
    s1 += g1**2
    s2 += g2**2
    return x1 - eta * g1 / math.sqrt(s1 + eps), x2 - eta * g2 / math.sqrt(s2 + eps), s1, s2


gb.show_trace_2d(gb.f_2d, gb.train_2d(adagrad_2d))
gb.plt.show()

# %% With the larger learning rate the trace reaches the minimum in a few steps.
gb.show_trace_2d(gb.f_2d, gb.train_2d(functools.partial(adagrad_2d, eta=2)))
gb.plt.show()

# %% [markdown]
# ## The rule in five lines

# %%
data = gb.load_data_ch7()
features, labels = data.features, data.labels
print(f"Data: edition {data.edition}, {data.origin}.")


# %%
def adagrad(params, states, hyperparams):
    for p, s in zip(params, states):
        s += p.grad.square()
        p -= hyperparams["lr"] * p.grad / (s + 1e-6).sqrt()


# %% [markdown]
# ## Two trainings
#
# From scratch, with $\eta = 0.1$:

# %% The loss falls from about 0.5 to about 0.26 in the first epoch and then stays still.
states = gb.init_adagrad_states(features)
gb.train_ch7(adagrad, states, {"lr": 0.1}, features, labels)
gb.plt.show()

# %% [markdown]
# With Gluon:

# %% The same curve, up to chance.
gb.train_gluon_ch7("adagrad", {"learning_rate": 0.1}, features, labels)
gb.plt.show()

# %% [markdown]
# ## What differs between the two, and why
#
# Apart from chance there are two differences: $\epsilon$ is $10^{-7}$ in Gluon, and an epoch's last
# minibatch, which has three rows, is averaged over three from scratch and divided by 10 in Gluon.
# With the same start and order, the largest difference of any weight is (median of three seeds):

# %%
comparison = gb.compare("adagrad", features, labels)
print(f"everything, as in the book: {comparison.as_in_book.largest:.1e}")
for difference, gap in comparison.only.items():
    print(f"only the {difference}: {gap.largest:.1e}")
print(f"neither, so rounding alone: {comparison.aligned.largest:.1e}")

# %% [markdown]
# PyTorch has $\epsilon = 10^{-10}$ outside the root; optax lets $s$ begin at 0.1 instead of 0.
#
# ## Exercise: what about the sum that only grows?
#
# Forget the past a little: with an average in place of the sum it is [RMSProp](rmsprop.ipynb), the
# next section. The learning rates that both have at the end of two epochs:

# %%
for name, rule, hyperparams in (
    ("AdaGrad", adagrad, {"lr": 0.1}),
    ("RMSProp", gb.rmsprop, {"lr": 0.01, "gamma": 0.9}),
):
    states = gb.init_adagrad_states(features)
    gb.fit_scratch(rule, states, hyperparams, features, labels, seed=0)
    rates = hyperparams["lr"] / (states[0].asnumpy()[:, 0] + 1e-6) ** 0.5
    print(f"{name}: the four weights end with the learning rates {rates.round(3)}")

# %% [markdown]
# AdaGrad's began at $\eta / \sqrt{\epsilon} = 100$ and have only fallen. On this task that is an
# advantage: the weights are near the best ones after an epoch, and small steps keep them there.
#
# ## Exercise: try other learning rates
#
# The first step of each coordinate is $\eta$ long, so $\eta$ should be somewhat below the size that
# the weights will have. With 0.01 the rates are used up before the weights are there. With 1 and 10
# the first steps are wild; they make $s$ large, and $s$ then tames the later steps, but two epochs
# do not make up for such a start.

# %% Mean losses of 100 runs: 0.1 is best, 0.01 too slow, 1 and 10 start far above.
gb.set_figsize((5, 3))
for lr, style in zip((0.01, 0.1, 1, 10), ("-", "--", "-.", ":")):
    states = gb.init_adagrad_states(features)
    runs = gb.fit_ensemble(adagrad, states, {"lr": lr}, features, labels, seeds=range(100))
    final = runs.losses[:, -1]
    print(f"lr = {lr}: final loss {final.mean():.4f} ± {final.std():.4f} over 100 runs")
    gb.plt.plot(runs.epochs, runs.losses.mean(axis=0), linestyle=style, label=f"η = {lr}")
gb.plt.xlabel("epoch")
gb.plt.ylabel("mean loss of 100 runs")
gb.plt.yscale("log")
gb.plt.legend()
gb.plt.show()

# %% [markdown]
# ## 中文小结
#
# AdaGrad 为每个元素累加小批量梯度按元素平方的和 $s$，再用 $\eta/\sqrt{s+\epsilon}$
# 作为这个元素自己的学习率：梯度一直较大的元素学习率下降得快，梯度一直较小的元素下降得慢。因为 $s$
# 只增不减，学习率只降不升；如果早期下降得太快而离最优解还很远，后期就可能很难再前进。把总和换成
# 指数加权移动平均，就得到 RMSProp。与 Gluon 的实现相比，$\epsilon$ 是 $10^{-6}$ 而不是
# $10^{-7}$，最后那个只有 3 个样本的小批量除以 3 而不是 10。
