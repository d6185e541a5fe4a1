"""Rules as a reader of the book writes them, each right and with one deliberate mistake."""

# ruff: noqa: I001
import gluonbook_ch7  # noqa: F401  # before MXNet, whose import it makes possible
from mxnet import nd


def nesterov(params, states, hyperparams):
    lr, mom = hyperparams["lr"], hyperparams["mom"]
    for p, v in zip(params, states):
        v[:] = mom * v + p.grad
        p[:] = p - lr * (p.grad + mom * v)


def nesterov_without_decay(params, states, hyperparams):
    lr, mom = hyperparams["lr"], hyperparams["mom"]
    for p, v in zip(params, states):
        v[:] = v + p.grad  # mistake: mom * v
        p[:] = p - lr * (p.grad + mom * v)


def init_nesterov_states(features):
    return nd.zeros((features.shape[1], 1)), nd.zeros(1)


def init_amsgrad_states(features):
    k = features.shape[1]
    return [tuple(nd.zeros(shape) for _ in range(3)) for shape in ((k, 1), (1,))]


def amsgrad(params, states, hyperparams):
    lr, t, beta1, beta2, eps = hyperparams["lr"], hyperparams["t"], 0.9, 0.999, 1e-8
    for p, (v, s, s_max) in zip(params, states):
        v[:] = beta1 * v + (1 - beta1) * p.grad
        s[:] = beta2 * s + (1 - beta2) * p.grad.square()
        s_max[:] = nd.maximum(s_max, s)
        v_hat, s_hat = v / (1 - beta1**t), s_max / (1 - beta2**t)
        p[:] = p - lr * v_hat / (s_hat.sqrt() + eps)
    hyperparams["t"] += 1


def amsgrad_without_maximum(params, states, hyperparams):
    lr, t, beta1, beta2, eps = hyperparams["lr"], hyperparams["t"], 0.9, 0.999, 1e-8
    for p, (v, s, s_max) in zip(params, states):
        v[:] = beta1 * v + (1 - beta1) * p.grad
        s[:] = beta2 * s + (1 - beta2) * p.grad.square()
        s_max[:] = s  # mistake: the maximum of both
        v_hat, s_hat = v / (1 - beta1**t), s_max / (1 - beta2**t)
        p[:] = p - lr * v_hat / (s_hat.sqrt() + eps)
    hyperparams["t"] += 1


def rmsprop_outside(params, states, hyperparams):
    lr, gamma, eps = hyperparams["lr"], hyperparams["gamma"], hyperparams["eps"]
    for p, s in zip(params, states):
        s[:] = gamma * s + (1 - gamma) * p.grad.square()
        p[:] = p - lr * p.grad / (s.sqrt() + eps)


def rmsprop_inside(params, states, hyperparams):
    lr, gamma, eps = hyperparams["lr"], hyperparams["gamma"], hyperparams["eps"]
    for p, s in zip(params, states):
        s[:] = gamma * s + (1 - gamma) * p.grad.square()
        p[:] = p - lr * p.grad / (s + eps).sqrt()  # mistake: outside the root


def init_centered_states(features):
    k = features.shape[1]
    return [tuple(nd.zeros(shape) for _ in range(3)) for shape in ((k, 1), (1,))]


def centered(params, states, hyperparams):
    lr, gamma, mom, eps = (hyperparams[name] for name in ("lr", "gamma", "mom", "eps"))
    for p, (s, m, d) in zip(params, states):
        s[:] = gamma * s + (1 - gamma) * p.grad.square()
        m[:] = gamma * m + (1 - gamma) * p.grad
        d[:] = mom * d - lr * p.grad / (s - m.square() + eps).sqrt()
        p[:] = p + d


def centered_without_momentum(params, states, hyperparams):
    lr, gamma, eps = (hyperparams[name] for name in ("lr", "gamma", "eps"))
    for p, (s, m, d) in zip(params, states):
        s[:] = gamma * s + (1 - gamma) * p.grad.square()
        m[:] = gamma * m + (1 - gamma) * p.grad
        d[:] = -lr * p.grad / (s - m.square() + eps).sqrt()  # mistake: + mom * d
        p[:] = p + d


def raises(params, states, hyperparams):
    for p in params:
        p[:] = p - hyperparams["lr"] * p.gradient


not_a_rule = 3
