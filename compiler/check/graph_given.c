/* graph_given.c: `in SOURCE`: candidates among the pairs that a file lists or a generator draws.
 *
 * A source says pairs of numbers. At each end of a line the nodes are numbered, row by row, by the indices
 * that have a name which the other end has not; where there is none, by all that have no name. An index that
 * both ends name is equal, and others are any: so one pair (3, 5) stands for many edges. These are listed
 * here, by target, sources ascending.
 */
#include "check/graph.h"
#include <stdlib.h>

enum { MOST_GIVEN = 64000000 }; /* pairs of nodes; the program holds 4 bytes of each */

bool few_pairs(Check *k, Span span, double count)
{
    if (count <= MOST_GIVEN) return true;
    diag_add(k->diags, E_MEMORY, span,
             "these are %.0f pairs of nodes, which the program would hold; the most is %d", count,
             MOST_GIVEN);
    return false;
}

/* ---- which index numbers ---- */

typedef enum IndexUse { INDEX_NUMBERS, INDEX_EQUAL, INDEX_ANY } IndexUse;
typedef struct End {
    int rank;
    int64_t dim[MAX_RANK];
    IndexUse use[MAX_RANK];
    int equal[MAX_RANK]; /* INDEX_EQUAL: to this index of the other end */
} End;

static const char *index_name(const NodeRef *r, int i)
{
    return i < r->indices.count && strcmp(r->indices.at[i].text, "_") != 0 ? r->indices.at[i].text : NULL;
}

static int named_alike(const NodeRef *r, const char *name)
{
    for (int i = 0; i < r->indices.count; i++)
        if (strcmp(r->indices.at[i].text, name) == 0) return i;
    return -1;
}

static End line_end(const NodeSet *s, const NodeRef *here, const NodeRef *there)
{
    End e = {.rank = s->shape.rank};
    bool named = false;
    for (int i = 0; i < e.rank; i++) {
        const char *name = index_name(here, i);
        e.dim[i] = s->shape.dim[i];
        e.equal[i] = name ? named_alike(there, name) : -1;
        e.use[i] = e.equal[i] >= 0 ? INDEX_EQUAL : name ? INDEX_NUMBERS : INDEX_ANY;
        named |= e.use[i] == INDEX_NUMBERS;
    }
    for (int i = 0; i < e.rank && !named; i++)
        if (e.use[i] == INDEX_ANY) e.use[i] = INDEX_NUMBERS;
    return e;
}

static int64_t numbers_of(const End *e)
{
    int64_t n = 1;
    for (int i = 0; i < e->rank; i++) n *= e->use[i] == INDEX_NUMBERS ? e->dim[i] : 1;
    return n;
}

/* h, or h[i] where index i alone numbers its nodes. */
static const char *numbered_name(Check *k, const End *e, const NodeRef *r)
{
    const char *text = "";
    bool all = true;
    for (int i = 0; i < e->rank; i++) {
        if (e->use[i] == INDEX_NUMBERS)
            text = arena_printf(k->perm, "%s%s%s", text, *text ? ", " : "",
                                index_name(r, i) ? index_name(r, i) : "_");
        else all = false;
    }
    return all || !*text ? r->set.text : arena_printf(k->perm, "%s[%s]", r->set.text, text);
}

/* ---- by target, sources ascending ---- */

typedef struct Pair {
    uint32_t source, row; /* row: of the source of pairs */
} Pair;

