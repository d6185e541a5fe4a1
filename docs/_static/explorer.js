"use strict";

// The chapter's rules in one coordinate. A step takes the gradient g, the state s of the coordinate
// (zero before the first step), the hyperparameters h and the number t of the step. It changes s
// and returns by how much to decrease x, and the learning rate that was used.
const RULES = {
  gd: {
    name: "Gradient descent",
    step: (g, s, h) => [h.eta * g, h.eta],
  },
  momentum: {
    name: "Momentum",
    step(g, s, h) {
      s.v = h.momentum * s.v + h.eta * g;
      return [s.v, h.eta];
    },
  },
  adagrad: {
    name: "AdaGrad",
    step(g, s, h) {
      s.s += g * g;
      const rate = h.eta / Math.sqrt(s.s + 1e-6);
      return [rate * g, rate];
    },
  },
  rmsprop: {
    name: "RMSProp",
    step(g, s, h) {
      s.s = h.gamma * s.s + (1 - h.gamma) * g * g;
      const rate = h.eta / Math.sqrt(s.s + 1e-6);
      return [rate * g, rate];
    },
  },
  adadelta: {
    name: "AdaDelta",
    step(g, s, h) {
      s.s = h.rho * s.s + (1 - h.rho) * g * g;
      const rate = Math.sqrt(s.delta + 1e-5) / Math.sqrt(s.s + 1e-5);
      s.delta = h.rho * s.delta + (1 - h.rho) * (rate * g) ** 2;
      return [rate * g, rate];
    },
  },
  adam: {
    name: "Adam",
    step(g, s, h, t) {
      s.v = 0.9 * s.v + 0.1 * g;
      s.s = 0.999 * s.s + 0.001 * g * g;
      const rate = h.eta / (Math.sqrt(s.s / (1 - 0.999 ** t)) + 1e-6);
      return [(rate * s.v) / (1 - 0.9 ** t), rate];
    },
  },
};

// f(x1, x2) = 0.1 x1² + 2 x2², the chapter's objective.
const f = (x1, x2) => 0.1 * x1 ** 2 + 2 * x2 ** 2;

/** Follow a rule; return the point before the first step and after each, and each step's rates. */
function descend(rule, h) {
  const x = [h.x1, h.x2];
  const states = x.map(() => ({ v: 0, s: 0, delta: 0 }));
  const trace = [[...x]];
  const rates = [];
  for (let t = 1; t <= h.steps; t++) {
    const gradient = [0.2 * x[0], 4 * x[1]];
    const steps = gradient.map((g, i) => RULES[rule].step(g, states[i], h, t));
    steps.forEach(([decrease], i) => (x[i] -= decrease));
    trace.push([...x]);
    rates.push(steps.map(([, rate]) => rate));
  }
  return { trace, rates };
}

// What follows draws. Lines have a colour, a dash pattern and a marker each.
const SVG = "http://www.w3.org/2000/svg";
const DASHES = ["", "8 4", "2 3", "10 3 2 3", "5 2", "1 4"];
const MARKERS = [
  "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", // circle
  "M-3.5-3.5h7v7h-7z", // square
  "M0-5L5 0L0 5L-5 0z", // diamond
  "M0-5L4.5 3.5h-9z", // triangle
  "M0 5L4.5-3.5h-9z", // triangle, point down
  "M-4-4L4 4M4-4L-4 4", // cross
];
const DEFAULTS = { eta: 0.4, momentum: 0.5, gamma: 0.9, rho: 0.9, x1: -5, x2: -2, steps: 20 };
const X1 = [-6, 6];
const X2 = [-3, 3];

