/* explain_speed.c: see explain_speed.h.
 *
 * The choices are made elsewhere (lanes.c, wiring.c, choose.c, gradient.c, net_build.c, timed.c);
 * this file calls the same functions and prints the results. A new path of the runtime is added here, too.
 */
#include "driver/explain_speed.h"
#include "driver/list_cost.h"
#include "common/plural.h"
#include "front/ast.h"
#include "kernels/kernel.h"
#include "layout/lanes.h"
#include "layout/live.h"
#include "target/manifest.h"
#include "layout/plan.h"
#include "model/rule.h"
#include "common/blocks.h"
#include "common/optim.h"
#include "layout/timed_rows.h"
#include <string.h>

typedef struct Fact {
    const char *topic, *text;
    Span span;
    bool slow;
} Fact;
typedef Vec(Fact) Facts;

typedef struct GraphSpeed {
    const Graph *g;
    Facts facts;
    double forward, backward, candidates; /* floating-point operations of a sample */
    double candidate_bytes, edge_bytes;   /* in training */
} GraphSpeed;

typedef struct Speed {
    Arena *perm;
    const Sources *sources;
    const Ir *ir;
    const Model *m;
    ListTraining training;
    double tile_bytes, other_forward, other_backward; /* other: outside of graphs */
    Facts facts;
    Vec(GraphSpeed) graphs;
} Speed;

static void add(Speed *s, Facts *facts, const char *topic, Span span, bool slow, const char *text)
{
    vec_push(s->perm, facts, ((Fact){topic, text, span, slow}));
}

static const char *thousands(Arena *a, int64_t n)
{
    if (n < 1000) return arena_printf(a, "%lld", (long long)n);
    return arena_printf(a, "%s,%03lld", thousands(a, n / 1000), (long long)(n % 1000));
}

static const char *amount(Arena *a, double x)
{
    static const char *const unit[] = {"", " k", " M", " G", " T"};
    int i = 0;
    while (x >= 1000 && i < 4) x /= 1000, i++;
    return arena_printf(a, "%.3g%s", x, unit[i]);
}

/* ---- arithmetic ---- */

/* Of one sample; a pointwise operator or a term of a sum counts as one, a tap of a filter as two. */
static double value_flop(const Value *v)
{
    double pixels = (double)shape_size(v->shape);
    switch (op_info[v->op].class) {
    case CLASS_POINTWISE: return pixels;
    case CLASS_AXIS: return v->op == IR_REDUCE_SUM ? (double)shape_size(v->args[0]->shape) : 0;
    case CLASS_MAP: break;
    default: return 0;
    }
    if (v->op == IR_CONV || v->op == IR_CONV_INPUT) return 2 * pixels * (double)(v->arg_count - 1);
    if (v->op == IR_CONV_WEIGHT) return 2 * pixels * (double)shape_size(v->args[1]->shape);
    bool window = v->op == IR_POOL_SUM || v->op == IR_POOL_MAX;
    return window ? pixels * (double)(v->window.size * v->window.size) : 0;
}

static double func_flop(const Func *f)
{
    double n = 0;
    for (int i = 0; f && i < f->values.count; i++) n += value_flop(f->values.at[i]);
    return n;
}

static double times_of(const Graph *g)
{
    return (double)(is_timed(g) ? timed_evaluations(g) : graph_copies(g));
}

/* An edge in use costs a multiply-add each way, or its function; a candidate the product of its ends. */
static void bundle_flop(GraphSpeed *x, const Bundle *u)
{
    const EdgeList *l = &x->g->lists.at[u->list];
    const EdgeFn *f = u->edge;
    double pixels = (double)shape_size(x->g->sets.at[u->to].map),
           all = bundle_uses(x->g, u) * live_share(x->g, u) * (f ? 1 : pixels),
           kept = l->candidates ? all * (double)l->kept / (double)l->candidates : 0;
    x->forward += kept * (f ? func_flop(f->fn.forward) + pixels : 2);
    x->backward += kept * (f ? func_flop(f->to_source) + pixels : 2);
    if (f && (f->own || f->shared.count)) x->backward += kept * (func_flop(f->to_own) + pixels);
    const double made = edges_of_used(x->g, u) ? kept : all; /* gradients of candidates */
    if (!edges_fixed(u))
        x->candidates += made * (f ? f->weights.count ? func_flop(f->to_weights) + 1 : 0 : 2);
}

