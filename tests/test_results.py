"""Results: what they say in one line, and that they compare, save and load."""

import dataclasses
import json
import zipfile
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from gluonbook_ch7 import _results
from gluonbook_ch7._mxnet import nd
from gluonbook_ch7.errors import ArgumentError, DataError
from gluonbook_ch7.rules import adam


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Losses(_results.Result):
    """A small result, with a field for anything that a field may hold."""

    losses: Any
    settings: Any
    seconds: Any = dataclasses.field(compare=False)
    more: Any = None

    def _summary(self):
        return f"{self.settings['rule']}: {self.losses[-1]:.6f}"

    def _table(self):
        return ("loss",), [(f"{self.losses[i]:.6f}",) for i in _results.some_of(len(self.losses))]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Other(_results.Result):
    settings: Any


def losses(more=None, seconds=0.0123, count=31, **settings):
    return Losses(
        np.linspace(0.51118642, 0.25876507, count, dtype=np.float32),
        {"rule": "rmsprop", **settings},
        seconds,
        more,
    )


def test_a_notebook_shows_a_short_table():
    """If this fails, a long run floods the notebook, or a rule's name becomes markup."""
    assert repr(losses()) == "Losses(rmsprop: 0.258765)"
    shown = losses(count=2001, rule="<b>")._repr_html_()
    assert shown.count("<tr>") == 12 and "<b>" not in shown and "&lt;b&gt;" in shown
    assert "<td>0.511186</td>" in shown and "<td>0.258765</td>" in shown


@pytest.mark.parametrize("count", [1, 2, 5, 11, 12, 2001])
def test_the_rows_of_a_table_are_spread_over_all(count):
    """If this fails, a table leaves out the first or the last row, or shows one twice."""
    shown = _results.some_of(count)
    assert shown[0] == 0 and shown[-1] == count - 1
    assert len(set(shown)) == len(shown) == min(count, 11)


NUMBERS = st.floats(width=64) | st.integers(-(2**53), 2**53) | st.booleans() | st.none()
ARRAYS = arrays_of.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, bool]),
    arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
TREES = st.recursive(
    NUMBERS | st.text() | ARRAYS,
    lambda each: (
        st.lists(each, max_size=3).map(tuple) | st.dictionaries(st.text(), each, max_size=3)
    ),
    max_leaves=8,
)


@given(more=TREES)
def test_what_is_saved_is_what_is_loaded(tmp_path_factory, more):
    """If this fails, a saved result comes back changed, or == raises or calls equal things unequal.

    Names, shapes, dtypes, NaNs and infinities, empty arrays and nested results all pass.
    """
    result = losses(more=(more, losses(more)))
    file = tmp_path_factory.mktemp("saved") / "result.npz"
    loaded = Losses.load(result.save(file))
    assert loaded == result
    assert (loaded != result) is False
    assert loaded.losses.dtype == np.float32 and repr(loaded) == repr(result)
    assert str(loaded.to_dict()) == str(result.to_dict())


@given(one=TREES, other=TREES)
def test_comparing_never_raises(one, other):
    """If this fails, == on results with arrays raises as NumPy's does."""
    assert (losses(one) == losses(other)) is (losses(other) == losses(one))
    assert losses(one) == losses(one)
    assert losses(one) != one and losses(one) != Other({})


def test_equal_means_the_same_run():
    """If this fails, two runs with other losses or seeds are called equal, or a time counts."""
    assert losses(seed=1) == losses(seed=1, seconds=9.9, versions={"numpy": "2.0"})
    assert losses(seed=1) != losses(seed=2)
    assert losses() != losses(count=30)
    assert losses(more=np.float32([1, 2])) != losses(more=np.float32([1, 3]))
    assert losses(more={"a": 1}) != losses(more={"b": 1})
    assert losses(more=(1, 2)) != losses(more=(1,))
    with pytest.raises(TypeError):
        hash(losses())


