/* page.js: what is on the page and what happens when it is used. */
"use strict";
const $ = id => document.getElementById(id);
const element = (tag, text, more) => Object.assign(document.createElement(tag), {textContent: text ?? ""}, more);
const percent = x => x == null ? "" : (100 * x).toFixed(2) + "%";

/* ---- runs and sources ---- */

function row(cells, tag, numbers) {
  const tr = document.createElement("tr");
  cells.forEach((c, i) => {
    const cell = c instanceof Node ? element(tag) : element(tag, c);
    if (c instanceof Node) cell.append(c);
    if (i >= numbers) cell.className = "number";
    tr.append(cell);
  });
  return tr;
}

function showRuns() {
  const table = document.createElement("table");
  const classes = data.runs.some(r => r.epochs.accuracy || r.epochs.train_accuracy);
  table.append(row(["run", "program", "seed", "batch", "epochs", "parameters", classes ? "best accuracy" : "least loss", classes ? "last accuracy" : "last loss", "seconds"], "th", 2));
  data.runs.forEach((r, i) => {
    const e = r.epochs, measured = classes ? e.accuracy || e.train_accuracy : e.test_loss || e.loss;
    const known = (measured || []).filter(x => x != null), last = known[known.length - 1];
    const best = known.length ? (classes ? Math.max(...known) : Math.min(...known)) : null;
    const form = classes ? percent : short, done = e.epoch ? e.epoch.length : 0;
    const name = element("span");
    name.append(element("i", "", {className: "swatch"}), r.name);
    name.firstChild.style.background = runColours[i % runColours.length];
    table.append(row([name, r.start.program, r.start.seed, r.start.batch, done < r.total ? `${done} of ${r.total}` : done,
                      r.start.parameters.toLocaleString("en"), form(best), form(last), e.seconds ? short(e.seconds[done - 1]) : ""], "td", 2));
  });
  $("runs").append(table);
  const programs = [...new Set(data.runs.map(r => r.start.program))];
  $("title").textContent = document.title = programs.join(", ") + (data.runs.length > 1 ? `: ${data.runs.length} runs` : "");
}

/* What the network says of the test samples of each class, after the best epoch: a table for each run. */
function showConfusion() {
  for (const r of data.runs) {
    if (!r.confusion) continue;
    const box = element("div", "", {className: "chart"}), table = element("table", "", {className: "confusion"});
    const classes = r.confusion.map((_, i) => i), most = r.confusion.map(row => Math.max(1, row.reduce((a, b) => a + b, 0)));
    table.append(row(["class", ...classes], "th", 0));
    r.confusion.forEach((counts, i) => {
      const tr = row([i, ...counts.map(n => n || "")], "td", 0);
      counts.forEach((n, k) => {
        const share = n / most[i];
        tr.children[k + 1].style.background = n ? `color-mix(in srgb, var(--${k === i ? "positive" : "negative"}) ${Math.round(12 + 68 * share)}%, var(--panel))` : "";
        tr.children[k + 1].title = `${n} of ${most[i]} of class ${i}: said to be ${k}`;
      });
      table.append(tr);
    });
    box.append(element("h3", "Classes (rows) and what was said" + (data.runs.length > 1 ? ": " + r.name : "")), table);
    document.querySelector("#curves .charts").append(box);
  }
}

function showSources() {
  const seen = new Set();
  for (const r of data.runs) {
    if (seen.has(r.source.path + r.source.text)) continue;
    seen.add(r.source.path + r.source.text);
    const box = element("details", "", {open: seen.size === 1});
    box.append(element("summary", r.source.path + (r.source.note ? ` (${r.source.note})` : "")));
    if (r.source.text) {
      const pre = document.createElement("pre");
      r.source.text.replace(/\n$/, "").split("\n").forEach((line, i) => pre.append(element("span", i + 1, {className: "number"}), line + "\n"));
      box.append(pre);
    }
    $("sources").append(box);
  }
}

/* ---- the wiring ---- */

function options(select, names) {
  select.replaceChildren(...names.map((n, i) => element("option", n, {value: i})));
  select.parentNode.hidden = names.length < 2;
}

function chooseRun(run) {
  const wired = data.runs.map((r, i) => i).filter(i => data.runs[i].wiring);
  picture.run = run;
  $("run").value = wired.indexOf(run);
  const head = wiringNow().head, sizes = head.graphs.map((g, i) => head.lines.filter(l => l.graph === i).reduce((n, l) => n + l.candidates, 0));
  options($("graph"), head.graphs.map(g => g.name));
  $("slider").max = wiringNow().frames.length - 1;
  chooseGraph(sizes.indexOf(Math.max(...sizes)));
  showFrame(0);
}

