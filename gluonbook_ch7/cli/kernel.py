"""``gluonbook-ch7 kernel``: a Jupyter kernel in which the book's own imports work."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from ..errors import DependencyError
from .command import Command

NAME = "gluonbook-ch7"
DISPLAY_NAME = "gluonbook chapter 7"


@click.group()
def kernel() -> None:
    """Install or remove a Jupyter kernel for the book's notebooks."""


@kernel.command(cls=Command)
def install() -> None:
    """Register a kernel in which the book's notebooks run unchanged.

    Its cells run in this Python, and `import gluonbook` works in them. The kernel is registered for
    your user, so that Jupyter finds it from any environment.
    """
    kernelspec = _kernelspec()
    with TemporaryDirectory() as folder:
        specification = kernelspec.write_kernel_spec(
            Path(folder, NAME),
            overrides={"display_name": DISPLAY_NAME},
            extra_arguments=["--InteractiveShellApp.extra_extensions=gluonbook_ch7"],
        )
        manager = kernelspec.KernelSpecManager()
        place = manager.install_kernel_spec(specification, NAME, user=True)
    click.echo(f"Installed {place}")
    click.echo(f'In Jupyter, choose the kernel "{DISPLAY_NAME}".')


@kernel.command(cls=Command)
def remove() -> None:
    """Remove the kernel."""
    manager = _kernelspec().KernelSpecManager()
    if NAME in manager.find_kernel_specs():
        click.echo(f"Removed {manager.remove_kernel_spec(NAME)}")
    else:
        click.echo("The kernel is not installed.")


def _kernelspec() -> Any:
    try:
        from ipykernel import kernelspec
    except ImportError as error:
        from .._mxnet.install_hints import pip_install

        raise DependencyError(
            f"A kernel needs ipykernel. To install it: {pip_install('ipykernel')}"
        ) from error
    return kernelspec