static void graph_flop(const Speed *s, GraphSpeed *x)
{
    const Graph *g = x->g;
    for (int i = 0; i < g->bundles.count; i++) bundle_flop(x, &g->bundles.at[i]);
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *n = &g->sets.at[i];
        double nodes = (double)n->size * times_of(g);
        x->forward += nodes * (func_flop(n->cell.forward) + func_flop(n->send.forward));
        x->backward += nodes * (func_flop(n->cell.back) + func_flop(n->send.back));
    }
    if (!s->training.trains) x->backward = x->candidates = 0;
}

/* What stands between the graphs: layers, loss. */
static void other_flop(Speed *s)
{
    const Func *f = s->training.trains ? s->ir->train : s->ir->infer;
    int loss = f->values.count;
    for (int i = 0; i < f->results.count; i++)
        if (strcmp(f->result_names.at[i], "loss") == 0) loss = f->results.at[i]->id;
    for (int i = 0; i < f->values.count; i++)
        *(i > loss ? &s->other_backward : &s->other_forward) += value_flop(f->values.at[i]);
}

/* ---- what is said ---- */

/* "8 x 8" */
static const char *map_text(Arena *a, Shape s)
{
    return arena_printf(a, "%lld x %lld", (long long)s.dim[0], (long long)s.dim[1]);
}

static const char *function_text(const Speed *s, const NodeSet *n)
{
    const Func *all[] = {n->send.forward, n->cell.forward};
    int filters = 0, others = 0;
    for (int k = 0; k < 2; k++)
        for (int i = 0; all[k] && i < all[k]->values.count; i++) {
            const Value *v = all[k]->values.at[i];
            filters += v->op == IR_CONV;
            others += op_info[v->op].class == CLASS_POINTWISE;
        }
    const char *text = arena_printf(s->perm, "%s: %d pointwise operator%s", n->cell_name ? n->cell_name : "f",
                                    others, plural(others, "s"));
    return filters ? arena_printf(s->perm, "%s, %d filter kernel%s", text, filters, plural(filters, "s"))
                   : text;
}

static void nodes_fact(Speed *s, Facts *facts, const Graph *g, const NodeSet *n)
{
    Arena *a = s->perm;
    bool maps = shape_size(n->map) > 1, function = n->cell.forward != NULL;
    const char *text = arena_printf(a, "%s: %s", n->name, thousands(a, n->size));
    if (maps)
        text = arena_printf(a, "%s with maps of %s, %lld rows each", text, map_text(a, n->map),
                            (long long)n->pixels);
    else if (graph_copies(g) > 1)
        text = arena_printf(a, "%s with numbers, %lld rows each", text, (long long)n->pixels);
    else text = arena_printf(a, "%s with numbers, one row each", text);
    if (graph_copies(g) > 1)
        text = arena_printf(a, "%s for %lld positions", text, (long long)graph_copies(g));
    if (n->rows.pitch > n->pixels)
        text = arena_printf(
            a, "%s and one free row between them (so that they do not compete for the same cache lines)",
            text);
    const char *value = function               ? function_text(s, n)
                        : n->role == SET_INPUT ? "clamped input"
                                               : "plain sums";
    add(s, facts, "nodes", n->span, false, arena_printf(a, "%s; %s", text, value));
}

/* The lines whose gradients are products, in fields as the runtime makes them. */
static Field *graph_fields(Speed *s, const Graph *g, int *count)
{
    Vec(FieldLine) lines = {0};
    for (int i = 0; i < g->bundles.count && s->training.trains; i++) {
        const Bundle *u = &g->bundles.at[i];
        const EdgeRows r = manifest_edge_rows(s->ir, g, u);
        if (r.source < 0 || u->edge || u->candidates.count == 0 || edges_of_used(g, u)) continue;
        vec_push(s->perm, &lines,
                 ((FieldLine){i, manifest_edge_kind(s->ir, g, i), &u->candidates, r.target, r.target_pitch,
                              r.source, r.source_pitch}));
    }
    return fields_build(lines.at, lines.count, count);
}

/* Of one line: the field it is in, and the share of its products that belongs to candidates. */
typedef struct LineField {
    const char *others; /* lines in the same field */
    double useful;
} LineField;

