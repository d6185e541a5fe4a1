"""Change the source in one place at a time, and see whether a test notices.

python scripts/mutation.py --sample 200

A change that no test notices (a mutant that survives) shows a line that no test checks.
Each mutant is tried in a copy of the checkout, in a fork of a process that has imported MXNet, with
the tests that should notice it: those that run the changed line, the quickest first. If none does
(code that runs at import or in another process), all of the module's tests are run. Needs
cosmic-ray; `nox -s mutation` installs it.
"""

import difflib
import importlib
import multiprocessing
import os
import pickle
import pkgutil
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, Optional

import click
import pytest
from cosmic_ray.commands import init
from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from coverage import Coverage

from gluonbook_ch7._files import write_json
from gluonbook_ch7.cli.command import file_option

CHECKOUT = Path(__file__).resolve().parents[1]
# Tests that take longer are assumed to hang, which counts as noticed.
CPU_SECONDS = 600  # which a busy machine does not use up
SECONDS = 1800
OTHERS_SECONDS = 60  # for tests that run a mutant's line and belong to another module
WANTED = 0.92

# For each group of modules, the tests that must notice a change in them, the quickest first.
_TRAINING = "tests/test_reaches_026.py tests/test_training.py tests/tracing"
_ENSEMBLES = "tests/experiments/test_ensemble.py tests/experiments/test_sweep.py"
_COMPARE = "tests/experiments/test_compare.py tests/experiments/test_compare_any.py"
_JUDGE = "tests/reproduce/test_evidence.py tests/reproduce/test_power.py"
TESTS = {
    "rules.py": "tests/test_rules.py",
    "model.py": "tests/test_model.py tests/test_training.py",
    "descent2d.py": "tests/test_descent2d.py",
    "data.py": "tests/test_data.py tests/dataset/test_locate.py",
    "figures.py": "tests/test_figures.py tests/test_descent2d.py",
    "training.py": f"{_TRAINING} tests/test_results.py",
    "loss_curve.py": f"tests/test_results.py tests/experiments/test_result_views.py {_TRAINING}",
    "_sampling.py": f"{_ENSEMBLES} {_TRAINING} {_COMPARE} tests/reproduce/test_power.py",
    "tracing": f"tests/tracing tests/test_training.py {_ENSEMBLES} {_COMPARE}",
    "experiments/registry.py": f"tests/test_rules.py {_COMPARE}",
    "experiments/objective.py": f"{_ENSEMBLES} {_COMPARE}",
    "experiments/ensemble.py": f"{_ENSEMBLES} tests/experiments/test_result_views.py",
    "experiments/stacked.py": _ENSEMBLES,
    "reproduce/chance.py": _JUDGE,
    "reproduce/evidence.py": _JUDGE,
    "reproduce/geometry.py": _JUDGE,
    "reproduce/losses.py": _JUDGE,
    "reproduce/text.py": _JUDGE,
    "reproduce/verdict.py": _JUDGE,
}


class Test(NamedTuple):
    """A test's duration, and the lines of the package that it runs, each a file and a number."""

    seconds: float
    lines: set[tuple[str, int]]


@click.command()
@click.option("--sample", type=click.IntRange(1), default=200, show_default=True, help="Mutants.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sample.")
@click.option(
    "--only", multiple=True, help="Only modules whose path contains this. Can be repeated."
)
@click.option("--processes", type=click.IntRange(1), default=2, show_default=True)
@file_option("--json", "Write the results too.")
def main(
    sample: int, seed: int, only: Sequence[str], processes: int, json_file: Optional[Path]
) -> None:
    """Try a sample of mutants; print those that survive. Exit status 1 if fewer than 92 % die."""
    modules = [each for each in _modules() if not only or any(part in str(each) for part in only)]
    if not modules:
        raise click.UsageError(f"no module's path contains {' or '.join(only)}")
    items = _mutants(modules)
    chosen = random.Random(seed).sample(items, min(sample, len(items)))
    click.echo(f"{len(chosen)} of {len(items):,} mutants of {len(modules)} modules.")
    with tempfile.TemporaryDirectory() as folder:
        copies = [_copy(Path(folder, str(number))) for number in range(processes)]
        spawn = multiprocessing.get_context("spawn")
        waiting = spawn.Manager().Queue()
        for copy in copies:
            waiting.put(copy)
        survivors = []
        with ProcessPoolExecutor(processes, spawn, _enter, (waiting,)) as pool:
            click.echo("Without a change:")
            needed = sorted({file for item in chosen for file in _tests_of(item).split()})
            tests: dict[str, Test] = {}
            for file, found in zip(needed, pool.map(_observe, needed)):
                click.echo(f"     {'passed ' if found else 'FAILED '} {file}")
                if not found:
                    sys.exit("These tests fail as they are, so they can notice nothing.")
                tests.update(found)
            tried = as_completed(
                [pool.submit(_try, item, _running(item, tests)) for item in chosen]
            )
            for number, (place, survived, diff) in enumerate((each.result() for each in tried), 1):
                click.echo(f"{number:4} {'SURVIVED' if survived else 'noticed '} {place}")
                if survived:
                    survivors.append(diff)
                    click.echo(diff)
    killed = 1 - len(survivors) / len(chosen)
    click.echo(f"\n{killed:.1%} of {len(chosen)} mutants were noticed (at least {WANTED:.0%}).")
    if json_file:
        write_json(json_file, {"mutants": len(chosen), "killed": killed, "survivors": survivors})
    sys.exit(0 if killed >= WANTED else 1)


