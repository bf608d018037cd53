/* data.js: the data of the page: runs with their curves, and the snapshots of their wiring, unpacked.
 * The format of the snapshots is that of wiring.bin (runtime/common/snapshot.h), without its head. */
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* Reads one after the other. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }
  f64() { this.at += 8; return this.view.getFloat64(this.at - 8, true); }
  f32() { this.at += 4; return this.view.getFloat32(this.at - 4, true); }
  u32() { this.at += 4; return this.view.getUint32(this.at - 4, true); }
  i8() { return this.view.getInt8(this.at++); }
  number() {
    let x = 0, unit = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      x += (byte & 127) * unit;
      if (byte < 128) return x;
      unit *= 128;
    }
  }
}

/* {kept, source, target, weight} of a line of edges; or {kept, map}. */
function readLine(reader, line, sources) {
  const kept = reader.u32();
  if (line.rows) {
    const map = new Uint32Array(line.rows * line.columns);
    for (let i = 0; i < map.length; i++) map[i] = reader.number();
    return {kept, map};
  }
  const largest = reader.f32(), place = new Float64Array(kept), weight = new Float32Array(kept);
  const source = new Uint32Array(kept), target = new Uint32Array(kept);
  for (let i = 0, last = 0; i < kept; i++) {
    place[i] = last += reader.number();
    target[i] = Math.floor(last / sources), source[i] = last - target[i] * sources;
  }
  for (let i = 0; i < kept; i++) weight[i] = reader.i8() / 127 * largest;
  return {kept, place, source, target, weight};
}

const nodesOf = set => set.dim.reduce((a, b) => a * b, 1);

/* wiring.frames: [{position, lines, born, died}]; born and died: edges of each graph since the frame before, of lines
 * that are listed. */
async function unpackWiring(wiring) {
  const reader = new Reader(await inflate(wiring.data)), head = wiring.head;
  wiring.frames = [];
  while (reader.at < reader.bytes.length) {
    const position = reader.f64();
    const lines = head.lines.map(l => readLine(reader, l, nodesOf(head.graphs[l.graph].sets[l.from])));
    wiring.frames.push({position, lines});
  }
  for (let f = 0; f < wiring.frames.length; f++) compareFrames(head, wiring.frames[f - 1], wiring.frames[f]);
  delete wiring.data;
}

/* Of two lists of edges, ascending: which of the later are new, how many of the earlier are gone, since when each is
 * in use. */
function compareFrames(head, before, now) {
  now.born = head.graphs.map(() => 0), now.died = head.graphs.map(() => 0);
  now.lines.forEach((line, l) => {
    if (line.map) return;
    const old = before && before.lines[l];
    line.fresh = new Uint8Array(line.kept);
    line.since = new Float64Array(line.kept).fill(now.position);
    if (!old) return;
    let o = 0, same = 0;
    for (let i = 0; i < line.kept; i++) {
      while (o < old.kept && old.place[o] < line.place[i]) o++;
      if (o < old.kept && old.place[o] === line.place[i]) same++, line.since[i] = old.since[o];
      else line.fresh[i] = 1;
    }
    now.born[head.lines[l].graph] += line.kept - same, now.died[head.lines[l].graph] += old.kept - same;
  });
}

/* "h[2, 1]" of a node of a set */
function nodeName(set, node) {
  const index = [];
  for (let d = set.dim.length - 1; d >= 0; d--) index[d] = node % set.dim[d], node = Math.floor(node / set.dim[d]);
  return `${set.name}[${index.join(", ")}]`;
}

/* Edges in use into and out of each node of a graph, by set; null where a line is a map. */
function degreesOf(wiring, frame, graph) {
  const head = wiring.head, sets = head.graphs[graph].sets;
  const into = sets.map(s => new Uint32Array(nodesOf(s))), out = sets.map(s => new Uint32Array(nodesOf(s)));
  const enters = sets.map(() => false), leaves = sets.map(() => false);
  let whole = true;
  head.lines.forEach((l, i) => {
    const line = frame.lines[i];
    if (l.graph !== graph) return;
    enters[l.to] = leaves[l.from] = true;
    if (line.map) { whole = false; return; }
    for (let k = 0; k < line.kept; k++) into[l.to][line.target[k]]++, out[l.from][line.source[k]]++;
  });
  let dead = 0;
  sets.forEach((s, i) => {
    for (let v = 0; v < into[i].length && enters[i] && leaves[i]; v++) dead += !into[i][v] || !out[i][v];
  });
  return {into, out, enters, leaves, dead, whole};
}