static LineField line_field(Speed *s, const Graph *g, int bundle)
{
    LineField l = {"", 1};
    int count;
    Field *fields = graph_fields(s, g, &count);
    for (Field *f = fields; fields && f < fields + count; f++) {
        double candidates = 0, made = field_made(f);
        const char *others = "";
        bool here = false;
        for (const FieldPart *p = f->parts; p < f->parts + f->part_count; p++) {
            const Span span = g->bundles.at[p->line].span;
            const int line = source_place(s->sources, span.file, span.start).line;
            candidates += (double)p->candidates->count, here |= p->line == bundle;
            if (p->line != bundle)
                others = arena_printf(s->perm, "%s%s%d", others, *others ? ", " : "", line);
        }
        if (here && made > 0) l = (LineField){others, candidates / made};
    }
    fields_free(fields, count);
    return l;
}

/* What the rule of a budget leaves out of gradients of candidates: dnw(refresh =, positions =, bf16 =). */
static const char *less_text(const Speed *s, const EdgeList *l)
{
    const char *text = "";
    if (l->rule.refresh > 1)
        text = arena_printf(s->perm, "%s; of edges not in use at one step in %lld", text,
                            (long long)l->rule.refresh);
    if (l->rule.positions > 1)
        text = arena_printf(s->perm, "%s; of edges not in use from one position in %lld", text,
                            (long long)l->rule.positions);
    return l->rule.bf16
               ? arena_printf(
                     s->perm,
                     "%s; of edges not in use with factors in bfloat16, if the processor supports it", text)
               : text;
}

/* `gradient = used and top(PART) by SCORE` */
static bool more_learn(const Graph *g, const Bundle *u)
{
    const Rule *r = g->lists.at[u->list].declared;
    return r && r->top_by != NO_FUNCTION;
}

static void gradient_fact(Speed *s, Facts *facts, const Graph *g, const Bundle *u, const char *name)
{
    static const double little = 0.25;
    const char *how;
    bool slow = false;
    if (edges_fixed(u))
        how = u->fixed ? "no gradients: the multiple is known" : "no gradients: the weights are fixed";
    else if (u->edge && !u->weights.count) how = "no gradients of their own: all weights are shared";
    else if (u->edge && !u->edge->weights.count)
        how = "no gradients of their own: the weights are fixed or shared";
    else if (u->edge) how = "generated code, one candidate after another (edges with functions)", slow = true;
    else if (edges_of_used(g, u))
        how = edges_with_dots(g, u) ? "of edges in use only, in the backward pass"
              : more_learn(g, u)    ? "of edges in use and of others that its rule names, by dot products"
                                    : "of edges in use only, by dot products";
    else if (u->candidates.form == CANDIDATES_LIST)
        how = "pair by pair (few candidates, far apart)", slow = true;
    else {
        LineField l = line_field(s, g, (int)(u - g->bundles.at));
        slow = l.useful < little;
        how = arena_printf(s->perm, "matrix products%s%s, %.0f %% of the results are candidates",
                           !*l.others              ? ""
                           : strchr(l.others, ',') ? " together with those of lines "
                                                   : " together with those of line ",
                           l.others, 100 * l.useful);
    }
    const EdgeList *list = &g->lists.at[u->list];
    const bool some =
        list->declared && !list->declared->all_gradients && list->declared->reads >> TERM_GRADIENT & 1;
    const char *less = edges_fixed(u) || u->edge ? ""
                       : some ? "; of all candidates in the steps before events that read them"
                              : less_text(s, list);
    add(s, facts, "gradients", u->span, slow, arena_printf(s->perm, "%s: %s%s", name, how, less));
}

static void edges_facts(Speed *s, Facts *facts, const Graph *g, const Bundle *u)
{
    static const char *const forms[] = {"every pair, nothing stored", "runs of sources", "a list of pairs"};
    const char *name = line_text(s->perm, g, u);
    const bool dense = g->lists.at[u->list].budget.form == KEEP_ALL && u->candidates.form == CANDIDATES_DENSE;
    const char *kernel = u->edge ? "the function, edge by edge"
                         : dense ? "several nodes side by side, which share what is loaded"
                                 : "one fused multiply-add per edge and vector";
    add(s, facts, "edges", u->span, u->edge != NULL,
        arena_printf(s->perm, "%s: %s candidate%s (%s); sums over edges in use: %s", name,
                     thousands(s->perm, u->candidates.count), plural(u->candidates.count, "s"),
                     forms[u->candidates.form], kernel));
    if (s->training.trains && u->candidates.count) gradient_fact(s, facts, g, u, name);
}

