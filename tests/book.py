"""The book's loops, as the chapter's package had them: what ours are held against.

Written out for the tests from the behaviour the book documents: a `DataLoader` over an
`ArrayDataset`, one recorded loss and one update a minibatch, a loss read at every 100 examples.
"""

import numpy as np

from gluonbook_ch7._mxnet import autograd, gluon, init, mx, nd
from gluonbook_ch7.model import linreg, squared_loss


def rmsprop_as_printed(params, states, hyperparams):
    """The section's rule, letter for letter."""
    hp, eps = hyperparams, 1e-6
    for p, s in zip(params, states):
        s[:] = hp["gamma"] * s + (1 - hp["gamma"]) * p.grad.square()
        p[:] -= hp["lr"] * p.grad / (s + eps).sqrt()


def seed_both(seed):
    mx.random.seed(seed)
    np.random.seed(seed)


def minibatches(features, labels, batch_size):
    dataset = gluon.data.ArrayDataset(features, labels)
    return gluon.data.DataLoader(dataset, batch_size, shuffle=True)


def train_scratch(rule, states, hyperparams, features, labels, batch_size=10, num_epochs=2):
    """Return the losses of the book's from-scratch loop."""
    w, b = nd.random.normal(scale=0.01, shape=(features.shape[1], 1)), nd.zeros(1)
    w.attach_grad()
    b.attach_grad()

    def full_batch_loss():
        return squared_loss(linreg(features, w, b), labels).mean().asscalar()

    losses = [full_batch_loss()]
    loader = minibatches(features, labels, batch_size)
    for _ in range(num_epochs):
        for batch_i, (X, y) in enumerate(loader):
            with autograd.record():
                loss = squared_loss(linreg(X, w, b), y).mean()
            loss.backward()
            rule([w, b], states, hyperparams)
            if (batch_i + 1) * batch_size % 100 == 0:
                losses.append(full_batch_loss())
    return np.array(losses)


def train_gluon(name, hyperparams, features, labels, batch_size=10, num_epochs=2):
    """Return the losses of the book's loop with Gluon."""
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dense(1))
    net.initialize(init.Normal(sigma=0.01))
    loss_of = gluon.loss.L2Loss()

    def full_batch_loss():
        return loss_of(net(features), labels).mean().asscalar()

    losses = [full_batch_loss()]
    loader = minibatches(features, labels, batch_size)
    trainer = gluon.Trainer(net.collect_params(), name, hyperparams)
    for _ in range(num_epochs):
        for batch_i, (X, y) in enumerate(loader):
            with autograd.record():
                loss = loss_of(net(X), y)
            loss.backward()
            trainer.step(batch_size)
            if (batch_i + 1) * batch_size % 100 == 0:
                losses.append(full_batch_loss())
    return np.array(losses)
