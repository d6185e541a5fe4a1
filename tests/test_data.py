"""The data: editions, the order of the places, downloads from real servers, the moment twin."""

import hashlib
import math
import os
import random
import socket
import subprocess
import sys
import threading
import time
import warnings
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonbook_ch7 import airfoil, data, sources, twin
from gluonbook_ch7._mxnet import mx, nd
from gluonbook_ch7.airfoil import FILE_NAME, download
from gluonbook_ch7.data import get_data_ch7, load_data_ch7
from gluonbook_ch7.errors import (
    ArgumentError,
    DataError,
    DataNotFoundError,
    DataWarning,
    GluonbookError,
)
from gluonbook_ch7.twin import moment_twin

MINIMA = {"0.7": 0.2577130634906876, "1.0": 0.24214512895356358}
STARTS = {
    0.5111864: [0.02212206, 0.00774004, 0.0104344, 0.01183925],
    0.50221467: [0.01891711, -0.01234741, -0.01771029, -0.00451384],
}

FIRST_TWIN_ROW = [
    1.715115554864987,
    -1.054778812116432,
    0.37372239676488367,
    0.6130241019741114,
    -1.3552529452781767,
    -0.16687623819682984,
]


def table_as_bytes(values, line_end="\r\n"):
    """Write numbers as the airfoil file writes them."""
    return "".join("\t".join(map(repr, row)) + line_end for row in values).encode()


TABLE = [[float(7 * i + j * j) * (-1) ** (i * j) for j in range(6)] for i in range(5)]
CONTENT = table_as_bytes(TABLE)
SUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def bare_desk(monkeypatch, tmp_path):
    """Start in an empty folder with an empty parent, with no data named."""
    desk = tmp_path / "checkout" / "chapter"
    desk.mkdir(parents=True)
    monkeypatch.chdir(desk)
    monkeypatch.delenv("GLUONBOOK_CH7_DATA", raising=False)


@pytest.fixture
def ours_is_real(monkeypatch):
    """Let the small table stand for the book's file."""
    monkeypatch.setattr(airfoil, "SHA256", SUM)


