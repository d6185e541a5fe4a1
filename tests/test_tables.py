"""Tables of one's own: read whole, standardised, and trained on."""

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import gluonbook_ch7 as gb
from gluonbook_ch7.cli import main
from gluonbook_ch7.cli.user_rules import load_named_data
from gluonbook_ch7.dataset.parse import parse


def write(path, rows, separator=",", header=None):
    lines = [separator.join(map(repr, row)) for row in rows]
    text = "\n".join([separator.join(header), *lines] if header else lines)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def table(rows=20, columns=3, seed=0):
    return np.random.RandomState(seed).normal(5, 3, size=(rows, columns)).tolist()


@pytest.mark.parametrize("separator", [",", "\t", " ", ", "])
@pytest.mark.parametrize("columns", [2, 3, 6, 11])
@pytest.mark.parametrize("with_header", [True, False])
def test_any_number_of_columns_in_any_form(tmp_path, separator, columns, with_header):
    """If this fails, a table is read with other numbers, or without its last feature."""
    rows = table(columns=columns)
    header = [f"c{i}" for i in range(columns)] if with_header else None
    data = gb.load_table(write(tmp_path / "mine.csv", rows, separator, header))
    values = np.array(rows)
    expected = ((values - values.mean(axis=0)) / values.std(axis=0)).astype(np.float32)
    np.testing.assert_array_equal(data.features.asnumpy(), expected[:, :-1])
    np.testing.assert_array_equal(data.labels.asnumpy(), expected[:, -1])
    assert data.names == tuple(header or ()) and data.in_short == "mine.csv"


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=2, max_size=5))
def test_numbers_survive_bit_for_bit(tmp_path_factory, rows):
    """If this fails, reading a table rounds."""
    path = write(tmp_path_factory.mktemp("table") / "t.csv", rows)
    values, header = parse(path.read_bytes(), path)
    np.testing.assert_array_equal(values, rows)
    assert header == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\n2\n3\n", "t.csv has one column; at least 2 are needed, the last one the label"),
        ("x,y\n1,2\n3,four\n", r"t.csv, row 3, column 2 \(y\): 'four' is not a finite number"),
        ("x,y\n1,2\n3\n", r"t.csv, row 3: column 2 \(y\) is missing; there must be 2 columns"),
        ("1 2\n3 4 5\n", "t.csv, row 2: column 3 is one too many"),
        ("1,2\n\n3,nan\n", "t.csv, row 3, column 2: 'nan' is not a finite number"),
        ("1,x\n2,3\n", "t.csv, row 1, column 2: 'x' is not a finite number"),
        ("x,y\n1,2\n", "t.csv has 1 rows; at least 2 are needed"),
        ("x,y\n", "t.csv has 0 rows"),
        ("", "t.csv has 0 rows"),
        ("x,y\n1,2\n1,3\n", r"t.csv: column 1 \(x\) cannot be standardised"),
        ("1,2\n1,3\n", "t.csv: column 1 cannot be standardised"),
        ("1,2\0\n", "not a text file"),
    ],
)
def test_a_bad_table_is_told_by_row_and_column(tmp_path, content, message):
    """If this fails, somebody has to look for the mistake in their table themselves."""
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(gb.DataError, match=message):
        gb.load_table(path)


def test_quoted_numbers_are_read_and_a_separator_in_quotes_splits_no_number(tmp_path):
    """If this fails, the table "1,234","5" of a spreadsheet has three columns: 1, 234 and 5."""
    path = tmp_path / "t.csv"
    path.write_text('"1.5", "5"\n"2","6"\n"4","8"\n')
    np.testing.assert_array_equal(parse(path.read_bytes(), path)[0], [[1.5, 5], [2, 6], [4, 8]])
    path.write_text('"1,234","5"\n"2,345","6"\n')
    with pytest.raises(gb.DataError, match="row 1, column 1: '\"1' is not a finite number"):
        gb.load_table(path)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    """If this fails, --out=~/figures and save("~/run.npz") make a folder called ~."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    write(tmp_path / "home" / "t.csv", table(30))
    data = gb.load_table("~/t.csv")
    curve = gb.fit_scratch(gb.sgd, None, {"lr": 0.1}, data.features, data.labels, seed=0)
    assert curve.save("~/run.npz") == tmp_path / "home" / "run.npz"
    assert gb.LossCurve.load("~/run.npz") == curve
    arguments = ["sweep", "sgd", "--lr", "0.1", "--seeds", "1", "--data=~/t.csv", "--json=~/s.json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "home" / "s.json").is_file() and not (tmp_path / "~").exists()


def test_a_file_that_is_not_there():
    """If this fails, a mistyped name is an empty table."""
    with pytest.raises(gb.DataNotFoundError, match=r"there is no file nowhere\.csv"):
        gb.load_table("nowhere.csv")


def test_results_are_named_after_the_file(tmp_path):
    """If this fails, a saved result does not say what it was trained on."""
    data = gb.load_table(write(tmp_path / "mine.csv", table()))
    curve = gb.fit_scratch(gb.sgd, None, {"lr": 0.1}, data.features, data.labels)
    assert curve.settings["data"] == "mine.csv"


def test_the_commands_take_it(tmp_path):
    """If this fails, a reader can compare and sweep on the airfoil data alone."""
    path = write(tmp_path / "mine.csv", table(120, 2), header=["x", "y"])
    run = CliRunner().invoke
    compared = run(
        main, ["compare", "sgd", "--set", "lr=0.01", "--seeds", "1", "--data", str(path)]
    )
    assert compared.exit_code == 0, compared.output
    assert f"Data: {path}." in compared.output and "edition" not in compared.output
    swept = run(
        main, ["sweep", "sgd", "--set", "lr=0.01:0.1:2", "--seeds", "2", "--data", str(path)]
    )
    assert swept.exit_code == 0, swept.output
    assert "the best of 2 cells" in swept.output and f"Data: {path}." in swept.output


@pytest.mark.parametrize("command", [["compare", "sgd"], ["sweep", "sgd", "--lr", "0.1"]])
def test_a_table_of_ones_own_has_no_edition(tmp_path, command):
    """If this fails, --edition 1.0 is passed over in silence."""
    path = write(tmp_path / "mine.csv", table(30, 3))
    done = CliRunner().invoke(main, [*command, "--data", str(path), "--edition", "1.0"])
    assert done.exit_code == 2 and f"--edition is for the airfoil table, and {path}" in done.output
    path.write_text("<html>\n")
    done = CliRunner().invoke(main, [*command, "--data", str(path), "--edition", "1.0"])
    assert done.exit_code == 2 and "mine.csv has one column" in done.output


def test_a_table_like_the_airfoils_has_an_edition(tmp_path):
    """If this fails, a copy of the airfoil table is trained on with its fifth column by default."""
    path = write(tmp_path / "airfoil_self_noise.dat", table(columns=6), "\t")
    data, origin = load_named_data("0.7", str(path))
    assert data.features.shape == (20, 4) and origin["edition"] == "0.7"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # the mark of some editors
    assert load_named_data("0.7", str(path))[0].features.shape == (20, 4)
    header = write(tmp_path / "headed.dat", table(columns=6), "\t", list("abcdef"))
    data, origin = load_named_data("0.7", str(header))
    assert data.features.shape == (20, 5) and "edition" not in origin
