"""Run one of the lessons as a program, and write its figures into a folder.

    python scripts/section.py rmsprop --out figures

Without --out nothing is written. A lesson can also be opened as a notebook in Jupyter and VS Code,
or run by itself, when its figures open in windows. The data are those that `get_data_ch7` finds;
the environment variable GLUONBOOK_CH7_DATA names a file or a folder.
"""

import argparse
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("agg")  # figures become files, not windows

from matplotlib import pyplot as plt

from gluonbook_ch7._files import check_folder

HERE = Path(__file__).parent
LESSONS = (
    "gd_sgd",
    "minibatch_sgd",
    "momentum",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "states",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", choices=LESSONS)
    parser.add_argument("--out", type=Path, help="write the figures into this folder")
    arguments = parser.parse_args()
    try:
        if arguments.out:
            check_folder(arguments.out)
    except OSError as error:
        parser.error(f"--out {error.filename}: {error.strerror}")
    written: list[Path] = []

    def show() -> None:
        """Save the current figure where a notebook would show it."""
        if arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            name = f"{arguments.lesson}_{len(written) + 1}"
            plt.savefig(arguments.out / f"{name}.svg", bbox_inches="tight")
            plt.savefig(arguments.out / f"{name}.png", bbox_inches="tight", dpi=150)
            written.append(arguments.out / name)
        plt.close()

    plt.show = show
    runpy.run_path(str(HERE / f"{arguments.lesson}.py"), run_name="__main__")
    if written:
        print(f"{len(written)} figures written to {arguments.out}, each as SVG and PNG.")
    else:
        print("The figures were not written; --out FOLDER writes them.")


if __name__ == "__main__":
    main()
