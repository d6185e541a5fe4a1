# %% [markdown]
# # AdaDelta
#
# > **Remember.** AdaDelta is RMSProp without a learning rate: the typical size of its own recent
# > steps takes the learning rate's place.
#
# ## The idea
#
# [RMSProp](rmsprop.ipynb) divides the gradient by the size of recent gradients. What is left has no
# unit, and it is $\eta$ that turns it into a step, so $\eta$ has to fit the size of the parameters.
# AdaDelta measures that size: it averages the squares of the steps already taken, and multiplies by
# the root. Where steps have been long, they may stay long.
#
# ## The formula
#
# With all operations element by element,
#
# $$\begin{aligned}
# s &\leftarrow \rho\, s + (1 - \rho)\, g \odot g, \\[4pt]
# g' &= \sqrt{\frac{\Delta + \epsilon}{s + \epsilon}} \odot g, \\
# x &\leftarrow x - g', \\[4pt]
# \Delta &\leftarrow \rho\, \Delta + (1 - \rho)\, g' \odot g'
# \end{aligned}$$
#
# - $s$ is the moving average of the squared gradients, as in RMSProp, and $\rho$ is RMSProp's
#   $\gamma$;
# - $\Delta$ is the moving average of the squared steps $g'$. Both are zero before the first step;
# - $\epsilon = 10^{-5}$ does more than keep the division defined. $\Delta$ begins at zero, so the
#   first step is $\sqrt{\epsilon / (1 - \rho)}$ long: without $\epsilon$ nothing would ever move.

# %%
import gluonbook_ch7 as gb

data = gb.load_data_ch7()
features, labels = data.features, data.labels
print(f"Data: edition {data.edition}, {data.origin}.")

# %% [markdown]
# ## The rule
#
# Two states for each parameter, so a few more lines than usual.


# %%
def adadelta(params, states, hyperparams, eps=1e-5):
    rho = hyperparams["rho"]
    for p, (s, delta) in zip(params, states):
        s *= rho
        s += (1 - rho) * p.grad.square()
        g = (delta + eps).sqrt() / (s + eps).sqrt() * p.grad
        p -= g
        delta *= rho
        delta += (1 - rho) * g * g


# %% [markdown]
# ## Two trainings
#
# From scratch:

# %% The loss falls from about 0.5 to about 0.26 within the first epoch.
states = gb.init_adadelta_states(features)
gb.train_ch7(adadelta, states, {"rho": 0.9}, features, labels)
gb.plt.show()

# %% [markdown]
# With Gluon:

# %% The same curve, up to chance.
gb.train_gluon_ch7("adadelta", {"rho": 0.9}, features, labels)
gb.plt.show()

# %% [markdown]
# ## What differs between the two, and why
#
# The formula and $\epsilon$ are the same. Gluon's `adadelta` accepts a `learning_rate` as well, and
# ignores it. Apart from chance, only the last minibatch of an epoch differs: its three rows are
# averaged over three from scratch, and divided by 10 in Gluon. With the same start and order:

# %%
comparison = gb.compare("adadelta", features, labels)
print(f"as in the book, the weights get {comparison.as_in_book.largest:.1e} apart")
print(f"with the same average over the short minibatch: {comparison.aligned.largest:.1e}")

# %% [markdown]
# PyTorch and optax have $\epsilon = 10^{-6}$, which makes their first steps 3.2 times shorter.
#
# ## Exercise: try other values of $\rho$
#
# A larger $\rho$ has a longer memory, and longer first steps: $\sqrt{\epsilon / (1 - \rho)}$ is
# 0.004, 0.01, 0.03 and 0.1 for the four values here. With 0.999 the loss falls fast and is
# restless. With $\rho = 1$ both averages stay zero, and what is left is gradient descent with a
# learning rate of 1.

# %% Mean losses of 100 runs: a larger rho falls faster, and 0.999 ends above the others.
gb.set_figsize((5, 3))
for rho, style in zip((0.5, 0.9, 0.99, 0.999), ("-", "--", "-.", ":")):
    states = gb.init_adadelta_states(features)
    runs = gb.fit_ensemble(adadelta, states, {"rho": rho}, features, labels, seeds=range(100))
    final = runs.losses[:, -1]
    print(f"rho = {rho}: final loss {final.mean():.4f} ± {final.std():.4f} over 100 runs")
    gb.plt.plot(runs.epochs, runs.losses.mean(axis=0), linestyle=style, label=f"ρ = {rho}")
gb.plt.xlabel("epoch")
gb.plt.ylabel("mean loss of 100 runs")
gb.plt.legend()
gb.plt.show()

# %% [markdown]
# ## Exercise: is there really no learning rate?
#
# $\epsilon$ acts as one. A tenth of it makes the first steps 3.2 times shorter, and two epochs are
# no longer enough:

# %%
for eps in (1e-7, 1e-6, 1e-5, 1e-4):

    def rule(params, states, hyperparams, eps=eps):
        adadelta(params, states, hyperparams, eps)

    states = gb.init_adadelta_states(features)
    runs = gb.fit_ensemble(rule, states, {"rho": 0.9}, features, labels, seeds=range(100))
    print(f"epsilon = {eps:.0e}: final loss {runs.losses[:, -1].mean():.4f} over 100 runs")

# %% [markdown]
# ## 中文小结
#
# AdaDelta 没有学习率这一超参数。它和 RMSProp 一样维护小批量梯度按元素平方的指数加权移动平均
# $s$，另外再维护自变量变化量按元素平方的指数加权移动平均 $\Delta$，并用 $\sqrt{\Delta+\epsilon}$
# 代替学习率。因为 $\Delta$ 从 0 开始，最初的步长由 $\epsilon$ 决定，大小为
# $\sqrt{\epsilon/(1-\rho)}$，所以 $\epsilon$ 实际上起着学习率的作用。从零开始的实现与 Gluon
# 的实现只在最后那个只有 3 个样本的小批量上不同。
