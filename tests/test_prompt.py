"""Errors as IPython shows them: the caller's line and the message."""

import os
import subprocess
import sys

import pytest

CALLS = {
    'gb.train_ch7(gb.rmsprop, s, {"lr": -1, "gamma": 0.9}, X, y)': "rmsprop's lr is -1; it must be",
    'gb.train_gluon_ch7("rmsprp", {}, X, y)': "no optimizer 'rmsprp'; did you mean rmsprop",
    "gb.fit_ensemble(gb.rmsprop, s, h, X, y, seeds=[])": "seeds is empty",
    'gb.get_data_ch7("2.0")': "there is no edition '2.0'",
}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Make all calls in one IPython, and return what it shows, by call."""
    code = (
        "import gluonbook_ch7 as gb; X, y = gb.get_data_ch7(source='twin'); "
        's = gb.init_rmsprop_states(X); h = {"lr": 0.01, "gamma": 0.9}'
    )
    lines = [code, *(f"print('\\f')\n{call}" for call in CALLS)]
    shown = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--colors=nocolor", "--no-banner"],
        input="\n".join(lines) + "\n",
        env={**os.environ, "IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))},
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    return dict(zip(CALLS, shown.split("\f")[1:]))


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_argument_shows_the_callers_line_and_the_message(session, call):
    """A reader would search 64 lines of this package for the mistake in a line of their own."""
    shown = session[call]
    assert CALLS[call] in shown
    assert f"----> 1 {call}" in shown
    # IPython always shows the frame that raised the error; all others of ours are hidden.
    assert shown.count(f"{os.sep}gluonbook_ch7{os.sep}") == 1