/** Add an SVG element to a parent and return it. */
function draw(parent, name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

/** Return a function that maps the numbers of a domain to pixels. */
const scale = ([low, high], [from, to]) => (value) =>
  from + ((value - low) / (high - low)) * (to - from);

/** Round for a reader, with a proper minus sign. */
function show(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return "diverged";
  const text = size !== 0 && (size >= 1e5 || size < 5e-5) ? value.toExponential(1) : value.toFixed(4);
  return text.replaceAll("-", "−");
}

/** Empty a figure, fit it to its width on the screen, and give it axes; return its scales. */
function frame(svg, height, [x, xTicks, xLabel], [y, yTicks, yLabel], yText = String) {
  const width = Math.max(svg.clientWidth, 240);
  const box = { left: 52, right: width - 12, top: 26, bottom: height - 40 };
  svg.querySelectorAll(":scope > :not(title, desc)").forEach((element) => element.remove());
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  const toX = scale(x, [box.left, box.right]);
  const toY = scale(y, [box.bottom, box.top]);
  const clip = draw(draw(svg, "clipPath", { id: `${svg.id}-clip` }), "rect", {
    x: box.left,
    y: box.top,
    width: box.right - box.left,
    height: box.bottom - box.top,
  });
  const border = clip.cloneNode();
  border.setAttribute("class", "frame");
  svg.append(border);
  for (const tick of xTicks) {
    draw(svg, "text", { x: toX(tick), y: box.bottom + 18, class: "middle" }, String(tick).replace("-", "−"));
  }
  for (const tick of yTicks) {
    draw(svg, "text", { x: box.left - 6, y: toY(tick) + 4, class: "end" }, yText(tick).replace("-", "−"));
  }
  draw(svg, "text", { x: (box.left + box.right) / 2, y: height - 6, class: "middle" }, xLabel);
  draw(svg, "text", { x: 4, y: 15 }, yLabel);
  const inside = draw(svg, "g", { "clip-path": `url(#${svg.id}-clip)` });
  return { toX, toY, inside };
}

/** Draw one rule's line through points in pixels. */
function line(parent, index, points, every = 1) {
  const seen = points.filter(([x, y]) => Math.abs(x) < 1e5 && Math.abs(y) < 1e5);
  const group = draw(parent, "g", { class: `rule rule-${index}` });
  draw(group, "polyline", { points: seen.join(" "), "stroke-dasharray": DASHES[index] });
  seen.forEach(([x, y], i) => {
    if (i % every === 0 || i === seen.length - 1) {
      draw(group, "path", { d: MARKERS[index], transform: `translate(${x} ${y})` });
    }
  });
}

function drawTraces(svg, runs, h) {
  const height = Math.round(Math.max(svg.clientWidth, 240) * 0.5) + 66;
  const { toX, toY, inside } = frame(
    svg,
    height,
    [X1, [-6, -4, -2, 0, 2, 4, 6], "x₁"],
    [X2, [-3, -2, -1, 0, 1, 2, 3], "x₂"],
  );
  for (const level of [0.1, 0.5, 1.5, 3, 6, 10, 15, 21]) {
    draw(inside, "ellipse", {
      cx: toX(0),
      cy: toY(0),
      rx: toX(Math.sqrt(level / 0.1)) - toX(0),
      ry: toY(0) - toY(Math.sqrt(level / 2)),
      class: "contour",
    });
  }
  runs.forEach(({ index, trace }) =>
    line(inside, index, trace.map(([x1, x2]) => [toX(x1), toY(x2)])),
  );
  draw(inside, "circle", { cx: toX(h.x1), cy: toY(h.x2), r: 9, class: "start" });
}

function drawRates(svg, runs, coordinate, h) {
  const rates = runs.flatMap((run) => run.rates.map((pair) => pair[coordinate]));
  const logs = rates.filter((rate) => rate > 0 && rate < 1e6).map(Math.log10);
  const low = Math.floor(Math.min(-1, ...logs));
  const high = Math.ceil(Math.max(0, ...logs));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const steps = [...new Set([0, 0.25, 0.5, 0.75, 1].map((part) => Math.max(1, Math.round(part * h.steps))))];
  const { toX, toY, inside } = frame(
    svg,
    220,
    [[0, h.steps + 1], steps, "step"],
    [[low - 0.1, high + 0.1], ticks, `learning rate of x${"₁₂"[coordinate]}`],
    (tick) => (Math.abs(tick) < 4 ? String(+(10 ** tick).toPrecision(1)) : `1e${tick}`),
  );
  runs.forEach(({ index, rates }) => {
    const points = rates.map((pair, i) => [toX(i + 1), toY(Math.log10(pair[coordinate]))]);
    line(inside, index, points, Math.ceil(points.length / 20));
  });
}

/** Write where each rule ends into the table, also for readers who cannot see the figure. */
function tabulate(body, runs) {
  body.replaceChildren(
    ...runs.map(({ rule, trace, rates }) => {
      const [x1, x2] = trace.at(-1);
      const row = document.createElement("tr");
      const [r1, r2] = rates.at(-1);
      for (const text of [RULES[rule].name, ...[x1, x2, f(x1, x2), r1, r2].map(show)]) {
        row.append(document.createElement(row.childElementCount ? "td" : "th"));
        row.lastChild.textContent = text;
      }
      row.firstChild.scope = "row";
      return row;
    }),
  );
}

function explore(root) {
  const inputs = Object.keys(DEFAULTS).map((name) => root.querySelector(`#explorer-${name}`));
  const boxes = [...root.querySelectorAll("input[type=checkbox]")];
  const plane = root.querySelector("#explorer-plane");

  const read = () => Object.fromEntries(inputs.map((input) => [input.name, Number(input.value)]));

  function update() {
    const h = read();
    for (const input of inputs) {
      const digits = { eta: 2, momentum: 2, steps: 0, x1: 1, x2: 1 }[input.name] ?? 3;
      const text = h[input.name].toFixed(digits).replace("-", "−");
      input.nextElementSibling.textContent = text;
      input.setAttribute("aria-valuetext", text);
    }
    const runs = Object.keys(RULES)
      .map((rule, index) => ({ rule, index, ...descend(rule, h) }))
      .filter((_, index) => boxes[index].checked);
    drawTraces(plane, runs, h);
    drawRates(root.querySelector("#explorer-rates-1"), runs, 0, h);
    drawRates(root.querySelector("#explorer-rates-2"), runs, 1, h);
    tabulate(root.querySelector("tbody"), runs);
  }

  function reset() {
    for (const input of inputs) input.value = DEFAULTS[input.name];
    update();
  }

  /** Move the starting point to where the pointer is. */
  function drag(event) {
    if (event.buttons !== 1) return;
    const point = new DOMPoint(event.clientX, event.clientY);
    const { x, y } = point.matrixTransform(plane.getScreenCTM().inverse());
    const { x: left, y: top, width, height } = plane.querySelector(".frame").getBBox();
    const at = { x1: scale([left, left + width], X1)(x), x2: scale([top + height, top], X2)(y) };
    for (const input of inputs) if (input.name in at) input.value = at[input.name];
    update();
  }

  boxes.forEach((box, index) => {
    const sample = draw(box.nextElementSibling, "g", { class: `rule rule-${index}` });
    draw(sample, "polyline", { points: "0 8 36 8", "stroke-dasharray": DASHES[index] });
    draw(sample, "path", { d: MARKERS[index], transform: "translate(18 8)" });
  });
  root.addEventListener("input", update);
  root.querySelector("button").addEventListener("click", reset);
  plane.addEventListener("pointerdown", drag);
  plane.addEventListener("pointermove", drag);
  new ResizeObserver(update).observe(plane);
  reset();
}

document.querySelectorAll("#explorer").forEach(explore);