def put(folder, content=CONTENT):
    """Put a data file into a folder."""
    path = Path(folder, FILE_NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@contextmanager
def serving(answer):
    """Run a server on localhost that answers every GET by `answer(handler)`; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            # The client of a slow server has long left.
            with suppress(ConnectionError):
                answer(self)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/{FILE_NAME}"
        httpd.shutdown()


@contextmanager
def server(status=200, content=CONTENT, before=lambda: None):
    """Serve one answer; yield the address and the list of requests so far."""
    requests = []

    def answer(handler):
        requests.append(handler.path)
        before()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    with serving(answer) as address:
        yield address, requests


@contextmanager
def dripping_server():
    """Answer with a byte now and then, so that no single read ever times out; yield the address."""
    enough = threading.Event()

    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        while not enough.wait(0.05):
            handler.wfile.write(b"8")

    with serving(answer) as address:
        yield address
        enough.set()


@contextmanager
def mute_server():
    """Take connections and never answer; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{FILE_NAME}"


def least_squares_minimum(features, labels):
    """Return the smallest mean of (y_hat - y)^2 / 2 that a linear model with a bias reaches."""
    X = np.column_stack([features, np.ones(len(features))])
    w = np.linalg.lstsq(X, labels, rcond=None)[0]
    return ((X @ w - labels) ** 2).mean() / 2


# Editions.


@pytest.mark.parametrize(("edition", "width"), [("0.7", 4), ("1.0", 5)])
def test_an_edition_is_the_books_own_expression(real_data_path, edition, width):
    """Features or labels differ in some bit from what the book's function returned."""
    table = np.genfromtxt(real_data_path, delimiter="\t")
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    features, labels = get_data_ch7(edition, real_data_path)
    assert isinstance(features, nd.NDArray) and isinstance(labels, nd.NDArray)
    assert features.shape == (1503, width) and labels.shape == (1503,)
    assert features.dtype == labels.dtype == np.float32
    np.testing.assert_array_equal(features.asnumpy(), nd.array(table[:, :width]).asnumpy())
    np.testing.assert_array_equal(labels.asnumpy(), nd.array(table[:, -1]).asnumpy())


@pytest.mark.parametrize("edition", ["0.7", "1.0"])
def test_an_edition_reaches_its_known_minimum(real_data_path, edition):
    """The wrong columns: 0.26 and 0.243 are told apart by the edition alone."""
    features, labels = get_data_ch7(edition, real_data_path)
    minimum = least_squares_minimum(
        features.asnumpy().astype("float64"), labels.asnumpy().astype("float64")
    )
    assert minimum == pytest.approx(MINIMA[edition], abs=5e-9)


def test_the_recorded_edition_is_the_default():
    """A chapter's plain get_data_ch7() would get data that the recorded run did not use."""
    assert get_data_ch7(source="twin")[0].shape == (1503, 4)
    assert load_data_ch7(source="twin").edition == "0.7"


@pytest.mark.parametrize("edition", ["0.8", 0.7, None, ["0.7"]])
def test_an_unknown_edition_is_refused(edition):
    """A typing error would train on some other data, or end in a KeyError."""
    with pytest.raises(ArgumentError, match=r'"0\.7" \(4 features.*"1\.0" \(5 features'):
        get_data_ch7(edition, "twin")


def test_global_generators_are_left_alone(real_data_path):
    """Loading data would change every random number that the chapter draws after it."""
    mx.random.seed(3)
    expected = nd.random.normal(shape=3).asnumpy()
    mx.random.seed(3)
    numpy_state, python_state = np.random.get_state(), random.getstate()
    for source in ("twin", real_data_path):
        get_data_ch7(source=source)
    assert random.getstate() == python_state
    for before, after in zip(numpy_state, np.random.get_state()):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(nd.random.normal(shape=3).asnumpy(), expected)


def test_every_call_gives_arrays_of_its_own():
    """A cell that changes its features in place would change the next cell's."""
    first, _ = get_data_ch7(source="twin")
    expected = first.asnumpy()
    first[:] = 0
    np.testing.assert_array_equal(get_data_ch7(source="twin")[0].asnumpy(), expected)


def test_a_local_file_loads_quickly(real_data_path):
    """Every chapter cell that begins with get_data_ch7() would make its reader wait."""
    get_data_ch7(source=real_data_path)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        get_data_ch7(source=real_data_path)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.02


# The order of the places.


def test_each_place_comes_before_the_next(monkeypatch, tmp_path, ours_is_real):
    """A file would be taken from a place that the documented order puts later."""
    places = [tmp_path / "named", Path("data"), Path("..", "data"), sources.cache_folder()]
    files = [put(place) for place in places]
    monkeypatch.setenv("GLUONBOOK_CH7_DATA", str(places[0]))
    for file in files:
        loaded = load_data_ch7()
        assert (loaded.kind, loaded.is_real) == ("real", True)
        assert loaded.origin == f"the real data set, {file}"
        assert load_data_ch7(source="real").origin == loaded.origin
        file.unlink()
        monkeypatch.delenv("GLUONBOOK_CH7_DATA", raising=False)
    with pytest.warns(DataWarning):
        assert load_data_ch7().kind == "twin"


@pytest.mark.parametrize("source", ["auto", "real"])
def test_a_variable_that_points_nowhere_is_an_error(monkeypatch, tmp_path, source):
    """A misspelt path would silently give other data."""
    put("data")
    monkeypatch.setenv("GLUONBOOK_CH7_DATA", str(tmp_path / "misspelt"))
    with pytest.raises(DataNotFoundError, match=r"GLUONBOOK_CH7_DATA is '.*misspelt'"):
        get_data_ch7(source=source)


def test_an_empty_variable_counts_as_unset(monkeypatch, ours_is_real):
    """A shell's usual way to switch a variable off would be an error."""
    put("data")
    monkeypatch.setenv("GLUONBOOK_CH7_DATA", "")
    assert load_data_ch7().is_real


@pytest.mark.parametrize("by", [str, Path])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_path_is_read_as_it_is(tmp_path, recwarn, by, what):
    """A reader's own table would be refused, replaced, or complained about."""
    file = put(tmp_path / "own")
    loaded = load_data_ch7(source=by(file if what == "file" else file.parent))
    assert (loaded.kind, loaded.is_real) == ("other", False)
    assert loaded.origin == f"a file that is not the book's, {file}"
    assert loaded.features.shape == (5, 4)
    assert not [w for w in recwarn if issubclass(w.category, DataWarning)]


def test_a_path_may_start_at_home(monkeypatch, tmp_path):
    """~/airfoil.dat, which a shell expands but a notebook does not, would not be found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    put(tmp_path)
    assert load_data_ch7(source=f"~/{FILE_NAME}").kind == "other"


def test_a_misspelt_source_says_what_there_is():
    """A typing error would end in an error that does not say which words there are."""
    with pytest.raises(DataNotFoundError, match='"auto", "real", "twin"') as caught:
        get_data_ch7(source="rael")
    assert isinstance(caught.value, (GluonbookError, FileNotFoundError))


@pytest.mark.parametrize("source", [None, 3, b"data"])
def test_a_source_of_another_type_is_refused(source):
    """The mistake would surface as a TypeError from inside pathlib."""
    with pytest.raises(ArgumentError, match='"auto", "real", "twin" or a path'):
        get_data_ch7(source=source)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """A folder by the file's name, or a forbidden file, would end in a bare OSError."""
    (tmp_path / "own" / FILE_NAME).mkdir(parents=True)
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        get_data_ch7(source=tmp_path / "own")


def test_another_file_in_the_books_place_is_used_with_a_warning():
    """Numbers that cannot be the book's would appear without a word on why."""
    put("data")
    with pytest.warns(DataWarning, match="is not the book's data set") as caught:
        assert load_data_ch7().kind == "other"
    assert caught[0].filename == __file__


def test_real_refuses_another_file():
    """source="real" would vouch for rows that are not the real ones."""
    put("data")
    with pytest.raises(DataError, match="is not the book's data set, whose sha256 is 74c75f"):
        get_data_ch7(source="real")


def test_changed_line_ends_are_still_the_real_data(tmp_path, real_data_path):
    """A copy that git or an editor gave Unix line ends would be called foreign."""
    file = put(tmp_path / "unix", real_data_path.read_bytes().replace(b"\r\n", b"\n"))
    assert load_data_ch7(source=file).is_real
    last = put(tmp_path / "changed", real_data_path.read_bytes().replace(b"104.204", b"104.205"))
    assert not load_data_ch7(source=last).is_real


# Without the file: the twin, and what is said about it.


def test_without_file_and_network_auto_gives_the_twin_and_says_why(recwarn):
    """Someone would train on made-up rows without knowing it, or without knowing the way out."""
    loaded = load_data_ch7()
    assert loaded.kind == "twin" and not loaded.is_real
    assert loaded.origin.startswith("the moment twin")
    (warning,) = [w for w in recwarn if issubclass(w.category, DataWarning)]
    message = str(warning.message)
    for words in ("moment twin", "GLUONBOOK_CH7_DATA", f"data/{FILE_NAME}", airfoil.UCI):
        assert words in message
    for host in ("archive.ics.uci.edu", "d2l-data.s3-accelerate", "raw.githubusercontent.com"):
        assert host in message
    assert warning.filename == __file__


def test_the_books_function_warns_at_the_cell_that_called_it():
    """The warning would point into this package instead of at the reader's line."""
    with pytest.warns(DataWarning) as caught:
        get_data_ch7()
    assert caught[0].filename == __file__


def test_the_twin_asked_for_comes_without_a_warning():
    """A deliberate choice would be complained about."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        assert load_data_ch7(source="twin").kind == "twin"


def test_real_refuses_the_twin():
    """source="real" would give made-up rows."""
    with pytest.raises(DataNotFoundError, match=f"download failed.*data/{FILE_NAME}"):
        get_data_ch7(source="real")
    assert not sources.cache_folder().exists() or not list(sources.cache_folder().iterdir())


def test_auto_waits_for_the_network_only_once(monkeypatch):
    """Offline, every cell of the chapter would wait for the time-outs again."""
    with server(status=404) as (address, requests):
        monkeypatch.setattr(airfoil, "ADDRESSES", (address,))
        for _ in range(3):
            with pytest.warns(DataWarning, match="404"):
                get_data_ch7()
        assert len(requests) == 1
        with pytest.raises(DataNotFoundError, match="404"):
            get_data_ch7(source="real")
        assert len(requests) == 2


# Downloads.


def test_auto_downloads_into_the_cache_and_finds_it_there(monkeypatch, capfd, ours_is_real):
    """Each call would download anew, print pooch's log, or leave more than the file behind."""
    with server() as (address, requests):
        monkeypatch.setattr(airfoil, "ADDRESSES", (address,))
        for _ in range(2):
            loaded = load_data_ch7()
            assert loaded.is_real
            assert loaded.origin == f"the real data set, {sources.cache_folder() / FILE_NAME}"
        assert len(requests) == 1
    assert os.listdir(sources.cache_folder()) == [FILE_NAME]
    assert capfd.readouterr() == ("", "")


def test_addresses_are_tried_in_turn(tmp_path):
    """One dead, wrong or silent server would keep the file away though the next one has it."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refused = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    with (
        server(status=404) as (missing, first),
        server(content=CONTENT[:-9]) as (wrong, second),
        mute_server() as mute,
        server() as (good, third),
        server() as (spare, fourth),
    ):
        addresses = (refused, missing, wrong, mute, good, spare)
        path = download(tmp_path / "new" / "cache", addresses, SUM, timeout=0.5)
        assert [len(requests) for requests in (first, second, third, fourth)] == [1, 1, 1, 0]
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == [FILE_NAME]


def test_every_failure_is_named_and_nothing_is_left(tmp_path):
    """The reader could not tell a proxy from a time-out, or would find half a file."""
    with (
        server(status=503) as (down, _),
        server(content=b"<html>") as (wrong, _),
        mute_server() as mute,
        pytest.raises(DataNotFoundError) as caught,
    ):
        download(tmp_path / "cache", (down, wrong, mute), SUM, timeout=0.3)
    message = str(caught.value)
    assert "503 Service Unavailable" in message
    assert "sha256 is wrong" in message
    assert "no answer within 0.3 s" in message
    assert os.listdir(tmp_path / "cache") == []


@pytest.mark.parametrize("slow", [mute_server, dripping_server])
def test_a_time_out_covers_the_whole_download(tmp_path, slow):
    """A server that hangs, or sends a byte now and then, would hold the chapter up for ever."""
    start = time.monotonic()
    with slow() as address, pytest.raises(DataNotFoundError, match=r"no answer within 0\.3 s"):
        download(tmp_path / "cache", (address,), SUM, timeout=0.3)
    assert time.monotonic() - start < 2
    assert os.listdir(tmp_path / "cache") == []


def test_the_default_time_outs_fit_into_ten_seconds():
    """Behind a firewall that swallows packets, auto would take longer than it promises."""
    timeout = download.__defaults__[-1]
    assert timeout * len(airfoil.ADDRESSES) < 10


def test_a_damaged_copy_in_the_cache_is_replaced(monkeypatch, ours_is_real):
    """A download cut short by an older program would be trained on for ever."""
    cached = put(sources.cache_folder(), CONTENT[:-20])
    with server() as (address, _):
        monkeypatch.setattr(airfoil, "ADDRESSES", (address,))
        assert load_data_ch7().is_real
    assert cached.read_bytes() == CONTENT


def test_a_damaged_copy_that_cannot_be_replaced_is_not_used(ours_is_real):
    """Offline, a damaged file would pass for the real one, or its state would go unsaid."""
    put(sources.cache_folder(), CONTENT[:-20])
    with pytest.warns(DataWarning, match="only a damaged copy in the cache"):
        assert load_data_ch7().kind == "twin"


def test_a_cache_that_cannot_be_written_gives_the_twin(monkeypatch, tmp_path):
    """A read-only home would end in a traceback instead of the twin and the reason."""
    (tmp_path / "flat").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "flat"))
    with pytest.warns(DataWarning, match=r"Cannot write to .*flat.* \(Not a directory\)"):
        assert load_data_ch7().kind == "twin"


def test_a_forbidden_cache_gives_the_twin(monkeypatch, tmp_path):
    """The same, for a folder without the right to write."""
    (tmp_path / "locked").mkdir(mode=0o500)
    if os.access(tmp_path / "locked", os.W_OK):
        pytest.skip("this user may write anywhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "locked"))
    with pytest.warns(DataWarning, match=r"Cannot write to .*locked"):
        assert load_data_ch7().kind == "twin"


def test_two_processes_may_download_at_once(tmp_path):
    """Two notebooks started together would leave a torn file in the cache."""
    program = (
        "import sys; from gluonbook_ch7.airfoil import download; "
        "print(download(sys.argv[1], (sys.argv[2],), sys.argv[3], timeout=60).read_bytes().hex())"
    )
    both_are_here = threading.Barrier(2, timeout=60)
    folder = tmp_path / "cache"
    with server(before=both_are_here.wait) as (address, requests):
        command = [sys.executable, "-c", program, str(folder), address, SUM]
        environment = {**os.environ, "PYTHONPATH": str(Path(data.__file__).parents[1])}
        processes = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
            for _ in range(2)
        ]
        outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [bytes.fromhex(output) for output in outputs] == [CONTENT, CONTENT]
    assert len(requests) == 2
    assert os.listdir(folder) == [FILE_NAME]


# The table.


def test_the_table_is_parsed_as_numpy_parses_it(real_data_path):
    """Some number of the table would differ from the one the book's reader saw."""
    ours = airfoil.parse(real_data_path.read_bytes(), real_data_path)
    theirs = np.genfromtxt(real_data_path, delimiter="\t")
    assert ours.dtype == theirs.dtype == np.float64
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n"])
def test_any_line_end_will_do(line_end):
    """A copy from another system would not parse."""
    parsed = airfoil.parse(table_as_bytes(TABLE, line_end), Path("t"))
    np.testing.assert_array_equal(parsed, TABLE)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("14.0\t15.0\t", "14.0\t", r"row 3: column 6 \(sound pressure level\) is missing"),
        ("21.0\t", "", r"row 4: column 6 \(sound pressure level\) is missing"),
        ("\t", ",", r"row 1: column 2 \(angle of attack\) is missing; .* tab-separated"),
        ("14.0\t", "14.0\t\t", "row 3: column 7 is one too many"),
        ("18.0", "n/a", r"row 3, column 3 \(chord length\): 'n/a' is not a finite number"),
        ("18.0", "", r"row 3, column 3 \(chord length\): '' is not a finite number"),
        ("18.0", "nan", r"row 3, column 3 \(chord length\): 'nan' is not a finite number"),
        ("18.0", "-inf", r"row 3, column 3 \(chord length\): '-inf' is not a finite number"),
        ("18.0", "1e999", r"row 3, column 3 \(chord length\): '1e999' is not a finite number"),
    ],
)
def test_a_broken_row_is_named(tmp_path, old, new, words):
    """Someone with a damaged file would have to hunt for the damage in 1503 lines."""
    content = CONTENT.decode()
    assert old in content
    file = put(tmp_path, content.replace(old, new).encode())
    with pytest.raises(DataError, match=rf"{FILE_NAME}, {words}") as caught:
        get_data_ch7(source=file)
    assert isinstance(caught.value, (GluonbookError, ValueError))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has 0 rows"),
        (b"\r\n\r\n", "has 0 rows"),
        (table_as_bytes(TABLE[:1]), "has 1 rows; there must be at least 2"),
        (b"\x1f\x8b\x08\x00\x00binary", "is not a text file"),
        (CONTENT.decode().encode("utf-16"), "is not a text file"),
        (b"<html>\n<body>moved</body>\n", "row 1: column 2 .* is missing"),
        (table_as_bytes([[*row[:4], 0.1, row[5]] for row in TABLE]), "column 5 .*all the same"),
        (
            table_as_bytes([[*row[:4], 0.1, row[5]] for row in TABLE * 99]),
            "column 5 .*all the same",
        ),
        (table_as_bytes([[row[0] * 1e300, *row[1:]] for row in TABLE]), "column 1 .*too large"),
        (table_as_bytes([[row[0] * 1e-300, *row[1:]] for row in TABLE]), "column 1 .*small"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, words):
    """Training would run on NaN, or an error from deep inside NumPy would say nothing useful."""
    with pytest.raises(DataError, match=words):
        get_data_ch7(source=put(tmp_path, content))


