"""Draw two of the chapter's figures, with whichever Matplotlib is installed.

``python draw.py FOLDER`` writes them there as SVG. The files beside this one were drawn so by
Matplotlib 3.0.3, 3.3.4 and 3.7.5, each in an environment of its own.
"""

import sys

import matplotlib
import numpy as np
from matplotlib import pyplot as plt


def descent_figure():
    """Draw gradient descent in two variables, with momentum, over the contours of its function."""
    x1, x2, v1, v2 = -5.0, -2.0, 0.0, 0.0
    trace = [(x1, x2)]
    for _ in range(20):
        v1 = 0.5 * v1 + 0.4 * 0.2 * x1
        v2 = 0.5 * v2 + 0.4 * 4 * x2
        x1, x2 = x1 - v1, x2 - v2
        trace.append((x1, x2))
    figure, axes = plt.subplots(figsize=(3.5, 2.5))
    axes.plot(*zip(*trace), "-o", color="#ff7f0e")
    grid = np.meshgrid(np.arange(-5.5, 1.0, 0.1), np.arange(-3.0, 2.0, 0.1))
    axes.contour(*grid, 0.1 * grid[0] ** 2 + 2 * grid[1] ** 2, colors="#1f77b4")
    axes.set(xlabel="x1", ylabel="x2")
    return figure


def square_figure():
    """Draw gradient descent on x² that diverges."""
    results = [10 * (-1.2) ** step for step in range(11)]
    width = max(map(abs, results))
    line = np.arange(-width, width, 0.1)
    figure, axes = plt.subplots(figsize=(3.5, 2.5))
    axes.plot(line, [x * x for x in line])
    axes.plot(results, [x * x for x in results], "-o")
    axes.set(xlabel="x", ylabel="f(x)")
    return figure


if __name__ == "__main__":
    plt.switch_backend("svg")
    matplotlib.rcParams["svg.fonttype"] = "none"
    for name, draw in (("descent", descent_figure), ("square", square_figure)):
        draw().savefig(f"{sys.argv[1]}/{name}-{matplotlib.__version__}.svg", bbox_inches="tight")
