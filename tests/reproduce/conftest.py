"""What the tests of verdicts share."""

import pickle

import pytest

from gluonbook_ch7._trees import map_arrays
from gluonbook_ch7.experiments.ensemble import fit_ensemble
from gluonbook_ch7.inference import alternatives
from gluonbook_ch7.reproduce import losses


@pytest.fixture(scope="module")
def trained_once():
    """Train an ensemble once: it depends on its arguments alone, and most tests have the same."""
    trained = {}

    def as_numpy(array):
        return array.asnumpy() if hasattr(array, "asnumpy") else array

    def fit(**options):
        arguments = {
            name: value.__qualname__ if callable(value) else map_arrays(as_numpy, value)
            for name, value in options.items()
        }
        key = pickle.dumps(arguments)
        if key not in trained:
            trained[key] = fit_ensemble(**options)
        return trained[key]

    with pytest.MonkeyPatch.context() as patch:
        for module in (alternatives, losses):
            patch.setattr(module, "fit_ensemble", fit)
        yield