function chooseGraph(graph) {
  picture.graph = graph, picture.node = null, picture.frame = Math.min(picture.frame, wiringNow().frames.length - 1);
  $("graph").value = graph;
  const points = hasPoints(wiringNow().head, graph), large = isLarge();
  $("view").options[1].disabled = !points || large;
  $("view").options[0].disabled = large;
  chooseView(large ? "matrix" : points ? "points" : "layers");
  courseCharts.forEach(updateChart);
  $("counts").hidden = !degreesOf(wiringNow(), frameNow(), graph).whole;
}

function chooseView(view) {
  const head = wiringNow().head;
  picture.view = $("view").value = view;
  picture.place = view === "points" ? pointsOf(head, picture.graph, (canvas.clientWidth - 2 * MARGIN) / (canvas.clientHeight - 56)) : view === "layers" ? layersOf(head, picture.graph) : null;
  if (view === "matrix") picture.node = null;
  $("fresh").parentNode.hidden = view === "matrix";
  $("key").innerHTML = view === "matrix"
    ? "Each cell counts edges in use from a source (column) to a target (row); " + keyOf()
    : keyOf() + ", by weight; pale nodes have no edges in or out. Click a node for its edges.";
  showFrame(picture.frame);
}

const keyOf = () => `<b style="color:${colour("positive")}">positive</b>, <b style="color:${colour("negative")}">negative</b>`;

function showFrame(frame) {
  const frames = wiringNow().frames;
  picture.frame = Math.max(0, Math.min(frames.length - 1, frame));
  $("slider").value = picture.frame;
  const f = frameNow(), kept = linesNow().reduce((n, [, e]) => n + e.kept, 0);
  $("when").textContent = `epoch ${short(f.position)} · snapshot ${picture.frame + 1} of ${frames.length} · ${kept.toLocaleString("en")} edges`;
  drawWiring();
  showNode();
  countCharts.forEach(updateChart);
}

const countCharts = [], courseCharts = []; /* at the snapshot that is shown; over all snapshots */

/* Of the graph that is shown: degrees, weights, ages of edges; and edges born and died, dead nodes. */
function addCounts() {
  const degree = (key, ends) => () => {
    const d = degreesOf(wiringNow(), frameNow(), picture.graph);
    return {series: [barsOf("nodes")], values: histogram(d[key].flatMap((a, i) => d[ends][i] ? [...a] : []), true), bars: "edges"};
  };
  const edges = (label, value) => () => ({
    series: [barsOf("edges")], bars: label,
    values: histogram(linesNow().flatMap(([, e]) => e.map ? [] : Array.from({length: e.kept}, (_, k) => value(e, k))), false),
  });
  const course = lines => () => ({
    series: lines.map(([label, ink,, dash]) => ({label, stroke: colour(ink), width: 1.8, dash})), zero: true,
    values: [wiringNow().frames.map(f => f.position), ...lines.map(([,, value]) => wiringNow().frames.map(value))],
  });
  const add = (charts, title, make) => charts.push(addChart($("counts"), title, make));
  add(countCharts, "Edges into a node", degree("into", "enters"));
  add(countCharts, "Edges out of a node", degree("out", "leaves"));
  add(countCharts, "Weights of edges in use", edges("weight", (e, k) => e.weight[k]));
  add(countCharts, "Epochs since edges came into use", edges("epochs", (e, k) => frameNow().position - e.since[k]));
  add(courseCharts, "Edges born and died between snapshots", course([
    ["born", "fresh", (f, i) => i ? f.born[picture.graph] : null], ["died", "negative", (f, i) => i ? f.died[picture.graph] : null, [5, 5]]]));
  add(courseCharts, "Dead nodes: no edge in, or none out", course([["dead nodes", "negative", f => degreesOf(wiringNow(), f, picture.graph).dead]]));
}

function edgeTable(title, edges, sets) {
  const most = 14, box = [element("h3", `${title}: ${edges.length}`)], table = document.createElement("table");
  const largest = edges.length ? Math.abs(edges[0].weight) || 1 : 1;
  if (!edges.length) return box;
  table.append(row(["node", "weight", "", "since epoch"], "th", 9));
  for (const e of edges.slice(0, most)) {
    const bar = element("i");
    bar.style.cssText = `width:${Math.round(66 * Math.abs(e.weight) / largest)}px;background:${colour(e.weight < 0 ? "negative" : "positive")}`;
    const tr = row([nodeName(sets[e.set], e.node), short(e.weight), bar, short(e.since)], "td", 9);
    tr.children[2].className = "strength";
    table.append(tr);
  }
  box.push(table);
  if (edges.length > most) box.push(element("p", `and ${edges.length - most} more`, {className: "note"}));
  return box;
}

