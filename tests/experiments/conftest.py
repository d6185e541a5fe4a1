"""The data that the tests of the experiments train on."""

import pytest

from gluonbook_ch7.data import load_data_ch7


@pytest.fixture(scope="session")
def twin():
    return load_data_ch7(source="twin")


@pytest.fixture(scope="session")
def data(twin):
    return twin.features, twin.labels
