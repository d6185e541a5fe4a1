"""What all tests share: no network, no file of the user's, and the real data if it is there."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.configuration import set_hypothesis_home_dir

os.environ["MPLBACKEND"] = "Agg"

import matplotlib

# Found before the user's cache is hidden, so that no test has to list the fonts again.
os.environ.setdefault("MPLCONFIGDIR", matplotlib.get_cachedir())
# A relative path would mean another file in a test that changes the working directory.
if os.environ.get("GLUONBOOK_CH7_DATA"):
    os.environ["GLUONBOOK_CH7_DATA"] = os.path.abspath(os.environ["GLUONBOOK_CH7_DATA"])

# Read now: the first test that wants the real data may be one that has the variable unset.
NAMED_DATA = os.environ.get("GLUONBOOK_CH7_DATA")

# What hypothesis keeps goes when the tests end, and is never in the checkout.
_kept_by_hypothesis = tempfile.TemporaryDirectory(prefix="hypothesis-")
set_hypothesis_home_dir(_kept_by_hypothesis.name)
# A busy machine is no fault of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For --hypothesis-profile, where only whether a test fails matters and not the smallest example.
settings.register_profile(
    "unshrunk", settings.get_profile("patient"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("patient")

# A shell makes what it runs in the background ignore Ctrl-C, and child processes inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DEAD_PROXY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """Give the test, and every process it starts, an empty cache and no way out but localhost."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, DEAD_PROXY)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.fixture(autouse=True)
def no_figures():
    """Close what a test has drawn: the book's functions draw into the figure that is open."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot:
        pyplot.close("all")


@pytest.fixture(scope="session")
def real_data_path():
    """Return the real data set's file: the one GLUONBOOK_CH7_DATA names, or the shared folder's."""
    named = NAMED_DATA
    path = Path(named or Path(__file__).resolve().parents[2] / "shared" / "data")
    if path.is_dir():
        path = path / "airfoil_self_noise.dat"
    if named and not path.is_file():
        pytest.fail(f"GLUONBOOK_CH7_DATA names {named}, but there is no file {path}")
    if not path.is_file():
        pytest.skip(f"the real data set is not here: no file {path}")
    return path


@pytest.fixture
def bare_desk(monkeypatch, tmp_path):
    """Start in an empty folder with an empty parent, with no data named."""
    desk = tmp_path / "checkout" / "chapter"
    desk.mkdir(parents=True)
    monkeypatch.chdir(desk)
    monkeypatch.delenv("GLUONBOOK_CH7_DATA", raising=False)


@pytest.fixture
def ours_is_real(monkeypatch):
    """Let the tests' small table stand for the book's file."""
    from tables import SUM

    monkeypatch.setattr("gluonbook_ch7.dataset.parse.SHA256", SUM)
