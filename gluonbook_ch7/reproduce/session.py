"""A fresh kernel for a chapter's cells: this Python, in the chapter's folder.

It has settings of its own, so neither the user's Jupyter nor IPython configuration changes what it
does. What it writes for itself is in a temporary folder.
"""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Optional

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import v4

from ..dataset.locate import VARIABLE
from ..errors import DependencyError, GluonbookError

SILENT_LIMIT = 600  # seconds that a request of our own may take: starting, or 1,000 shuffles

# Executed in the kernel; they leave no name in the chapter's session. The package is found where
# this process found it, whatever lies in the chapter's folder.
_IMPORT = """exec('''
import sys
sys.path.insert(0, {root!r})
import gluonbook_ch7.reproduce.kernel
sys.path.remove({root!r})
''', {{}})"""
_CALL = "print(__import__('sys').modules['gluonbook_ch7.reproduce.kernel'].answer({request!r}))"


class CellFailure(GluonbookError):
    """A cell that raised, or did not end, or took the kernel with it; the message says which."""

    def __init__(self, message: str, missing: str = "") -> None:
        super().__init__(message)
        self.missing = missing  # the error, if the cell imports what is not installed here


class Session:
    """A running kernel, as `open_session` gives it."""

    def __init__(self, manager: AsyncKernelManager, timeout: int) -> None:
        self.manager = manager
        self.timeout = timeout
        self.client: Any = None

    async def start(self, folder: Path, environment: dict[str, str]) -> None:
        """Start the kernel and import there what judges its cells."""
        try:
            await self.manager.start_kernel(
                cwd=str(folder), env=environment, stdout=DEVNULL, stderr=DEVNULL
            )
            self.client = self.manager.client()
            self.client.start_channels(stdin=False)  # nobody could answer input()
            await self.client.wait_for_ready(timeout=SILENT_LIMIT)
            await self._execute(_IMPORT.format(root=str(Path(__file__).parents[2])))
        except Exception as error:
            raise DependencyError(f"the notebook kernel did not start ({error})") from error

    async def run(self, cell: Any, timeout: Optional[int] = None, **options: Any) -> None:
        """Execute a code cell; raise `CellFailure` if it does not come to its end."""
        timeout = timeout or self.timeout
        client = NotebookClient(v4.new_notebook(cells=[cell]), km=self.manager, timeout=timeout)
        client.kc = self.client
        try:
            await client.async_execute_cell(cell, 0, **options)
        except CellExecutionError as error:
            missing = error.evalue if error.ename == "ModuleNotFoundError" else ""
            raise CellFailure(f"raised {error.ename}: {error.evalue}", missing) from error
        except CellTimeoutError as error:
            limit = f"{timeout} s, so the kernel was ended; --timeout gives it longer"
            raise CellFailure(f"did not end within {limit}") from error
        except DeadKernelError as error:
            if await self.manager.is_alive():
                # Nobody died: this is how nbclient passes on that it was told to stop, by Ctrl-C.
                raise asyncio.CancelledError from error
            raise CellFailure("ended the kernel") from error

    async def call(self, function: str, **arguments: Any) -> Any:
        """Call a function of `kernel`; what it takes and returns is passed on as JSON."""
        request = json.dumps({"function": function, **arguments})
        try:
            return json.loads(await self._execute(_CALL.format(request=request)))
        except CellFailure as failure:
            raise CellFailure(f"cannot be judged ({failure})") from failure

    async def _execute(self, code: str) -> str:
        """Execute code that is not the chapter's, and return what it prints."""
        cell = v4.new_code_cell(code)
        await self.run(cell, SILENT_LIMIT, store_history=False)
        return "".join(each.text for each in cell.outputs if each.get("name") == "stdout")


@asynccontextmanager
async def open_session(path: Path, timeout: int) -> AsyncIterator[Session]:
    """Start a kernel in a file's folder, for cells each of which may take `timeout` seconds.

    In the end the kernel is ended, and every process that its cells started.
    """
    with tempfile.TemporaryDirectory(prefix="gluonbook-ch7-") as scratch:
        manager = AsyncKernelManager(
            kernel_name="python3",
            # Without folders to look in, it knows one kernel: ipykernel in this interpreter.
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=os.path.join(scratch, "kernel.json"),
        )
        session = Session(manager, timeout)
        graceful = False
        try:
            await session.start(path.resolve().parent, _environment(scratch))
            yield session
            graceful = True
        finally:
            group = getattr(manager.provisioner, "pgid", None)
            if session.client is not None:
                session.client.stop_channels()
            if manager.has_kernel:
                await manager.shutdown_kernel(now=not graceful)
            if group:
                # The kernel leads a session of its own, so nothing else is in its group.
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)


def _environment(scratch: str) -> dict[str, str]:
    """Return the kernel's environment: the reader's, without the settings of other sessions."""
    left_out = ("MPLBACKEND", "PYTHONSTARTUP")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        environment[name] = os.path.join(scratch, name.lower())
    if environment.get(VARIABLE):
        # A relative path means one from here, and the kernel is elsewhere.
        environment[VARIABLE] = os.path.abspath(os.path.expanduser(environment[VARIABLE]))
    return environment
