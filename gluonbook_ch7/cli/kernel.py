"""``gluonbook-ch7 kernel``: a Jupyter kernel in which the book's own imports work."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from ..errors import DependencyError
from .command import Command

__all__ = ["kernel"]

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
    specification = {
        "argv": [
            sys.executable,
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
            "--InteractiveShellApp.extra_extensions=gluonbook_ch7",
        ],
        "display_name": DISPLAY_NAME,
        "language": "python",
        "metadata": {"debugger": True},
    }
    manager = _manager()
    with TemporaryDirectory() as folder:
        Path(folder, "kernel.json").write_text(json.dumps(specification, indent=1))
        place = manager.install_kernel_spec(folder, NAME, user=True)
    click.echo(f"Installed {place}")
    click.echo(f'In Jupyter, choose the kernel "{DISPLAY_NAME}".')


@kernel.command(cls=Command)
def remove() -> None:
    """Remove the kernel."""
    manager = _manager()
    if NAME in manager.find_kernel_specs():
        click.echo(f"Removed {manager.remove_kernel_spec(NAME)}")
    else:
        click.echo("The kernel is not installed.")


def _manager() -> Any:
    try:
        import ipykernel  # noqa: F401
        from jupyter_client.kernelspec import KernelSpecManager
    except ImportError as error:
        from .._mxnet.install_hints import pip_install

        raise DependencyError(
            f"A kernel needs ipykernel. To install it: {pip_install('ipykernel')}"
        ) from error
    return KernelSpecManager()
