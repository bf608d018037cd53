/* wiring.js: the picture of the wiring at one snapshot: nodes and edges, or a matrix of the edges in use. */
"use strict";
const picture = {run: 0, graph: 0, view: "layers", frame: 0, node: null /* [set, node] */, place: null, hit: []};
const canvas = document.getElementById("canvas"), pen = canvas.getContext("2d");
const STRENGTHS = 5, MOST_DRAWN = 60000, MARGIN = 26;

const wiringNow = () => data.runs[picture.run].wiring;
const frameNow = () => wiringNow().frames[picture.frame];

function linesNow() { /* of the graph that is shown: [line, its edges] */
  const w = wiringNow(), frame = frameNow();
  return w.head.lines.map((l, i) => [l, frame.lines[i]]).filter(([l]) => l.graph === picture.graph);
}

/* Are there too many edges to be drawn one by one, or some that are only counted? */
function isLarge() {
  const lines = linesNow();
  return lines.some(([, e]) => e.map) || lines.reduce((n, [, e]) => n + e.kept, 0) > MOST_DRAWN;
}

function fitCanvas() {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio), canvas.height = Math.round(height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return {width, height};
}

function drawWiring() {
  const size = fitCanvas();
  picture.hit = [];
  if (picture.view === "matrix") drawMatrix(size);
  else drawNet(size);
}

/* ---- nodes and edges ---- */

function drawNet({width, height}) {
  const at = picture.place, sets = wiringNow().head.graphs[picture.graph].sets;
  const px = (s, v) => MARGIN + at.x[s][v] * (width - 2 * MARGIN), py = (s, v) => 16 + at.y[s][v] * (height - 56);
  const radius = Math.max(1.2, Math.min(7, at.size * Math.min(width, height) * 0.32));
  drawEdges(px, py);
  drawNodes(sets, px, py, radius);
  pen.fillStyle = colour("soft");
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";
  sets.forEach((s, i) => {
    if (!nodesOf(s) || (picture.view === "points" && s.points)) return;
    let low = Infinity, high = -Infinity;
    for (let v = 0; v < at.x[i].length; v++) low = Math.min(low, px(i, v)), high = Math.max(high, px(i, v));
    pen.fillText(`${s.name}[${s.dim.join(", ")}]`, Math.min(width - 40, Math.max(40, (low + high) / 2)), height - 10);
  });
}

/* Edges of one sign and strength are one path. */
function drawEdges(px, py) {
  const fresh = document.getElementById("fresh").checked, paths = new Map();
  let largest = 0, count = 0;
  for (const [, e] of linesNow()) {
    for (let k = 0; k < e.kept; k++) largest = Math.max(largest, Math.abs(e.weight[k]));
    count += e.kept;
  }
  for (const [l, e] of linesNow()) {
    for (let k = 0; k < e.kept; k++) {
      const mine = picture.node && ((l.from === picture.node[0] && e.source[k] === picture.node[1]) ||
                                    (l.to === picture.node[0] && e.target[k] === picture.node[1]));
      const strength = Math.min(STRENGTHS - 1, Math.floor(STRENGTHS * Math.abs(e.weight[k]) / (largest || 1)));
      const kind = fresh && e.fresh[k] ? "fresh" : e.weight[k] < 0 ? "negative" : "positive";
      const key = (mine ? 2 : picture.node ? 0 : 1) + " " + strength + " " + kind;
      if (!paths.has(key)) paths.set(key, new Path2D());
      const path = paths.get(key), x = px(l.from, e.source[k]), y = py(l.from, e.source[k]);
      const X = px(l.to, e.target[k]), Y = py(l.to, e.target[k]);
      path.moveTo(x, y);
      if (Math.abs(X - x) < 1 && Math.abs(Y - y) > 1) path.quadraticCurveTo(x + Math.abs(Y - y) / 3, (y + Y) / 2, X, Y);
      else if (X === x && Y === y) path.arc(x, y - 5, 5, Math.PI / 2, 2.5 * Math.PI);
      else path.lineTo(X, Y);
    }
  }
  const crowd = Math.min(1, (1200 / (count + 1)) ** 0.6);
  for (const key of [...paths.keys()].sort()) {
    const [level, strength, kind] = key.split(" ");
    const share = (+strength + 1) / STRENGTHS;
    pen.strokeStyle = colour(kind);
    pen.globalAlpha = level === "2" ? 0.95 : level === "0" ? 0.05 : kind === "fresh" ? 0.9 : Math.max(0.02, (0.25 + 0.7 * share) * crowd);
    pen.lineWidth = level === "2" ? 1 + 2 * share : 0.6 + 1.4 * share * crowd;
    pen.stroke(paths.get(key));
  }
  pen.globalAlpha = 1;
}

