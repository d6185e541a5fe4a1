"""Adam, a section of chapter 7."""

# %% [markdown]
# # Adam
#
# Adam averages the gradient as well as its square:
#
# $$v \leftarrow \beta_1 v + (1 - \beta_1)\, g, \qquad
# s \leftarrow \beta_2 s + (1 - \beta_2)\, g \odot g.$$
#
# Both begin at zero, so at first both are too small: after $t$ steps the weights in $v$ add up to
# $1 - \beta_1^t$. Dividing by it corrects this bias:
#
# $$\hat v = \frac{v}{1 - \beta_1^t}, \qquad \hat s = \frac{s}{1 - \beta_2^t}, \qquad
# x \leftarrow x - \frac{\eta\, \hat v}{\sqrt{\hat s} + \epsilon}.$$

# %%
from section import LINES, load_data, show

import gluonbook_ch7 as gb

data = load_data()
features, labels = data.features, data.labels


# %% [markdown]
# ## From scratch
#
# The number of the step travels with the hyperparameters.


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


states = gb.init_adam_states(features)
gb.train_ch7(adam, states, {"lr": 0.01, "t": 1}, features, labels)
show("adam")

# %% [markdown]
# ## With Gluon
#
# Gluon counts the steps itself. It folds both corrections into the learning rate, so that its
# $\epsilon$ (1e-8) is not divided by $\sqrt{1 - \beta_2^t}$ with $s$; and it takes $1 - \beta_2$ in
# single precision. `gluonbook-ch7 compare adam` shows what each is worth.

# %%
gb.train_gluon_ch7("adam", {"learning_rate": 0.01}, features, labels)
show("adam_gluon")

# %% [markdown]
# ## Exercise: other learning rates

# %%
gb.set_figsize((5, 3))
for lr, line in zip((0.001, 0.01, 0.1, 1), LINES):
    states = gb.init_adam_states(features)
    hyperparams = {"lr": lr, "t": 1}
    runs = gb.fit_ensemble(gb.adam, states, hyperparams, features, labels, seeds=range(100))
    final = runs.losses[:, -1]
    print(f"lr {lr}: final loss {final.mean():.4f} ± {final.std():.4f} over 100 runs")
    gb.plt.plot(runs.epochs, runs.losses.mean(axis=0), **line, label=f"η = {lr}")
gb.plt.xlabel("epoch")
gb.plt.ylabel("mean loss of 100 runs")
gb.plt.yscale("log")
show("adam_learning_rates")

# %% [markdown]
# ## Exercise: is Adam RMSProp with momentum?
#
# Nearly. Without the bias corrections and with $\epsilon$ under the root it would be. Take $t$ so
# large that there is nothing to correct, and the first steps are too long: the first gradient has
# a weight of 0.1 in $v$ and of 0.001 in $s$, and $0.1 / \sqrt{0.001} \approx 3.2$.

# %%
for name, t in (("with bias correction", 1), ("without", 100_000)):
    states = gb.init_adam_states(features)
    hyperparams = {"lr": 0.01, "t": t}
    curve = gb.fit_scratch(gb.adam, states, hyperparams, features, labels, seed=0)
    print(f"{name}: loss after 100 examples {curve.losses[1]:.4f}, final {curve.losses[-1]:.4f}")
