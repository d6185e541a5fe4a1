"""How far apart: the units, the statistic of the seeds, and where two optimizers part."""

import numpy as np
import pytest

from gluonbook_ch7.experiments.gap import Gap, measure_gap, short_number


def gap(absolute, scale=1.0, seeds=None):
    """Return a gap of one parameter, (seeds, steps + 1)."""
    differences = np.array(absolute, float)[..., np.newaxis]
    seeds = tuple(range(len(differences))) if seeds is None else seeds
    return Gap(seeds, differences, np.full(differences.shape[:2], scale, np.float32))


def test_gaps_are_measured_in_the_units_they_say():
    """If this fails, relative differences and ulps are off by a factor."""
    one, two = np.float32(1.5), np.nextafter(np.float32(1.5), np.float32(2))
    close = gap([[0.0, float(two) - float(one)]], scale=1.5)
    assert close.ulps == 1 and close.relative == pytest.approx(2**-23 / 1.5)
    assert close.largest == close.worst == 2**-23
    assert close.first_over() is None and close.parting is None


def test_the_statistic_is_the_median_of_the_seeds():
    """If this fails, one odd seed speaks for all, or the worst seed is not the worst."""
    several = gap([[0, 1.0, 0.5], [0, 3.0, 0], [0, np.nan, np.nan]], seeds=(5, 8, 9))
    assert (several.largest, several.worst, several.worst_seed) == (1.0, 3.0, 8)
    assert several.range == (0.0, 3.0) and several.first_over() == 1
    np.testing.assert_array_equal(several.so_far, [[0, 1, 1], [0, 3, 3], [0, 0, 0]])
    assert "1.0e0, median of 3 seeds (0 to 3.0e0)" in repr(several)


def test_where_two_part_is_found():
    """If this fails, a wrong rule is said to be wrong at another step or in another parameter."""
    ours = np.zeros((6, 3), np.float32)
    ours[:, 0] = 0.5
    theirs = ours.copy()
    theirs[2:, 0] = np.nextafter(np.float32(0.5), np.float32(1))  # rounding, from step 2 on
    theirs[4:, 2] = 1e-3
    found = measure_gap((7, 3), np.stack([ours, ours]), np.stack([theirs, ours]))
    assert found.partings[1] is None
    parting = found.parting
    assert (parting.seed, parting.step, parting.parameter) == (7, 4, "bias")
    assert parting.difference == pytest.approx(1e-3)
    assert parting.ulps == pytest.approx(1e-3 / 2**-24, rel=1e-6)
    assert str(parting).startswith("from step 4 on bias differs, first by 1.0e-3, 16,777 ulps")
    theirs[3:, 1] = 1e-2
    assert measure_gap((7,), ours[np.newaxis], theirs[np.newaxis]).parting[1:3] == (3, "weight 1")


def test_what_comes_after_divergence_does_not_count():
    """If this fails, infinities and NaN decide how far two optimizers are apart."""
    ours, theirs = np.ones((2, 5, 2), np.float32)
    ours[3:] = np.inf
    theirs[4:] = np.nan
    theirs[2, 0] = 1.25
    found = measure_gap((0,), ours[np.newaxis], theirs[np.newaxis])
    assert found.largest == 0.25 and np.isnan(found.absolute[0, 3:]).all()
    assert found.parting.step == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.0216, "2.2e-2"), (1.0, "1.0e0"), (1.23e-10, "1.2e-10"), (4e31, "4.0e31"),
     (np.inf, "inf"), (np.nan, "nan")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    """If this fails, a table is too wide for a terminal of 80 columns."""
    assert short_number(value) == text


def test_a_gap_is_shown_step_by_step():
    """If this fails, a notebook shows other numbers than those of the seeds."""
    found = gap([[0, 1e-3, 1e-2], [0, 2e-3, 2e-3], [0, 4e-3, 4e-3]])
    assert found._table()[1][-1] == ("2", "4.0e-3", "2.0e-3", "1.0e-2")
