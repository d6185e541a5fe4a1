"""Measure the test of recorded loss curves: its power, its calibration and its intervals.

python scripts/power.py power bound calibration coverage --json power.json

Power is measured at level 0.01. The limit in each row is the power of the likelihood ratio of the
truth to the stated call. A test that does not know the truth cannot reach the limits of all rows at
once; the bound says how close to them any test could come. It needs SciPy.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gluonbook_ch7._files import write_json
from gluonbook_ch7._mxnet import mx, nd
from gluonbook_ch7.cli.command import file_option
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.experiments.registry import RULES
from gluonbook_ch7.inference.alternatives import Call
from gluonbook_ch7.inference.curvetest import CurveTest
from gluonbook_ch7.inference.infer import draw_inference
from gluonbook_ch7.inference.likelihood import Gaussian
from gluonbook_ch7.inference.results import LEVEL

CURVE_SEED = 3 * 10**6  # the tests train with smaller ones
LIMIT_RUNS = 2000
EACH = 50
# What a recorded run really had, for each stated call: hyperparameters or attributes of the call.
TRUTHS: dict[str, list[dict[str, Any]]] = {
    "rmsprop": [
        *({"lr": lr} for lr in (0.011, 0.012, 0.015, 0.009)),
        *({"gamma": gamma} for gamma in (0.8, 0.5, 0.0, 0.95, 0.99)),
        *({"batch_size": size} for size in (12, 20)),
        {"start scale": 0.02},
        {"features": 4},
    ],
    "Gluon's rmsprop": [
        *({"learning_rate": lr} for lr in (0.011, 0.012, 0.015)),
        *({"gamma1": gamma} for gamma in (0.8, 0.5, 0.0, 0.95, 0.99)),
    ],
    "sgd": [{"lr": lr} for lr in (0.04, 0.055, 0.06, 0.075)],
    "sgd_momentum": [{"mom": 0.6}, {"mom": 0.4}, {"lr": 0.022}, {"lr": 0.024}],
    "adagrad": [{"lr": lr} for lr in (0.09, 0.11, 0.12, 0.15)],
    "adadelta": [{"rho": 0.95}, {"rho": 0.8}],
    "adam": [{"lr": lr} for lr in (0.009, 0.011, 0.012, 0.015)],
}
PARTS = ("power", "bound", "calibration", "coverage")
SHARE = 0.9  # of the limit


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option(
    "--rule", "rules", multiple=True, type=click.Choice(list(TRUTHS)), help="Default: all."
)
@click.option(
    "--curves",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Recorded runs for each row of the power and of the calibration.",
)
@click.option(
    "--intervals",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Recorded runs for the coverage, all rules together.",
)
@click.option(
    "--shuffles",
    type=click.IntRange(100),
    default=1000,
    show_default=True,
    help="Fresh runs that each recorded one is ranked among.",
)
@file_option("--json", "Write the results too.")
def main(
    parts: Sequence[str],
    rules: Sequence[str],
    curves: int,
    intervals: int,
    shuffles: int,
    json_file: Optional[Path],
) -> None:
    """Measure PARTS, by default all of them, and print a table for each."""
    rules, results = rules or list(TRUTHS), {}
    measures = {
        "power": lambda rule: list(power(rule, curves, shuffles)),
        "bound": lambda rule: [bound(rule, curves)],
        "calibration": lambda rule: [calibration(rule, curves, shuffles)],
        "coverage": lambda rule: list(coverage(rule, -(-intervals // len(rules)))),
    }
    console = Console(width=None if sys.stdout.isatty() else 140)
    for part in parts or PARTS:
        rows = [row for rule in steps(rules, part) for row in measures[part](rule)]
        results[part] = rows
        show(console, part, summary(rows) if part == "coverage" else rows)
    if json_file:
        write_json(json_file, {"data": load_data_ch7().origin, **results})


def steps(rules: Sequence[str], part: str) -> Any:
    """Return the rules; on a terminal count them."""
    console = Console(stderr=True)
    return track(rules, part, console=console, transient=True) if console.is_terminal else rules


def show(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()))
    console.print(table)


def stated_call(rule: str, edition: str = "0.7", scale: float = 0.01) -> Call:
    """Return the chapter's call of a rule, from the start of a fresh process."""
    data = load_data_ch7(edition)
    mx.random.seed(0)
    weights = nd.random.normal(scale=scale, shape=(data.features.shape[1], 1)).asnumpy()
    known = RULES[rule.replace("Gluon's ", "")]
    task = {"features": data.features, "labels": data.labels, "start": (weights, np.zeros(1))}
    if rule.startswith("Gluon's "):
        return Call(known.gluon, None, known.gluon_hyperparams(known.hyperparams), **task)
    return Call(known.step, known.states(data.features), dict(known.hyperparams), **task)