/* Do magnitudes decide that stay what they are? */
static bool chosen_once(const Graph *g, int list)
{
    for (int b = list_first(g, list); b < g->bundles.count && g->bundles.at[b].list == list; b++)
        if (!g->bundles.at[b].weight || g->bundles.at[b].weight->learned) return false;
    return g->lists.at[list].budget.form != KEEP_ANNEAL;
}

static void budget_fact(Speed *s, Facts *facts, const Graph *g, int list)
{
    const EdgeList *l = &g->lists.at[list];
    const char *kept = thousands(s->perm, l->together ? l->budget.keep : l->kept), *text,
               *of = arena_printf(s->perm, "%s%s", thousands(s->perm, list_candidates(l)),
                                  l->together ? " in all graphs of the budget" : "");
    bool fan = l->budget.form == KEEP_FAN_IN || l->budget.form == KEEP_FAN_OUT;
    if (l->declared && l->declared->used != NO_FUNCTION)
        text =
            arena_printf(s->perm, "of %s those that rule %s names, behind each step", of, l->declared->text);
    else if (l->budget.form == KEEP_ALL) text = arena_printf(s->perm, "all %s in use, chosen once", of);
    else if (l->rule.kind == RULE_SAMPLE) text = arena_printf(s->perm, "%s of %s, drawn once", kept, of);
    else if (l->declared) text = arena_printf(s->perm, "%s of %s, by rule %s", kept, of, l->declared->text);
    else if (chosen_once(g, list))
        text = arena_printf(s->perm, "%s of %s, chosen once by weights that are fixed", kept, of);
    else if (fan)
        text = arena_printf(
            s->perm, "%s of %s: the strongest of each node, selected node by node at each step", kept, of);
    else
        text = arena_printf(
            s->perm,
            "%s of %s: the threshold is searched near that of the last step, in one pass over the weights",
            kept, of);
    add(s, facts, "budget", l->span, fan && l->rule.kind != RULE_SAMPLE && s->training.trains, text);
}

static void order_fact(Speed *s, Facts *facts, const Graph *g)
{
    enum { FEW = 8 };
    int phases = g->order.phase_count;
    if (is_timed(g) || phases == 0) return;
    double each = (double)g->order.node_count / phases;
    add(s, facts, "order", g->span, phases > g->sets.count && each < FEW,
        arena_printf(s->perm, "%s node%s in %s phase%s, %.3g per kernel call",
                     thousands(s->perm, g->order.node_count), plural(g->order.node_count, "s"),
                     thousands(s->perm, phases), plural(phases, "s"), each));
}

/* The nodes of a set wait at each batch_norm of their function, and once for all of the edges into them. */
static int64_t rounds_of(const Graph *g, int set)
{
    return g->sets.at[set].cell.norms.count + model_edge_norms(g, set);
}

/* A batch_norm in a function needs all samples before the next node runs; in time, at each evaluation. */
static void norms_fact(Speed *s, Facts *facts, const Graph *g)
{
    int64_t rounds = 0, most = 0;
    for (int i = 0; i < g->order.phase_count; i++) rounds += rounds_of(g, g->order.phases[i].set);
    for (int i = 0; i < g->sets.count && is_timed(g); i++)
        most = rounds_of(g, i) > most ? rounds_of(g, i) : most;
    if (is_timed(g)) rounds = most * timed_evaluations(g);
    if (rounds == 0 || !s->training.trains) return;
    add(s, facts, "norms", g->span, true,
        arena_printf(s->perm,
                     "in training %s rounds in each pass: all tiles wait for each other at a batch_norm in a "
                     "function, and its input is computed again",
                     thousands(s->perm, rounds + 1)));
}

static void time_facts(Speed *s, Facts *facts, const Graph *g)
{
    const Time *t = &g->time;
    if (!is_timed(g)) return;
    const char *count =
        t->adaptive
            ? arena_printf(s->perm, "adaptive steps for each sample, %d evaluations per step", t->stages)
            : arena_printf(s->perm, "%s evaluation%s", thousands(s->perm, timed_evaluations(g)),
                           plural(timed_evaluations(g), "s"));
    add(s, facts, "time", g->span, false, arena_printf(s->perm, "%s: %s", t->text, count));
    if (!s->training.trains) return;
    if (t->adjoint)
        add(s, facts, "time", g->span, false,
            "adjoint gradient: nothing is kept, the states are solved again backwards");
    else if (timed_rounds(g))
        add(s, facts, "time", g->span, true,
            arena_printf(
                s->perm,
                "%lld step%s in memory at once (4 MiB per tile); earlier ones are recomputed from "
                "up to %lld state%s kept, and gradients of candidates are accumulated between the windows",
                (long long)t->window, t->window == 1 ? " is" : "s are", (long long)t->saved,
                plural(t->saved, "s")));
    else add(s, facts, "time", g->span, false, "all evaluations are kept for the backward pass");
}

