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

/* Edges in use by part of the sources and of the targets. */
function countCells(cells, axis) {
  const count = new Float64Array(cells * cells), sign = new Float64Array(cells * cells);
  const sets = wiringNow().head.graphs[picture.graph].sets;
  const cell = node => Math.min(cells - 1, Math.floor(node * cells / axis.count));
  for (const [l, e] of linesNow()) {
    if (e.map) {
      const nt = nodesOf(sets[l.to]), ns = nodesOf(sets[l.from]);
      e.map.forEach((n, i) => {
        const t = (Math.floor(i / l.columns) + 0.5) / l.rows * nt, s = (i % l.columns + 0.5) / l.columns * ns;
        count[cell(axis.first[l.to] + t) * cells + cell(axis.first[l.from] + s)] += n;
      });
      continue;
    }
    for (let k = 0; k < e.kept; k++) {
      const i = cell(axis.first[l.to] + e.target[k]) * cells + cell(axis.first[l.from] + e.source[k]);
      count[i]++, sign[i] += e.weight[k];
    }
  }
  return {count, sign};
}

const rgb = name => [1, 3, 5].map(i => parseInt(colour(name).slice(i, i + 2), 16));

function drawMatrix({width, height}) {
  const head = wiringNow().head, sets = head.graphs[picture.graph].sets, axis = axisOf(head, picture.graph);
  const maps = linesNow().some(([, e]) => e.map), cells = Math.min(axis.count, maps ? 96 : 256);
  const {count, sign} = countCells(cells, axis), back = rgb("panel");
  const most = count.reduce((a, b) => Math.max(a, b), 1), image = new ImageData(cells, cells);
  for (let i = 0; i < cells * cells; i++) {
    const ink = rgbCache(count[i] && sign[i] < 0 ? "negative" : "positive"), share = count[i] ? 0.25 + 0.75 * Math.log1p(count[i]) / Math.log1p(most) : 0;
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = back[c] + (ink[c] - back[c]) * share;
    image.data[4 * i + 3] = 255;
  }
  const small = document.createElement("canvas");
  small.width = small.height = cells;
  small.getContext("2d").putImageData(image, 0, 0);
  const side = Math.min(width - 120, height - 50), left = (width - side) / 2 + 20, top = 8;
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, left, top, side, side);
  pen.strokeStyle = colour("line"), pen.fillStyle = colour("soft"), pen.font = "12px system-ui, sans-serif";
  pen.strokeRect(left, top, side, side);
  sets.forEach((s, i) => {
    const from = axis.first[i] / axis.count * side, wide = nodesOf(s) / axis.count * side;
    pen.beginPath();
    pen.moveTo(left + from, top), pen.lineTo(left + from, top + side);
    pen.moveTo(left, top + from), pen.lineTo(left + side, top + from);
    pen.stroke();
    if (wide < 9) return;
    pen.textAlign = "center", pen.fillText(s.name, left + from + wide / 2, top + side + 16);
    pen.textAlign = "right", pen.fillText(s.name, left - 6, top + from + wide / 2 + 4);
  });
  pen.textAlign = "center";
  pen.fillText("from", left + side / 2, top + side + 34);
  pen.save();
  pen.translate(left - 60, top + side / 2), pen.rotate(-Math.PI / 2), pen.fillText("to", 0, 0);
  pen.restore();
}

let inks = {};
const rgbCache = name => inks[name] || (inks[name] = rgb(name));

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
