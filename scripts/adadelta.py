"""AdaDelta, a section of chapter 7."""

# %% [markdown]
# # AdaDelta
#
# Like RMSProp, but without a learning rate. In its place stands the root of another moving average,
# of the squares of the changes made so far:
#
# $$s \leftarrow \rho s + (1 - \rho)\, g \odot g, \qquad
# g' = \sqrt{\frac{\Delta + \epsilon}{s + \epsilon}} \odot g,$$
#
# $$x \leftarrow x - g', \qquad \Delta \leftarrow \rho \Delta + (1 - \rho)\, g' \odot g'.$$
#
# The change now has the unit of $x$, as it should. And since $\Delta$ begins at zero, it is
# $\epsilon$ that sets how long the first steps are, $\sqrt{\epsilon / (1 - \rho)}$.

# %%
from section import LINES, load_data, show

import gluonbook_ch7 as gb

data = load_data()
features, labels = data.features, data.labels


# %% [markdown]
# ## From scratch
#
# Two states for each parameter.


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


states = gb.init_adadelta_states(features)
gb.train_ch7(adadelta, states, {"rho": 0.9}, features, labels)
show("adadelta")

# %% [markdown]
# ## With Gluon
#
# The same formula with the same $\epsilon$. Gluon takes a `learning_rate` too, and ignores it.

# %%
gb.train_gluon_ch7("adadelta", {"rho": 0.9}, features, labels)
show("adadelta_gluon")

# %% [markdown]
# ## Exercise: other $\rho$
#
# A larger $\rho$ has a longer memory, and makes the first steps longer: 0.004, 0.01, 0.03 and 0.1
# here. With 0.999 the descent is fast and restless. $\rho = 1$ never takes anything in: both
# averages stay zero, and AdaDelta is plain gradient descent with a learning rate of 1.

# %%
gb.set_figsize((5, 3))
for rho, line in zip((0.5, 0.9, 0.99, 0.999), LINES):
    states = gb.init_adadelta_states(features)
    runs = gb.fit_ensemble(gb.adadelta, states, {"rho": rho}, features, labels, seeds=range(100))
    final = runs.losses[:, -1]
    print(f"rho {rho}: final loss {final.mean():.4f} ± {final.std():.4f} over 100 runs")
    gb.plt.plot(runs.epochs, runs.losses.mean(axis=0), **line, label=f"ρ = {rho}")
gb.plt.xlabel("epoch")
gb.plt.ylabel("mean loss of 100 runs")
show("adadelta_rho")

# %% [markdown]
# ## Exercise: another $\epsilon$
#
# So AdaDelta has something like a learning rate after all: $\epsilon$.

# %%
for eps in (1e-7, 1e-6, 1e-5, 1e-4):

    def rule(params, states, hyperparams, eps=eps):
        adadelta(params, states, hyperparams, eps)

    states = gb.init_adadelta_states(features)
    runs = gb.fit_ensemble(rule, states, {"rho": 0.9}, features, labels, seeds=range(100))
    print(f"epsilon {eps:.0e}: final loss {runs.losses[:, -1].mean():.4f}")
