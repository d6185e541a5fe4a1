"""Minibatch stochastic gradient descent, a section of chapter 7."""

# %% [markdown]
# # Minibatch stochastic gradient descent
#
# Between all examples and a single one lies the minibatch $\mathcal{B}$, drawn anew for every step:
#
# $$g = \frac{1}{|\mathcal{B}|} \sum_{i \in \mathcal{B}} \nabla f_i(x), \qquad
# x \leftarrow x - \eta g.$$
#
# The noise of $g$ falls with $\sqrt{|\mathcal{B}|}$; what a step costs hardly rises, until the
# machine is busy.

# %%
from section import LINES, load_data, show

import gluonbook_ch7 as gb

data = load_data()
features, labels = data.features, data.labels


# %% [markdown]
# ## From scratch
#
# The loss is averaged over the minibatch before `backward`, so the rule need not divide.


# %%
def sgd(params, states, hyperparams):
    for p in params:
        p -= hyperparams["lr"] * p.grad


def train_sgd(lr, batch_size, num_epochs=2):
    gb.train_ch7(sgd, None, {"lr": lr}, features, labels, batch_size, num_epochs)
    show(f"sgd_{batch_size}")


# %% [markdown]
# With 1,500 of the 1,503 examples in a minibatch it is gradient descent in all but name: two
# steps an epoch, the second one on the three examples that are left over. (It is also the reason
# for the book's choice of 1,500: the loss is looked at wherever 100 divides the examples seen.)

# %%
train_sgd(lr=1, batch_size=1500, num_epochs=6)

# %% [markdown]
# With one example it is stochastic gradient descent: 1,503 cheap, noisy steps an epoch.

# %%
train_sgd(lr=0.005, batch_size=1, num_epochs=1)

# %% [markdown]
# With ten, about as good a loss for a tenth of the steps.

# %%
train_sgd(lr=0.05, batch_size=10)

# %% [markdown]
# ## With Gluon
#
# One difference hides here: `Trainer.step(10)` divides the gradient by 10 also where the last
# minibatch has three examples; from scratch we average over the three. `gluonbook-ch7 compare sgd`
# shows that nothing else differs.

# %%
gb.train_gluon_ch7("sgd", {"learning_rate": 0.05}, features, labels, 10)
show("sgd_gluon")

# %% [markdown]
# ## Exercise: other batch sizes and learning rates
#
# A larger minibatch has less noise and allows a larger $\eta$, but takes fewer steps an epoch. The
# time falls with the number of steps, since a step's cost is mostly the cost of calling MXNet.
#
# The peak where the first epoch ends is the short minibatch again: 1,503 examples leave three over,
# and those are followed with the $\eta$ that suits a hundred.

# %%
gb.set_figsize((5, 3))
for (batch_size, lr), line in zip(((5, 0.05), (10, 0.05), (50, 0.2), (100, 0.4)), LINES):
    curve = gb.fit_scratch(gb.sgd, None, {"lr": lr}, features, labels, batch_size, seed=0)
    print(
        f"batch size {batch_size}, lr {lr}: loss {curve.losses[-1]:.6f}, "
        f"{curve.seconds_per_epoch:.3f} s an epoch"
    )
    label = f"{batch_size} at a time, η = {lr}"
    gb.plt.plot(curve.epochs, curve.losses, **line, label=label)
gb.plt.xlabel("epoch")
gb.plt.ylabel("loss")
gb.plt.ylim(0.24, 0.55)
show("sgd_batch_sizes")
