/* curves.js: charts of the training, by uPlot. One colour for each run, one kind of line for each figure. */
"use strict";
const runColours = ["#0b72d9", "#e06c1f", "#1f9d57", "#b04fc4", "#c43c55", "#8a7a16", "#2aa5a0", "#7a6ff0"];
const dashes = [[], [6, 4], [2, 3]];
const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const charts = []; /* {make, place, plot}: drawn again where the theme or the width changes */

/* Charts of the log: title and the figures in them; of several that no run has, nothing is drawn. */
const figures = [
  {title: "Accuracy", keys: ["accuracy", "train_accuracy", "validation_accuracy"], percent: true},
  {title: "Loss", keys: ["test_loss", "loss", "validation_loss"]},
  {title: "Edges in use", keys: ["kept"], whole: true},
  {title: "Edges that came into use", keys: ["swapped"], whole: true},
  {title: "Nodes without a gradient, dead nodes", keys: ["idle", "dead"], whole: true, varies: true},
  {title: "Learning rate", keys: ["lr"], varies: true},
  {title: "Evaluations of a graph in time", keys: ["nfe"]},
];
const words = {
  accuracy: "test", train_accuracy: "training", validation_accuracy: "validation", test_loss: "test", loss: "training",
  validation_loss: "validation", kept: "in use", swapped: "new", idle: "no gradient", lr: "rate", nfe: "evaluations",
};

function short(x) {
  if (x == null) return "";
  const size = Math.abs(x);
  return size >= 1e6 || (size < 1e-3 && size > 0) ? x.toExponential(2) : String(+x.toPrecision(4));
}

function addChart(place, title, make) {
  const box = document.createElement("div");
  box.className = "chart";
  box.append(Object.assign(document.createElement("h3"), {textContent: title}));
  const inner = document.createElement("div");
  box.append(inner);
  place.append(box);
  const chart = {make, inner, plot: null};
  charts.push(chart);
  drawChart(chart);
  return chart;
}

function drawChart(chart) {
  if (chart.plot) chart.plot.destroy();
  const {series, values, format, bars, zero} = chart.make();
  const axis = {stroke: colour("soft"), grid: {stroke: colour("line"), width: 1}, ticks: {stroke: colour("line"), width: 1}};
  const width = Math.max(chart.inner.clientWidth, 200);
  chart.plot = new uPlot({
    width, height: 210,
    scales: {x: {time: false, range: bars ? (u, low, high) => widen(u.data[0], low, high) : null},
             y: zero || bars ? {range: (u, low, high) => [0, uPlot.rangeNum(0, high || 1, 0.1, true)[1]]} : {}},
    axes: [axis, {...axis, size: 62, values: (u, ticks) => ticks.map(format || short)}],
    series: [{label: bars ? bars : "epoch", value: (u, x) => short(x)},
             ...series.map(s => ({points: {show: values[0].length < 2}, value: (u, x) => x == null ? "" : (format || short)(x), ...s}))],
    legend: {live: true},
    cursor: {points: {size: 6}},
  }, values, chart.inner);
}

/* Other numbers in the same chart. */
function updateChart(chart) {
  chart.plot.setData(chart.make().values);
}

/* Room for half a bar at both ends. */
function widen(xs, low, high) {
  const half = xs.length > 1 ? (xs[1] - xs[0]) * 0.6 : 0.5;
  return [low - half, high + half];
}

/* Runs share the x of all: their epochs. */
function joined(columns) {
  const xs = [...new Set(columns.flatMap(c => c.x))].sort((a, b) => a - b);
  const at = new Map(xs.map((x, i) => [x, i]));
  return [xs, ...columns.map(c => {
    const ys = new Array(xs.length).fill(null);
    c.x.forEach((x, i) => { ys[at.get(x)] = c.y[i]; });
    return ys;
  })];
}

function columnsOf(keys) {
  const columns = [];
  data.runs.forEach((run, r) => keys.forEach((key, k) => {
    const y = run.epochs[key];
    if (!y || y.every(v => v == null)) return;
    columns.push({x: run.epochs.epoch, y, run: r, label: words[key] || key, dash: dashes[k % dashes.length]});
  }));
  return columns;
}

function lineSeries(columns) {
  return columns.map(c => ({
    label: data.runs.length > 1 ? `${data.runs[c.run].name}, ${c.label}` : c.label,
    stroke: runColours[(data.runs.length > 1 ? c.run : columns.indexOf(c)) % runColours.length],
    width: 1.8, dash: data.runs.length > 1 ? c.dash : [],
  }));
}

function drawCurves() {
  const place = document.querySelector("#curves .charts");
  const costs = [...new Set(data.runs.flatMap(r => Object.keys(r.epochs).filter(k => k.startsWith("costs."))))];
  const ages = [...new Set(data.runs.flatMap(r => Object.keys(r.epochs).filter(k => /^lists\..*\.age$/.test(k))))];
  const all = [...figures, ...costs.map(k => ({title: "Cost " + k.slice(6), keys: [k]}))];
  if (ages.length) all.push({title: "Mean age of edges, in steps", keys: ages});
  for (const f of all) {
    const columns = columnsOf(f.keys);
    if (!columns.length) continue;
    if (f.varies && columns.every(c => c.y.every(y => y === c.y[0]))) continue;
    const format = f.percent ? x => short(100 * x) + "%" : f.whole ? x => x.toLocaleString("en") : null;
    addChart(place, f.title, () => ({series: lineSeries(columns), values: joined(columns), format, zero: f.whole}));
  }
  if (!place.children.length) place.append(Object.assign(document.createElement("p"), {className: "note", textContent: "No epoch is finished yet."}));
}

/* A histogram: how many of the values are in each bin. */
function histogram(values, whole) {
  let low = Infinity, high = -Infinity;
  for (const v of values) low = Math.min(low, v), high = Math.max(high, v);
  if (!values.length) return [[0], [0]];
  const bins = whole ? Math.min(high - low + 1, 40) : 40;
  const step = whole ? Math.ceil((high - low + 1) / bins) : (high - low) / bins || 1;
  const count = new Array(bins).fill(0), xs = count.map((_, i) => low + step * (whole ? i : i + 0.5));
  for (const v of values) count[Math.min(bins - 1, Math.floor((v - low) / step))]++;
  return [xs, count];
}

const barsOf = name => ({fill: colour("accent") + "55", stroke: colour("accent"), width: 1, label: name, paths: uPlot.paths.bars({size: [0.9, 40]})});

let redrawing = 0;
addEventListener("resize", () => {
  cancelAnimationFrame(redrawing);
  redrawing = requestAnimationFrame(() => charts.forEach(drawChart));
});
