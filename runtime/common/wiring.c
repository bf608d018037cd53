/* wiring.c: candidates from predicates; topological order. See wiring.h. */
#include "common/wiring.h"
#include <stdlib.h>
#include <string.h>

/* ---- candidates ---- */

typedef struct Builder {
    Candidates *c;
    int64_t segments, capacity;
} Builder;

static bool add_run(Builder *b, int64_t row_start, int64_t source, int64_t length)
{
    Candidates *c = b->c;
    c->count += length;
    if (b->segments > row_start) {
        int64_t last = b->segments - 1;
        if ((int64_t)c->start[last] + c->length[last] == source) {
            c->length[last] += (uint32_t)length;
            return true;
        }
    }
    if (b->segments == b->capacity) {
        int64_t more = b->capacity ? b->capacity * 2 : 1024;
        uint32_t *start = realloc(c->start, (size_t)more * sizeof *start);
        if (start) c->start = start;
        uint32_t *size = realloc(c->length, (size_t)more * sizeof *size);
        if (size) c->length = size;
        if (!start || !size) return false;
        b->capacity = more;
    }
    c->start[b->segments] = (uint32_t)source;
    c->length[b->segments++] = (uint32_t)length;
    return true;
}

static void unflatten(const WiringSet *set, int64_t number, int64_t *index)
{
    for (int i = set->rank - 1; i >= 0; i--) {
        index[i] = number % set->dim[i];
        number /= set->dim[i];
    }
}

/* Sources are asked for by the last index that matters; those that differ in later ones follow it: a run. */
typedef struct Steps {
    int dim;     /* the last source index that the predicate reads; -1: none */
    int64_t run; /* consecutive sources with one answer */
} Steps;

static Steps source_steps(const WiringSet *from, const WiringLine *line)
{
    Steps s = {from->rank - 1, 1};
    if (line->pairwise) return s;
    for (; s.dim >= 0 && !(line->uses_from >> s.dim & 1); s.dim--) s.run *= from->dim[s.dim];
    return s;
}

static bool same_row(const WiringSet *to, const WiringLine *line, const int64_t *a, const int64_t *b)
{
    if (line->pairwise) return false;
    for (int i = 0; i < to->rank; i++)
        if ((line->uses_to >> i & 1) && a[i] != b[i]) return false;
    return true;
}

typedef struct Row {
    const WiringSet *from;
    const WiringLine *line;
    const int64_t *target_index;
    int64_t target, start; /* first segment of the row */
    Steps steps;
} Row;

/* Sources whose index `dim` lies in first .. last; those before it are that of `source`, the first of them,
 * and those behind it are any. They are taken or left as a whole where the answer is known, else halved. */
static bool build_box(Builder *b, const Row *r, int dim, int64_t source, int64_t first, int64_t last)
{
    int64_t index[WIRING_RANK] = {0}, count = last - first + 1, each = r->steps.run;
    int known = -1;
    unflatten(r->from, source, index);
    for (int i = dim + 1; i <= r->steps.dim; i++) each *= r->from->dim[i], index[i] = WIRING_ANY;
    if (count == 1 && dim == r->steps.dim)
        known = r->line->predicate(r->line->context, r->target_index, index, r->target, source);
    else if (r->line->range)
        known = r->line->range(r->line->context, r->target_index, index, dim, first, last);
    if (known == 0) return true;
    if (known == 1) return add_run(b, r->start, source, count * each);
    if (count == 1) return build_box(b, r, dim + 1, source, 0, r->from->dim[dim + 1] - 1);
    int64_t half = count / 2;
    return build_box(b, r, dim, source, first, first + half - 1) &&
           build_box(b, r, dim, source + half * each, first + half, last);
}

static bool build_row(Builder *b, const WiringSet *from, const WiringLine *line, const int64_t *target_index,
                      int64_t target, Steps steps)
{
    const Row r = {from, line, target_index, target, b->segments, steps};
    const int64_t none[WIRING_RANK] = {0};
    if (from->size == 0) return true;
    if (steps.dim >= 0) return build_box(b, &r, 0, 0, 0, from->dim[0] - 1);
    return !line->predicate(line->context, target_index, none, target, 0) ||
           add_run(b, r.start, 0, from->size);
}

/* ---- rows that are the same shifted ---- */

/* Differences between the source index and the target index that are shifted together, for which the answer
 * is yes, at one choice of the source indices before it. */
typedef struct Differences {
    int64_t before, first, last;
} Differences;

/* A row for all differences at once: those of its target are cut out of it. */
typedef struct Shifted {
    Differences *runs; /* by `before`, then by first */
    int64_t count, capacity;
} Shifted;

