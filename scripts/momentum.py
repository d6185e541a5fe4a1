# %% [markdown]
# # Momentum
#
# > **Remember.** Momentum steps along a weighted sum of past gradients. Components that swing
# > cancel out; those that keep their direction add up, to $1/(1-\gamma)$ times the step.
#
# ## The idea
#
# Across a narrow valley the gradient changes sides with every step; along the valley it is small
# but always points the same way. Gradient descent with one learning rate zigzags across and creeps
# along. If each step also continues the last one, like a ball that keeps its velocity, the zigzag
# cancels and the slow movement along the valley gathers speed.
#
# ## The formula
#
# $$v \leftarrow \gamma\, v + \eta\, g, \qquad x \leftarrow x - v$$
#
# - $v$ is the velocity, one number for each parameter, zero before the first step;
# - $\gamma$ in $[0, 1)$ is how much of it is kept: 0 is gradient descent again. Hyperparameter
#   `mom` in the code;
# - $\eta$ is the learning rate.
#
# $v$ is an exponentially weighted moving average of $\eta g / (1 - \gamma)$, over the last
# $1/(1-\gamma)$ steps or so. With a constant gradient the steps end up $1/(1-\gamma)$ times as
# long as gradient descent's, so $\eta$ has to shrink as $\gamma$ grows.

# %%
import functools

import gluonbook_ch7 as gb

# %% [markdown]
# ## Two dimensions
#
# At $\eta = 0.4$ the trace needs fewer swings than gradient descent's and gets farther along.


# %% The trace crosses the valley a few times and then follows it almost to the minimum.
def momentum_2d(x1, x2, v1, v2, eta=0.4, gamma=0.5):
    v1 = gamma * v1 + eta * 0.2 * x1
    v2 = gamma * v2 + eta * 4 * x2
    return x1 - v1, x2 - v2, v1, v2


gb.show_trace_2d(gb.f_2d, gb.train_2d(momentum_2d))
gb.plt.show()

# %% [markdown]
# Even $\eta = 0.6$ converges, where gradient descent diverges:

# %% The trace swings wider at first, and still arrives.
gb.show_trace_2d(gb.f_2d, gb.train_2d(functools.partial(momentum_2d, eta=0.6)))
gb.plt.show()

# %% [markdown]
# ## The rule in five lines

# %%
data = gb.load_data_ch7()
features, labels = data.features, data.labels
print(f"Data: edition {data.edition}, {data.origin}.")


# %%
def sgd_momentum(params, states, hyperparams):
    for p, v in zip(params, states):
        v *= hyperparams["mom"]
        v += hyperparams["lr"] * p.grad
        p -= v


# %% [markdown]
# ## Two trainings
#
# From scratch. With $\gamma = 0.5$ the steps end up twice as long, so $\eta = 0.02$ is worth 0.04.

# %% The loss falls from about 0.5 to about 0.26 in the first epoch.
states = gb.init_momentum_states(features)
gb.train_ch7(sgd_momentum, states, {"lr": 0.02, "mom": 0.5}, features, labels)
gb.plt.show()

# %% [markdown]
# With Gluon momentum is an option of `sgd`:

# %% The same curve, up to chance.
gb.train_gluon_ch7("sgd", {"learning_rate": 0.02, "momentum": 0.5}, features, labels)
gb.plt.show()

# %% [markdown]
# ## What differs between the two, and why
#
# The formula is the same; Gluon keeps the velocity with the opposite sign, which changes nothing.
# The two differ by chance (other random weights, another order of the minibatches) and in the last
# minibatch of an epoch, which has three rows: from scratch averages over three, Gluon's
# `trainer.step(10)` divides by 10. With the same start and order and without that, rounding is
# left:

# %%
comparison = gb.compare("sgd_momentum", features, labels)
print(f"as in the book, the weights get {comparison.as_in_book.largest:.1e} apart")
print(f"with the same average over the short minibatch: {comparison.aligned.largest:.1e}")

# %% [markdown]
# PyTorch and optax keep the learning rate out of the velocity, $v \leftarrow \gamma v + g$ and $x
# \leftarrow x - \eta v$. While $\eta$ is constant that is the same. When a schedule lowers $\eta$,
# theirs shortens the whole step at once, and the chapter's only what is added from then on.
#
# ## Exercise: try other combinations of momentum and learning rate
#
# What counts is $\eta / (1 - \gamma)$, the learning rate that a constant gradient ends up with.
# Rows of the table with the same value end alike; where it reaches 1, runs become wild.

# %%
print("momentum  learning rate  rate / (1 - momentum)  final loss of 100 runs")
for mom, lr in (
    (0, 0.04),
    (0.5, 0.02),
    (0.9, 0.004),
    (0, 0.2),
    (0.5, 0.1),
    (0.9, 0.02),
    (0.9, 0.1),
):
    states = gb.init_momentum_states(features)
    hyperparams = {"lr": lr, "mom": mom}
    runs = gb.fit_ensemble(sgd_momentum, states, hyperparams, features, labels, seeds=range(100))
    final = runs.losses[:, -1]
    print(f"{mom:8}  {lr:13}  {lr / (1 - mom):21.2f}  {final.mean():.4f} ± {final.std():.4f}")

# %% [markdown]
# ## 中文小结
#
# 动量法用速度 $v$ 记住过去的梯度：来回摆动的分量互相抵消，方向一致的分量不断积累。$v$ 可以看作
# $\eta g/(1-\gamma)$ 的指数加权移动平均，大约是最近 $1/(1-\gamma)$ 个时间步的小批量梯度。方向不变
# 时，步长是梯度下降的 $1/(1-\gamma)$ 倍，所以 $\gamma$ 越大，学习率应当越小；真正起作用的是
# $\eta/(1-\gamma)$。从零开始的实现与 Gluon 的实现只在最后那个只有 3 个样本的小批量上不同。
