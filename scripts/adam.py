# %% [markdown]
# # Adam
#
# > **Remember.** Adam averages the gradient and its square, corrects both averages for having begun
# > at zero, and steps along the first divided by the root of the second.
#
# ## The idea
#
# [Momentum](momentum.ipynb) averages gradients, so that noise and zigzag cancel.
# [RMSProp](rmsprop.ipynb) divides by the size of recent gradients, so that every coordinate has a
# learning rate of its own. Adam does both. And it corrects a flaw of such averages: one that begins
# at zero is too small at first. After $t$ steps the weights of the gradients in it add up to only
# $1 - \beta^t$, so Adam divides by that.
#
# ## The formula
#
# With all operations element by element, in step $t = 1, 2, \dots$,
#
# $$\begin{aligned}
# v &\leftarrow \beta_1 v + (1 - \beta_1)\, g, & \hat v &= \frac{v}{1 - \beta_1^t}, \\[4pt]
# s &\leftarrow \beta_2 s + (1 - \beta_2)\, g \odot g, & \hat s &= \frac{s}{1 - \beta_2^t}, \\
# x &\leftarrow x - \frac{\eta\, \hat v}{\sqrt{\hat s} + \epsilon}
# \end{aligned}$$
#
# - $v$ is the moving average of the gradient and $s$ that of its square, both zero before the first
#   step;
# - $\beta_1 = 0.9$ and $\beta_2 = 0.999$ say how much of them is kept: the gradient is averaged
#   over some 10 steps, its square over some 1,000;
# - $\epsilon = 10^{-6}$ stands outside the root here.
#
# In the first step $\hat v = g$ and $\hat s = g^2$, so that every coordinate moves by $\eta$.

# %%
import gluonbook_ch7 as gb

data = gb.load_data_ch7()
features, labels = data.features, data.labels
print(f"Data: edition {data.edition}, {data.origin}.")

# %% [markdown]
# ## The rule
#
# The number of the step travels with the hyperparameters, as `t`.


# %%
def adam(params, states, hyperparams):
    beta1, beta2, eps, t = 0.9, 0.999, 1e-6, hyperparams["t"]
    for p, (v, s) in zip(params, states):
        v *= beta1
        v += (1 - beta1) * p.grad
        s *= beta2
        s += (1 - beta2) * p.grad.square()
        v_hat, s_hat = v / (1 - beta1**t), s / (1 - beta2**t)
        p -= hyperparams["lr"] * v_hat / (s_hat.sqrt() + eps)
    hyperparams["t"] += 1


# %% [markdown]
# ## Two trainings
#
# From scratch:

# %% The loss falls from about 0.5 to about 0.26 within the first epoch.
states = gb.init_adam_states(features)
gb.train_ch7(adam, states, {"lr": 0.01, "t": 1}, features, labels)
gb.plt.show()

# %% [markdown]
# With Gluon, which counts the steps itself:

# %% The same curve, up to chance.
gb.train_gluon_ch7("adam", {"learning_rate": 0.01}, features, labels)
gb.plt.show()

# %% [markdown]
# ## What differs between the two, and why
#
# Apart from chance, four things:
#
# - **The last minibatch** of an epoch, three rows, is averaged over three from scratch and divided
#   by 10 in Gluon.
# - **$\epsilon$** is $10^{-8}$ in Gluon.
# - **The bias correction is folded** into the learning rate in Gluon, $\eta \sqrt{1 - \beta_2^t} /
#   (1 - \beta_1^t)$, and $\epsilon$ is added to $\sqrt{s}$, not to $\sqrt{\hat s}$. So $\epsilon$
#   weighs $1/\sqrt{1 - \beta_2^t}$ times as much, 32 times in the first step.
# - **$1 - \beta_2$ is computed in float32** in Gluon, which makes it 0.00099998713.
#
# With the same start and order, the largest difference of any weight is (median of three seeds):

# %%
comparison = gb.compare("adam", features, labels)
print(f"everything, as in the book: {comparison.as_in_book.largest:.1e}")
for difference, gap in comparison.only.items():
    print(f"only the {difference}: {gap.largest:.1e}")
print(f"none of them, so rounding alone: {comparison.aligned.largest:.1e}")

# %% [markdown]
# ## Exercise: try other learning rates
#
# As in RMSProp the steps are seldom much longer than $\eta$. With 0.001 two epochs are too short;
# 0.01 and 0.1 arrive, 0.1 with large swings; 1 does not settle.

# %% Mean losses of 100 runs: 0.01 is best, 0.001 too slow, 0.1 and 1 stay above.
gb.set_figsize((5, 3))
for lr, style in zip((0.001, 0.01, 0.1, 1), ("-", "--", "-.", ":")):
    states = gb.init_adam_states(features)
    hyperparams = {"lr": lr, "t": 1}
    runs = gb.fit_ensemble(adam, states, hyperparams, features, labels, seeds=range(100))
    final = runs.losses[:, -1]
    print(f"lr = {lr}: final loss {final.mean():.4f} ± {final.std():.4f} over 100 runs")
    gb.plt.plot(runs.epochs, runs.losses.mean(axis=0), linestyle=style, label=f"η = {lr}")
gb.plt.xlabel("epoch")
gb.plt.ylabel("mean loss of 100 runs")
gb.plt.yscale("log")
gb.plt.legend()
gb.plt.show()

# %% [markdown]
# ## Exercise: is Adam RMSProp with momentum?
#
# Nearly. Without the bias correction, and with $\epsilon$ under the root, it would be. The
# correction matters at the start: without it the first gradient has a weight of 0.1 in $v$ and of
# 0.001 in $s$, so the first step is $0.1 / \sqrt{0.001} \approx 3.2$ times as long. To see it,
# begin with a $t$ so large that there is nothing left to correct:

# %%
for name, t in (("with the correction", 1), ("without it", 100_000)):
    states = gb.init_adam_states(features)
    hyperparams = {"lr": 0.01, "t": t}
    curve = gb.fit_scratch(adam, states, hyperparams, features, labels, seed=0)
    print(
        f"{name}: loss {curve.losses[1]:.4f} after 100 examples, {curve.losses[-1]:.4f} at the end"
    )

# %% [markdown]
# The longer steps are an advantage here, since training starts far from the minimum, and a risk
# where the first gradients mislead.
#
# ## 中文小结
#
# Adam 在 RMSProp 的基础上，对小批量梯度本身也做指数加权移动平均：$v$ 是梯度的平均，$s$
# 是按元素平方的平均。两者都从 0 开始，训练初期偏小，所以要除以 $1-\beta^t$ 做偏差修正；修正之后，
# 第一步每个元素恰好移动 $\eta$。Gluon 的实现把偏差修正并入学习率，$\epsilon$ 是 $10^{-8}$，
# 并用单精度计算 $1-\beta_2$；此外最后那个只有 3 个样本的小批量除以 10 而不是 3。
