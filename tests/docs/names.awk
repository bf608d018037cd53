# Reads dumps of models (dnw build --dump=model) behind one another, each after a line "source FILE NAMES...", the names
# that follow `weight` in its text, those behind `state` as state:NAME, sizes as learned:NAME, and fixed weights of this file as fixed:NAME, too. Prints each tensor whose name or shape is not one
# that section 17 of docs/language.md tells.
function fail(why) { print file ": " name " [" shape "]: " why; wrong++ }
function starts(front) { return shape == front || index(shape, front ",") == 1 }
function without_number(text) { sub(/_[0-9]+$/, "", text); return text }
function total(text,   parts, n, i, product) {
  n = split(text, parts, ","); product = 1
  for (i = 1; i <= n; i++) product *= parts[i]
  return product
}
# The sizes of a set or of edges, or their number where they are too many, then those of the weight; or a shared weight.
function shaped(front) { return starts(front) || starts(total(front)) }
function known_weight(weight) { return (weight in declared) || (without_number(weight) in declared) }
function is_fixed(weight) { return (weight in fixed) || (without_number(weight) in fixed) }
function check_weight(weight, front) {
  if (!known_weight(weight)) fail("no weight '" weight "' is declared")
  else if (!shaped(front) && !(without_number(weight) in shared) && !(weight in shared)) fail("wanted sizes " front)
}
function check_norm(front, timed,   last, first) {
  last = part[n]
  if (part[n - 1] !~ /^batch_norm(_[0-9]+)?$/ || last !~ /^(scale|shift|mean|variance)$/) return fail("no rule")
  if (kept != (last == "mean" || last == "variance")) return fail("learned or kept")
  if (kept && timed) { first = index(shape, ","); if (shape == front || substr(shape, first + 1) == front) return 0 }
  if (shape != front && total(shape) != total(front)) fail("wanted " front)
}
function check_edges(line,   front, width) {
  front = dense[graph, line] ? targets[graph, line] "," sources[graph, line] : candidates[graph, line]
  if (!((graph, line) in candidates)) return fail("no such line")
  if (n == 5) return check_norm(front, 1)
  if (n != 4) return fail("no rule")
  if (part[4] == "w" && !("w" in shared) && (layer == "conv2d" ? total(shape) != candidates[graph, line] : !shaped(front))) fail("wanted " front)
  if (part[4] == "w") return 0
  if (kept && !(part[4] in state) && !is_fixed(part[4])) return fail("kept")
  check_weight(part[4], front)
}
function check_layer() {
  if (layer ~ /^(linear|conv2d|depthwise)$/ && n == 2 && part[2] == "b" && !kept) return 0
  if (layer == "depthwise" && n == 2 && part[2] == "k" && !kept) return 0
  if (layer == "layer_norm" && n == 2 && part[2] ~ /^(scale|shift)$/ && !kept) return 0
  if (layer == "batch_norm" && n == 2 && part[2] ~ /^(scale|shift|mean|variance)$/ && kept == (part[2] ~ /^[mv]/)) return 0
  if (n == 2 && without_number(part[2]) in learned && shape == "1" && !kept) return 0
  fail("no rule")
}
/^source / {
  file = $2; split("", declared); split("", shared); split("", state); split("", learned); split("", fixed); split("", size); split("", cell); split("", candidates)
  for (i = 3; i <= NF; i++) {
    word = $i
    if (sub(/^learned:/, "", word)) { learned[word] = 1; continue }
    if (sub(/^fixed:/, "", word)) { fixed[word] = 1; continue }
    kind = sub(/^state:/, "", word)
    if (sub(/^shared:/, "", word)) shared[word] = 1
    if (kind) state[word] = 1
    declared[word] = 1
  }
  next
}
/^graph / { graph = $2; lines = 0; next }
/^  (input|nodes|output) / {
  set = $2; sub(/\[.*/, "", set); sizes = $2; gsub(/.*\[|\].*/, "", sizes)
  size[graph, set] = sizes == "" || sizes == set ? 1 : sizes; cell[graph, set] = $3 == ":" ? $4 : ""
  next
}
/^  edges / {
  sub(/\..*/, "", $4) # a port
  candidates[graph, lines] = $6; dense[graph, lines] = / dense /
  targets[graph, lines] = total(size[graph, $4]); sources[graph, lines] = total(size[graph, $2]); lines++
  next
}
/^(weight|kept statistic) / {
  kept = $1 == "kept"; name = $NF; shape = name; sub(/\[.*/, "", name); gsub(/.*\[|\]/, "", shape); seen++
  n = split(name, part, "."); graph = part[1]; layer = without_number(graph)
  if (part[2] == "edges") check_edges(part[3])
  else if ((graph, part[2]) in size && n >= 4) {
    if (cell[graph, part[2]] != part[3]) fail("the function of the set is " cell[graph, part[2]])
    else if (n == 5) check_norm(size[graph, part[2]], 1)
    else if (kept && !is_fixed(part[4])) fail("kept")
    else check_weight(part[4], size[graph, part[2]])
  } else check_layer()
}
END { print seen + 0 " tensors, " wrong + 0 " wrong"; exit wrong > 0 || seen < 500 }