def _modules() -> list[Path]:
    """Return the modules that are mutated, relative to the checkout."""
    found = []
    for name in TESTS:
        path = CHECKOUT / "gluonbook_ch7" / name
        found += sorted(path.glob("[!_]*.py")) if path.is_dir() else [path]
    return [path.relative_to(CHECKOUT) for path in found]


def _mutants(modules: list[Path]) -> list[Any]:
    """Return all single changes that cosmic-ray knows to make."""
    os.chdir(CHECKOUT)
    with use_db(":memory:", WorkDB.Mode.create) as database:
        init(modules, database, {})
        return sorted(database.work_items, key=_position)


def _position(item: Any) -> tuple[Any, ...]:
    (mutation,) = item.mutations
    return str(mutation.module_path), mutation.start_pos, mutation.operator_name


def _copy(folder: Path) -> Path:
    """Copy the files that git tracks."""
    listed = subprocess.check_output(["git", "ls-files"], cwd=CHECKOUT, text=True)
    for name in listed.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / name)
    return folder


def _enter(waiting: Any) -> None:
    """Enter a copy of the checkout, and import what all tests wait for, but not the package."""
    copy = str(waiting.get())
    os.chdir(copy)
    sys.path.insert(0, copy)
    os.environ["PYTHONPATH"] = copy
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    for module in ("gluonbook_ch7._mxnet.library", "matplotlib.pyplot", "hypothesis"):
        importlib.import_module(module)
    for name in [name for name in sys.modules if name.startswith("gluonbook_ch7")]:
        del sys.modules[name]


def _tests_of(item: Any) -> str:
    """Return the tests that should notice a mutant."""
    module = item.mutations[0].module_path.relative_to("gluonbook_ch7")
    return next(TESTS[name] for name in TESTS if str(module).startswith(name))


def _running(item: Any, tests: dict[str, Test]) -> list[str]:
    """Return tests that run the line of a mutant, the quickest first.

    All that belong to its module, and of the others as many as take `OTHERS_SECONDS`.
    """
    (mutation,) = item.mutations
    line = str(mutation.module_path), mutation.start_pos[0]
    running = [name for name, test in tests.items() if line in test.lines]
    running.sort(key=lambda name: tests[name].seconds)
    belonging = tuple(_tests_of(item).split())
    others = [name for name in running if not name.startswith(belonging)]
    seconds = accumulate(tests[name].seconds for name in others)
    left_out = {name for name, total in zip(others, seconds) if total > OTHERS_SECONDS}
    return [name for name in running if name not in left_out]


def _try(item: Any, running: list[str]) -> tuple[str, bool, str]:
    """Run the tests of a mutant; return its place, whether it survived, and what was changed."""
    (mutation,) = item.mutations
    operator = get_operator(mutation.operator_name)(**mutation.operator_args)
    with use_mutation(mutation.module_path, operator, mutation.occurrence) as (before, after):
        files = _tests_of(item).split()
        status = _run(running or files)
        # A test is not found if the module that it is in cannot be imported.
        if status == pytest.ExitCode.USAGE_ERROR:
            status = _run(files)
    change = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="")
    place = f"{mutation.module_path}:{mutation.start_pos[0]} {mutation.operator_name}"
    return place, status == pytest.ExitCode.OK, "\n".join(change)


def _observe(file: str) -> dict[str, Test]:
    """Run a file of tests; return what each took and the lines it ran, nothing if one fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tests")
        status = _run([file], _Observer(path))
        return pickle.loads(path.read_bytes()) if status == pytest.ExitCode.OK else {}


class _Observer:
    """A plugin of pytest that writes what `_observe` returns."""

    def __init__(self, path: Path) -> None:
        self.path, self.seconds = path, Counter[str]()
        self.running = ""
        self.fixtures: dict[str, list[str]] = {}  # that each test uses

    def pytest_sessionstart(self) -> None:
        self.coverage = Coverage(data_file=None, include="gluonbook_ch7/*")
        self.coverage.start()
        # Before the first test, so that what a module does when it is imported is no test's.
        for module in pkgutil.walk_packages(["gluonbook_ch7"], "gluonbook_ch7."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.fixtures = {item.nodeid: item.fixturenames for item in session.items}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running = nodeid
        self.coverage.switch_context(nodeid)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """Note what a shared fixture runs: the first test that uses it is not the only one."""
        if fixturedef.scope != "function":
            self.coverage.switch_context(fixturedef.argname)
        yield
        self.coverage.switch_context(self.running)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        tests = {name: Test(seconds, set()) for name, seconds in self.seconds.items()}
        users = {name: [name] for name in tests}
        for name in tests:
            for fixture in self.fixtures[name]:
                users.setdefault(fixture, []).append(name)
        for file in data.measured_files():
            for line, contexts in data.contexts_by_lineno(file).items():
                for context in set(contexts) & set(users):
                    for name in users[context]:
                        tests[name].lines.add((os.path.relpath(file), line))
        self.path.write_bytes(pickle.dumps(tests))


def _run(tests: list[str], *plugins: Any) -> int:
    """Run tests in a fork of this process; return pytest's exit status, 1 if they do not end."""
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        options = ("-x", "-q", "-n", "0", "--hypothesis-profile=unshrunk")
        os._exit(pytest.main([*options, *tests], plugins))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)  # negative if a signal ended it
        time.sleep(0.1)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return pytest.ExitCode.TESTS_FAILED


if __name__ == "__main__":
    main()
