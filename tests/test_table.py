"""The table: any file is read as it is meant, or refused with row and column."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from counts import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import CONTENT, TABLE, put, table_as_bytes

from gluonbook_ch7.data import get_data_ch7, read_table
from gluonbook_ch7.dataset import parse as table
from gluonbook_ch7.dataset.parse import FILE_NAME
from gluonbook_ch7.errors import DataError, GluonbookError


def test_the_table_is_parsed_as_numpy_parses_it(real_data_path):
    """Some number of the table would differ from the one the book's reader saw."""
    ours = table.parse(real_data_path.read_bytes(), real_data_path)
    theirs = np.genfromtxt(real_data_path, delimiter="\t")
    assert ours.dtype == theirs.dtype == np.float64
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n"])
def test_any_line_end_will_do(line_end):
    """A copy from another system would not parse."""
    parsed = table.parse(table_as_bytes(TABLE, line_end), Path("t"))
    np.testing.assert_array_equal(parsed, TABLE)


def test_a_byte_order_mark_is_passed_over(tmp_path, real_data_path):
    """A table that went through a spreadsheet would be refused at its first number."""
    mark = b"\xef\xbb\xbf"
    np.testing.assert_array_equal(table.parse(mark + CONTENT, Path("t")), TABLE)
    assert table.is_the_books(mark + real_data_path.read_bytes())


def test_a_table_with_spaces_is_read(tmp_path):
    """A table that numpy.savetxt wrote, which separates by spaces, would be refused."""
    np.savetxt(tmp_path / FILE_NAME, TABLE)
    values = table.parse((tmp_path / FILE_NAME).read_bytes(), tmp_path)
    assert values.tolist() == TABLE


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("14.0\t15.0\t", "14.0\t", r"row 3: column 6 \(sound pressure level\) is missing"),
        ("21.0\t", "", r"row 4: column 6 \(sound pressure level\) is missing"),
        ("\t", ",", r"row 1: column 2 \(angle of attack\) is missing; .* tab-separated"),
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
    """Tell whether Python reads a finite number from a text, leaving aside its own notation."""
    try:
        return "_" not in text and math.isfinite(float(text.encode()))
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
        table.parse(content, Path("table"))
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
    parsed = table.parse(table_as_bytes(values), Path("table"))
    assert parsed.tobytes() == np.array(values).tobytes()


# Mutations, and an oracle that shares no line with the product: a regular expression for numbers.

NUMBER = re.compile(r"[ \t\v\f]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\v\f]*")


def meant(content):
    """Return the numbers that a content means, or the row and column that mean none.

    Both are None for a content that is no table as a whole.
    """
    text = content.decode("utf-8-sig", errors="surrogateescape")
    if "\0" in text:
        return None, None
    values = []
    for row, line in enumerate(re.split("\r\n|\r|\n", text), start=1):
        if not line.strip(" \t\v\f"):
            continue
        cells = line.split("\t") if "\t" in line else re.findall(r"[^ \v\f]+", line)
        if len(cells) != 6:
            return None, (row, min(len(cells), 6) + 1)
        for column, cell in enumerate(cells, start=1):
            if not NUMBER.fullmatch(cell) or not math.isfinite(float(cell)):
                return None, (row, column)
        values.append([float(cell) for cell in cells])
    return (values, None) if len(values) > 1 else (None, None)


ODD_CELLS = st.sampled_from([
    "nan", "NaN", "-inf", "infinity", "1e400", "-1e400", "1e-400", "9" * 400, "0." + "3" * 90_000,
    "1_000", "0x10", "0x1p3", "1d3", "1j", "1,5", "1.2.3", "1 000", "1%", "$1", "'1'", '"1"',
    ".5", "5.", "+1.5", "-.5e-3", "007", "-0", " 1.5", "1.5 ", "1\v",
    "", " ", ".", "e5", "1e", "1e+", "--", "+-1", "?", "#", "#1", "n/a", "None", "TRUE",
    "١٢", "１２", "½", "²", "−1", "1\u00a0", "\u20091", "\x851", "é", "日本",
])  # fmt: skip


@st.composite
def mutated_tables(draw):
    """Return the bytes of a table with something odd done to it, or nothing."""
    numbers = st.floats(-1e6, 1e6)
    forms = st.sampled_from(["{!r}", "{:.3f}", "{:+.6e}", "{:G}", " {:g}"])
    rows = draw(st.lists(st.lists(numbers, min_size=6, max_size=6), min_size=2, max_size=4))
    form, end = draw(forms), draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\r\n", "\v\n"]))
    separator = draw(st.sampled_from(["\t", "\t", "\t", " ", "   ", ",", ";", " \t ", "\t\t"]))
    cells = [[form.format(number) for number in row] for row in rows]
    for _ in range(draw(st.integers(0, 2))):
        row = draw(st.sampled_from(cells))
        place = draw(st.integers(0, len(row)))
        what = draw(st.sampled_from(["replace", "replace", "insert", "delete"]))
        row[place : place + (what != "insert")] = [] if what == "delete" else [draw(ODD_CELLS)]
    lines = [separator.join(row) for row in cells]
    for _ in range(draw(st.integers(0, 2))):
        odd = st.sampled_from(["", " ", "\t\t\t\t\t", "# comment", "<html>", "a\tb\tc\td\te\tf"])
        lines.insert(draw(st.integers(0, len(lines))), draw(odd))
    if draw(st.booleans()):
        which = draw(st.integers(0, len(lines) - 1))
        lines[which] = draw(
            st.sampled_from(["{}\t", "\t{}", "{}  ", " {}", "{}\t1.0", '"{}"', "{}" * 2000])
        ).replace("{}", lines[which])
    content = end.join(lines) + draw(st.sampled_from(["", end]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-7"]))
    content = content.encode(encoding)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        place = draw(st.integers(0, len(content)))
        length = draw(st.sampled_from([0, 1, 20]))
        content = content[:place] + draw(st.binary(max_size=3)) + content[place + length :]
    return content


@settings(max_examples=cases(1000))
@given(mutated_tables() | st.binary(max_size=200))
def test_a_mutated_table_is_read_rightly_or_refused_where_it_is_wrong(tmp_path_factory, content):
    """Some odd file would be read as other numbers, blamed on another place, or end in a crash."""
    file = put(tmp_path_factory.getbasetemp() / "mutated", content)
    values, where = meant(content)
    if values is None:
        with pytest.raises(DataError) as caught:
            read_table(file)
        place = (
            r"row {}(:|,) column {} \(|row {}: column {} is one too many".format(*where * 2)
            if where
            else "(has|is not)"
        )
        assert re.match(rf"{re.escape(str(file))},? ({place})", str(caught.value))
        return
    read, origin = read_table(file)
    assert read.tobytes() == np.array(values).tobytes()
    assert origin == f"a file that is not the book's, {file}"
    # NumPy's reader agrees, wherever it knows a line's separator.
    lines = [
        line
        for line in re.split(b"\r\n|\r|\n", content.removeprefix(b"\xef\xbb\xbf"))
        if line.strip()
    ]
    for line, row in zip(lines, values):
        delimiter = "\t" if b"\t" in line else None
        theirs = np.loadtxt([line.decode()], delimiter=delimiter, comments=None, ndmin=1)
        np.testing.assert_array_equal(theirs, row)
