"""What the scripts of the sections share: their options, and where a figure goes.

A section's script is a program, and with its ``# %%`` marks a notebook in Jupyter and VS Code.
"""

import argparse
import sys
from pathlib import Path

import matplotlib

if "ipykernel" not in sys.modules:
    matplotlib.use("agg")  # a program opens no window

from matplotlib import pyplot as plt

from gluonbook_ch7.data import Ch7Data, load_data_ch7

__all__ = ["LINES", "load_data", "show"]

# Okabe and Ito's colours, and as many styles, so that lines are told apart without colour too.
LINES = (
    {"color": "#0072B2", "linestyle": "-"},
    {"color": "#D55E00", "linestyle": "--"},
    {"color": "#009E73", "linestyle": "-."},
    {"color": "#CC79A7", "linestyle": ":"},
    {"color": "#000000", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
)


def _options() -> argparse.Namespace:
    """Read --out and --data; in a notebook the arguments are the kernel's, and left alone."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--out", type=Path, help="write the figures into this folder")
    parser.add_argument("--data", default="auto", help="auto, real, twin, or a file or folder")
    if "ipykernel" in sys.modules:
        return parser.parse_args([])
    return parser.parse_args()


options = _options()


def load_data() -> Ch7Data:
    """Load the section's data and say which they are."""
    data = load_data_ch7(source=options.data)
    print(f"Data: edition {data.edition}, {data.origin}.")
    return data


def show(name: str) -> None:
    """Show the current figure in a notebook; in a program, write it into --out if that is given."""
    if plt.gca().get_legend_handles_labels()[0]:
        plt.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        plt.savefig(options.out / f"{name}.svg", bbox_inches="tight")
        plt.savefig(options.out / f"{name}.png", bbox_inches="tight", dpi=150)
    if "ipykernel" in sys.modules:
        plt.show()
    plt.close()