def is_finite_number(text):
    """Tell whether Python reads a finite number from the bytes of a text."""
    try:
        return math.isfinite(float(text.encode()))
    except ValueError:
        return False


CELL = st.text(st.characters(exclude_characters="\t\r\n\0", codec="utf-8"), max_size=12)


@given(
    row=st.integers(0, 4),
    column=st.integers(0, 5),
    cell=CELL.filter(lambda text: not is_finite_number(text)),
)
def test_any_broken_cell_is_named(row, column, cell):
    """Some damage would be blamed on the wrong cell, or not be noticed."""
    cells = [[repr(number) for number in numbers] for numbers in TABLE]
    cells[row][column] = cell
    content = "".join("\t".join(line) + "\r\n" for line in cells).encode()
    with pytest.raises(DataError) as caught:
        airfoil.parse(content, Path("table"))
    assert str(caught.value).startswith(f"table, row {row + 1}, column {column + 1} (")


@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6),
        min_size=2,
        max_size=8,
    )
)
def test_every_finite_number_survives(values):
    """A number in some unusual notation would be changed or refused."""
    parsed = airfoil.parse(table_as_bytes(values), Path("table"))
    assert parsed.tobytes() == np.array(values).tobytes()


# The moment twin.


def test_the_correlations_are_the_real_datas(real_data_path):
    """The twin would imitate some other data set."""
    table = np.genfromtxt(real_data_path, delimiter="\t")
    np.testing.assert_allclose(twin._correlation_matrix(), np.corrcoef(table.T), rtol=0, atol=1e-13)


