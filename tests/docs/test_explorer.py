"""The explorer computes what the package computes, and a keyboard is enough to use it."""

import itertools
import json
import math
from functools import partial

import pytest
from browser import DOCS, browser, site

import gluonbook_ch7 as gb
from gluonbook_ch7.descent2d import descend_2d

SCRIPT = DOCS / "_static" / "explorer.js"
STARTS = ((-5, -2), (3.3, 0), (-0.1, 2.9), (6, -3))
ETAS = (0.01, 0.1, 0.4, 0.49, 0.6, 2)
DECAYS = (0, 0.3, 0.5, 0.9, 0.99, 0.999, 1)


class AdaDelta:
    """AdaDelta in two variables, in the arguments of the chapter's 2-D rules."""

    def __init__(self, rho):
        self.rho, self.deltas = rho, [0.0, 0.0]

    def __call__(self, x1, x2, s1, s2):
        xs, states = [], []
        for i, (x, g, s) in enumerate(((x1, 0.2 * x1, s1), (x2, 4 * x2, s2))):
            s = self.rho * s + (1 - self.rho) * g**2
            step = math.sqrt((self.deltas[i] + 1e-5) / (s + 1e-5)) * g
            self.deltas[i] = self.rho * self.deltas[i] + (1 - self.rho) * step**2
            xs.append(x - step)
            states.append(s)
        return (*xs, *states)


class Adam:
    """Adam in two variables, likewise."""

    def __init__(self, eta):
        self.eta, self.t, self.averages = eta, 0, [0.0, 0.0]

    def __call__(self, x1, x2, s1, s2):
        self.t += 1
        xs, states = [], []
        for i, (x, g, s) in enumerate(((x1, 0.2 * x1, s1), (x2, 4 * x2, s2))):
            v = self.averages[i] = 0.9 * self.averages[i] + (1 - 0.9) * g
            s = 0.999 * s + (1 - 0.999) * g**2
            v_hat, s_hat = v / (1 - 0.9**self.t), s / (1 - 0.999**self.t)
            xs.append(x - self.eta * v_hat / (math.sqrt(s_hat) + 1e-6))
            states.append(s)
        return (*xs, *states)


def settings():
    """Yield the name of a rule, the explorer's settings, and the same rule in Python."""
    base = {"eta": 0.4, "momentum": 0.5, "gamma": 0.9, "rho": 0.9, "steps": 20}
    for eta in ETAS:
        yield "gd", {**base, "eta": eta}, partial(gb.gd_2d, eta=eta)
        yield "adagrad", {**base, "eta": eta}, partial(gb.adagrad_2d, eta=eta)
        yield "adam", {**base, "eta": eta}, Adam(eta)
    for eta, decay in itertools.product(ETAS, DECAYS):
        h = {**base, "eta": eta}
        yield "momentum", {**h, "momentum": decay}, partial(gb.momentum_2d, eta=eta, gamma=decay)
        yield "rmsprop", {**h, "gamma": decay}, partial(gb.rmsprop_2d, eta=eta, gamma=decay)
    for rho in DECAYS:
        yield "adadelta", {**base, "rho": rho}, AdaDelta(rho)
    yield "rmsprop", {**base, "steps": 100}, gb.rmsprop_2d


def descend_from(start, rule, steps):
    """Follow a rule with `descend_2d`, which starts at (-5, -2), from another point."""
    moved = iter([start])

    def step(x1, x2, s1, s2):
        x1, x2 = next(moved, (x1, x2))
        return rule(x1, x2, s1, s2)

    return [start, *descend_2d(step, steps)[1:]]


def test_every_point_of_every_trace_is_the_packages():
    """If this fails, the page shows another descent than the package and the book compute."""
    cases = [
        (rule, {**h, "x1": start[0], "x2": start[1]}, descend_from(start, step, h["steps"]))
        for start in STARTS
        for rule, h, step in settings()
    ]
    assert len(cases) > 400
    asked = json.dumps([(rule, h) for rule, h, _ in cases])
    with browser() as chromium:
        page = chromium.new_page()
        page.add_script_tag(path=SCRIPT)
        traces = page.evaluate(f"{asked}.map(([rule, h]) => descend(rule, h).trace)")
    for (rule, h, expected), trace in zip(cases, traces):
        assert len(trace) == len(expected) == h["steps"] + 1
        for point, other in zip(trace, expected):
            # Some settings diverge: to 1e-9, or to nine digits where numbers are large.
            assert point == pytest.approx(other, abs=1e-9, rel=1e-9), (rule, h)


def test_the_rates_are_those_of_the_formula():
    """If this fails, the learning rates below the traces are not those that made the steps."""
    with browser() as chromium:
        page = chromium.new_page()
        page.add_script_tag(path=SCRIPT)
        run = page.evaluate("descend('rmsprop', {eta: 0.4, gamma: 0.9, x1: -5, x2: -2, steps: 20})")
    assert len(run["rates"]) == len(run["trace"]) - 1 == 20
    s1 = s2 = 0
    for (x1, x2), rates in zip(run["trace"], run["rates"]):
        s1 = 0.9 * s1 + 0.1 * (0.2 * x1) ** 2
        s2 = 0.9 * s2 + 0.1 * (4 * x2) ** 2
        expected = [0.4 / math.sqrt(s1 + 1e-6), 0.4 / math.sqrt(s2 + 1e-6)]
        assert rates == pytest.approx(expected, rel=1e-12)


def test_the_script_is_short():
    """If this fails, the page has grown beyond what a student reads."""
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.fixture
def page():
    """Open the explorer of the built site."""
    address = (site() / "explorer.html").as_uri()
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(address)
        yield page
        assert page.problems == []


def row(page, rule):
    """Return the numbers of a rule's row in the table, as shown."""
    return page.locator("#explorer tbody tr", has_text=rule).locator("td").all_text_contents()


def test_a_keyboard_is_enough(page):
    """If this fails, someone without a mouse cannot move a setting, choose a rule or reset."""
    assert row(page, "RMSProp")[:2] == ["−0.0106", "1.0e−14"]
    reached = []
    page.locator("#explorer-eta").focus()
    for _ in range(14):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        page.keyboard.press("Tab")
    names = ("eta", "momentum", "gamma", "rho", "x1", "x2", "steps")
    assert reached[:8] == [f"explorer-{name}" for name in names] + ["BUTTON"]
    assert all(name.startswith("explorer-show-") for name in reached[8:14])

    page.locator("#explorer-eta").focus()
    for _ in range(11):
        page.keyboard.press("ArrowRight")
    assert page.locator("#explorer-eta").get_attribute("aria-valuetext") == "0.51"
    assert float(row(page, "Gradient descent")[1].replace("−", "-")) < -2  # x2 diverges from 0.5
    page.locator("#explorer-show-adam").focus()
    page.keyboard.press("Space")
    assert len(row(page, "Adam")) == 5
    page.locator("#explorer button").focus()
    page.keyboard.press("Enter")
    assert row(page, "RMSProp")[:2] == ["−0.0106", "1.0e−14"]


def test_the_start_can_be_dragged(page):
    """If this fails, a click into the figure does not move the starting point there."""
    frame = page.locator("#explorer-plane .frame").bounding_box()
    page.mouse.click(frame["x"] + frame["width"] * 0.75, frame["y"] + frame["height"] * 0.25)
    assert page.locator("#explorer-x1 + output").text_content() in ("2.9", "3.0", "3.1")
    assert page.locator("#explorer-x2 + output").text_content() in ("1.4", "1.5", "1.6")
