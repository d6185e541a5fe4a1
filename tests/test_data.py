"""The data: editions, bit for bit as the book's function gave them."""

import random
from fractions import Fraction

import numpy as np
import pytest
from counts import cases
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tables import MINIMA, TABLE, least_squares_minimum, put, table_as_bytes

from gluonbook_ch7._mxnet import mx, nd
from gluonbook_ch7.data import get_data_ch7, load_data_ch7
from gluonbook_ch7.dataset.parse import COLUMNS
from gluonbook_ch7.errors import ArgumentError, DataError


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


def test_data_are_shown_without_their_numbers():
    """Whoever looks at the data in a notebook would not see, below the numbers, what they are."""
    shown = repr(load_data_ch7(source="twin"))
    assert "edition='0.7'" in shown and "NDArray" not in shown


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


# What cannot be standardised.


def with_column(column, numbers):
    """Return the small table with other numbers in one column, as a file's content."""
    rows = [list(TABLE[i % len(TABLE)]) for i in range(len(numbers))]
    for row, number in zip(rows, numbers):
        row[column] = number
    return table_as_bytes(rows)


UNUSABLE = {
    "equal": [0.1] * 5,
    "equal, many": [0.1] * 495,
    "equal, two rows": [126.2] * 2,
    "zeros": [0.0] * 5,
    "zeros of both signs": [0.0, -0.0, 0.0],
    "one unit in the last place apart": [1.0, 1.0 + 2**-52],
    "too close together for their mean": [2.0**40, 2.0**40 + 1, 2.0**40 + 3],
    "equal denormals": [5e-324] * 3,
    "denormals": [0.0, 5e-324, 1e-323],
    "too small for their variance": [1e-161, 2e-161, 4e-161],
    "too large for their variance": [1e160, 2e160, 4e160],
    "too large for their mean": [1.7e308, 1.6e308, 1.5e308],
}


@pytest.mark.parametrize("column", range(6))
@pytest.mark.parametrize("numbers", UNUSABLE.values(), ids=UNUSABLE)
def test_a_column_without_a_spread_is_refused_by_name(tmp_path, column, numbers):
    """Training would run on NaN, or on numbers that rounding has made up, without a word."""
    file = put(tmp_path, with_column(column, numbers))
    with pytest.raises(DataError, match=rf"column {column + 1} \({COLUMNS[column]}\) cannot be"):
        get_data_ch7("1.0", file)


def test_two_rows_are_enough(tmp_path):
    """The smallest table that has a spread would be refused."""
    file = put(tmp_path, table_as_bytes([[1.0] * 6, [3.0] * 6]))
    features, labels = get_data_ch7(source=file)
    assert features.asnumpy().tolist() == [[-1.0] * 4, [1.0] * 4]
    assert labels.asnumpy().tolist() == [-1.0, 1.0]


@settings(max_examples=cases(1000))
@given(
    numbers=st.lists(
        st.floats(allow_nan=False, allow_infinity=False)
        | st.floats(1, 2)
        | st.integers(-3, 3).map(float),
        min_size=2,
        max_size=9,
    ),
    scale=st.sampled_from([1.0, 1e-300, 1e-155, 1e-20, 1e20, 1e150]),
)
def test_a_column_is_standardised_rightly_or_refused(tmp_path_factory, numbers, scale):
    """Somewhere between ordinary numbers and impossible ones, wrong ones would come out."""
    numbers = [number * scale for number in numbers]
    assume(all(np.isfinite(numbers)))
    exact = [Fraction(number) for number in numbers]
    mean = sum(exact) / len(exact)
    variance = sum((number - mean) ** 2 for number in exact) / len(exact)
    file = put(tmp_path_factory.getbasetemp() / "standardised", with_column(5, numbers))
    try:
        labels = get_data_ch7(source=file)[1].asnumpy()
    except DataError as error:
        # Right to refuse: no spread, or so little or so much that float64 cannot work with it.
        largest = max(map(abs, exact))
        assert "column 6 (sound pressure level) cannot be standardised" in str(error)
        assert (
            variance == 0
            or variance < Fraction(1e-300)
            or largest > Fraction(1e153)
            or variance < largest**2 * Fraction(1e-18)
        )
        return
    # The square root of a ratio, which fits into a float even if the numbers' squares do not.
    wanted = [
        float((number - mean) ** 2 / variance) ** 0.5 * (1 if number > mean else -1)
        for number in exact
    ]
    np.testing.assert_allclose(labels, wanted, rtol=0, atol=3e-6)
