"""The moment twin: its moments, its loss surface, always the same rows."""

import numpy as np
import pytest
from tables import MINIMA, least_squares_minimum

from gluonbook_ch7._mxnet import nd
from gluonbook_ch7.data import get_data_ch7
from gluonbook_ch7.dataset import twin
from gluonbook_ch7.dataset.twin import moment_twin

CORRELATIONS = twin.CORRELATIONS + np.tril(twin.CORRELATIONS, k=-1).T
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


def test_the_correlations_are_the_real_datas(real_data_path):
    """The twin would imitate some other data set."""
    table = np.genfromtxt(real_data_path, delimiter="\t")
    np.testing.assert_allclose(CORRELATIONS, np.corrcoef(table.T), rtol=0, atol=1e-13)


def test_the_twin_has_exactly_the_moments_asked_for():
    """The twin would have the right moments only roughly, as plain draws do."""
    rows = moment_twin()
    assert rows.shape == (1503, 6) and rows.dtype == np.float64
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(rows.T @ rows / 1503, CORRELATIONS, atol=1e-13)


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