def calls(rule: str, truth: dict[str, Any]) -> tuple[Call, Call]:
    """Return what a cell states, and the call that the recorded run really was."""
    ((name, value),) = truth.items()
    if name == "features":
        return stated_call(rule, "1.0"), stated_call(rule, "0.7")
    stated = stated_call(rule)
    if name == "start scale":
        return stated, stated_call(rule, scale=value)
    if name == "batch_size":
        return stated, replace(stated, batch_size=value)
    return stated, replace(stated, hyperparams={**stated.hyperparams, name: value})


def power(rule: str, curves: int, shuffles: int) -> Iterator[dict[str, Any]]:
    """Yield for each truth how often the test rejects the stated call, and how often it could."""
    tests: dict[int, RankedTest] = {}
    for truth in TRUTHS[rule]:
        stated, true = calls(rule, truth)
        k = stated.features.shape[1]
        if k not in tests:
            tests[k] = RankedTest(stated, curves, shuffles)
        ranked, test = tests[k], tests[k].test
        row = {"rule": rule, "really": " ".join(f"{n} {v}" for n, v in truth.items())}
        losses = true.train(range(CURVE_SEED, CURVE_SEED + curves))
        if losses.shape[1] != test.length:
            yield {**row, "distance of losses": 1.0, "new score": 1.0, "limit": 1.0, "share": 1.0}
            continue
        recorded = test.coordinates(losses[:, 1:])
        rejected = float(np.mean(ranked.p_values(recorded) <= LEVEL))
        limit = limit_of(ranked, true, recorded)
        yield {
            **row,
            "distance of losses": distance_power(ranked.losses, losses),
            "new score": rejected,
            "limit": limit,
            "share": rejected / limit if limit else np.nan,  # too few curves to see any power
        }


def distance_power(fresh: np.ndarray, losses: np.ndarray) -> float:
    """Return the power of the Mahalanobis distance of the losses themselves, given fresh runs."""
    fit, home = np.split(fresh.astype(np.float64), 2)
    mean, inverse = fit.mean(axis=0), np.linalg.inv(np.cov(fit.T))
    at_home, away = (
        np.einsum("ri,ij,rj->r", curves - mean, inverse, curves - mean)
        for curves in (home, losses[:, 1:])
    )
    return float(np.mean(away > np.quantile(at_home, 1 - LEVEL)))


def limit_of(ranked: "RankedTest", true: Call, recorded: np.ndarray) -> float:
    """Return the power of the likelihood ratio of the truth, which the test does not know."""
    fitted = gaussian_of(ranked.test, true)

    def ratio(curves: np.ndarray) -> np.ndarray:
        return fitted.log_density(curves) - ranked.test.stated.log_density(curves)

    fresh = np.concatenate(ranked.fresh)
    return float(np.mean(ratio(recorded) > np.quantile(ratio(fresh), 1 - LEVEL)))


def gaussian_of(test: CurveTest, true: Call) -> Gaussian:
    """Return the Gaussian of a call's curves, in the coordinates of the stated call."""
    losses = true.train(range(CURVE_SEED - LIMIT_RUNS, CURVE_SEED))
    curves = test.coordinates(losses[:, 1:])
    return Gaussian.fit(curves, fresh=curves[:0])


def bound(rule: str, curves: int) -> dict[str, Any]:
    """Return how close any one test could come to the limits of all rows at once.

    A test gives each curve a probability of rejection. Its level and its power in each row are
    linear in these, so the best test is the solution of a linear program (the generalised lemma of
    Neyman and Pearson). It is solved for curves drawn from the Gaussians of the rows.
    """
    from scipy.optimize import linprog

    pairs = [calls(rule, truth) for truth in TRUTHS[rule] if "features" not in truth]
    stated = pairs[0][0]
    test = CurveTest(stated, sample=stated.train(range(100)))
    same_length = [true for _, true in pairs if true.train([0]).shape[1] == test.length]
    gaussians = [test.stated, *(gaussian_of(test, true) for true in same_length)]
    generator = np.random.default_rng(0)
    drawn = np.concatenate([draws(gaussian, curves, generator) for gaussian in gaussians])
    densities = np.stack([gaussian.log_density(drawn) for gaussian in gaussians])
    null, *rows = np.exp(densities - np.logaddexp.reduce(densities, axis=0))
    null, rows = null / null.sum(), [row / row.sum() for row in rows]
    limits = np.array([limit_at(LEVEL, null, row) for row in rows])
    level = linprog(null, A_ub=-np.array(rows), b_ub=-SHARE * limits, bounds=(0, 1))
    # The unknowns are now the probabilities of rejection and, last, the smallest share.
    powers = np.column_stack([-np.array(rows), limits])
    share = linprog(
        np.append(np.zeros(len(null)), -1),
        A_ub=np.vstack([np.append(null, 0), powers]),
        b_ub=np.append(LEVEL, np.zeros(len(rows))),
        bounds=(0, 1),
    )
    return {
        "rule": rule,
        "rows": len(rows),
        f"level for {SHARE:.0%} of each limit": level.fun,
        f"share of each limit at level {LEVEL}": -share.fun,
    }


