"""What all results have in common: they show, compare, save and load themselves.

A result is a frozen dataclass of arrays, numbers, strings, tuples, dicts and other results. Its
``settings`` say what it was made with.
"""

import dataclasses
import hashlib
import html
import io
import json
import platform
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Optional, TypeVar, Union

import numpy as np
import numpy.typing as npt

from ._files import write_whole
from .errors import ArgumentError, DataError

AnyResult = TypeVar("AnyResult", bound="Result")
Array = npt.NDArray[Any]
Table = tuple[Sequence[str], Sequence[Sequence[str]]]

_CONTENT = "content.json"  # the entry of a saved file that is not an array
_ARRAY, _RESULT = "__array__", "__result__"


class Result:
    """Base class of results.

    A subclass is decorated with ``@dataclass(frozen=True, eq=False, repr=False)``, has a field
    ``settings``, and implements `_summary` and `_table`. Fields with ``compare=False``, such as
    times, do not count for ``==``.
    """

    settings: Mapping[str, Any]

    def _summary(self) -> str:
        """Return the numbers that matter, in one line."""
        raise NotImplementedError

    def _table(self) -> Table:
        """Return the headings and the rows of a table that fits on a screen."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._summary()})"

    def _repr_html_(self) -> str:
        headings, rows = self._table()
        head = _html_row("th", headings)
        body = "\n".join(_html_row("td", row) for row in rows)
        return (
            f"<table>\n<caption>{html.escape(repr(self))}</caption>\n"
            f"<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"
        )

    def __eq__(self, other: object) -> bool:
        """Return True if all numbers are equal; NaN equals NaN."""
        if type(self) is not type(other):
            return False
        (mine, my_arrays), (theirs, their_arrays) = _compared(self), _compared(other)
        return mine == theirs and all(
            np.array_equal(my_arrays[name], their_arrays[name], equal_nan=True)
            for name in my_arrays
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as dicts, lists, numbers and strings."""
        plain: dict[str, Any] = _tree(self)
        return plain

    def save(self, file: Union[str, "PathLike[str]"]) -> Path:
        """Save the result in one NumPy ``.npz`` file, which `load` reads.

        Parameters
        ----------
        file : str or path
            A file of this name is replaced. Its folder is made if need be.

        Returns
        -------
        Path
        """
        arrays: dict[str, Array] = {}
        text = json.dumps(_tree(self, arrays))
        content = io.BytesIO()
        np.savez(content, **{_CONTENT: np.array(text)}, **arrays)
        return write_whole(file, content.getvalue())

    @classmethod
    def load(cls: type[AnyResult], file: Union[str, "PathLike[str]"]) -> AnyResult:
        """Load a saved result.

        Parameters
        ----------
        file : str or path
            What `save` wrote.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        DataError
            If it is not a saved result, or is damaged.
        ArgumentError
            If it holds a result of another class.
        """
        content = io.BytesIO(Path(file).read_bytes())
        try:
            with np.load(content, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            result = _put_back_arrays(json.loads(arrays.pop(_CONTENT).item()), arrays)
        except (ArithmeticError, AttributeError, EOFError, LookupError, TypeError, ValueError,
                NotImplementedError, zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
            raise DataError(f"{file} is not a saved result, or it is damaged: {error}") from error
        if not isinstance(result, cls):
            raise ArgumentError(f"{file} holds a {type(result).__name__}, not a {cls.__name__}")
        return result


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"


# --- What a result was made with ----------------------------------------------------------------

_DATA_NAMES: dict[str, str] = {}


def run_settings(
    rule: Any,
    hyperparams: Any,
    features: Any,
    labels: Any,
    batch_size: int,
    num_epochs: int,
    **more: Any,
) -> dict[str, Any]:
    """Return the settings of a result, with what else is given, such as ``seed=0``.

    Call it before training: a rule such as Adam changes its hyperparameters. Of these numbers,
    strings and arrays are kept as they are; anything else as its repr.
    """
    from . import __version__
    from ._mxnet import mx

    versions = {
        "gluonbook_ch7": __version__,
        "mxnet": mx.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    return {
        "rule": rule if isinstance(rule, str) else getattr(rule, "__name__", repr(rule)),
        "hyperparams": _keepable(hyperparams),
        "batch_size": batch_size,
        "num_epochs": num_epochs,
        **more,
        "data": data_name(features, labels),
        "versions": versions,
    }


def _keepable(value: Any) -> Any:
    if hasattr(value, "asnumpy"):
        value = value.asnumpy()
    if isinstance(value, Mapping):
        return {str(name): _keepable(each) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(_keepable(each) for each in value)
    kept = (np.ndarray, np.generic, bool, int, float, str, type(None))
    return value if isinstance(value, kept) else repr(value)


def name_data(features: Any, labels: Any, name: str) -> None:
    """Remember what this data set is called, for the results of trainings on it."""
    _DATA_NAMES[_digest(features, labels)] = name


def data_name(features: Any, labels: Any) -> str:
    """Return what `name_data` was told, or else the data's shape and the start of their SHA-256."""
    digest = _digest(features, labels)
    rows, columns = features.shape
    return _DATA_NAMES.get(digest) or f"{rows} rows, {columns} features, sha256 {digest[:8]}"


def _digest(features: Any, labels: Any) -> str:
    digest = hashlib.sha256(str(features.shape).encode())
    digest.update(features.asnumpy().tobytes())
    digest.update(labels.asnumpy().tobytes())
    return digest.hexdigest()


# --- Trees of values ----------------------------------------------------------------------------


def some_of(count: int, at_most: int = 11) -> list[int]:
    """Return at most `at_most` evenly spaced indices below `count`, with the first and the last."""
    indices: list[int] = np.unique(np.linspace(0, count - 1, at_most).round().astype(int)).tolist()
    return indices


def _compared(result: Any) -> tuple[str, dict[str, Array]]:
    """Return what counts for ``==`` of two results: as JSON, and the arrays in it."""
    fields = {
        each.name: getattr(result, each.name) for each in dataclasses.fields(result) if each.compare
    }
    if "settings" in fields:
        fields["settings"] = {**fields["settings"], "versions": None}
    arrays: dict[str, Array] = {}
    return json.dumps(_tree(fields, arrays), sort_keys=True), arrays


def _tree(value: Any, arrays: Optional[dict[str, Array]] = None, place: str = "") -> Any:
    """Return a value as dicts, lists, numbers and strings.

    Arrays become lists. If `arrays` is given, they are put there instead, named after their place
    in the tree, and results are marked with their class.
    """
    if isinstance(value, np.ndarray) and arrays is not None:
        # A zip archive cuts a name at a null character, and two places may read alike.
        name = place if place.isprintable() and place not in arrays else f"#{len(arrays)}"
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Result):
        fields = _tree(vars(value), arrays, place)
        return fields if arrays is None else {_RESULT: type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {
            name: _tree(each, arrays, f"{place}.{name}".lstrip(".")) for name, each in value.items()
        }
    if isinstance(value, (tuple, list)):
        return [_tree(each, arrays, f"{place}.{i}") for i, each in enumerate(value)]
    return value


def _put_back_arrays(value: Any, arrays: Mapping[str, Array]) -> Any:
    """Return the tree that `_tree` was given, with tuples where it had lists."""
    if isinstance(value, list):
        return tuple(_put_back_arrays(each, arrays) for each in value)
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        return arrays[value[_ARRAY]]
    tree = {name: _put_back_arrays(each, arrays) for name, each in value.items()}
    classes = {each.__name__: each for each in Result.__subclasses__()}
    return classes[tree.pop(_RESULT)](**tree) if _RESULT in tree else tree
