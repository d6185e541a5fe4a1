"""The figures: the book's settings, and ours drawn without touching the reader's."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gluonbook_ch7 as gb
from gluonbook_ch7._files import write_whole
from gluonbook_ch7.experiments.charts import Fan, fan_figure, overlay_figure


def test_set_figsize_sets_the_size_of_figures_to_come():
    """If this fails, the chapter's figures come out in another size than the book's."""
    with gb.plt.rc_context():
        gb.set_figsize()
        assert list(gb.plt.rcParams["figure.figsize"]) == [3.5, 2.5]
        gb.set_figsize((2, 1))
        assert list(gb.plt.rcParams["figure.figsize"]) == [2, 1]


def test_in_ipython_figures_become_svg(tmp_path):
    """If this fails, `gb.set_figsize()` fails on IPython 9, or a notebook shows bitmaps."""
    pytest.importorskip("IPython")
    code = (
        "from IPython.testing.globalipapp import start_ipython; shell = start_ipython()\n"
        "import gluonbook_ch7 as gb; gb.set_figsize()\n"
        "from matplotlib.figure import Figure\n"
        "formatters = shell.display_formatter.formatters\n"
        "assert Figure in formatters['image/svg+xml'].type_printers\n"
        "assert Figure not in formatters['image/png'].type_printers\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={"MPLBACKEND": "agg", "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")},
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("x2", "low", "high", "rows"),
    [((-2, 0), -3, 1, 40), ((0, 0.5), -3, 1.5, 45), ((-2, 1.02e6), -3, 1.02e6 + 1, 50_000)],
)
def test_the_contours_reach_beyond_the_trace(x2, low, high, rows):
    """If this fails, a trace leaves the contours, or one that diverged takes gigabytes."""
    grids = []

    def f(x1, x2):
        grids.append(x2)
        return x1 + x2

    gb.show_trace_2d(f, [(-5, x2[0]), (0, x2[1])])
    heights = grids[0][:, 0]
    step = heights[1] - heights[0]
    assert heights[0] == low
    assert high - 1.001 * step <= heights[-1] < high
    assert len(heights) == pytest.approx(rows, abs=1)


@pytest.fixture
def fan():
    losses = np.random.RandomState(0).rand(50, 31).cumsum(axis=1)[:, ::-1]
    return Fan("title", np.linspace(0, 2, 31), losses, losses[0], losses[1])


def test_our_figures_can_be_read_as_they_stand(fan):
    """If this fails, a figure lacks axis names or a legend, or tells two lines by colour only."""
    for figure in (
        fan_figure([fan, fan], "data"),
        overlay_figure([np.eye(2)], [np.eye(2)], ("x", "y"), "title"),
    ):
        for axes in figure.axes:
            assert axes.get_xlabel()
            assert axes.get_legend()
            recorded, rerun = axes.lines
            assert recorded.get_linestyle() != rerun.get_linestyle()
            assert recorded.get_marker() != rerun.get_marker()
        assert figure.axes[0].get_ylabel()


def test_our_figures_leave_the_readers_alone(fan):
    """If this fails, drawing the evidence adds lines to the figure a reader is working on."""
    gb.plt.close("all")
    fan_figure([fan], "data")
    overlay_figure([np.eye(2)], [np.eye(2)], ("x", "y"), "title")
    assert gb.plt.get_fignums() == []


def test_a_diverged_curve_can_be_drawn(fan, tmp_path):
    """If this fails, a run that diverged ends in Matplotlib's error."""
    fan.losses[:, 20:] = np.nan
    fan_figure([fan], "data").savefig(tmp_path / "fan.png")
    assert (tmp_path / "fan.png").stat().st_size > 0


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """If this fails, an interrupted write leaves half a file, or loses the one that was there."""
    path = write_whole(tmp_path / "new" / "file.txt", "old")
    assert path.stat().st_mode & 0o044 == 0o044
    with pytest.raises(TypeError):
        write_whole(path, 5)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new")
    assert [(p.name, p.read_text()) for p in Path(path.parent).iterdir()] == [("file.txt", "old")]