function drawNodes(sets, px, py, radius) {
  const d = degreesOf(wiringNow(), frameNow(), picture.graph);
  sets.forEach((s, i) => {
    for (let v = 0; v < nodesOf(s); v++) {
      const x = px(i, v), y = py(i, v);
      const dead = d.whole && ((d.enters[i] && !d.into[i][v]) || (d.leaves[i] && !d.out[i][v]));
      const chosen = picture.node && picture.node[0] === i && picture.node[1] === v;
      picture.hit.push([x, y, i, v]);
      pen.fillStyle = colour(chosen ? "accent" : dead ? "dead" : "node");
      pen.beginPath();
      pen.arc(x, y, chosen ? radius + 3 : radius, 0, 2 * Math.PI);
      pen.fill();
    }
  });
}

/* ---- the matrix ---- */

/* Edges in use, and the sum of their weights, by cell. */
function countCells(rows, columns) {
  const count = new Float64Array(rows.count * columns.count), sum = new Float64Array(count.length);
  const sets = wiringNow().head.graphs[picture.graph].sets;
  for (const [l, e] of linesNow()) {
    const at = (target, source) => rows.cell(l.to, target) * columns.count + columns.cell(l.from, source);
    if (!e.map) {
      for (let k = 0; k < e.kept; k++) {
        const i = at(e.target[k], e.source[k]);
        count[i]++, sum[i] += e.weight[k];
      }
      continue;
    }
    const targets = nodesOf(sets[l.to]), sources = nodesOf(sets[l.from]);
    e.map.forEach((n, i) => {
      count[at((Math.floor(i / l.columns) + 0.5) / l.rows * targets, (i % l.columns + 0.5) / l.columns * sources)] += n;
    });
  }
  return {count, sum};
}

const rgb = name => [1, 3, 5].map(i => parseInt(colour(name).slice(i, i + 2), 16));

/* The cells as a picture of as many pixels. */
function imageOf(rows, columns) {
  const {count, sum} = countCells(rows, columns), back = rgb("back"), image = new ImageData(columns.count, rows.count);
  const most = count.reduce((a, b) => Math.max(a, b), 1);
  for (let i = 0; i < count.length; i++) {
    const ink = inkOf(count[i] && sum[i] < 0 ? "negative" : "positive");
    const share = count[i] ? 0.3 + 0.7 * Math.log1p(count[i]) / Math.log1p(most) : 0;
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = back[c] + (ink[c] - back[c]) * share;
    image.data[4 * i + 3] = 255;
  }
  const small = document.createElement("canvas");
  small.width = columns.count, small.height = rows.count;
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

function drawMatrix({width, height}) {
  const head = wiringNow().head, sets = head.graphs[picture.graph].sets;
  const most = linesNow().some(([, e]) => e.map) ? 64 : 160; /* a map has as many parts */
  const rows = axisOf(head, picture.graph, "to", most), columns = axisOf(head, picture.graph, "from", most);
  const left = 110, top = 10, wide = width - left - 24, high = height - top - 46;
  pen.imageSmoothingEnabled = false;
  pen.drawImage(imageOf(rows, columns), left, top, wide, high);
  pen.strokeStyle = colour("line"), pen.fillStyle = colour("soft"), pen.font = "12px system-ui, sans-serif";
  pen.strokeRect(left, top, wide, high);
  sets.forEach((s, i) => {
    const name = `${s.name}[${s.dim.join(", ")}]`, cw = columns.cells[i] / columns.count * wide, rh = rows.cells[i] / rows.count * high;
    const x = left + columns.first[i] / columns.count * wide, y = top + rows.first[i] / rows.count * high;
    pen.beginPath();
    if (cw) pen.moveTo(x, top), pen.lineTo(x, top + high);
    if (rh) pen.moveTo(left, y), pen.lineTo(left + wide, y);
    pen.stroke();
    if (cw > 20) pen.textAlign = "center", pen.fillText(name, Math.min(x + cw / 2, left + wide - 20), top + high + 16);
    if (rh > 8) pen.textAlign = "right", pen.fillText(name, left - 6, y + rh / 2 + 4);
  });
  pen.textAlign = "center";
  pen.fillText("from", left + wide / 2, top + high + 34);
  pen.save();
  pen.translate(18, top + high / 2), pen.rotate(-Math.PI / 2), pen.fillText("to", 0, 0);
  pen.restore();
}

let inks = {};
const inkOf = name => inks[name] || (inks[name] = rgb(name));

/* ---- the chosen node ---- */

function nodeAt(x, y) {
  let best = null, least = 14 * 14;
  for (const [X, Y, set, node] of picture.hit) {
    const d = (X - x) ** 2 + (Y - y) ** 2;
    if (d < least) least = d, best = [set, node];
  }
  return best;
}

function edgesOf([set, node]) {
  const into = [], out = [];
  for (const [l, e] of linesNow())
    for (let k = 0; k < e.kept && !e.map; k++) {
      if (l.to === set && e.target[k] === node) into.push({set: l.from, node: e.source[k], weight: e.weight[k], since: e.since[k]});
      if (l.from === set && e.source[k] === node) out.push({set: l.to, node: e.target[k], weight: e.weight[k], since: e.since[k]});
    }
  const strong = (a, b) => Math.abs(b.weight) - Math.abs(a.weight);
  return {into: into.sort(strong), out: out.sort(strong)};
}
