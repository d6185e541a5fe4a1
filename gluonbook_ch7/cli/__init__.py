"""The command line, ``gluonbook-ch7``: one module per command.

NumPy, MXNet, Matplotlib and Rich are imported inside the functions that need them, so that every
``--help`` is quick and ``doctor`` works without them.
"""

import click

from . import compare, data, doctor, kernel, rerun, sweep
from .command import Group

CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True}


@click.group(cls=Group, context_settings=CONTEXT)
@click.version_option(package_name="gluonbook_ch7")
def main() -> None:
    """Run chapter 7 of the 2018 MXNet edition of Dive into Deep Learning."""


main.add_command(rerun.rerun)
main.add_command(compare.compare)
main.add_command(sweep.sweep)
main.add_command(data.data)
main.add_command(kernel.kernel)
main.add_command(doctor.doctor)
