# %% [markdown]
# # Minibatch stochastic gradient descent
#
# > **Remember.** A minibatch averages the gradients of a few examples. Its noise falls with the
# > root of its size, while the cost of a step hardly rises until the machine is busy.
#
# ## The idea
#
# Gradient descent reads all examples for one exact step; stochastic gradient descent reads one
# example for one noisy step. Between them lies the minibatch $\mathcal{B}$: a few examples, drawn
# anew for every step. Ten examples make the noise $\sqrt{10} \approx 3.2$ times smaller, and a
# computer that multiplies whole matrices needs about the same time for ten rows as for one.
#
# ## The formula
#
# $$\begin{aligned}
# g &= \frac{1}{|\mathcal{B}|} \sum_{i \in \mathcal{B}} \nabla f_i(x), \\[4pt]
# x &\leftarrow x - \eta\, g
# \end{aligned}$$
#
# - $\nabla f_i$ is the gradient of the loss of example $i$;
# - $|\mathcal{B}|$ is the batch size, 10 in most of the chapter;
# - an epoch is as many steps as it takes to see every example once.

# %%
import gluonbook_ch7 as gb

data = gb.load_data_ch7()
features, labels = data.features, data.labels
print(f"Data: edition {data.edition}, {data.origin}.")

# %% [markdown]
# ## The rule in five lines
#
# The training loop takes the mean of the minibatch's losses before it computes the gradients, so
# the rule need not divide by the batch size.


# %%
def sgd(params, states, hyperparams):
    for p in params:
        p -= hyperparams["lr"] * p.grad


# %% [markdown]
# ## Two trainings
#
# From scratch, with ten examples in a minibatch:

# %% The loss falls from about 0.5 to about 0.26 in the first epoch.
gb.train_ch7(sgd, None, {"lr": 0.05}, features, labels, 10)
gb.plt.show()

# %% [markdown]
# With Gluon:

# %% The same curve, up to chance.
gb.train_gluon_ch7("sgd", {"learning_rate": 0.05}, features, labels, 10)
gb.plt.show()

# %% [markdown]
# ## What differs between the two, and why
#
# Each training starts from other random weights and shuffles the examples anew; that is nearly all
# of what you see. One difference is hidden: 1,503 examples leave a last minibatch of three. From
# scratch the gradient is the mean over those three; Gluon's `trainer.step(10)` divides their sum by
# 10 all the same. With the same start and the same order, and with this difference switched off,
# only rounding is left:

# %%
comparison = gb.compare("sgd", features, labels)
print(f"as in the book, the weights get {comparison.as_in_book.largest:.1e} apart")
print(f"with the same average over the short minibatch: {comparison.aligned.largest:.1e}")

# %% [markdown]
# ## From all examples to one
#
# With 1,500 examples in a minibatch it is almost gradient descent: two steps an epoch, the first on
# 1,500 examples and the second on the three that are left over. With $\eta = 1$ the first kind goes
# straight to the minimum. The second kind follows three examples just as far, and that shows as
# peaks.

# %% Twelve steps: those on 1,500 examples end near 0.26, those on three leave peaks.
gb.train_ch7(sgd, None, {"lr": 1}, features, labels, 1500, 6)
gb.plt.show()

# %% [markdown]
# With one example in a minibatch it is stochastic gradient descent: 1,503 cheap and noisy steps an
# epoch. A smaller $\eta$ keeps the noise down.

# %% The loss arrives at about 0.26 within one epoch.
gb.train_ch7(sgd, None, {"lr": 0.005}, features, labels, 1, 1)
gb.plt.show()

# %% [markdown]
# ## Exercise: try other batch sizes and learning rates
#
# A larger minibatch has less noise and allows a larger $\eta$, but takes fewer steps an epoch. An
# epoch's time falls with the number of steps at first, because a step costs more in calls than in
# arithmetic.
#
# The peak where an epoch ends is the short minibatch again: its three examples are followed with an
# $\eta$ that suits a hundred.

# %% Losses over two epochs for four batch sizes: all fall to 0.26, that of 100 with a peak at 1.
gb.set_figsize((5, 3))
settings = ((5, 0.05), (10, 0.05), (50, 0.2), (100, 0.4))
for (batch_size, lr), style in zip(settings, ("-", "--", "-.", ":")):
    curve = gb.fit_scratch(sgd, None, {"lr": lr}, features, labels, batch_size, seed=0)
    print(
        f"batch size {batch_size}, lr = {lr}: loss {curve.losses[-1]:.4f}, "
        f"{curve.seconds_per_epoch:.3f} s an epoch"
    )
    label = f"{batch_size} examples, η = {lr}"
    gb.plt.plot(curve.epochs, curve.losses, linestyle=style, label=label)
gb.plt.xlabel("epoch")
gb.plt.ylabel("loss")
gb.plt.ylim(0.24, 0.55)
gb.plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
gb.plt.show()

# %% [markdown]
# ## 中文小结
#
# 小批量随机梯度下降每一步随机抽取一个小批量 $\mathcal{B}$，用其中样本梯度的平均值更新自变量。
# 批量大小为 10 时，噪声约为单个样本的 $1/\sqrt{10}$，而一步的时间几乎不变。批量较大时噪声小，可以
# 用较大的学习率，但每个迭代周期的步数少；批量为 1 就是随机梯度下降，批量为全部样本就是梯度下降。
# 从零开始的实现与 Gluon 的实现只有一处不同：每个迭代周期最后那个只有 3 个样本的小批量，前者除以 3，
# 后者的 `trainer.step(10)` 除以 10。