def test_any_program_can_read_a_dict_and_a_file(tmp_path):
    """If this fails, a result is readable by this package alone."""
    result = losses(hyperparams={"lr": 0.01}, seeds=(0, 1))
    assert json.loads(json.dumps(result.to_dict()))["settings"]["seeds"] == [0, 1]
    file = result.save(tmp_path / "new" / "result.npz")
    with np.load(file) as archive:
        np.testing.assert_array_equal(archive["losses"], result.losses)
        assert json.loads(archive["content.json"].item())["settings"]["rule"] == "rmsprop"


def damage(file, how):
    content = file.read_bytes()
    if how == "cut":
        return content[: len(content) // 2]
    if how == "flipped":
        return content[:200] + bytes(255 - byte for byte in content[200:400]) + content[400:]
    if how == "empty":
        return b""
    return b"epoch,loss\n0,0.5\n"


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "text"])
def test_a_damaged_file_is_named(tmp_path, how):
    """If this fails, a file cut short by a full disk ends deep inside NumPy or zipfile."""
    file = losses().save(tmp_path / "result.npz")
    file.write_bytes(damage(file, how))
    with pytest.raises(DataError, match=r"result\.npz is not a saved result, or it is damaged"):
        Losses.load(file)


def test_a_file_of_something_else_is_told(tmp_path):
    """If this fails, an array or another result is taken for a loss curve."""
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "arrays.npz", losses=np.zeros(3))
    for name in ("array.npy", "arrays.npz"):
        with pytest.raises(DataError, match="is not a saved result"):
            Losses.load(tmp_path / name)
    file = Other({}).save(tmp_path / "other.npz")
    with pytest.raises(ArgumentError, match=r"other\.npz holds a Other, not a Losses"):
        Losses.load(file)
    with zipfile.ZipFile(file) as archive:
        content = archive.read("content.json.npy").replace(b"O\0\0\0t\0\0\0h", b"U\0\0\0t\0\0\0h")
    with zipfile.ZipFile(tmp_path / "unknown.npz", "w") as archive:
        archive.writestr("content.json.npy", content)  # of a class that is not imported
    with pytest.raises(ArgumentError, match=r"unknown\.npz holds a Uther, not a Losses"):
        Losses.load(tmp_path / "unknown.npz")
    with pytest.raises(FileNotFoundError):
        Losses.load(tmp_path / "nothing.npz")
    assert _results.Result.load(file) == Other({})
    assert zipfile.is_zipfile(file)


def test_settings_say_what_a_run_was_made_with():
    """If this fails, a saved result cannot be told from one of other data or hyperparameters."""
    features, labels = nd.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]), nd.array([1.0, 0.0, 2.0])
    hyperparams = {"lr": nd.array([0.1]), "t": 1, "schedule": object()}
    settings = _results.run_settings(adam, hyperparams, features, labels, 10, 2, seed=0)
    hyperparams["t"] = 303
    assert settings["rule"] == "adam" and settings["hyperparams"]["t"] == 1
    assert settings["hyperparams"]["lr"] == np.float32(0.1)
    assert settings["hyperparams"]["schedule"].startswith("<object")
    assert [settings[name] for name in ("batch_size", "num_epochs", "seed")] == [10, 2, 0]
    assert set(settings["versions"]) == {"gluonbook_ch7", "mxnet", "numpy", "python"}
    assert settings["data"].startswith("3 rows, 2 features, sha256 ")
    _results.name_data(features, labels, "a small table")
    assert _results.data_name(features.copy(), labels) == "a small table"
    assert _results.data_name(features + 1, labels) != "a small table"
    assert _results.run_settings("nag", {}, features, labels, 10, 2)["rule"] == "nag"


def test_no_name_has_an_address():
    """If this fails, equal runs of a partial, or with a scheduler, are called unequal."""

    class Rule:
        def __call__(self, params, states, hyperparams):
            pass

    assert _results.name_of(partial(adam, 1, beta=0.9)) == "adam(1, beta=0.9)"
    assert _results.name_of(partial(Rule(), scale=Rule)).startswith("Rule(scale=<class ")
    features, labels = nd.ones((2, 1)), nd.ones(2)
    made = [
        _results.run_settings(partial(adam, decay=Rule()), {"s": Rule()}, features, labels, 1, 1)
        for _ in range(2)
    ]
    assert made[0] == made[1] and " at 0x" not in str(made)
