"""A fresh kernel for a chapter's cells: this Python, in the chapter's folder.

It has settings of its own, so neither the user's Jupyter nor IPython configuration changes what it
does. What it writes for itself is in a temporary folder.
"""

import ast
import asyncio
import contextlib
import json
import os
import queue
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async

from ..errors import DependencyError

__all__ = ["CellFailure", "Session"]

# Written out, because data.py imports MXNet, which only the kernel needs.
DATA_VARIABLE = "GLUONBOOK_CH7_DATA"

SILENT_LIMIT = 600  # seconds that a request of our own may take: starting, or 1,000 shuffles

# Executed in the kernel; they leave no name in the chapter's session. The package is found where
# this process found it, whatever lies in the chapter's folder.
_IMPORT = """exec('''
import sys
path = list(sys.path)
sys.path[:] = [{root!r}] + [place for place in path if place]
try:
    import gluonbook_ch7.reproduce.kernel
finally:
    sys.path[:] = path
''', {{}})"""
_CALL = "__import__('sys').modules['gluonbook_ch7.reproduce.kernel'].{name}({arguments})"


class CellFailure(Exception):
    """A cell that raised, or did not end, or took the kernel with it; the message says which.

    Attributes
    ----------
    missing : str
        The error if the cell imports what is not installed here, or ``''``.
    """

    def __init__(self, message: str, missing: str = "") -> None:
        super().__init__(message)
        self.missing = missing


class Session:
    """A running kernel, as an asynchronous context.

    Parameters
    ----------
    notebook : NotebookNode
        Its cells get the outputs of their execution.
    folder : Path
        The kernel's working directory.
    timeout : int
        How many seconds a cell may take.
    """

    def __init__(self, notebook: Any, folder: Path, timeout: int) -> None:
        self._notebook = notebook
        self._folder = folder
        self._timeout = timeout
        self._scratch = tempfile.TemporaryDirectory(prefix="gluonbook-ch7-")
        self._manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=_ThisPython(),
            connection_file=os.path.join(self._scratch.name, "kernel.json"),
        )
        self._client = NotebookClient(notebook, km=self._manager, timeout=timeout)

    async def __aenter__(self) -> "Session":
        try:
            with open(os.path.join(self._scratch.name, "log"), "wb") as log:
                await self._client.async_start_new_kernel(
                    cwd=str(self._folder), env=self._environment(), stdout=log, stderr=log
                )
            await self._client.async_start_new_kernel_client()
            await self._ask(_IMPORT.format(root=str(Path(__file__).parents[2])))
        except BaseException as error:
            reason = error if isinstance(error, CellFailure) else self._last_words() or error
            await self._end(at_once=True)
            if isinstance(error, Exception):
                raise DependencyError(f"the notebook kernel did not start ({reason})") from error
            raise
        return self

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None:
        await self._end(at_once=kind is not None)

    async def run(self, index: int) -> None:
        """Execute a cell of the notebook; raise `CellFailure` if it does not come to its end."""
        cell = self._notebook.cells[index]
        try:
            await self._client.async_execute_cell(cell, index)
        except CellExecutionError as error:
            missing = error.evalue if error.ename == "ModuleNotFoundError" else ""
            raise CellFailure(f"raised {error.ename}: {error.evalue}", missing) from error
        except CellTimeoutError as error:
            raise CellFailure(
                f"did not end within {self._timeout} s, so the kernel was ended; --timeout gives "
                "it longer"
            ) from error
        except DeadKernelError as error:
            if await ensure_async(self._manager.is_alive()):
                # Nobody died: this is how nbclient passes on that it was told to stop, by Ctrl-C.
                raise asyncio.CancelledError from error
            raise CellFailure("ended the kernel") from error

    async def call(self, name: str, content: Any = None) -> Any:
        """Call a function of `kernel`; what it takes and returns is passed on as JSON."""
        arguments = repr(json.dumps(content)) if content is not None else ""
        request = _CALL.format(name=name, arguments=arguments)
        reply = await self._ask("", {"answer": request})
        answer = reply["user_expressions"]["answer"]
        if answer["status"] != "ok":
            raise CellFailure(f"cannot be judged ({answer['ename']}: {answer['evalue']})")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    async def _ask(self, code: str, expressions: Any = None) -> dict[str, Any]:
        """Execute code that is not the chapter's: nothing is shown and no cell is counted."""
        channel: Any = self._client.kc
        request = await ensure_async(
            channel.execute(code, silent=True, store_history=False, user_expressions=expressions)
        )
        deadline = time.monotonic() + SILENT_LIMIT
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                reply = await ensure_async(channel.get_shell_msg(timeout=1))
                if reply["parent_header"].get("msg_id") != request:
                    continue
                content: dict[str, Any] = reply["content"]
                if content["status"] != "ok":
                    raise CellFailure(f"raised {content.get('ename')}: {content.get('evalue')}")
                return content
            if not await ensure_async(self._manager.is_alive()):
                raise CellFailure("ended the kernel")
        raise CellFailure(f"could not be judged within {SILENT_LIMIT} s")

    async def _end(self, at_once: bool) -> None:
        """End the kernel and every process that its cells started, and remove its folder."""
        group = getattr(self._manager.provisioner, "pgid", None)
        try:
            if self._client.kc is not None:
                self._client.kc.stop_channels()
            if self._manager.has_kernel and not at_once:
                await self._manager.shutdown_kernel()
        finally:
            if group:
                # The kernel leads a session of its own, so nothing else is in its group.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
            if self._manager.has_kernel:
                await self._manager.shutdown_kernel(now=True)
            self._scratch.cleanup()

    def _environment(self) -> dict[str, str]:
        """Return the kernel's environment: the reader's, without the settings of other sessions."""
        left_out = ("MPLBACKEND", "PYTHONSTARTUP")
        environment = {name: value for name, value in os.environ.items() if name not in left_out}
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
            environment[name] = os.path.join(self._scratch.name, name.lower())
        if environment.get(DATA_VARIABLE):
            # A relative path means one from here, and the kernel is elsewhere.
            path = os.path.expanduser(environment[DATA_VARIABLE])
            environment[DATA_VARIABLE] = os.path.abspath(path)
        return environment

    def _last_words(self) -> str:
        """Return the last line that the kernel wrote to its own stderr."""
        try:
            with open(os.path.join(self._scratch.name, "log"), errors="replace") as log:
                lines = [line.strip() for line in log if line.strip()]
        except OSError:
            return ""
        return lines[-1] if lines else ""


class _ThisPython(KernelSpecManager):
    """Knows one kernel, whatever is installed for the user: ipykernel in this interpreter."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
        )
