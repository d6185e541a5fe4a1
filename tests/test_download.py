"""The download: every way in which a server fails, and several processes at once."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from servers import (
    FAULTS,
    NEVER_DONE,
    dripping_server,
    halting_server,
    mute_server,
    refusing_server,
    server,
)
from tables import CONTENT, SUM, put, table_as_bytes

from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.dataset import download as room
from gluonbook_ch7.dataset import locate as sources
from gluonbook_ch7.dataset import parse as table
from gluonbook_ch7.dataset import places
from gluonbook_ch7.dataset.download import download
from gluonbook_ch7.dataset.parse import FILE_NAME
from gluonbook_ch7.errors import DataNotFoundError, DataWarning

pytestmark = pytest.mark.usefixtures("bare_desk")

# Downloads in several processes at once, forked, so that they share the time that importing takes.
PROGRAM = """
import os, sys
from gluonbook_ch7.dataset.download import download
folder, address, total, count = sys.argv[1:]
children = []
for _ in range(int(count)):
    children.append(os.fork())
    if not children[-1]:
        download(folder, (address,), total, 60)
        os._exit(0)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def start_downloads(folder, address, count, total=SUM):
    """Start a process that starts so many processes that download into a folder."""
    command = [sys.executable, "-c", PROGRAM, str(folder), address, total, str(count)]
    environment = {**os.environ, "PYTHONPATH": str(Path(room.__file__).parents[2])}
    return subprocess.Popen(command, env=environment, start_new_session=True)


def patience(fault):
    """Return a short time-out for a fault that only this ends, a long one for any other."""
    return 0.3 if fault in NEVER_DONE else 30


# Each fault, and each way out of it.


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_address_is_tried(tmp_path, fault):
    """One server that fails in this way would keep the file away though the next one has it."""
    failures = []
    with FAULTS[fault][0]() as faulty, server() as (good, requests):
        path = download(
            tmp_path / "new" / "cache",
            (faulty, good),
            SUM,
            1 if fault in NEVER_DONE else 30,
            on_failure=failures.append,
        )
    assert path.read_bytes() == CONTENT
    assert len(requests) == 1
    assert [urlsplit(faulty).netloc in failure for failure in failures] == [True]
    assert os.listdir(path.parent) == [FILE_NAME]


@pytest.mark.parametrize("fault", FAULTS)
def test_alone_it_is_one_clear_error(tmp_path, fault):
    """The reader could not tell whose fault it is: the network's, the server's or the file's."""
    run, words = FAULTS[fault]
    with run() as address, pytest.raises(DataNotFoundError) as caught:
        download(tmp_path / "cache", (address,), SUM, patience(fault))
    host = re.escape(urlsplit(address).netloc)
    assert re.fullmatch(rf"The download failed \({host}: {words}\)\.", str(caught.value))
    assert os.listdir(tmp_path / "cache") == []


@pytest.mark.parametrize("fault", FAULTS)
def test_auto_gives_the_twin_and_real_the_error(monkeypatch, ours_is_real, fault):
    """A server that fails in this way would stop the chapter, or go unsaid, or spoil the cache."""
    run, words = FAULTS[fault]
    monkeypatch.setattr(room, "TIMEOUT", patience(fault))
    with run() as address:
        monkeypatch.setattr(table, "ADDRESSES", (address,))
        with pytest.raises(DataNotFoundError, match=words):
            load_data_ch7(source="real")
        monkeypatch.setattr(sources, "_failures", {})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert load_data_ch7().kind == "twin"
    (message,) = [str(w.message) for w in caught if issubclass(w.category, DataWarning)]
    assert re.search(words, message)
    assert "data/airfoil_self_noise.dat" in message
    assert os.listdir(sources.cache_folder()) == []


def test_addresses_are_tried_in_turn(tmp_path):
    """One dead, wrong or silent server would keep the file away though the next one has it."""
    with (
        refusing_server() as refused,
        server(status=404) as (missing, first),
        server(content=CONTENT[:-9]) as (wrong, second),
        mute_server() as mute,
        server() as (good, third),
        server() as (spare, fourth),
    ):
        addresses = (refused, missing, wrong, mute, good, spare)
        path = download(tmp_path / "new" / "cache", addresses, SUM, timeout=1)
        assert [len(requests) for requests in (first, second, third, fourth)] == [1, 1, 1, 0]
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == [FILE_NAME]