def test_the_twin_has_exactly_the_moments_asked_for():
    """The twin would have the right moments only roughly, as plain draws do."""
    rows = moment_twin()
    assert rows.shape == (1503, 6) and rows.dtype == np.float64
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(rows.T @ rows / 1503, twin._correlation_matrix(), atol=1e-13)


@pytest.mark.parametrize(("edition", "width"), [("0.7", 4), ("1.0", 5)])
def test_the_twin_has_the_real_minima(edition, width):
    """Training on the twin would end somewhere else than training on the real data."""
    rows = moment_twin()
    assert least_squares_minimum(rows[:, :width], rows[:, -1]) == pytest.approx(
        MINIMA[edition], abs=1e-12
    )
    features, labels = (
        array.asnumpy().astype("float64") for array in get_data_ch7(edition, "twin")
    )
    assert least_squares_minimum(features, labels) == pytest.approx(MINIMA[edition], abs=5e-9)


@pytest.mark.parametrize("loss", STARTS)
@pytest.mark.parametrize("which", ["twin", "real"])
def test_the_recorded_starts_have_the_recorded_losses(request, which, loss):
    """The first point of the recorded curves could not be reproduced."""
    source = "twin" if which == "twin" else request.getfixturevalue("real_data_path")
    features, labels = get_data_ch7(source=source)
    w = nd.array(STARTS[loss]).reshape((4, 1))
    measured = ((nd.dot(features, w) - labels.reshape((-1, 1))) ** 2 / 2).mean().asscalar()
    assert measured == pytest.approx(loss, abs=5e-7)


def test_the_twin_is_always_the_same():
    """Two machines, or two calls, would train on different twins."""
    np.testing.assert_array_equal(moment_twin(), moment_twin())
    np.testing.assert_allclose(moment_twin()[0], FIRST_TWIN_ROW, atol=1e-12)
