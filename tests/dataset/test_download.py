"""The download: the ways in which a server fails, and several processes at once."""

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
    dripping_server,
    halting_server,
    mute_server,
    refusing_server,
    server,
)
from tables import CONTENT, put, table_as_bytes

from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.dataset import locate
from gluonbook_ch7.dataset.parse import FILE_NAME
from gluonbook_ch7.errors import DataNotFoundError, DataWarning

pytestmark = pytest.mark.usefixtures("bare_desk", "ours_is_real")

# Fetches in several processes at once, forked, so that they share the time that importing takes.
PROGRAM = """
import os, sys
from gluonbook_ch7.dataset import locate, parse
address, parse.SHA256, count = sys.argv[1:]
locate.ADDRESSES = [address]
children = []
for _ in range(int(count)):
    children.append(os.fork())
    if not children[-1]:
        locate.fetch(60)
        os._exit(0)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def fetch_from(monkeypatch, addresses, timeout=60, **options):
    """Fetch the file into the cache from these addresses."""
    monkeypatch.setattr(locate, "ADDRESSES", addresses)
    return locate.fetch(timeout, **options)


def start_downloads(address, content, count):
    """Start a process that starts so many processes that fetch the file into the cache."""
    total = sha256(content).hexdigest()
    command = [sys.executable, "-c", PROGRAM, address, total, str(count)]
    environment = {**os.environ, "PYTHONPATH": str(Path(locate.__file__).parents[2])}
    return subprocess.Popen(command, env=environment, start_new_session=True)


def patience(fault):
    """Return a short time-out for a fault that only this ends, a long one for any other."""
    return 0.3 if fault in ("silent", "dripping") else 30


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_address_is_tried(monkeypatch, fault):
    """One server that fails in this way would keep the file away though the next one has it."""
    failures = []
    with FAULTS[fault][0]() as faulty, server() as (good, requests):
        path = fetch_from(
            monkeypatch, [faulty, good], max(1, patience(fault)), on_failure=failures.append
        )
    assert path.read_bytes() == CONTENT
    assert len(requests) == 1
    assert [urlsplit(faulty).netloc in failure for failure in failures] == [True]
    assert os.listdir(path.parent) == [FILE_NAME]


@pytest.mark.parametrize("fault", FAULTS)
def test_auto_gives_the_twin_and_real_the_error(monkeypatch, fault):
    """A server that fails in this way would stop the chapter, or the reader would not know why."""
    run, words = FAULTS[fault]
    monkeypatch.setattr(locate, "TIMEOUT", patience(fault))
    with run() as address:
        host = re.escape(urlsplit(address).netloc)
        monkeypatch.setattr(locate, "ADDRESSES", [address])
        with pytest.raises(DataNotFoundError) as caught:
            load_data_ch7(source="real")
        monkeypatch.setattr(locate, "_failures", {})
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            assert load_data_ch7().kind == "twin"
    assert re.search(rf"The download failed \({host}: {words}\)\. Save ", str(caught.value))
    (message,) = [str(each.message) for each in warned if issubclass(each.category, DataWarning)]
    assert re.search(words, message)
    assert "data/airfoil_self_noise.dat" in message
    assert not locate.cache_folder().exists()


def test_a_reason_that_addresses_share_is_given_once(monkeypatch):
    """Offline, a reader would have to read the same three times."""
    with refusing_server() as first, refusing_server() as second, server(status=404) as (lost, _):
        hosts = [urlsplit(address).netloc for address in (first, second, lost)]
        with pytest.raises(DataNotFoundError) as caught:
            fetch_from(monkeypatch, [first, lost, second])
    refused = f"{hosts[0]}, {hosts[1]}: no connection (Connection refused)"
    assert f"({refused}; {hosts[2]}: 404 Not Found)" in str(caught.value)


def test_a_dead_proxy_is_named(monkeypatch):
    """Behind a firm's proxy that is down, the server would be blamed."""
    words = r"example\.invalid: no connection through the proxy \(Connection refused\)"
    with pytest.raises(DataNotFoundError, match=words):
        fetch_from(monkeypatch, ["http://example.invalid/"], timeout=30)


@pytest.mark.parametrize("slow", [mute_server, dripping_server])
def test_a_time_out_covers_the_whole_download(monkeypatch, slow):
    """A server that hangs, or sends a byte now and then, would hold the chapter up for ever."""
    start = time.monotonic()
    threads = threading.active_count()
    with slow() as address:
        with pytest.raises(DataNotFoundError, match=r" 0\.3 s"):
            fetch_from(monkeypatch, [address], timeout=0.3)
        # Nothing goes on in the background, but for the thread of the server here.
        assert threading.active_count() <= threads + 2
    assert time.monotonic() - start < 10
    assert not locate.cache_folder().exists()


def test_a_slow_line_is_told_from_a_silent_server(monkeypatch):
    """Someone on a slow line would not learn that more time would do."""
    with (
        halting_server(CONTENT * 99) as (address, _),
        pytest.raises(DataNotFoundError, match=r"too slow: [\d,]+ bytes in 1 s"),
    ):
        fetch_from(monkeypatch, [address], timeout=1)


def test_the_default_time_outs_fit_into_ten_seconds():
    """Behind a firewall that swallows packets, auto would take longer than it promises."""
    assert locate.TIMEOUT * len(locate.ADDRESSES) < 10


def test_eight_processes_show_nobody_a_part_of_the_file():
    """Notebooks started together would find a torn file in the cache, if only for a moment."""
    content = table_as_bytes([[i + j / 7 for j in range(6)] for i in range(2_000)])
    folder = locate.cache_folder()
    all_are_here = threading.Barrier(8, timeout=60)
    seen = set()
    with server(content=content, before=all_are_here.wait) as (address, requests):
        process = start_downloads(address, content, 8)
        while process.poll() is None:
            if (folder / FILE_NAME).exists():
                seen.add((folder / FILE_NAME).read_bytes())
            time.sleep(0.001)
    assert process.returncode == 0
    assert len(requests) == 8
    assert seen <= {content}
    assert (folder / FILE_NAME).read_bytes() == content
    assert os.listdir(folder) == [FILE_NAME]


def test_a_killed_download_leaves_nothing_that_harms(monkeypatch, tmp_path):
    """After a crash the cache would hold half a file, or keep for ever what is left of it."""
    folder = locate.cache_folder()
    own = put(tmp_path / "checkout" / "data")
    with halting_server() as (address, halfway):
        process = start_downloads(address, CONTENT, 1)
        assert halfway.wait(60)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    assert not folder.exists()
    with server() as (address, _):
        assert fetch_from(monkeypatch, [address]).read_bytes() == CONTENT
    left = folder / f".{FILE_NAME}.x3f_9a"  # by a process that was killed while it wrote
    left.write_bytes(CONTENT[:9])
    assert sorted(locate.forget()) == sorted([folder, folder / FILE_NAME, left])
    assert not folder.exists() and own.exists()
