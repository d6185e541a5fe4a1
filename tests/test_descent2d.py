"""Descent in two dimensions: the rules against closed forms and the lines that the book prints."""

import functools
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonbook_ch7.descent2d import (
    adagrad_2d,
    descend_2d,
    f_2d,
    gd_2d,
    momentum_2d,
    rmsprop_2d,
    show_trace_2d,
    train_2d,
)
from gluonbook_ch7.errors import ArgumentError
from gluonbook_ch7.figures import plt

RULES = (gd_2d, momentum_2d, adagrad_2d, rmsprop_2d)
COORDINATES = st.floats(-10, 10)

# The ends of the chapter's traces. RMSProp's is in the recorded chapter; the others' were computed
# with the chapter's formulas in 60 digits.
ENDS = [
    (gd_2d, {}, "epoch 20, x1 -0.943467, x2 -0.000073"),
    (gd_2d, {"eta": 0.6}, "epoch 20, x1 -0.387814, x2 -1673.365109"),
    (momentum_2d, {}, "epoch 20, x1 -0.062843, x2 0.001202"),
    (momentum_2d, {"eta": 0.6}, "epoch 20, x1 0.007188, x2 0.002553"),
    (adagrad_2d, {}, "epoch 20, x1 -2.382563, x2 -0.158591"),
    (adagrad_2d, {"eta": 2}, "epoch 20, x1 -0.002295, x2 -0.000000"),
    (rmsprop_2d, {}, "epoch 20, x1 -0.010599, x2 0.000000"),
]


@pytest.mark.parametrize(("rule", "hyperparams", "line"), ENDS)
def test_the_printed_lines(rule, hyperparams, line, capsys):
    """If this fails, a section's first cell prints another line than in the book."""
    trace = train_2d(functools.partial(rule, **hyperparams))
    assert capsys.readouterr().out == line + "\n"
    assert len(trace) == 21 and trace[0] == (-5, -2)


def test_defaults_are_the_sections(capsys):
    """If this fails, train_2d(rule) is not the section's first descent."""
    for rule, hyperparams, line in ENDS:
        if not hyperparams:
            train_2d(rule)
            assert capsys.readouterr().out == line + "\n"


@given(x=COORDINATES, eta=st.floats(0.01, 1))
def test_gradient_descent_in_closed_form(x, eta):
    """If this fails, gd_2d does not follow f's gradient: each coordinate shrinks by a factor."""
    x1, x2, *states = gd_2d(x, x, 0, 0, eta=eta)
    assert states == [0, 0]
    assert math.isclose(x1, (1 - 0.2 * eta) * x, abs_tol=1e-12)
    assert math.isclose(x2, (1 - 4 * eta) * x, abs_tol=1e-12)


@given(x1=COORDINATES, x2=COORDINATES, h=st.sampled_from([1e-6]))
def test_steps_go_along_the_gradient_of_f(x1, x2, h):
    """If this fails, the gradient written into the rules is not f_2d's."""
    y1, y2, *_ = gd_2d(x1, x2, 0, 0, eta=1)
    slope1 = (f_2d(x1 + h, x2) - f_2d(x1 - h, x2)) / (2 * h)
    slope2 = (f_2d(x1, x2 + h) - f_2d(x1, x2 - h)) / (2 * h)
    assert math.isclose(x1 - y1, slope1, abs_tol=1e-6)
    assert math.isclose(x2 - y2, slope2, abs_tol=1e-6)


@given(x1=COORDINATES, x2=COORDINATES, eta=st.floats(0.01, 1))
def test_without_momentum_momentum_is_gradient_descent(x1, x2, eta):
    """If this fails, the learning rate stands outside of the velocity, or is counted twice."""
    assert momentum_2d(x1, x2, 9, 9, eta=eta, gamma=0)[:2] == gd_2d(x1, x2, 0, 0, eta=eta)[:2]


def test_the_ends_of_gamma():
    """If this fails, the RMSProp exercise misleads: γ = 0 steps by η, γ = 1 by 1,000 η g."""
    x1, x2, *_ = rmsprop_2d(-5, -2, 0, 0, gamma=0)
    assert (x1, x2) == pytest.approx((-5 + 0.4, -2 + 0.4), abs=1e-5)
    x1, x2, s1, s2 = rmsprop_2d(-5, -2, 0, 0, gamma=1)
    assert (x1, x2, s1, s2) == pytest.approx((-5 + 400, -2 + 3200, 0, 0))


@pytest.mark.parametrize("rule", RULES)
def test_bad_hyperparameters_are_refused(rule):
    """If this fails, a mistyped η or γ draws a meaningless trace."""
    for eta in (0, -1, math.nan, math.inf, "0.4", None):
        with pytest.raises(ArgumentError, match=f"{rule.__name__}'s eta is"):
            train_2d(functools.partial(rule, eta=eta))
    if rule in (momentum_2d, rmsprop_2d):
        with pytest.raises(ArgumentError, match=r"gamma is 1\.1; it must be a number in \[0, 1\]"):
            rule(0, 0, 0, 0, gamma=1.1)


def test_descend_is_train_without_a_word(capsys):
    """If this fails, programs that only want the trace print, or get another trace."""
    trace = descend_2d(gd_2d, num_steps=3)
    assert capsys.readouterr().out == ""
    assert trace == train_2d(gd_2d)[:4]


def test_the_trace_is_drawn_over_contours():
    """If this fails, the section's figure lacks its trace."""
    trace = descend_2d(adagrad_2d)
    show_trace_2d(f_2d, trace)
    axes = plt.gca()
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), trace)
    assert axes.collections and (axes.get_xlabel(), axes.get_ylabel()) == ("x1", "x2")
    plt.close()


def test_a_descent_that_diverged_can_be_drawn():
    """If this fails, the exercise with a learning rate of 1 takes all of the machine's memory."""
    trace = descend_2d(functools.partial(gd_2d, eta=1))
    show_trace_2d(f_2d, trace)
    np.testing.assert_array_equal(plt.gca().lines[0].get_xydata(), trace)
    plt.close()


@pytest.mark.parametrize(
    ("x2", "low", "high"), [((-2, 0), -3.0, 0.9), ((-4, 0), -5.0, 0.9), ((-2, 3), -3.0, 3.9)]
)
def test_the_contour_covers_the_books_region_and_the_trace(x2, low, high):
    """If this fails, the contour has other lines than the book's, or ends before the trace does."""
    seen = []

    def f(x1, x2):
        seen.append((x1, x2))
        return x1**2 + x2**2

    show_trace_2d(f, [(-5, x2[0]), (0, x2[1])])
    ((x1, x2),) = seen
    assert (x1.min(), x1.max()) == pytest.approx((-5.5, 0.9))
    assert (x2.min(), x2.max()) == pytest.approx((low, high))
    assert np.diff(x1, axis=1) == pytest.approx(0.1) and np.diff(x2, axis=0) == pytest.approx(0.1)


def test_two_dimensions_need_no_mxnet():
    """If this fails, the first cells of the sections wait for MXNet, or fail without it."""
    program = "import sys, gluonbook_ch7.descent2d; sys.exit('mxnet' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_rule_that_is_no_function_is_refused():
    """If this fails, a mistake in the call ends in a TypeError that names none of its arguments."""
    for wrong in (3, None, "rmsprop_2d"):
        with pytest.raises(ArgumentError, match=r"must be a function \(x1, x2, s1, s2\)"):
            train_2d(wrong)
