/* layout.js: where the nodes of a graph are drawn, in a square from 0 to 1: {x, y: arrays by set, size: of a node}. */
"use strict";

/* Cells of a set in its own block, as [columns, rows] and the place of each node. */
function blockOf(set, layered) {
  const n = nodesOf(set), dim = set.dim.filter(d => d > 1), cell = [];
  let columns, rows;
  const tiles = (count, wide, high) => {
    const across = Math.ceil(Math.sqrt(count * high / wide));
    const down = Math.ceil(count / across);
    for (let v = 0; v < n; v++) {
      const t = Math.floor(v / (wide * high)), rest = v % (wide * high);
      cell.push([(t % across) * (wide + 1) + rest % wide, Math.floor(t / across) * (high + 1) + Math.floor(rest / wide)]);
    }
    columns = across * (wide + 1) - 1, rows = down * (high + 1) - 1;
  };
  if (dim.length >= 3) tiles(n / (dim[dim.length - 1] * dim[dim.length - 2]), dim[dim.length - 1], dim[dim.length - 2]);
  else if (dim.length === 2 && layered) { /* the first index counts layers: a column, or a block, for each */
    const high = Math.min(dim[1], 64), wide = Math.ceil(dim[1] / high), apart = wide + 3;
    for (let v = 0; v < n; v++) {
      const layer = Math.floor(v / dim[1]), i = v % dim[1];
      cell.push([layer * apart + Math.floor(i / high), i % high]);
    }
    columns = dim[0] * apart - 3, rows = high;
  } else if (dim.length === 2) tiles(1, dim[1], dim[0]);
  else if (layered && n > 4 && n <= 400) { /* edges within the set: a ring, where none hides another */
    columns = rows = Math.max(12, Math.ceil(n / 2.2));
    for (let v = 0; v < n; v++) {
      const angle = 2 * Math.PI * v / n;
      cell.push([(1 + Math.sin(angle)) / 2 * (columns - 1), (1 - Math.cos(angle)) / 2 * (rows - 1)]);
    }
  }
  else {
    rows = n <= 48 ? n : Math.ceil(Math.sqrt(n)), columns = Math.ceil(n / rows);
    for (let v = 0; v < n; v++) cell.push([Math.floor(v / rows), v % rows]);
    if (n > 48) cell.forEach((c, v) => { c[0] = v % columns, c[1] = Math.floor(v / columns); });
  }
  return {columns, rows, cell};
}

/* Input on the left, output on the right, the other sets between them in the order of the file. */
function layersOf(head, graph) {
  const sets = head.graphs[graph].sets;
  const inner = set => head.lines.some(l => l.graph === graph && l.from === set && l.to === set);
  const order = sets.map((s, i) => i).sort((a, b) => rank(sets[a]) - rank(sets[b]) || a - b);
  const blocks = order.map(i => blockOf(sets[i], inner(i)));
  const most = Math.max(...blocks.map(b => b.rows)), gap = 0.09;
  const widths = blocks.map(b => Math.max(b.columns / most, 0.02) * 0.6 + 0.01);
  const scale = (1 - gap * (blocks.length - 1)) / widths.reduce((a, b) => a + b, 0);
  const x = [], y = [];
  let left = 0, size = 1;
  order.forEach((set, k) => {
    const b = blocks[k], wide = widths[k] * scale, high = Math.min(1, 0.25 + 0.75 * b.rows / most);
    x[set] = b.cell.map(c => left + wide * (b.columns > 1 ? c[0] / (b.columns - 1) : 0.5));
    y[set] = b.cell.map(c => (1 - high) / 2 + high * (b.rows > 1 ? c[1] / (b.rows - 1) : 0.5));
    size = Math.min(size, b.rows > 1 ? high / (b.rows - 1) : 1, b.columns > 1 ? wide / (b.columns - 1) : 1);
    left += wide + gap;
  });
  return {x, y, size};
}

const rank = set => set.role === "input" ? 0 : set.role === "output" ? 2 : 1;

/* By `at`, as wide as high. Three coordinates are seen from above and aside. Sets without coordinates stand at the
 * sides. `aspect`: width of the picture by its height. */
function pointsOf(head, graph, aspect) {
  const sets = head.graphs[graph].sets, x = [], y = [];
  const flat = p => p.length > 2 ? [p[0] + 0.45 * p[2], p[1] - 0.3 * p[2]] : [p[0], p.length > 1 ? p[1] : 0];
  const points = sets.map(s => s.points && s.points.map(flat)), all = points.filter(Boolean).flat();
  const low = [0, 1].map(d => all.reduce((m, p) => Math.min(m, p[d]), Infinity));
  const span = [0, 1].map(d => all.reduce((m, p) => Math.max(m, p[d]), -Infinity) - low[d]);
  const wide = sets.some(s => !s.points) ? 0.76 : 1, unit = Math.min(wide * aspect / (span[0] || 1e-9), 1 / (span[1] || 1e-9));
  sets.forEach((s, i) => {
    const n = nodesOf(s), side = s.role === "output" ? 1 : 0;
    x[i] = Array.from({length: n}, (_, v) => points[i] ? 0.5 + (points[i][v][0] - low[0] - span[0] / 2) * unit / aspect : side);
    y[i] = Array.from({length: n}, (_, v) => points[i] ? 0.5 - (points[i][v][1] - low[1] - span[1] / 2) * unit : n > 1 ? 0.15 + 0.7 * v / (n - 1) : 0.5);
  });
  return {x, y, size: 0.6 / Math.sqrt(all.length || 1)};
}

const hasPoints = (head, graph) => head.graphs[graph].sets.some(s => s.points);

/* Rows (end "to") or columns ("from") of the matrix: the sets that edges lead to, or from, one after the other. A set
 * with many nodes has `most` cells. */
function axisOf(head, graph, end, most) {
  const sets = head.graphs[graph].sets, first = [], cells = [];
  let count = 0;
  sets.forEach((s, i) => {
    cells[i] = head.lines.some(l => l.graph === graph && l[end] === i) ? Math.min(nodesOf(s), most) : 0;
    first[i] = count, count += cells[i];
  });
  const cell = (set, node) => first[set] + Math.floor(node * cells[set] / nodesOf(sets[set]));
  return {first, cells, count, cell};
}
