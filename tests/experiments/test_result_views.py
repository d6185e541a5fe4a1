"""What the results of trainings look like: one line, a table, a plot; and that they are kept."""

import json

import numpy as np
import pytest
from matplotlib import pyplot as plt

import gluonbook_ch7 as gb
from gluonbook_ch7.errors import ArgumentError
from gluonbook_ch7.experiments.compare import compare
from gluonbook_ch7.experiments.ensemble import Ensemble
from gluonbook_ch7.experiments.sweep import Sweep
from gluonbook_ch7.loss_curve import LossCurve

HYPERPARAMS = {"lr": 0.01, "gamma": 0.9}


@pytest.fixture(scope="module")
def results(data):
    """Return one result of each class."""
    call = (gb.rmsprop, gb.init_rmsprop_states)
    grid = {"lr": [0.01, 0.1, 100.0], "gamma": [0.5, 0.9]}
    return {
        "curve": gb.fit_scratch(*call, HYPERPARAMS, *data, seed=3, keep_path=True),
        "gluon": gb.fit_gluon("sgd", {"learning_rate": 0.05}, *data),
        "ensemble": gb.fit_ensemble(*call, HYPERPARAMS, *data, seeds=20),
        "sweep": gb.sweep(*call, grid, *data, num_epochs=1, seeds=4),
        "comparison": compare("rmsprop", *data, num_epochs=1, seeds=2),
    }


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_each_says_what_matters_in_one_line(results):
    """If this fails, a notebook shows thousands of numbers, or none that matters."""
    shown = {name: repr(result) for name, result in results.items()}
    assert all("\n" not in text and len(text) <= 100 for text in shown.values())
    assert shown["curve"].startswith("LossCurve(rmsprop, seed 3: loss 0.491302 to 0.259")
    assert ", 2 epochs of " in shown["curve"]
    assert shown["gluon"].startswith("LossCurve(sgd: loss 0.")
    assert shown["ensemble"].startswith("Ensemble(rmsprop, 20 runs: median final loss 0.2")
    ends = results["ensemble"].losses[:, -1]
    assert shown["ensemble"].endswith(f", {ends.min():.6f} to {ends.max():.6f})")
    assert shown["sweep"].startswith("Sweep(rmsprop, 3 lr × 2 gamma, 4 seeds: best 0.2")
    assert " at lr 0.01, gamma 0.9)" in shown["sweep"]
    assert shown["comparison"] == (
        "Comparison(rmsprop against Gluon's rmsprop: the same but for epsilon and short minibatch)"
    )


@pytest.mark.parametrize("name", ["curve", "gluon", "ensemble", "sweep", "comparison"])
def test_each_is_kept_whole(results, name, tmp_path):
    """If this fails, a saved result is another one than the one in memory."""
    result = results[name]
    loaded = type(result).load(result.save(tmp_path / "result.npz"))
    assert loaded == result and repr(loaded) == repr(result)
    assert loaded._repr_html_() == result._repr_html_()
    content = json.loads(json.dumps(result.to_dict()))
    assert content["settings"]["data"] == "edition 0.7, the moment twin"
    assert set(content["settings"]["versions"]) == {"gluonbook_ch7", "mxnet", "numpy", "python"}
    assert content["settings"]["batch_size"] == 10


@pytest.mark.parametrize("name", ["curve", "ensemble", "sweep", "comparison"])
def test_each_has_a_short_table(results, name):
    """If this fails, a notebook's table is empty or endless."""
    headings, rows = results[name]._table()
    assert 2 <= len(rows) <= 11 and {len(row) for row in rows} == {len(headings)}
    assert results[name]._repr_html_().count("<tr>") == len(rows) + 1


@pytest.mark.parametrize(("name", "panels"), [("curve", 1), ("ensemble", 1), ("sweep", 2)])
def test_each_plots_into_a_figure_of_its_own_or_given_axes(results, name, panels):
    """If this fails, a plot lands in the reader's current figure, or cannot be a panel of it."""
    _, current = plt.subplots()
    own = np.atleast_1d(results[name].plot())
    assert len(own) == panels and own[0].figure is not current.figure
    assert not current.has_data() and all(axes.has_data() for axes in own)
    assert results[name].plot(current) is current
    assert current.has_data() and current.get_xlabel()


def test_an_ensembles_table_shows_its_percentiles(results):
    """If this fails, the table of a notebook says something else than its headings."""
    ensemble = results["ensemble"]
    headings, rows = ensemble._table()
    assert headings == ("epoch", "lowest", "5 %", "median", "95 %", "highest")
    expected = np.percentile(ensemble.losses[:, -1], [0, 5, 50, 95, 100])
    np.testing.assert_allclose([float(cell) for cell in rows[-1][1:]], expected, atol=1e-6)


def test_an_ensembles_plot_shows_its_percentiles(results):
    """If this fails, the median's line or the bands are not those of the losses."""
    ensemble = results["ensemble"]
    axes = ensemble.plot()
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.median(ensemble.losses, axis=0))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "all runs", "5 % to 95 %", "25 % to 75 %", "median",
    ]  # fmt: skip