/* Once for lists that are alike; each declared rule has its own numbers. */
static void memory_facts(Speed *s, GraphSpeed *x)
{
    const Graph *g = x->g;
    const char *told = "";
    for (int i = 0; i < g->lists.count; i++) {
        const EdgeBytes b = list_bytes(g, i, &s->training);
        if (b.candidate > x->candidate_bytes) x->candidate_bytes = b.candidate;
        if (b.edge > x->edge_bytes) x->edge_bytes = b.edge;
        const char *text = list_bytes_text(s->perm, g, i, &s->training);
        if (!g->lists.at[i].declared && strcmp(text, told) == 0) continue;
        told = text;
        add(s, &x->facts, "memory", g->lists.at[i].declared ? g->lists.at[i].span : g->span, false, text);
    }
}

static void event_facts(Speed *s, Facts *facts, const Graph *g, int list)
{
    const EdgeList *l = &g->lists.at[list];
    for (int e = 0; l->declared && e < l->declared->events.count; e++)
        add(s, facts, "event", l->span, false, list_event_text(s->perm, g, list, e));
}

static void arithmetic_fact(Speed *s, GraphSpeed *x)
{
    Arena *a = s->perm;
    const char *text = arena_printf(a, "%s flop per sample in the forward pass", amount(a, x->forward));
    if (s->training.trains)
        text = arena_printf(a, "%s, %s in the backward pass, %s for gradients of candidates", text,
                            amount(a, x->backward), amount(a, x->candidates));
    if (x->g->time.adaptive) text = arena_printf(a, "%s (per step)", text);
    add(s, &x->facts, "arithmetic", x->g->span, false, text);
}

static void graph_facts(Speed *s, const Graph *g)
{
    GraphSpeed x = {.g = g};
    graph_flop(s, &x);
    arithmetic_fact(s, &x);
    memory_facts(s, &x);
    time_facts(s, &x.facts, g);
    order_fact(s, &x.facts, g);
    norms_fact(s, &x.facts, g);
    for (int i = 0; i < g->sets.count; i++) nodes_fact(s, &x.facts, g, &g->sets.at[i]);
    for (int i = 0; i < g->bundles.count; i++) edges_facts(s, &x.facts, g, &g->bundles.at[i]);
    for (int i = 0; i < g->lists.count; i++) {
        budget_fact(s, &x.facts, g, i);
        if (s->training.trains) event_facts(s, &x.facts, g, i);
    }
    vec_push(s->perm, &s->graphs, x);
}

/* ---- the model ---- */

static void update_fact(Speed *s)
{
    const ListTraining *t = &s->training;
    if (!t->trains) return;
    const bool clip = t->optim.clip > 0;
    const char *text =
        t->read ? "gradients of candidates are stored: a declared rule reads them"
        : t->functions
            ? "gradients of candidates are stored, and checked before any weight changes: edges with "
              "functions"
        : clip ? "gradients of candidates are stored: clip needs the norm of all before any weight changes"
        : t->few
            ? "gradients of candidates are stored, and checked before any weight changes: they are fewer "
              "than the values they are computed from"
            : "the weights of a block are updated as soon as its gradients are known; gradients are not "
              "stored";
    add(s, &s->facts, "update", SPAN_NONE, clip || t->functions, text);
}

static void tile_fact(Speed *s, const CompileOptions *o)
{
    const Tiling any = {0, target_is_wide(o->cpu), INT64_MAX};
    const Plan *p = s->training.trains ? s->ir->train_plan : s->ir->infer_plan;
    int lanes = s->m->lanes;
    const char *why = o->lanes ? "set by --lanes"
                      : lanes < model_lanes(s->m, &any)
                          ? "for these small batches: a tile that is not full costs as much as a full one"
                      : lanes == MAX_LANES ? "nodes are numbers: four vectors per pass over a list of edges"
                                           : "nodes carry maps: one vector, to keep the tile small";
    static const double mib = 1024 * 1024;
    s->tile_bytes = (double)p->rows * lanes * 4;
    bool large = s->tile_bytes >= mib;
    add(s, &s->facts, "tile", SPAN_NONE, o->lanes == 1,
        arena_printf(s->perm, "%d sample%s, %s rows, %.3g %s, and %s rows of each thread (%s)", lanes,
                     plural(lanes, "s"), thousands(s->perm, p->rows), s->tile_bytes / (large ? mib : 1024),
                     large ? "MiB" : "KiB", thousands(s->perm, p->local_rows), why));
}

