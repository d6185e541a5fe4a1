"""The sources: the order of the places, what is said of what is taken, the twin when all fail."""

import os
import warnings
from pathlib import Path

import pytest
from servers import server
from tables import put

from gluonbook_ch7.data import get_data_ch7, load_data_ch7
from gluonbook_ch7.dataset import locate
from gluonbook_ch7.dataset.parse import FILE_NAME
from gluonbook_ch7.errors import (
    ArgumentError,
    DataError,
    DataNotFoundError,
    DataWarning,
    GluonbookError,
)

pytestmark = pytest.mark.usefixtures("bare_desk")


def test_each_place_comes_before_the_next(monkeypatch, tmp_path, ours_is_real):
    """A file would be taken from a place that the documented order puts later."""
    places = [tmp_path / "named", Path("data"), Path("..", "data"), locate.cache_folder()]
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


# Without the file.


def test_without_file_and_network_auto_gives_the_twin_and_says_why(recwarn):
    """Someone would train on made-up rows without knowing it, or without knowing the way out."""
    loaded = load_data_ch7()
    assert loaded.kind == "twin" and not loaded.is_real
    assert loaded.origin.startswith("the moment twin")
    (warning,) = [w for w in recwarn if issubclass(w.category, DataWarning)]
    message = str(warning.message)
    for words in ("moment twin", "GLUONBOOK_CH7_DATA", f"data/{FILE_NAME}", locate.UCI):
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
    assert not locate.cache_folder().exists() or not list(locate.cache_folder().iterdir())


def test_auto_waits_for_the_network_only_once(monkeypatch):
    """Offline, every cell of the chapter would wait for the time-outs again."""
    with server(status=404) as (address, requests):
        monkeypatch.setattr(locate, "ADDRESSES", (address,))
        for _ in range(3):
            with pytest.warns(DataWarning, match="404"):
                get_data_ch7()
        assert len(requests) == 1
        with pytest.raises(DataNotFoundError, match="404"):
            get_data_ch7(source="real")
        assert len(requests) == 2


def test_auto_downloads_into_the_cache_and_finds_it_there(monkeypatch, capfd, ours_is_real):
    """Each call would download anew, print something, or leave more than the file behind."""
    with server() as (address, requests):
        monkeypatch.setattr(locate, "ADDRESSES", (address,))
        for _ in range(2):
            loaded = load_data_ch7()
            assert loaded.is_real
            assert loaded.origin == f"the real data set, {locate.cache_folder() / FILE_NAME}"
        assert len(requests) == 1
    assert os.listdir(locate.cache_folder()) == [FILE_NAME]
    assert capfd.readouterr() == ("", "")