/* The weights of the function of a node, of the best epoch: a number, some, or the taps of a filter as a picture. */
function nodeWeights(graph, set, node) {
  const found = (data.runs[picture.run].weights || {})[`${graph}.${set.name}`] || [], parts = [];
  for (const w of found) {
    const values = w.values.slice(node * w.size, (node + 1) * w.size), side = Math.sqrt(w.size);
    if (w.size < 9 || !Number.isInteger(side)) {
      parts.push(element("p", `${w.name} = ${values.map(short).join(", ")}`));
      continue;
    }
    const grid = element("div", "", {className: "filter", title: values.map(short).join(" ")}), largest = Math.max(...values.map(Math.abs)) || 1;
    grid.style.gridTemplateColumns = `repeat(${side}, auto)`;
    for (const v of values) {
      const cell = element("i");
      cell.style.background = `color-mix(in srgb, ${colour(v < 0 ? "negative" : "positive")} ${Math.round(100 * Math.abs(v) / largest)}%, ${colour("back")})`;
      grid.append(cell);
    }
    parts.push(element("p", w.name), grid);
  }
  return parts.length ? [element("h3", "Weights of the best epoch"), ...parts] : [];
}

function showNode() {
  const box = $("node"), head = wiringNow().head, graph = head.graphs[picture.graph];
  if (!picture.node) {
    const table = document.createElement("table");
    table.append(row(["line", "edges", "of"], "th", 1));
    for (const [l, e] of linesNow())
      table.append(row([`${graph.sets[l.from].name} → ${graph.sets[l.to].name}${l.port ? "." + l.port : ""}`, e.kept.toLocaleString("en"), l.candidates.toLocaleString("en")], "td", 1));
    box.replaceChildren(element("h3", graph.name), table);
    return;
  }
  const [set, node] = picture.node, edges = edgesOf(picture.node), s = graph.sets[set];
  const point = s.points ? [element("p", `at (${s.points[node].map(short).join(", ")})`, {className: "note"})] : [];
  box.replaceChildren(element("h3", nodeName(s, node)), ...point, ...edgeTable("Edges in", edges.into, graph.sets),
                      ...edgeTable("Edges out", edges.out, graph.sets), ...nodeWeights(graph.name, s, node));
}

/* ---- playing, keys, theme ---- */

let playing = 0;
function play(on) {
  clearInterval(playing), playing = 0;
  $("play").innerHTML = on ? "&#9632;" : "&#9654;";
  if (!on) return;
  const frames = wiringNow().frames.length;
  if (picture.frame === frames - 1) showFrame(0);
  playing = setInterval(() => {
    if (picture.frame === frames - 1) play(false);
    else showFrame(picture.frame + 1);
  }, Math.max(60, Math.min(400, 8000 / frames)));
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  inks = {};
  charts.forEach(drawChart);
  if (picture.place || picture.view === "matrix") chooseView(picture.view);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  if (event.key === "d") setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  if (!data.runs.some(r => r.wiring)) return;
  const last = wiringNow().frames.length - 1, own = event.target.id === "slider";
  const to = {ArrowLeft: picture.frame - 1, ArrowRight: picture.frame + 1, Home: 0, End: last}[event.key];
  if (to !== undefined && !own) play(false), showFrame(to), event.preventDefault();
  if (event.key === " " && event.target.tagName !== "BUTTON" && event.target.tagName !== "SUMMARY") play(!playing), event.preventDefault();
  if (event.key === "Escape") picture.node = null, showFrame(picture.frame);
}

function listen() {
  addEventListener("keydown", pressed);
  $("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  let before = null;
  addEventListener("beforeprint", () => { before = document.documentElement.dataset.theme; setTheme("light"); });
  addEventListener("afterprint", () => setTheme(before));
  if (!data.runs.some(r => r.wiring)) return;
  const wired = data.runs.map((r, i) => i).filter(i => data.runs[i].wiring);
  options($("run"), wired.map(i => data.runs[i].name));
  $("run").addEventListener("change", () => chooseRun(wired[$("run").value]));
  $("graph").addEventListener("change", () => chooseGraph(+$("graph").value));
  $("view").addEventListener("change", () => chooseView($("view").value));
  $("fresh").addEventListener("change", drawWiring);
  $("slider").addEventListener("input", () => { play(false); showFrame(+$("slider").value); });
  $("play").addEventListener("click", () => play(!playing));
  canvas.addEventListener("click", event => {
    const box = canvas.getBoundingClientRect();
    picture.node = nodeAt(event.clientX - box.left, event.clientY - box.top);
    showFrame(picture.frame);
  });
  addEventListener("resize", () => requestAnimationFrame(drawWiring));
}

async function start() {
  document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  showRuns();
  showSources();
  drawCurves();
  showConfusion();
  await Promise.all(data.runs.filter(r => r.wiring).map(r => unpackWiring(r.wiring)));
  const first = data.runs.findIndex(r => r.wiring), without = data.runs.filter(r => !r.wiring).map(r => r.name);
  if (without.length) $("no-wiring").hidden = false, $("no-wiring").textContent = `No snapshots of the wiring in ${without.join(", ")}.`;
  listen();
  if (first < 0) $("wired").hidden = true;
  else {
    chooseRun(first);
    addCounts();
    chooseGraph(picture.graph);
    showFrame(wiringNow().frames.length - 1);
  }
  document.body.dataset.ready = "yes";
}
start();