def test_diverged_runs_do_not_break_an_ensemble(data, recwarn):
    """If this fails, one diverged run costs the summary, the table or the plot of all."""
    rates = {"lr": np.array([0.05, 1e3, 0.1, 1e3])}
    found = gb.fit_ensemble(gb.sgd, None, rates, *data, num_epochs=1, seeds=4)
    assert "inf" in repr(found) and "inf" in found._repr_html_()
    found.plot()
    assert not [each for each in recwarn if each.category is RuntimeWarning]


def test_a_sweep_in_which_every_run_diverged_has_no_best_cell(data, recwarn):
    """If this fails, the first cell is called the best, or the figure ends in an error."""
    grid = {"lr": [1e3, 1e4, 1e5], "mom": [0.5, 0.9]}
    found = gb.sweep(gb.sgd_momentum, gb.init_momentum_states, grid, *data, num_epochs=1, seeds=2)
    assert repr(found).endswith("2 seeds: in each cell at least half of the runs diverged)")
    found.plot()[0].figure.draw_without_rendering()
    found = gb.sweep(gb.sgd, None, {"lr": [1e3, 1e4]}, *data, num_epochs=1, seeds=2)
    found.plot()[0].figure.draw_without_rendering()
    assert not [each for each in recwarn if each.category in (RuntimeWarning, UserWarning)]


def test_the_cells_of_a_map_are_around_their_values():
    """If this fails, cells on a logarithmic axis have other widths than the steps of the grid.

    With one seed there is no spread to show, which must not break the figure.
    """
    grid = {"lr": np.geomspace(0.001, 1, 4), "gamma": np.array([0.5])}
    found = Sweep(grid, (0,), np.ones((4, 1, 1), np.float32), {"rule": "mine", "data": ""})
    axes = found.plot()[0]
    axes.figure.draw_without_rendering()
    corners = axes.collections[0].get_coordinates()
    np.testing.assert_allclose(corners[0, :, 0], 10.0 ** np.arange(-3.5, 1))
    assert axes.get_xscale() == "log" and corners[0, 0, 1] < 0.5 < corners[1, 0, 1]


def test_a_sweep_over_three_hyperparameters_has_no_plot(data):
    """If this fails, a figure of three axes shows two of them."""
    grid = {"lr": [0.01, 0.02], "mom": [0.1, 0.2], "other": [1, 2]}
    found = Sweep(grid, (0,), np.ones((2, 2, 2, 1), np.float32), {"rule": "mine", "data": ""})
    with pytest.raises(ArgumentError, match="a figure shows 1 or 2 hyperparameters, not 3"):
        found.plot()


def test_a_loaded_result_goes_on_as_the_one_in_memory(data, results, tmp_path):
    """If this fails, training cannot be continued from a file."""
    curve = results["curve"]
    loaded = LossCurve.load(curve.save(tmp_path / "curve.npz"))
    runs = [
        gb.fit_scratch(
            gb.rmsprop,
            gb.init_rmsprop_states,
            HYPERPARAMS,
            *data,
            seed=9,
            start=(each.weights, each.bias),
        )
        for each in (curve, loaded)
    ]
    assert runs[0] == runs[1]
    np.testing.assert_array_equal(runs[0].start[0].ravel(), curve.weights)
    runs = results["ensemble"]
    kept = Ensemble.load(runs.save(tmp_path / "runs.npz"))
    again = [
        gb.fit_ensemble(
            "sgd", None, {"learning_rate": 0.1}, *data, seeds=20, start=(each.weights, each.bias)
        )
        for each in (runs, kept)
    ]
    assert again[0] == again[1]


def test_two_epochs_and_two_more_are_four(data):
    """If this fails, a run that is continued with its states is not the uninterrupted one."""
    whole = gb.fit_scratch(
        gb.rmsprop, gb.init_rmsprop_states(data[0]), HYPERPARAMS, *data, 10, 4, seed=5
    )
    states = gb.init_rmsprop_states(data[0])
    first = gb.fit_scratch(gb.rmsprop, states, HYPERPARAMS, *data, 10, 2, seed=5)
    start = (first.weights, first.bias)
    second = gb.fit_scratch(gb.rmsprop, states, HYPERPARAMS, *data, 10, 2, start=start)
    np.testing.assert_array_equal([*first.losses, *second.losses[1:]], whole.losses)
    np.testing.assert_array_equal(second.weights, whole.weights)
    assert second.bias == whole.bias


def test_the_path_ends_where_the_weights_are(results):
    """If this fails, keep_path keeps another run, or the bias is not last."""
    curve = results["curve"]
    assert curve.path.shape == (303, 5)
    np.testing.assert_array_equal(curve.path[-1], [*curve.weights, np.float32(curve.bias)])
    np.testing.assert_array_equal(curve.path[0], [*curve.start[0].ravel(), *curve.start[1]])
