/* terms.c: a node in words, and the largest terms of the sum that reaches it: for messages about values
 * that are no longer finite or move too fast (contract in terms.h).
 */
#include "common/plural.h"
#include "common/taps.h"
#include "net/terms.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { MOST_TERMS = 3, MOST_WEIGHTS = 4 };

typedef struct Text {
    char *at;
    size_t size;
} Text;

/* Appends; what does not fit is cut. */
static void put(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(Text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int used = vsnprintf(t->at, t->size, format, args);
    va_end(args);
    size_t most = t->size ? t->size - 1 : 0, length = used < 0              ? 0
                                                      : (size_t)used < most ? (size_t)used
                                                                            : most;
    t->at += length, t->size -= length;
}

/* ---- names ---- */

static void put_node(Text *t, const NetSet *s, int64_t node)
{
    int64_t stride = s->wiring.size;
    put(t, "%s", s->name);
    for (int d = 0; d < s->wiring.rank; d++) {
        stride /= s->wiring.dim[d];
        put(t, "%s%lld", d ? ", " : "[", (long long)(node / stride % s->wiring.dim[d]));
    }
    if (s->wiring.rank) put(t, "]");
}

/* Of a block of so many rows: its position under scan, the pixel of its map. */
static void put_pixel(Text *t, const NetSet *s, int64_t pixel, int64_t rows)
{
    int64_t pixels = rows / s->positions;
    if (s->positions > 1)
        put(t, " (position %lld of %lld)", (long long)(pixel / pixels + 1), (long long)s->positions);
    if (pixels > 1) put(t, " (pixel %lld of %lld)", (long long)(pixel % pixels + 1), (long long)pixels);
}

void terms_node(const NetSet *s, int64_t node, int64_t pixel, int64_t pixels, char *text, size_t size)
{
    Text t = {text, size};
    put_node(&t, s, node);
    put_pixel(&t, s, pixel, pixels);
}

/* ---- terms ---- */

/* One edge in use: what it is given, and what it adds to the sum; of edges with functions: what it is given.
 */
typedef struct Term {
    const NetBundle *b;
    uint32_t edge;
    double value, weight, size;
} Term;

typedef struct Terms {
    int64_t count;
    double sum;
    Term largest[MOST_TERMS];
} Terms;

static double value_of(const Net *n, const NetBundle *b, const NetMoment *m, uint32_t edge, int64_t pixel)
{
    const NetSet *from = &n->graphs[b->line.graph].sets[b->line.from];
    const float *rows = from->wiring.held ? m->held : m->sent + from->first * n->lanes;
    const Taps *taps = &n->graphs[b->line.graph].taps;
    const int64_t at = b->first ? b->first[b->source[edge]] + taps_step(taps, pixel)
                                : (int64_t)b->source[edge] * from->value_pitch + pixel;
    return (double)rows[at * n->lanes + m->lane];
}

/* Numbers that are not finite count as the largest. */
static double magnitude(double x)
{
    return isfinite(x) ? fabs(x) : INFINITY;
}

static void add_term(Terms *t, Term term)
{
    int64_t at = t->count++;
    t->sum += term.size;
    if (at >= MOST_TERMS) at = MOST_TERMS;
    while (at > 0 && magnitude(term.size) > magnitude(t->largest[at - 1].size)) {
        if (at < MOST_TERMS) t->largest[at] = t->largest[at - 1];
        at--;
    }
    if (at < MOST_TERMS) t->largest[at] = term;
}

/* The rows at the position of row `row` of a block of `rows`, in a block of `others`. */
static Stretch position_of(const NetSet *s, int64_t row, int64_t rows, int64_t others)
{
    int64_t each = others / s->positions;
    return (Stretch){row / (rows / s->positions) * each, each};
}

/* A function may make one pixel of all of its source: then it is told of the largest. */
static int64_t source_pixel(const Net *n, const NetBundle *b, const NetMoment *m, uint32_t edge,
                            int64_t pixel)
{
    const NetSet *sets = n->graphs[b->line.graph].sets;
    int64_t pixels = sets[b->line.from].value_pixels, all = sets[b->line.to].pixels, most;
    if (pixels == all) return pixel;
    Stretch here = position_of(&sets[b->line.from], pixel, all, pixels);
    most = here.from;
    for (int64_t p = here.from; p < here.from + here.count; p++)
        if (magnitude(value_of(n, b, m, edge, p)) > magnitude(value_of(n, b, m, edge, most))) most = p;
    return most;
}

/* Of the edges into a node at one pixel: those that have a function, or those that are a weight, of one sum
 * of the node (port NULL: of all). */
static Terms terms_of(const Net *n, const NetPlace *v, const NetMoment *m, int64_t pixel, bool function,
                      const char *port)
{
    const NetGraph *g = &n->graphs[v->graph];
    Terms t = {0};
    for (int i = 0; i < g->bundle_count; i++) {
        const NetBundle *b = &n->bundles[g->first_bundle + i];
        if (b->line.to != v->set || b->line.function != function) continue;
        if (port && strcmp(b->line.port, port) != 0) continue;
        for (uint32_t e = b->row[v->node]; e < b->row[v->node + 1]; e++) {
            Term term = {b, e, value_of(n, b, m, e, source_pixel(n, b, m, e, pixel)), 0, 0};
            if (!function) term.weight = (double)((const float *)b->weight)[e];
            term.size = function ? term.value : term.weight * term.value;
            add_term(&t, term);
        }
    }
    return t;
}

/* The pixel of the sum that belongs to that of a value, or, where both have other sizes, the one where the
 * sum is largest. */
static int64_t pixel_of(const Net *n, const NetPlace *v, const NetMoment *m)
{
    const NetSet *s = &n->graphs[v->graph].sets[v->set];
    double size = -1;
    if (s->pixels == v->pixels) return v->pixel;
    Stretch here = position_of(s, v->pixel, v->pixels, s->pixels);
    int64_t most = here.from;
    for (int64_t p = here.from; p < here.from + here.count; p++) {
        double sum = magnitude(terms_of(n, v, m, p, false, NULL).sum);
        if (sum > size) size = sum, most = p;
    }
    return most;
}

/* ---- words ---- */

/* Processors make NaN with a sign, which means nothing. */
static double positive_nan(double x)
{
    return isnan(x) ? (double)NAN : x;
}

static void put_source(Text *t, const Net *n, const Term *x)
{
    put_node(t, &n->graphs[x->b->line.graph].sets[x->b->line.from], x->b->source[x->edge]);
}

static void put_weighted(Text *t, const Net *n, const Terms *all, bool some)
{
    put(t, "%.4g, over %lld edge%s in use%s; %s: ", positive_nan(all->sum), (long long)all->count,
        plural(all->count, "s"), some ? " without a function" : "",
        all->count > MOST_TERMS ? "the largest terms"
        : all->count == 1       ? "its term"
                                : "its terms");
    for (int i = 0; i < MOST_TERMS && i < all->count; i++) {
        const Term *x = &all->largest[i];
        put(t, "%s%.4g = %.4g * %.4g from ", i ? ", " : "", positive_nan(x->size), x->weight,
            positive_nan(x->value));
        put_source(t, n, x);
    }
}

/* The weights of one edge: the last part of their names, of an array the first element. */
static void put_weights(Text *t, const Net *n, const Term *x)
{
    const NetBundle *b = x->b;
    for (int i = 0; i < b->line.weight_count && i < MOST_WEIGHTS; i++) {
        const NetParam *p = b->weights[i];
        int64_t each = net_components(b, p);
        const char *dot = strrchr(p->name, '.');
        put(t, "%s%s%s = %.4g", i ? ", " : " (", dot ? dot + 1 : p->name, each > 1 ? "[0]" : "",
            (double)n->weights[p->offset + net_candidate(b, x->edge) * each]);
    }
    if (b->line.weight_count) put(t, ")");
}

static void put_functions(Text *t, const Net *n, const Terms *all)
{
    for (int i = 0; i < MOST_TERMS && i < all->count; i++) {
        put(t, "%s%.4g from ", i ? ", " : "", positive_nan(all->largest[i].value));
        put_source(t, n, &all->largest[i]);
        put_weights(t, n, &all->largest[i]);
    }
}

/* Is line `i` of the graph the first of edges that are a weight into this sum? */
static bool begins_sum(const Net *n, const NetPlace *v, int i)
{
    const NetBundle *lines = n->bundles + n->graphs[v->graph].first_bundle;
    if (lines[i].line.to != v->set || lines[i].line.function) return false;
    for (int k = 0; k < i; k++)
        if (lines[k].line.to == v->set && !lines[k].line.function &&
            strcmp(lines[k].line.port, lines[i].line.port) == 0)
            return false;
    return true;
}

/* The sums of weighted edges, one after another. */
static void put_sums(Text *t, const Net *n, const NetPlace *v, const NetMoment *m, const char *when,
                     bool functions)
{
    const NetGraph *g = &n->graphs[v->graph];
    const NetSet *s = &g->sets[v->set];
    const int64_t pixel = pixel_of(n, v, m);
    bool some = false;
    for (int i = 0; i < g->bundle_count; i++) {
        const char *port = n->bundles[g->first_bundle + i].line.port;
        if (!begins_sum(n, v, i)) continue;
        const Terms weighted = terms_of(n, v, m, pixel, false, port);
        if (!weighted.count) continue;
        put(t, "%sthe sum ", some ? "; " : "");
        if (*port) put(t, "'%s' ", port);
        put(t, "of ");
        put_node(t, s, v->node);
        put_pixel(t, s, pixel, s->pixels);
        put(t, "%s is ", when);
        put_weighted(t, n, &weighted, functions);
        some = true;
    }
}

void terms_note(const Net *n, const NetPlace *v, const NetMoment *m, const char *when, char *text,
                size_t size)
{
    const NetSet *s = &n->graphs[v->graph].sets[v->set];
    Text t = {text, size};
    int64_t pixel = pixel_of(n, v, m);
    Terms weighted = terms_of(n, v, m, pixel, false, NULL), functions = terms_of(n, v, m, pixel, true, NULL);
    if (!weighted.count && !functions.count) {
        put(&t, "no edge in use leads into ");
        put_node(&t, s, v->node);
        put(&t, ": its value depends on its function only");
        return;
    }
    put_sums(&t, n, v, m, when, functions.count > 0);
    if (!functions.count) return;
    put(&t, "%s%lld edge%s with a function lead%s ", weighted.count ? "; " : "", (long long)functions.count,
        plural(functions.count, "s"), functions.count == 1 ? "s" : "");
    if (weighted.count) put(&t, "there, too");
    else {
        put(&t, "into ");
        put_node(&t, s, v->node);
    }
    put(&t, "; their largest values%s: ", weighted.count ? "" : when);
    put_functions(&t, n, &functions);
}
