"""The base class of results, which shows, compares, saves and loads them."""

import dataclasses
import functools
import hashlib
import html
import io
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ._files import AnyPath, write_whole
from .errors import ArgumentError, DataError

AnyResult = TypeVar("AnyResult", bound="Result")
Table = tuple[Sequence[str], Sequence[Sequence[str]]]

_CONTENT = "content.json"  # the entry of a saved file that is not an array
_ARRAY, _RESULT = "__array__", "__result__"


class Result:
    """Base class of results.

    A subclass is a ``@dataclass(frozen=True, eq=False, repr=False)`` of arrays, numbers, strings,
    tuples, dicts and other results. Fields with ``compare=False`` do not count for ``==``.
    """

    settings: Mapping[str, Any]  # what it was made with

    def _summary(self) -> str:
        """Return the numbers that matter, in one line."""
        raise NotImplementedError

    def _table(self) -> Table:
        """Return the headings and the rows of a table that fits on a screen."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._summary()})"

    def _repr_html_(self) -> str:
        def row_of(tag: str, cells: Sequence[str]) -> str:
            tagged = [f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells]
            return f"<tr>{''.join(tagged)}</tr>"

        headings, rows = self._table()
        body = "\n".join(row_of("td", row) for row in rows)
        return (
            f"<table>\n<caption>{html.escape(repr(self))}</caption>\n"
            f"<thead>{row_of('th', headings)}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"
        )

    def __eq__(self, other: Any) -> bool:
        """Return True if all numbers are written alike: NaN equals NaN, and -0.0 is not 0.0."""
        return type(self) is type(other) and _compared(self) == _compared(other)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as dicts, lists, numbers and strings."""
        plain: dict[str, Any] = json.loads(json.dumps(self, default=_plain))
        return plain

    def save(self, file: AnyPath) -> Path:
        """Save the result in one NumPy ``.npz`` file, which `load` reads.

        Parameters
        ----------
        file : str or path
            A file of this name is replaced. Its folder is created if needed.

        Returns
        -------
        Path
        """
        names = {id(value): name for name, value in vars(self).items()}
        arrays: dict[str, Any] = {}

        def encode(value: Any) -> Any:
            """Store an array under the name of its field, or a number; mark a result."""
            if isinstance(value, Result):
                return {_RESULT: type(value).__name__, **vars(value)}
            if not isinstance(value, np.ndarray):
                return _plain(value)
            name = names.get(id(value), f"#{len(arrays)}")
            arrays[name] = value
            return {_ARRAY: name}

        text = json.dumps(self, default=encode)
        content = io.BytesIO()
        np.savez(content, **{_CONTENT: np.array(text)}, **arrays)
        return write_whole(os.path.expanduser(file), content.getvalue())

    @classmethod
    def load(cls: type[AnyResult], file: AnyPath) -> AnyResult:
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
        content = io.BytesIO(Path(os.path.expanduser(file)).read_bytes())
        try:
            with np.load(content, allow_pickle=False) as archive:
                fields = json.loads(archive[_CONTENT].item())
                name = fields[_RESULT]
                # A result of another class cannot be decoded until its module is imported.
                result = _decode(fields, archive) if cls.__name__ in (name, "Result") else None
        except Exception as error:  # NumPy, zipfile and zlib each have their own
            raise DataError(f"{file} is not a saved result, or it is damaged: {error}") from error
        if not isinstance(result, cls):
            raise ArgumentError(f"{file} holds a {name}, not a {cls.__name__}")
        return result


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
    """Return the settings of a result, and any further ones, such as ``seed=0``.

    Call it before training: a rule such as Adam changes its hyperparameters.
    """
    from . import __version__
    from ._mxnet import mx

    return {
        "rule": name_of(rule),
        "hyperparams": _keepable(hyperparams),
        "batch_size": batch_size,
        "num_epochs": num_epochs,
        **_keepable(more),
        "data": data_name(features, labels),
        "versions": {
            "gluonbook_ch7": __version__,
            "mxnet": mx.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _keepable(value: Any) -> Any:
    """Return an array, a number or a string as it is, anything else as its repr."""
    if hasattr(value, "asnumpy"):
        value = value.asnumpy()
    if isinstance(value, Mapping):
        return {str(name): _keepable(each) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(_keepable(each) for each in value)
    kept = (np.ndarray, np.generic, bool, int, float, str, type(None))
    return value if isinstance(value, kept) else _written(value)


def name_of(rule: Any) -> str:
    """Return a rule's name: of its function, of a partial with the arguments, or of its class."""
    if isinstance(rule, str):
        return rule
    if isinstance(rule, functools.partial):
        named = [f"{name}={_written(value)}" for name, value in rule.keywords.items()]
        return f"{name_of(rule.func)}({', '.join([*map(_written, rule.args), *named])})"
    return getattr(rule, "__name__", None) or type(rule).__name__


def _written(value: Any) -> str:
    """Return the repr of an object without its address, which is another in each process."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def name_data(features: Any, labels: Any, name: str) -> None:
    """Remember what this data set is called, for the results of trainings on it."""
    _DATA_NAMES[_digest(features, labels)] = name


def data_name(features: Any, labels: Any) -> str:
    """Return the name given to `name_data`, else the data's shape and the start of its SHA-256."""
    digest = _digest(features, labels)
    rows, columns = features.shape
    return _DATA_NAMES.get(digest) or f"{rows} rows, {columns} features, sha256 {digest[:8]}"


def _digest(features: Any, labels: Any) -> str:
    numbers = features.asnumpy().tobytes() + labels.asnumpy().tobytes()
    return hashlib.sha256(str(features.shape).encode() + numbers).hexdigest()


# --- Parts of a result --------------------------------------------------------------------------


def some_of(count: int) -> list[int]:
    """Return at most 11 evenly spaced indices below `count`, with the first and the last."""
    indices: list[int] = np.unique(np.linspace(0, count - 1, 11).round().astype(int)).tolist()
    return indices


def _compared(result: Any) -> str:
    """Return what counts for ``==`` of two results."""
    names = [each.name for each in dataclasses.fields(result) if each.compare]
    fields = {name: getattr(result, name) for name in names}
    fields["settings"] = {**fields.get("settings", {}), "versions": None}
    return json.dumps(fields, default=_plain, sort_keys=True)


def _plain(value: Any) -> Any:
    """Return what JSON has in place of a result, an array or a NumPy number."""
    return vars(value) if isinstance(value, Result) else value.tolist()


def _decode(value: Any, arrays: Mapping[str, Any]) -> Any:
    """Return what `Result.save` encoded, with tuples where JSON has lists."""
    if isinstance(value, list):
        return tuple(_decode(each, arrays) for each in value)
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        return arrays[value[_ARRAY]]
    fields = {name: _decode(each, arrays) for name, each in value.items()}
    classes = {each.__name__: each for each in Result.__subclasses__()}
    return classes[fields.pop(_RESULT)](**fields) if _RESULT in fields else fields
