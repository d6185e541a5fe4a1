"""The cache: folders that cannot be written, disks that are full, homes that are not there."""

import ctypes
import json
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from servers import server
from tables import CONTENT, put, table_as_bytes

from gluonbook_ch7.data import get_data_ch7, load_data_ch7
from gluonbook_ch7.dataset import locate
from gluonbook_ch7.dataset.parse import FILE_NAME
from gluonbook_ch7.errors import DataNotFoundError, DataWarning

pytestmark = pytest.mark.usefixtures("bare_desk")

# More than a small disk holds.
LARGE = table_as_bytes([[i + j / 7 for j in range(6)] for i in range(500)])
# Lets a table stand for the book's; says what auto takes and why, and, when the command has failed,
# which files are there.
PROGRAM = """
import json, os, sys
from gluonbook_ch7.dataset import locate, parse
from gluonbook_ch7.cli import main
locate.ADDRESSES, parse.SHA256 = (sys.argv[1],), sys.argv[2]
chosen = locate.choose("auto")
print(json.dumps([chosen.kind, chosen.warning]))
assert locate.local_file() is None
try:
    main(["data", "fetch"])
finally:
    walk = os.walk(locate.cache_folder().parent)
    print(json.dumps([os.path.join(folder, name) for folder, _, names in walk for name in names]))
"""
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24
LIBC = ctypes.CDLL(None)


def obey_rights():
    """Let the program that is started next, if it is root's, obey the folders' rights."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def mounting(folder, options):
    """Return a command's beginning that runs the rest where a small disk is mounted on a folder."""
    mount = f'mount -t tmpfs -o {options} none "$0" && exec "$@"'
    user = [] if os.getuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, "--mount", "sh", "-c", mount, str(folder)]


def require_that(works, reason):
    if not works:
        pytest.skip(reason)


def require_mounts(folder):
    try:
        tried = subprocess.run([*mounting(folder, "size=16k"), "true"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    require_that(tried.returncode == 0, "mounting is not allowed here")


def require_rights(folder):
    probe = "import os, sys; sys.exit(os.access(sys.argv[1], os.W_OK))"
    tried = subprocess.run([sys.executable, "-c", probe, folder], preexec_fn=obey_rights)
    require_that(tried.returncode == 0, "this user may write anywhere, and cannot give it up")


def locked(folder, mode=0o555):
    folder.chmod(mode)
    require_rights(folder)
    return {"preexec_fn": obey_rights}


def read_only_home(folder):
    return {**locked(folder), "HOME": folder}


def closed_home(folder):
    return {**locked(folder, 0), "HOME": folder}


def read_only_disk(folder):
    require_mounts(folder)
    return {"command": mounting(folder, "ro"), "XDG_CACHE_HOME": folder}


def full_disk(folder):
    require_mounts(folder)
    return {"command": mounting(folder, "size=16k"), "XDG_CACHE_HOME": folder}


def file_in_the_way(folder):
    (folder / "gluonbook_ch7").write_text("where the folder should be")
    return {"XDG_CACHE_HOME": folder}


def folder_in_the_way(folder):
    (folder / "gluonbook_ch7" / FILE_NAME).mkdir(parents=True)
    return {"XDG_CACHE_HOME": folder}


BAD_CACHES = {
    read_only_home: r"Cannot write to {folder}/.cache/gluonbook_ch7 \(Permission denied\)",
    closed_home: r"Cannot write to {folder}/.cache/gluonbook_ch7 \(Permission denied\)",
    read_only_disk: r"Cannot write to {folder}/gluonbook_ch7 \(Read-only file system\)",
    full_disk: r"Cannot write to {folder}/gluonbook_ch7 \(No space left on device\)",
    file_in_the_way: r"Cannot write to {folder}/gluonbook_ch7 \((File exists|Not a directory)\)",
    folder_in_the_way: r"Cannot write to {folder}/gluonbook_ch7 \(Is a directory\)",
}


@pytest.mark.parametrize("prepare", BAD_CACHES, ids=lambda prepare: prepare.__name__)
def test_a_cache_that_cannot_be_used_is_said_and_left_as_it_was(tmp_path, prepare):
    """On such a machine the chapter would stop with a traceback, or half a file would stay."""
    folder = tmp_path / "place"
    folder.mkdir()
    given = prepare(folder)
    command, preexec_fn = given.pop("command", []), given.pop("preexec_fn", None)
    environment = {
        name: os.environ[name] for name in os.environ.keys() - {"HOME", "XDG_CACHE_HOME"}
    }
    environment.update({name: str(value) for name, value in given.items()})
    environment["PYTHONPATH"] = str(Path(locate.__file__).parents[2])
    with server(content=LARGE) as (address, _):
        result = subprocess.run(
            [*command, sys.executable, "-c", PROGRAM, address, sha256(LARGE).hexdigest()],
            env=environment,
            preexec_fn=preexec_fn,
            capture_output=True,
            text=True,
            timeout=60,
        )
    words = BAD_CACHES[prepare].replace("{folder}", re.escape(str(folder)))
    (kind, concern), left = map(json.loads, result.stdout.splitlines())
    assert kind == "twin"
    assert re.search(words, concern)
    assert result.returncode == 2
    assert re.match(rf"Error: {words}.*GLUONBOOK_CH7_DATA.*\n\Z", result.stderr)
    assert left == ([str(folder / "gluonbook_ch7")] if prepare is file_in_the_way else [])
    assert not os.listdir()


# A copy that was whole and is no more.

DAMAGES = {
    "cut short": CONTENT[:-20],
    "one digit altered": CONTENT.replace(b"14.0", b"14.1"),
    "emptied": b"",
}


@pytest.mark.parametrize("damaged", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_copy_in_the_cache_is_replaced(monkeypatch, ours_is_real, damaged):
    """A download cut short by an older program would be trained on for ever."""
    cached = put(locate.cache_folder(), damaged)
    with server() as (address, _):
        monkeypatch.setattr(locate, "ADDRESSES", (address,))
        assert load_data_ch7().is_real
    assert cached.read_bytes() == CONTENT
    assert os.listdir(cached.parent) == [FILE_NAME]


@pytest.mark.parametrize("damaged", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_copy_that_cannot_be_replaced_is_not_used(ours_is_real, damaged):
    """Offline, a damaged file would pass for the real one, or its state would go unsaid."""
    put(locate.cache_folder(), damaged)
    with pytest.warns(DataWarning, match="only a damaged copy in the cache"):
        assert load_data_ch7().kind == "twin"
    with pytest.raises(DataNotFoundError, match="only a damaged copy in the cache"):
        get_data_ch7(source="real")


def test_without_a_home_folder_the_way_out_is_named(monkeypatch):
    """In a container whose user has no home, a folder ~ would appear beside the notebook."""
    monkeypatch.setattr(locate, "cache_folder", lambda: Path("~", ".cache", "gluonbook_ch7"))
    with pytest.warns(DataWarning, match="no home folder for the cache; set XDG_CACHE_HOME"):
        assert load_data_ch7().kind == "twin"
    assert not os.listdir()


def test_a_copy_that_is_mended_is_taken_again(ours_is_real):
    """After a failed download the process would never look into the cache again."""
    file = put(locate.cache_folder(), CONTENT[:-20])
    with pytest.warns(DataWarning):
        load_data_ch7()
    file.write_bytes(CONTENT)
    assert load_data_ch7().is_real