static int compare_pairs(const void *left, const void *right)
{
    const Pair *a = left, *b = right;
    if (a->source != b->source) return a->source < b->source ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static bool twice(Check *k, const Pairs *all, const Pair *p)
{
    const uint32_t first = all->place[p[0].row], second = all->place[p[1].row];
    Diag *d = diag_add(k->diags, E_PAIRS, (Span){all->file, second, second + 1},
                       "the edge from %u to %u stands twice in the file", p->source, all->number[1][p->row]);
    diag_note(d, (Span){all->file, first, first + 1}, "the first is here");
    return false;
}

/* Pairs of numbers: those of target number t are pairs[row[t]] up to pairs[row[t + 1]]. */
typedef struct Sorted {
    Pair *pairs;
    int64_t *row;
} Sorted;

static bool sort_pairs(Check *k, const Pairs *p, Sorted *out)
{
    const int64_t targets = p->numbers[1];
    Pair *pairs = NEW_ARRAY(k->perm, Pair, (size_t)p->count + 1);
    int64_t *row = NEW_ARRAY(k->perm, int64_t, (size_t)targets + 2);
    for (int64_t i = 0; i < p->count; i++) row[p->number[1][i] + 2]++;
    for (int64_t t = 0; t < targets; t++) row[t + 2] += row[t + 1];
    for (int64_t i = 0; i < p->count; i++)
        pairs[row[p->number[1][i] + 1]++] = (Pair){p->number[0][i], (uint32_t)i};
    for (int64_t t = 0; t < targets; t++) {
        qsort(pairs + row[t], (size_t)(row[t + 1] - row[t]), sizeof *pairs, compare_pairs);
        for (int64_t i = row[t] + 1; i < row[t + 1]; i++)
            if (pairs[i].source == pairs[i - 1].source) return twice(k, p, &pairs[i - 1]);
    }
    *out = (Sorted){pairs, row};
    return true;
}

/* ---- pairs of nodes ---- */

static void node_indices(const End *e, int64_t node, int64_t *index)
{
    for (int i = e->rank - 1; i >= 0; i--) index[i] = node % e->dim[i], node /= e->dim[i];
}

static int64_t number_of(const End *e, const int64_t *index)
{
    int64_t n = 0;
    for (int i = 0; i < e->rank; i++)
        if (e->use[i] == INDEX_NUMBERS) n = n * e->dim[i] + index[i];
    return n;
}

/* Appends the sources of this number that agree with the target; `out` NULL: counts them. */
static int64_t matching(const End *e, Pair pair, const int64_t *target, Pair *out)
{
    int64_t index[MAX_RANK] = {0}, number = pair.source, count = 1;
    for (int i = e->rank - 1; i >= 0; i--) {
        if (e->use[i] == INDEX_NUMBERS) index[i] = number % e->dim[i], number /= e->dim[i];
        else if (e->use[i] == INDEX_EQUAL) index[i] = target[e->equal[i]];
        else count *= e->dim[i];
        if (index[i] >= e->dim[i]) return 0;
    }
    for (int64_t n = 0; out && n < count; n++) {
        int64_t rest = n, node = 0;
        for (int i = e->rank - 1; i >= 0; i--)
            if (e->use[i] == INDEX_ANY) index[i] = rest % e->dim[i], rest /= e->dim[i];
        for (int i = 0; i < e->rank; i++) node = node * e->dim[i] + index[i];
        out[n] = (Pair){(uint32_t)node, pair.row};
    }
    return count;
}

/* The sources of all targets, one target after another; `out` NULL: counts them. */
static int64_t spread(const End *from, const End *to, const Sorted *s, Candidates *into, Pair *out)
{
    int64_t index[MAX_RANK], count = 0;
    for (int64_t t = 0; t < into->targets; t++) {
        node_indices(to, t, index);
        const int64_t number = number_of(to, index), first = count;
        for (int64_t i = s->row[number]; i < s->row[number + 1]; i++)
            count += matching(from, s->pairs[i], index, out ? out + count : NULL);
        if (!out) continue;
        into->row[t] = first;
        qsort(out + first, (size_t)(count - first), sizeof *out, compare_pairs);
    }
    return count;
}

static GivenEdges *spread_pairs(Check *k, const End *ends, const Pairs *p, const Bundle *u, const Graph *g)
{
    Sorted sorted;
    GivenEdges *out = NEW(k->perm, GivenEdges);
    if (!sort_pairs(k, p, &sorted)) return NULL;
    Candidates *c = &out->pairs;
    *c = (Candidates){
        .form = CANDIDATES_LIST, .targets = g->sets.at[u->to].size, .sources = g->sets.at[u->from].size};
    c->count = spread(&ends[0], &ends[1], &sorted, c, NULL);
    if (!few_pairs(k, u->span, (double)c->count)) return NULL;
    c->row = NEW_ARRAY(k->perm, int64_t, (size_t)c->targets + 1);
    c->source = NEW_ARRAY(k->perm, uint32_t, (size_t)c->count + 1);
    Pair *pairs = NEW_ARRAY(k->perm, Pair, (size_t)c->count + 1);
    c->row[c->targets] = spread(&ends[0], &ends[1], &sorted, c, pairs);
    out->file = p->file;
    out->places = p->weight ? NEW_ARRAY(k->perm, uint32_t, (size_t)c->count + 1) : NULL;
    out->weights = p->weight ? NEW_ARRAY(k->perm, float, (size_t)c->count + 1) : NULL;
    for (int64_t i = 0; i < c->count; i++) {
        c->source[i] = pairs[i].source;
        if (p->weight) out->weights[i] = p->weight[pairs[i].row], out->places[i] = p->place[pairs[i].row];
    }
    return out;
}

bool pairs_of(Check *k, const Val *source, Pairs *p)
{
    if (source->kind == VAL_CALL && source->builtin->kind == KIND_PAIRS)
        return source->builtin->id == BUILTIN_file ? file_pairs(k, source, p) : generated_pairs(k, source, p);
    if (val_is_poison(source)) return false;
    Diag *d = diag_add(k->diags, E_KIND, source->span,
                       "a file or a generator says which pairs there are; this is %s", val_kind_text(source));
    if (source->kind == VAL_STRING)
        diag_fix(d, source->span, arena_printf(k->perm, "file(\"%s\")", source->text), "write ", "");
    else diag_help(d, "such as: in file(\"edges.csv\"), or in watts_strogatz(4, 75%%)");
    return false;
}

const GivenEdges *given_edges(Check *k, const Graph *g, Scope *scope, const EdgeLine *line, const Bundle *u)
{
    const NodeRef *refs[2] = {&line->from, &line->to};
    const NodeSet *sets[2] = {&g->sets.at[u->from], &g->sets.at[u->to]};
    End ends[2];
    Pairs p = {0};
    for (int i = 0; i < 2; i++) {
        ends[i] = line_end(sets[i], refs[i], refs[1 - i]);
        p.names[i] = numbered_name(k, &ends[i], refs[i]);
        p.spans[i] = sets[i]->span;
        p.numbers[i] = numbers_of(&ends[i]);
    }
    const Val *source = described(k, check_expr(k, scope, line->in));
    return pairs_of(k, source, &p) ? spread_pairs(k, ends, &p, u, g) : NULL;
}

/* ---- first weights ---- */

/* Can its edges take a weight from the file? */
static bool takes_weight(Check *k, const Bundle *u)
{
    if (u->weight && !u->fixed) return true;
    Diag *d = diag_add(
        k->diags, E_PAIRS, u->span,
        "the file gives each edge a weight, and '%s' has %s single weight of an edge that could be it",
        u->edge->name, u->weights.count > 1 ? "more than one" : "no");
    diag_help(d, "%s",
              u->weights.count > 1 ? "name it after a budget: keep all by w"
                                   : "leave the third column out, or give the function a weight");
    return false;
}

static bool in_range(Check *k, const Bundle *u, int64_t pair)
{
    const double x = (double)u->given->weights[pair];
    const Tensor *p = u->weight;
    if (!p->clamped || (x >= p->low && x <= p->high)) return true;
    const uint32_t at = u->given->places[pair];
    Diag *d = diag_add(k->diags, E_PAIRS, (Span){u->given->file, at, at + 1},
                       "the weight %g of this edge is not in its range, %g .. %g", x, p->low, p->high);
    diag_note(d, p->span, "it is declared here");
    return false;
}

void start_given(Check *k, Graph *g)
{
    for (int b = 0; b < g->bundles.count; b++) {
        Bundle *u = &g->bundles.at[b];
        if (!u->given || !u->given->weights || !takes_weight(k, u)) continue;
        const Candidates *pairs = &u->given->pairs;
        float *start = NEW_ARRAY(k->perm, float, (size_t)u->candidates.count + 1);
        for (int64_t t = 0; t < pairs->targets; t++)
            for (int64_t i = pairs->row[t]; i < pairs->row[t + 1]; i++) {
                const int64_t n = candidates_number(&u->candidates, t, pairs->source[i]);
                if (n < 0) continue;
                if (!in_range(k, u, i)) return;
                start[n] = u->given->weights[i];
            }
        u->weight->init = (InitSpec){.kind = INIT_GIVEN, .given = start};
    }
}