static int compare_differences(const void *left, const void *right)
{
    const Differences *a = left, *b = right;
    if (a->before != b->before) return a->before < b->before ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

static bool add_differences(Shifted *s, Differences run)
{
    if (s->count == s->capacity) {
        int64_t more = s->capacity ? s->capacity * 2 : 64;
        Differences *runs = realloc(s->runs, (size_t)more * sizeof *runs);
        if (!runs) return false;
        s->runs = runs, s->capacity = more;
    }
    s->runs[s->count++] = run;
    return true;
}

/* A segment of the row at shifted target index `at`: its differences below `end`. */
static bool add_segment(Shifted *s, int64_t source, int64_t length, int64_t size, int64_t at, int64_t end)
{
    for (int64_t part; length > 0; source += part, length -= part) {
        int64_t index = source % size;
        part = size - index < length ? size - index : length;
        Differences run = {source / size, index - at, index + part - 1 - at};
        if (run.last >= end) run.last = end - 1;
        if (run.first <= run.last && !add_differences(s, run)) return false;
    }
    return true;
}

/* One row after another, so far apart that each shows differences that the one before it does not. */
static bool shift_template(Shifted *s, const WiringSet *from, const WiringSet *to, const WiringLine *line,
                           const int64_t *target_index, Steps steps)
{
    const int64_t size = from->dim[steps.dim], last = to->dim[line->shift] - 1;
    int64_t index[WIRING_RANK], end = size;
    memcpy(index, target_index, sizeof index);
    s->count = 0;
    for (int64_t at = 0;; at = at + size < last ? at + size : last) {
        Candidates row = {0};
        Builder b = {.c = &row};
        index[line->shift] = at;
        bool ok = build_row(&b, from, line, index, 0, steps);
        for (int64_t k = 0; ok && k < b.segments; k++)
            ok = add_segment(s, row.start[k] / steps.run, row.length[k] / steps.run, size, at, end);
        free(row.start), free(row.length);
        if (!ok) return false;
        if (at == last) break;
        end = -at;
    }
    if (s->count) qsort(s->runs, (size_t)s->count, sizeof *s->runs, compare_differences);
    return true;
}

/* The first run from `low` on that ends at `least` or later, or has another `before`. */
static int64_t first_run(const Shifted *s, int64_t low, int64_t least)
{
    const int64_t before = s->runs[low].before;
    int64_t high = s->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (s->runs[middle].before == before && s->runs[middle].last < least) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool shifted_row(Builder *b, const Shifted *s, int64_t at, int64_t size, int64_t run)
{
    const int64_t start = b->segments, last = size - 1 - at;
    for (int64_t k = 0; k < s->count;) {
        const int64_t before = s->runs[k].before;
        for (k = first_run(s, k, -at); k < s->count && s->runs[k].before == before; k++) {
            const Differences *d = &s->runs[k];
            int64_t from = d->first > -at ? d->first : -at, to = d->last < last ? d->last : last;
            if (from <= to && !add_run(b, start, (before * size + at + from) * run, (to - from + 1) * run))
                return false;
        }
    }
    return true;
}

static bool copy_row(Builder *b, int64_t target)
{
    int64_t first = b->c->segment[target - 1], last = b->c->segment[target], row_start = b->segments;
    for (int64_t k = first; k < last; k++)
        if (!add_run(b, row_start, b->c->start[k], b->c->length[k])) return false;
    return true;
}

/* Do rows a and b differ at most in the index that is shifted? */
static bool same_template(const WiringSet *to, const WiringLine *line, const int64_t *a, const int64_t *b)
{
    int64_t moved[WIRING_RANK];
    memcpy(moved, b, sizeof moved);
    moved[line->shift] = a[line->shift];
    return same_row(to, line, a, moved);
}

/* Of the pairs that are listed, one by one. */
static bool given_row(Builder *b, const WiringSet *from, const WiringLine *line, const int64_t *target_index,
                      int64_t target)
{
    const Candidates *pairs = line->given;
    const int64_t start = b->segments;
    int64_t index[WIRING_RANK] = {0};
    for (int64_t i = pairs->row[target]; i < pairs->row[target + 1]; i++) {
        const int64_t source = pairs->source[i];
        unflatten(from, source, index);
        if (line->predicate && !line->predicate(line->context, target_index, index, target, source)) continue;
        if (!add_run(b, start, source, 1)) return false;
    }
    return true;
}

static bool build_segments(Builder *b, const WiringSet *from, const WiringSet *to, const WiringLine *line)
{
    Candidates *c = b->c;
    int64_t index[WIRING_RANK] = {0}, before[WIRING_RANK] = {0};
    Steps steps = source_steps(from, line);
    Shifted shifted = {0};
    bool ok = true, shifts = line->shifts && from->size > 0;
    for (int64_t t = 0; t < to->size && ok; t++) {
        c->row[t] = c->count;
        c->segment[t] = b->segments;
        unflatten(to, t, index);
        if (line->given) ok = given_row(b, from, line, index, t);
        else if (t > 0 && same_row(to, line, index, before)) ok = copy_row(b, t);
        else if (!shifts) ok = build_row(b, from, line, index, t, steps);
        else
            ok = ((t > 0 && same_template(to, line, index, before)) ||
                  shift_template(&shifted, from, to, line, index, steps)) &&
                 shifted_row(b, &shifted, index[line->shift], from->dim[steps.dim], steps.run);
        memcpy(before, index, sizeof index);
    }
    free(shifted.runs);
    c->row[to->size] = c->count;
    c->segment[to->size] = b->segments;
    return ok;
}

/* Many short segments become a list of sources. */
static bool to_list(Candidates *c, int64_t segments)
{
    c->source = malloc((size_t)(c->count ? c->count : 1) * sizeof *c->source);
    if (!c->source) return false;
    int64_t n = 0;
    for (int64_t k = 0; k < segments; k++)
        for (uint32_t i = 0; i < c->length[k]; i++) c->source[n++] = c->start[k] + i;
    free(c->start), free(c->length), free(c->segment);
    c->start = c->length = NULL;
    c->segment = NULL;
    c->form = CANDIDATES_LIST;
    return true;
}

bool candidates_build(const WiringSet *from, const WiringSet *to, const WiringLine *line, Candidates *out)
{
    *out = (Candidates){.form = CANDIDATES_DENSE, .targets = to->size, .sources = from->size};
    if (!line->predicate && !line->given) {
        out->count = to->size * from->size;
        return true;
    }
    Builder b = {.c = out};
    out->row = malloc((size_t)(to->size + 1) * sizeof *out->row);
    out->segment = malloc((size_t)(to->size + 1) * sizeof *out->segment);
    out->form = CANDIDATES_SEGMENTS;
    if (!out->row || !out->segment || !build_segments(&b, from, to, line)) {
        candidates_free(out);
        return false;
    }
    if (out->count == to->size * from->size) {
        candidates_free(out);
        *out = (Candidates){.form = CANDIDATES_DENSE,
                            .targets = to->size,
                            .sources = from->size,
                            .count = to->size * from->size};
    } else if (out->count < 4 * b.segments && !to_list(out, b.segments)) {
        candidates_free(out);
        return false;
    }
    return true;
}

void candidates_free(Candidates *c)
{
    free(c->row), free(c->segment), free(c->start), free(c->length), free(c->source);
    *c = (Candidates){0};
}

int64_t candidates_bytes(const Candidates *c)
{
    if (c->form == CANDIDATES_DENSE) return 0;
    int64_t bytes = (c->targets + 1) * 8;
    return c->form == CANDIDATES_LIST ? bytes + c->count * 4 : bytes * 2 + c->segment[c->targets] * 8;
}

bool candidates_run(const Candidates *c, int64_t target, int64_t n, CandidateRun *run)
{
    switch (c->form) {
    case CANDIDATES_DENSE:
        *run = (CandidateRun){target * c->sources, 0, c->sources};
        return n == 0 && c->sources > 0;
    case CANDIDATES_SEGMENTS:
        if (n >= c->segment[target + 1] - c->segment[target]) return false;
        if (n == 0) run->first = c->row[target];
        else run->first += run->length;
        run->source = c->start[c->segment[target] + n];
        run->length = c->length[c->segment[target] + n];
        return true;
    default:
        if (n >= c->row[target + 1] - c->row[target]) return false;
        *run = (CandidateRun){c->row[target] + n, c->source[c->row[target] + n], 1};
        return true;
    }
}

int64_t candidates_source(const Candidates *c, int64_t target, int64_t number)
{
    if (c->form == CANDIDATES_DENSE) return number - target * c->sources;
    if (c->form == CANDIDATES_LIST) return c->source[number];
    CandidateRun run;
    for (int64_t n = 0; candidates_run(c, target, n, &run); n++)
        if (number < run.first + run.length) return run.source + (number - run.first);
    return -1;
}

static int64_t number_in_list(const Candidates *c, int64_t target, int64_t source)
{
    int64_t low = c->row[target], high = c->row[target + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (c->source[middle] < source) low = middle + 1;
        else high = middle;
    }
    return low < c->row[target + 1] && c->source[low] == source ? low : -1;
}

int64_t candidates_number(const Candidates *c, int64_t target, int64_t source)
{
    if (source < 0 || source >= c->sources) return -1;
    if (c->form == CANDIDATES_DENSE) return target * c->sources + source;
    if (c->form == CANDIDATES_LIST) return number_in_list(c, target, source);
    CandidateRun run;
    for (int64_t n = 0; candidates_run(c, target, n, &run) && run.source <= source; n++)
        if (source < run.source + run.length) return run.first + (source - run.source);
    return -1;
}

static bool row_is_part(const Candidates *all, const Candidates *some, int64_t target)
{
    for (int64_t i = some->row[target]; i < some->row[target + 1]; i++) {
        const bool ascending = i == some->row[target] || some->source[i] > some->source[i - 1];
        if (!ascending || candidates_number(all, target, some->source[i]) < 0) return false;
    }
    return true;
}

bool candidates_contain(const Candidates *all, const Candidates *some, int64_t most)
{
    bool ok = some->row[0] == 0;
    for (int64_t t = 0; t < some->targets && ok; t++)
        ok = some->row[t + 1] >= some->row[t] && some->row[t + 1] <= most;
    for (int64_t t = 0; t < some->targets && ok; t++) ok = row_is_part(all, some, t);
    return ok;
}

int64_t candidates_target(const Candidates *c, int64_t number)
{
    if (c->form == CANDIDATES_DENSE) return number / c->sources;
    int64_t low = 0, high = c->targets; /* row[low] <= number < row[high] */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (c->row[middle] <= number) low = middle;
        else high = middle;
    }
    return low;
}

/* ---- order ---- */

/* Depth-first search over sources. Node numbers run through all sets; behind them one virtual node a dense
 * line stands for "all nodes of its source set", so that dense lines cost nodes, not edges. */
typedef struct Frame {
    int64_t node;
    int line;
    int64_t run, at; /* of a line that is not dense; `at` alone for a virtual node */
    CandidateRun current;
} Frame;

typedef struct Search {
    WiringGraph g;
    int64_t *offset; /* set_count + 1: first node number of each set */
    int64_t nodes;   /* without virtual ones */
    uint8_t *state;  /* 0 new, 1 on the stack, 2 done */
    int32_t *rank;
    Frame *stack;
    int64_t depth;
} Search;

static int set_of(const Search *s, int64_t node)
{
    int set = 0;
    while (set + 1 < s->g.set_count && s->offset[set + 1] <= node) set++;
    return set;
}

static bool next_in_run(Search *s, Frame *f, int set, int64_t *source)
{
    const Candidates *c = s->g.candidates[f->line];
    int64_t target = f->node - s->offset[set];
    while (f->run < 0 || f->at >= f->current.length) {
        f->run++;
        f->at = 0;
        if (!candidates_run(c, target, f->run, &f->current)) return false;
    }
    *source = s->offset[s->g.lines[f->line].from] + f->current.source + f->at++;
    return true;
}

/* The next node that f->node depends on, or -1. */
static int64_t next_source(Search *s, Frame *f)
{
    if (f->node >= s->nodes) {
        const WiringLine *line = &s->g.lines[f->node - s->nodes];
        return f->at < s->g.sets[line->from].size ? s->offset[line->from] + f->at++ : -1;
    }
    int set = set_of(s, f->node);
    for (; f->line < s->g.line_count; f->line++, f->run = -1, f->at = 0) {
        if (s->g.lines[f->line].to != set) continue;
        int64_t source;
        if (s->g.candidates[f->line]->form == CANDIDATES_DENSE) {
            if (f->run >= 0 || s->g.sets[s->g.lines[f->line].from].size == 0) continue;
            f->run = 0;
            return s->nodes + f->line;
        }
        if (next_in_run(s, f, set, &source)) return source;
    }
    return -1;
}

static void push(Search *s, int64_t node)
{
    s->state[node] = 1;
    s->stack[s->depth++] = (Frame){.node = node, .run = -1};
}

static void add_to_cycle(const Search *s, int64_t node, WiringCycle *cycle)
{
    int set = set_of(s, node);
    cycle->set[cycle->length] = set, cycle->node[cycle->length++] = node - s->offset[set];
}

/* Each node of the stack is a source of the one below it, and `closing`, which is on it, a source of the top.
 * Where that is a virtual node, the real one above it is among the sources that it stands for, so the top
 * itself closes the cycle. */
static void describe_cycle(const Search *s, int64_t closing, WiringCycle *cycle)
{
    int64_t top = s->depth - 1;
    bool virtual = closing >= s->nodes;
    int64_t first = virtual ? s->stack[top].node : closing;
    *cycle = (WiringCycle){0};
    add_to_cycle(s, first, cycle);
    for (int64_t at = virtual ? top - 1 : top; at >= 0 && s->stack[at].node != closing; at--) {
        if (s->stack[at].node >= s->nodes) continue;
        if (cycle->length < 33) add_to_cycle(s, s->stack[at].node, cycle);
        else cycle->shortened = true;
    }
    add_to_cycle(s, first, cycle);
}

/* Gives ranks to everything that `root` depends on. False: a cycle. */
static bool visit(Search *s, int64_t root, WiringCycle *cycle)
{
    if (s->state[root] == 2) return true;
    push(s, root);
    while (s->depth > 0) {
        Frame *f = &s->stack[s->depth - 1];
        int64_t source = next_source(s, f);
        if (source < 0) {
            s->state[f->node] = 2;
            s->depth--;
            if (s->depth > 0) {
                int64_t above = s->stack[s->depth - 1].node;
                int32_t step =
                    f->node < s->nodes ? 1 : 0; /* a virtual node has the largest rank of its set, plus 1 */
                if (s->rank[above] < s->rank[f->node] + step) s->rank[above] = s->rank[f->node] + step;
            }
        } else if (s->state[source] == 1) {
            describe_cycle(s, source, cycle);
            return false;
        } else if (s->state[source] == 0) {
            push(s, source);
        } else {
            int32_t r = s->rank[source] + (source < s->nodes ? 1 : 0);
            if (s->rank[f->node] < r) s->rank[f->node] = r;
        }
    }
    return true;
}

/* Counting sort of all nodes of sets that are not held by (rank, set, number). */
static bool sort_nodes(Search *s, WiringOrder *order)
{
    int64_t ranks = 0, n = 0;
    for (int64_t v = 0; v < s->nodes; v++)
        if (s->rank[v] >= ranks) ranks = s->rank[v] + 1;
    int64_t bins = ranks * s->g.set_count;
    int64_t *count = calloc((size_t)bins + 1, sizeof *count);
    order->nodes = malloc((size_t)(s->nodes ? s->nodes : 1) * sizeof *order->nodes);
    order->phases = malloc((size_t)(bins ? bins : 1) * sizeof *order->phases);
    order->ranks = ranks;
    if (!count || !order->nodes || !order->phases) return free(count), false;
    for (int set = 0; set < s->g.set_count; set++)
        for (int64_t v = s->offset[set]; v < s->offset[set + 1] && !s->g.sets[set].held; v++)
            count[s->rank[v] * s->g.set_count + set]++, n++;
    order->node_count = n;
    int64_t at = 0;
    for (int64_t b = 0; b < bins; b++) {
        if (count[b])
            order->phases[order->phase_count++] = (WiringPhase){(int)(b % s->g.set_count), at, count[b]};
        int64_t here = at;
        at += count[b];
        count[b] = here;
    }
    for (int set = 0; set < s->g.set_count; set++)
        for (int64_t v = s->offset[set]; v < s->offset[set + 1] && !s->g.sets[set].held; v++)
            order->nodes[count[s->rank[v] * s->g.set_count + set]++] = (uint32_t)(v - s->offset[set]);
    free(count);
    return true;
}

bool wiring_order(const WiringGraph *g, WiringOrder *order, WiringCycle *cycle)
{
    Search s = {.g = *g};
    bool ok = false;
    *cycle = (WiringCycle){0};
    *order = (WiringOrder){0};
    s.offset = malloc((size_t)(g->set_count + 1) * sizeof *s.offset);
    if (!s.offset) return false;
    s.offset[0] = 0;
    for (int i = 0; i < g->set_count; i++) s.offset[i + 1] = s.offset[i] + g->sets[i].size;
    s.nodes = s.offset[g->set_count];
    size_t all = (size_t)(s.nodes + g->line_count + 1);
    s.state = calloc(all, 1);
    s.rank = calloc(all, sizeof *s.rank);
    s.stack = malloc(all * sizeof *s.stack);
    if (s.state && s.rank && s.stack) {
        ok = true;
        for (int64_t v = 0; v < s.nodes && ok; v++) ok = visit(&s, v, cycle);
        if (ok) ok = sort_nodes(&s, order);
    }
    free(s.offset), free(s.state), free(s.rank), free(s.stack);
    if (!ok) wiring_order_free(order);
    return ok;
}

void wiring_order_free(WiringOrder *order)
{
    free(order->nodes), free(order->phases);
    *order = (WiringOrder){0};
}
