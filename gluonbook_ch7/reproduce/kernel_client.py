"""A fresh kernel in which a chapter's cells are run and judged.

It is this Python, in the chapter's folder, without the user's Jupyter and IPython configuration.
"""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import v4

from ..dataset.locate import VARIABLE
from ..errors import DependencyError, GluonbookError

JUDGE_LIMIT = 3600  # seconds; a cell may hold many trainings, each with tens of thousands of runs
# Executed in the kernel, which must find the same package as this process, whatever lies in the
# chapter's folder.
_CALL = """
import json, sys
from IPython.display import display
sys.path.insert(0, {root!r})
from gluonbook_ch7.reproduce import kernel
sys.path.remove({root!r})
result = json.dumps(kernel.{function}(**json.loads({arguments!r})))
display({{{kind!r}: result}}, raw=True)
"""
# Not printed, because the chapter may print in the background, or have replaced sys.stdout.
_RESULT = "application/x-gluonbook-ch7"


class CellFailure(GluonbookError):
    """A cell that raised, or did not end, or took the kernel with it; the message says which."""


@asynccontextmanager
async def open_kernel(folder: Path) -> AsyncIterator[Any]:  # of nbclient's NotebookClient
    """Start a kernel in a folder; at exit, end it and every process that its cells started."""
    with tempfile.TemporaryDirectory(prefix="gluonbook-ch7-") as scratch:
        manager = AsyncKernelManager(
            kernel_name="python3",
            # Without folders to look in, it knows one kernel: ipykernel in this interpreter.
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=os.path.join(scratch, "kernel.json"),
        )
        kernel = NotebookClient(v4.new_notebook(), manager, startup_timeout=600)
        options = {"env": _environment(scratch), "stdout": DEVNULL, "stderr": DEVNULL}
        graceful = False
        try:
            try:
                await kernel.async_start_new_kernel(cwd=str(folder), **options)
                await kernel.async_start_new_kernel_client()
            except Exception as error:
                raise DependencyError(f"the notebook kernel did not start ({error})") from error
            yield kernel
            graceful = True
        finally:
            group = getattr(manager.provisioner, "pgid", None)
            if kernel.kc:
                kernel.kc.stop_channels()
            if manager.has_kernel:
                await manager.shutdown_kernel(now=not graceful)
            if group:
                # The kernel leads a session of its own, so nothing else is in its group.
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)


def _environment(scratch: str) -> dict[str, str]:
    """Return the kernel's environment: the reader's, without the settings of other sessions."""
    folders = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")
    environment = {**os.environ, **dict.fromkeys(folders, scratch)}
    for name in ("MPLBACKEND", "PYTHONSTARTUP"):
        environment.pop(name, None)
    if environment.get(VARIABLE):
        # A relative path starts from here, and the kernel runs elsewhere.
        environment[VARIABLE] = os.path.abspath(os.path.expanduser(environment[VARIABLE]))
    return environment


async def execute(
    kernel: Any, cell: Any, timeout: int, allowed: Sequence[str] = (), store_history: bool = True
) -> None:
    """Execute a code cell, which may raise the `allowed` errors; else raise `CellFailure`."""
    kernel.reset_execution_trackers()
    kernel.allow_error_names = list(allowed)
    kernel.nb, kernel.timeout = v4.new_notebook(cells=[cell]), timeout
    try:
        await kernel.async_execute_cell(cell, 0, store_history=store_history)
    except CellExecutionError as error:
        raise CellFailure(f"raised {error.ename}: {error.evalue}") from error
    except CellTimeoutError as error:
        raise CellFailure(f"did not end within {timeout} s, so the kernel was ended") from error
    except DeadKernelError as error:
        if await kernel.km.is_alive():
            # The kernel lives: this is how nbclient reports an interruption by Ctrl-C.
            raise asyncio.CancelledError from error
        raise CellFailure("ended the kernel") from error


async def call(kernel: Any, function: str, **arguments: Any) -> Any:
    """Call a function of the module `kernel`; its arguments and result are passed as JSON."""
    root = str(Path(__file__).parents[2])
    code = _CALL.format(root=root, function=function, arguments=json.dumps(arguments), kind=_RESULT)
    # In a namespace of its own, so that it leaves no name in the chapter's session.
    cell = v4.new_code_cell(f"exec({code!r}, {{}})")
    try:
        await execute(kernel, cell, JUDGE_LIMIT, store_history=False)
    except CellFailure as failure:
        raise CellFailure(f"cannot be judged ({failure})") from failure
    for output in cell.outputs:
        if _RESULT in output.get("data", {}):
            return json.loads(output.data[_RESULT])
    raise CellFailure("cannot be judged (the kernel gave no answer)")