def draws(gaussian: Gaussian, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draw curves from a Gaussian."""
    normals = generator.standard_normal((count, len(gaussian.mean)))
    return gaussian.mean + normals @ np.linalg.inv(gaussian.whitening)


def limit_at(level: float, null: np.ndarray, row: np.ndarray) -> float:
    """Return the power of the likelihood ratio of a row, given the weights of drawn curves."""
    likeliest_first = np.argsort(null / np.maximum(row, 1e-300))
    rejected = np.cumsum(null[likeliest_first]) <= level
    return float(row[likeliest_first][rejected].sum())


class RankedTest:
    """A test that ranks every 50 curves among fresh runs of their own.

    Curves that are ranked among the same runs have p-values that depend on each other.
    """

    def __init__(self, stated: Call, curves: int, shuffles: int) -> None:
        self.test = CurveTest(stated, sample=stated.train(range(shuffles)))
        self.losses = np.empty((0, self.test.length - 1), np.float32)
        self.fresh = []
        for first in range(0, curves, EACH):
            seed = 2 * CURVE_SEED + first * shuffles
            losses = stated.train(range(seed, seed + shuffles))
            self.losses = np.concatenate([self.losses, losses[:, 1:]])
            self.fresh.append(self.test.coordinates(losses[:, 1:]))

    def p_values(self, recorded: np.ndarray) -> np.ndarray:
        """Return the p-value of each curve."""
        blocks = [recorded[first : first + EACH] for first in range(0, len(recorded), EACH)]
        p = [
            self.test.p_values(block, replace(self.test.stated, fresh=fresh))
            for block, fresh in zip(blocks, self.fresh)
        ]
        return np.concatenate(p)


def calibration(rule: str, curves: int, shuffles: int) -> dict[str, Any]:
    """Return how often the test rejects runs of the stated call itself."""
    stated = stated_call(rule)
    ranked = RankedTest(stated, curves, shuffles)
    losses = stated.train(range(CURVE_SEED, CURVE_SEED + curves))
    p = ranked.p_values(ranked.test.coordinates(losses[:, 1:]))
    return {
        "rule": rule,
        "curves": curves,
        "P(p ≤ 0.01)": float(np.mean(p <= 0.01)),
        "P(p ≤ 0.05)": float(np.mean(p <= 0.05)),
        "Kolmogorov-Smirnov p": uniformity(p),
    }


def uniformity(p: np.ndarray) -> float:
    """Return the p-value of the Kolmogorov-Smirnov test against the uniform distribution."""
    n, ordered = len(p), np.sort(p)
    ranks = np.arange(1, n + 1) / n
    distance = max((ranks - ordered).max(), (ordered - ranks + 1 / n).max())
    k = np.arange(1, 101)
    series = 2 * ((-1.0) ** (k - 1) * np.exp(-2 * n * (k * distance) ** 2)).sum()
    return float(min(max(series, 0), 1))


def coverage(rule: str, intervals: int) -> Iterator[dict[str, Any]]:
    """Yield the interval of each of some recorded runs, with one hyperparameter drawn at random.

    Rates are up to three times smaller or larger than stated; decays and momentum are as far from 1
    as up to three times less or more, at least 0.
    """
    stated = stated_call(rule)
    test, generator = CurveTest(stated), np.random.default_rng(7)
    for number in range(intervals):
        name = list(test.scales)[number % len(test.scales)]
        scale = test.scales[name]
        place = scale.place(scale.stated) + generator.uniform(-0.5, 0.5)
        truth = scale.value(place)
        true = replace(stated, hyperparams={**stated.hyperparams, name: truth})
        losses = true.train([4 * CURVE_SEED + number])[0]
        found = draw_inference(np.minimum(losses, 1e30), test).intervals[name]
        low, high = (np.nan, np.nan) if found.low is None else (found.low, found.high)
        yield {
            "rule": rule,
            "name": name,
            "truth": truth,
            "low": low,
            "high": high,
            "inside": bool(low <= truth <= high),
        }


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return how many intervals hold the truth, and how wide they are, for each hyperparameter."""
    table = []
    for rule, name in dict.fromkeys((row["rule"], row["name"]) for row in rows):
        these = [row for row in rows if (row["rule"], row["name"]) == (rule, name)]
        table.append(
            {
                "rule": rule,
                "hyperparameter": name,
                "runs": len(these),
                "truth inside": sum(row["inside"] for row in these),
                "median width": float(np.nanmedian([row["high"] - row["low"] for row in these])),
                "empty": int(sum(np.isnan(row["low"]) for row in these)),
            }
        )
    inside = sum(row["inside"] for row in rows)
    total = {"rule": "all", "runs": len(rows), "truth inside": inside}
    table.append({**dict.fromkeys(table[0], ""), **total})
    return table


if __name__ == "__main__":
    main()