static Speed *explain(const Compilation *c)
{
    Speed *s = NEW(c->perm, Speed);
    *s = (Speed){.perm = c->perm,
                 .sources = c->sources,
                 .ir = c->ir,
                 .m = c->model,
                 .training = list_training(c->model, c->ir->train_plan)};
    tile_fact(s, &c->options);
    update_fact(s);
    other_flop(s);
    const char *other =
        arena_printf(s->perm, "%s flop per sample in the forward pass%s", amount(s->perm, s->other_forward),
                     s->training.trains ? arena_printf(s->perm, ", %s in the backward pass",
                                                       amount(s->perm, s->other_backward))
                                        : "");
    add(s, &s->facts, "outside", SPAN_NONE, false,
        arena_printf(s->perm, "outside of graphs: %s, loops fused", other));
    for (int i = 0; i < s->m->graphs.count; i++) graph_facts(s, s->m->graphs.at[i]);
    return s;
}

/* ---- text and JSON ---- */

static void print_facts(const Speed *s, const Facts *facts, FILE *out, int *slow)
{
    for (int i = 0; i < facts->count; i++) {
        const Fact *f = &facts->at[i];
        const SourceFile *file = sources_file(s->sources, f->span.file);
        const char *line = file ? arena_printf(s->perm, "line %d",
                                               source_place(s->sources, f->span.file, f->span.start).line)
                                : "";
        fprintf(out, "%c %-10s %-9s %s\n", f->slow ? '!' : ' ', f->topic, line, f->text);
        *slow += f->slow;
    }
}

void explain_speed(const Compilation *c, FILE *out)
{
    const Speed *s = explain(c);
    int slow = 0;
    fprintf(out, "\n%s, model %s\n", s->m->source, s->m->name);
    print_facts(s, &s->facts, out, &slow);
    for (int i = 0; i < s->graphs.count; i++) {
        fprintf(out, "\ngraph %s\n", s->graphs.at[i].g->name);
        print_facts(s, &s->graphs.at[i].facts, out, &slow);
    }
    if (slow)
        fprintf(out, "\n%d line%s with ! show%s what is slow\n", slow, plural(slow, "s"),
                slow == 1 ? "s" : "");
    else fputs("\nno slow paths\n", out);
}

static json_t *facts_json(const Speed *s, const Facts *facts)
{
    json_t *all = json_array();
    for (int i = 0; i < facts->count; i++) {
        const Fact *f = &facts->at[i];
        const SourceFile *file = sources_file(s->sources, f->span.file);
        json_t *j = json_pack("{s:s, s:s, s:b}", "topic", f->topic, "text", f->text, "slow", (int)f->slow);
        if (file) {
            json_object_set_new(j, "file", json_string(file->path));
            json_object_set_new(j, "line",
                                json_integer(source_place(s->sources, f->span.file, f->span.start).line));
        }
        json_array_append_new(all, j);
    }
    return all;
}

json_t *explain_speed_json(const Compilation *c)
{
    const Speed *s = explain(c);
    json_t *graphs = json_object();
    for (int i = 0; i < s->graphs.count; i++) {
        const GraphSpeed *x = &s->graphs.at[i];
        json_t *flop = json_pack("{s:f, s:f, s:f}", "forward", x->forward, "backward", x->backward,
                                 "candidates", x->candidates);
        json_object_set_new(graphs, x->g->name,
                            json_pack("{s:o, s:f, s:f, s:o}", "flop", flop, "bytes_per_candidate",
                                      x->candidate_bytes, "bytes_per_edge", x->edge_bytes, "facts",
                                      facts_json(s, &x->facts)));
    }
    return json_pack("{s:i, s:f, s:{s:f, s:f}, s:o, s:o}", "lanes", s->m->lanes, "tile_bytes", s->tile_bytes,
                     "flop", "forward", s->other_forward, "backward", s->other_backward, "facts",
                     facts_json(s, &s->facts), "graphs", graphs);
}