def test_every_failure_is_named_and_nothing_is_left(tmp_path):
    """The reader could not tell a proxy from a time-out, or would find half a file."""
    with (
        server(status=503) as (down, _),
        server(content=b"14.0") as (wrong, _),
        mute_server() as mute,
        pytest.raises(DataNotFoundError) as caught,
    ):
        download(tmp_path / "cache", (down, wrong, mute), SUM, timeout=0.3)
    message = str(caught.value)
    assert "503 Service Unavailable" in message
    assert "sha256 is wrong" in message
    assert "no answer within 0.3 s" in message
    assert os.listdir(tmp_path / "cache") == []


def test_a_dead_proxy_is_named(tmp_path):
    """Behind a firm's proxy that is down, the server would be blamed."""
    words = r"example\.invalid: no connection through the proxy \(Connection refused\)"
    with pytest.raises(DataNotFoundError, match=words):
        download(tmp_path, ("http://example.invalid/",), SUM, timeout=30)


@pytest.mark.parametrize("slow", [mute_server, dripping_server])
def test_a_time_out_covers_the_whole_download(tmp_path, slow):
    """A server that hangs, or sends a byte now and then, would hold the chapter up for ever."""
    start = time.monotonic()
    with slow() as address, pytest.raises(DataNotFoundError, match=r"within 0\.3 s"):
        download(tmp_path / "cache", (address,), SUM, timeout=0.3)
    assert time.monotonic() - start < 10
    assert os.listdir(tmp_path / "cache") == []


def test_a_slow_line_is_told_from_a_silent_server(tmp_path):
    """Someone on a slow line would not learn that more time would do."""
    with (
        halting_server(CONTENT * 99) as (address, _),
        pytest.raises(DataNotFoundError, match="too slow: 7,168 bytes within 2 s"),
    ):
        download(tmp_path / "cache", (address,), SUM, timeout=2)


def test_the_default_time_outs_fit_into_ten_seconds():
    """Behind a firewall that swallows packets, auto would take longer than it promises."""
    assert room.TIMEOUT * len(table.ADDRESSES) < 10


def test_the_bytes_are_told_as_they_come(tmp_path):
    """A progress bar would stand still, or run beyond its end."""
    counts, content = [], CONTENT * 99
    with server(content=content) as (address, _):
        download(
            tmp_path / "cache", (address,), sha256(content).hexdigest(), 60, on_bytes=counts.append
        )
    assert counts == sorted(set(counts)) and len(counts) > 1
    assert counts[-1] == len(content)


# Several processes, and one that is killed.


def test_eight_processes_show_nobody_a_part_of_the_file(tmp_path):
    """Notebooks started together would find a torn file in the cache, if only for a moment."""
    content = table_as_bytes([[i + j / 7 for j in range(6)] for i in range(7_000)])
    folder = tmp_path / "cache"
    all_are_here = threading.Barrier(8, timeout=60)
    seen = set()
    with server(content=content, before=all_are_here.wait) as (address, requests):
        total = sha256(content).hexdigest()
        process = start_downloads(folder, address, 8, total)
        while process.poll() is None:
            if (folder / FILE_NAME).exists():
                seen.add((folder / FILE_NAME).read_bytes())
    assert process.returncode == 0
    assert len(requests) == 8
    assert seen <= {content}
    assert (folder / FILE_NAME).read_bytes() == content
    assert os.listdir(folder) == [FILE_NAME]


def test_a_killed_download_leaves_nothing_that_harms(tmp_path):
    """After a crash the cache would hold half a file, or keep for ever what is left of it."""
    folder = sources.cache_folder()
    own = put(tmp_path / "checkout" / "data")
    with halting_server() as (address, halfway):
        process = start_downloads(folder, address, 1)
        assert halfway.wait(60)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    left = os.listdir(folder)
    assert all(name.startswith("tmp") for name in left)
    with server() as (address, _):
        assert download(folder, (address,), SUM, 60).read_bytes() == CONTENT
    assert sorted(os.listdir(folder)) == sorted([FILE_NAME, *left])
    removed = places.forget()
    assert sorted(removed) == sorted([folder, *(folder / name for name in [FILE_NAME, *left])])
    assert not folder.exists() and own.exists()
