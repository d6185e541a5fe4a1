"""The table: any file is read as it is meant, or refused with row and column."""

import math
from pathlib import Path

import numpy as np
import pytest
from counts import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import CONTENT, TABLE, put, table_as_bytes

from gluonbook_ch7.data import get_data_ch7
from gluonbook_ch7.dataset import parse as module
from gluonbook_ch7.dataset.parse import COLUMNS, FILE_NAME, is_the_books
from gluonbook_ch7.errors import DataError, GluonbookError


def parse(content, path=Path("table")):
    """Return the numbers of a table in the form of the airfoil's."""
    return module.parse(content, path, COLUMNS)[0]


def test_the_table_is_parsed_as_numpy_parses_it(real_data_path):
    """Some number of the table would differ from the one the book's reader saw."""
    ours = parse(real_data_path.read_bytes(), real_data_path)
    theirs = np.genfromtxt(real_data_path, delimiter="\t")
    assert ours.dtype == theirs.dtype == np.float64
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n"])
def test_any_line_end_will_do(line_end):
    """A copy from another system would not parse."""
    parsed = parse(table_as_bytes(TABLE, line_end))
    np.testing.assert_array_equal(parsed, TABLE)


def test_a_byte_order_mark_is_passed_over(tmp_path, real_data_path):
    """A table that went through a spreadsheet would be refused at its first number."""
    mark = b"\xef\xbb\xbf"
    np.testing.assert_array_equal(parse(mark + CONTENT), TABLE)
    assert is_the_books(mark + real_data_path.read_bytes())


@pytest.mark.parametrize("separator", [" ", ","])
def test_a_table_with_other_separators_is_read(tmp_path, separator):
    """A table that numpy.savetxt or a spreadsheet wrote would be refused."""
    np.savetxt(tmp_path / FILE_NAME, TABLE, delimiter=separator)
    assert parse((tmp_path / FILE_NAME).read_bytes()).tolist() == TABLE


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("14.0\t15.0\t", "14.0\t", r"row 3: column 6 \(sound pressure level\) is missing"),
        ("21.0\t", "", r"row 4: column 6 \(sound pressure level\) is missing"),
        (
            "\t",
            ";",
            r"row 1: column 2 \(angle of attack\) is missing; .* by tabs, commas or spaces",
        ),
        ("14.0\t", "14.0\t\t", "row 3: column 7 is one too many"),
        ("0.0\t1.0\t", "\r\n\r\nx\t1.0\t", r"row 3, column 1 \(frequency\): 'x' is not"),
        ("18.0", "n/a", r"row 3, column 3 \(chord length\): 'n/a' is not a finite number"),
        ("18.0", "", r"row 3, column 3 \(chord length\): '' is not a finite number"),
        ("18.0", "nan", r"row 3, column 3 \(chord length\): 'nan' is not a finite number"),
        ("18.0", "-inf", r"row 3, column 3 \(chord length\): '-inf' is not a finite number"),
        ("18.0", "1_8", r"row 3, column 3 \(chord length\): '1_8' is not a finite number"),
        ("18.0", "0x12", r"row 3, column 3 \(chord length\): '0x12' is not a finite number"),
        ("18.0", "١٨", r"row 3, column 3 \(chord length\): '١٨' is not a finite number"),
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
        (table_as_bytes(TABLE[:1]), "has 1 rows; at least 2 are needed"),
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
    """Return True if Python reads a finite number from a text, leaving aside its own notation."""
    try:
        return "_" not in text and math.isfinite(float(text.strip('" ').encode()))
    except ValueError:
        return False


CELL = st.text(st.characters(exclude_characters="\t\r\n\0", codec="utf-8"), max_size=12)


@settings(max_examples=cases(1000))
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
        parse(content)
    assert str(caught.value).startswith(f"table, row {row + 1}, column {column + 1} (")


@settings(max_examples=cases(1000))
@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6),
        min_size=2,
        max_size=8,
    )
)
def test_every_finite_number_survives(values):
    """A number in some unusual notation would be changed or refused."""
    parsed = parse(table_as_bytes(values))
    assert parsed.tobytes() == np.array(values).tobytes()
