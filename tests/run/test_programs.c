/* test_programs.c: each *.dnw of this folder, compiled and loaded, against the reference interpreter.
 *
 * Weights at the start, candidates, order of nodes, edges in use, and for batches that fill tiles in every
 * way: loss, outputs of training and use, gradients of all parameters and candidates, kept statistics; in
 * float and in double. Then what must not matter: optimisation of the code, threads, and a second run. A new
 * program is a new file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "front/builtin.h"
#include "built.h"
#include "common/rng.h"

enum { MOST = 130, STEPS = 5 };
static const int64_t sizes[] = {1, 3, 64, 65, MOST};
static const double epochs[] = {0, 1.3, 4, 1e9}; /* of budgets that anneal */

/* ---- start and structure ---- */

static void expect_same_start(const Net *n, const Model *m, uint64_t seed)
{
    double *want = calloc((size_t)m->param_total + 1, sizeof *want);
    eval_init(m, seed, want);
    for (int i = 0; i < n->param_count; i++)
        for (int64_t k = 0; k < n->params[i].size; k++) {
            const int64_t from = built_element(n, i, k);
            const double got = (double)n->weights[n->params[i].offset + k];
            if (from >= 0 && got != want[m->params.at[i]->offset + from])
                fail_msg("%s[%lld] starts as %g, not %g", n->params[i].name, (long long)k, got,
                         want[m->params.at[i]->offset + from]);
        }
    free(want);
}

static void expect_same_candidates(const Candidates *a, const Candidates *b)
{
    assert_int_equal(a->form, b->form);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->targets, b->targets);
    assert_int_equal(a->sources, b->sources);
    for (int64_t t = 0; t < a->targets; t++) {
        CandidateRun x, y;
        for (int64_t r = 0;; r++) {
            bool more = candidates_run(a, t, r, &x);
            assert_int_equal(more, candidates_run(b, t, r, &y));
            if (!more) break;
            assert_int_equal(x.first, y.first);
            assert_int_equal(x.source, y.source);
            assert_int_equal(x.length, y.length);
        }
    }
}

static void expect_same_order(const WiringOrder *a, const WiringOrder *b)
{
    assert_int_equal(a->phase_count, b->phase_count);
    assert_int_equal(a->node_count, b->node_count);
    for (int p = 0; p < a->phase_count; p++) {
        assert_int_equal(a->phases[p].set, b->phases[p].set);
        assert_int_equal(a->phases[p].first, b->phases[p].first);
        assert_int_equal(a->phases[p].count, b->phases[p].count);
    }
    if (a->node_count) assert_memory_equal(a->nodes, b->nodes, (size_t)a->node_count * sizeof *a->nodes);
}

static void expect_same_wiring(const Net *n, const Model *m)
{
    assert_int_equal(n->graph_count, m->graphs.count);
    for (int g = 0; g < n->graph_count; g++) {
        const Graph *graph = m->graphs.at[g];
        expect_same_order(n->graphs[g].order, &graph->order);
        assert_int_equal(n->graphs[g].bundle_count, graph->bundles.count);
        for (int b = 0; b < graph->bundles.count; b++)
            expect_same_candidates(&n->bundles[graph->first_bundle + b].legal,
                                   &graph->bundles.at[b].candidates);
    }
}

static void expect_by_source(const NetBundle *b, uint32_t n)
{
    const Candidates *c = &b->candidates;
    uint32_t m = 0;
    uint8_t *seen = calloc((size_t)n + 1, 1);
    for (int64_t s = 0; s < c->sources; s++) {
        assert_int_equal(b->column[s], m);
        for (; m < b->column[s + 1]; m++) {
            uint32_t e = b->order_back[m];
            assert_true(e < n && !seen[e]++);
            assert_int_equal(b->source[e], s);
            assert_true(b->row[b->target[m]] <= e && e < b->row[b->target[m] + 1]);
            assert_true(m == b->column[s] || b->target[m - 1] < b->target[m]);
        }
    }
    assert_int_equal(m, n);
    free(seen);
}

/* The lists that the kernels read: edges in use by target, sources ascending; the same by source, targets
 * ascending, where anything goes back. */
static void expect_lists(const NetBundle *b)
{
    const Candidates *c = &b->candidates;
    uint32_t n = 0;
    for (int64_t t = 0; t < c->targets; t++) {
        assert_int_equal(b->row[t], n);
        for (int64_t i = candidates_row(c, t); i < candidates_row(c, t + 1); i++) {
            if (!b->kept[i]) continue;
            assert_int_equal(net_candidate(b, n), i);
            assert_int_equal(b->source[n++], candidates_source(c, t, i));
        }
    }
    assert_int_equal(b->row[c->targets], n);
    if (b->line.back) expect_by_source(b, n);
}

static void expect_same_choice(const Net *n, const Built *b, double epoch)
{
    Arena *tmp = arena_new();
    EvalContext c = built_context(tmp, n, b, epoch);
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *u = &n->bundles[i];
        const uint8_t *want = c.kept[u->line.graph][i - n->graphs[u->line.graph].first_bundle];
        const uint8_t *kept = built_marks(tmp, u);
        for (int64_t k = 0; k < u->legal.count; k++)
            if (kept[k] != want[k])
                fail_msg("epoch %g: candidate %lld of %s is %s", epoch, (long long)k, u->line.name,
                         want[k] ? "not in use" : "in use");
        expect_lists(u);
    }
    arena_free(tmp);
}

/* ---- numbers ---- */

static void expect_near(const char *path, const char *what, int64_t count, const Results *x, const Results *y,
                        double tolerance)
{
    const char *worst;
    double d = built_distance(x, y, &worst);
    if (!(d <= tolerance))
        fail_msg("%s: %s, %lld samples: '%s' is off by %.2e", path, what, (long long)count, worst, d);
}

static void expect_same_numbers(const char *path, const Built *b, Net *f32, Net *f64, const Data *d)
{
    int64_t order[MOST];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Arena *tmp = arena_new();
        rng_permutation(3, RNG_SHUFFLE, i, MOST, order);
        Results *want = built_reference(tmp, f32, b, d, order, sizes[i], 1e9);
        Results *x = built_run(tmp, f32, d, order, sizes[i]), *y = built_run(tmp, f64, d, order, sizes[i]);
        expect_near(path, "float", sizes[i], built_fill_unused(tmp, f32, x, want), want, 1e-4);
        expect_near(path, "double", sizes[i], y, want, 1e-10);
        assert_int_equal(x->correct, want->correct);
        assert_int_equal(y->correct, want->correct);
        arena_free(tmp);
    }
}

/* net_predict and net_eval_step give what the function `infer` gives. */
static void expect_same_use(Net *n, const Data *d)
{
    Arena *tmp = arena_new();
    int64_t order[MOST];
    float *y = NEW_ARRAY(tmp, float, (size_t)(MOST * n->outputs));
    for (int64_t i = 0; i < MOST; i++) order[i] = i;
    Results *r = built_run(tmp, n, d, order, MOST);
    assert_true(net_eval_step(n, d, &d->test, 0, MOST).loss == r->all.at[0].values[0] / MOST);
    if (d->train.floats) {
        assert_true(net_predict(n, d->train.floats, MOST, y, NULL));
        assert_string_equal(r->all.at[1].name, "infer output");
        for (int64_t i = 0; i < MOST * n->outputs; i++) assert_true((double)y[i] == r->all.at[1].values[i]);
    }
    arena_free(tmp);
}

static void expect_same_unoptimised(const char *path, Net *n, const Data *d)
{
    Built plain;
    Arena *tmp = arena_new();
    int64_t order[MOST];
    rng_permutation(5, RNG_SHUFFLE, 0, MOST, order);
    assert_true(built_open(&plain, path, 0));
    Net *other = built_net(&plain, false, MOST, 1, 1);
    memcpy(other->weights, n->weights, (size_t)n->param_total * sizeof *n->weights);
    net_choose(other, 1e9);
    expect_near(path, "-O0 and -O3", 65, built_run(tmp, n, d, order, 65), built_run(tmp, other, d, order, 65),
                1e-5);
    net_free(other);
    built_close(&plain);
    arena_free(tmp);
}

/* ---- training ---- */

static void train(Net *n, const Data *d)
{
    int64_t order[MOST];
    for (int64_t step = 0; step < STEPS; step++) {
        rng_permutation(9, RNG_SHUFFLE, (uint64_t)step, MOST, order);
        NetStep r = net_train_step(n, (NetSamples){d, &d->train, order, MOST},
                                   (NetPosition){0.02, step, 0.9 * (double)step, 0});
        if (!r.finite) fail_msg("step %lld: %s is not finite", (long long)step, r.bad);
    }
}

static bool same_tensors(const Net *a, const Net *b)
{
    assert_int_equal(net_tensor_count(a), net_tensor_count(b));
    for (int i = 0; i < net_tensor_count(a); i++) {
        const NetTensor *x = net_tensor(a, i), *y = net_tensor(b, i);
        size_t bytes = (size_t)(x->size * net_element(x->kind));
        if (memcmp(x->data, y->data, bytes) != 0) return print_message("%s differs\n", x->name), false;
    }
    return true;
}

static void expect_clamped(const Net *n)
{
    for (int i = 0; i < n->param_count; i++)
        for (int64_t k = 0; n->params[i].clamped && k < n->params[i].size; k++) {
            float w = n->weights[n->params[i].offset + k];
            assert_true(w >= (float)n->params[i].low && w <= (float)n->params[i].high);
        }
}

/* Weights of a line that never come into use stay, where it has gradients of edges in use alone. */
static bool stays(const Net *n, const NetParam *p, int64_t k)
{
    for (int i = 0; i < n->bundle_count; i++)
        for (int w = 0; w < n->bundles[i].line.weight_count && gradient_of_used(n, &n->bundles[i]); w++)
            if (n->bundles[i].weights[w] == p) return !built_learns(n, &n->bundles[i], k);
    return false;
}

/* A number of a tied weight beside the first of its key. */
static bool is_again(const Net *n, int64_t at)
{
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        for (int w = 0; w < b->line.weight_count; w++) {
            const NetParam *p = b->weights[w];
            if (p->tied && p->learned && at >= p->offset && at < p->offset + p->size)
                return !net_tie_leads(net_list_of(n, b),
                                      b->position + (at - p->offset) / net_components(b, p));
        }
    }
    return false;
}

/* Moves the weights of `n` by its optimiser on the gradients given, clipped and clamped as a step should do
 * it. */
static void move_weights(Net *n, const Results *gradients, float *weights)
{
    double squares = 0, clip = n->options.optim->clip, scale = 1;
    for (int i = 0; i < gradients->all.count; i++)
        for (int64_t k = 0; k < gradients->all.at[i].size && strncmp(gradients->all.at[i].name, "d ", 2) == 0;
             k++)
            squares += gradients->all.at[i].values[k] * gradients->all.at[i].values[k];
    for (int64_t k = 0; k < n->param_total; k++)
        if (is_again(n, k)) squares -= (double)((float *)n->grad)[k] * (double)((float *)n->grad)[k];
    if (clip > 0 && sqrt(squares) > clip) scale = clip / sqrt(squares);
    memcpy(weights, n->weights, (size_t)n->param_total * sizeof *weights);
    for (int i = 0; i < n->param_count; i++)
        for (int64_t k = 0; n->params[i].learned && k < n->params[i].size; k++) {
            const NetParam *p = &n->params[i];
            float *w = &weights[p->offset + k], gradient = ((float *)n->grad)[p->offset + k],
                  slot[2] = {0, 0};
            if (stays(n, p, k)) continue;
            optim_update(
                n->options.optim, 1, &(OptimRange){w, &gradient, {&slot[0], &slot[1]}},
                &(OptimStep){0.02 * p->lr, n->options.optim->decay * p->decay, scale, BUILT_STEP + 1});
            if (p->clamped) *w = fminf(fmaxf(*w, (float)p->low), (float)p->high);
        }
}

/* A step is: choose, gradients, optimiser, clamp; to the bit, though it never holds all gradients at once. */
static void expect_one_step(const char *path, const Built *b, const Data *d)
{
    Arena *tmp = arena_new();
    int64_t order[MOST];
    rng_permutation(13, RNG_SHUFFLE, 0, MOST, order);
    Net *n = built_net(b, false, MOST, 1, 2), *stepped = built_net(b, false, MOST, 2, 2);
    built_shake(n, 1), built_shake(stepped, 1);
    float *want = NEW_ARRAY(tmp, float, (size_t)n->param_total + 1);
    const Results *r = built_run(tmp, n, d, order, MOST);
    move_weights(n, r, want);
    NetStep step = net_train_step(stepped, (NetSamples){d, &d->train, order, MOST},
                                  (NetPosition){0.02, BUILT_STEP, 1, 0});
    assert_true(step.finite && step.loss == r->all.at[2].values[0] && step.correct == r->correct);
    for (int i = 0; i < n->param_count; i++)
        for (int64_t k = n->params[i].offset;
             n->params[i].learned && k < n->params[i].offset + n->params[i].size; k++)
            if (memcmp(&stepped->weights[k], &want[k], sizeof(float)) != 0)
                fail_msg("%s: a step moves %s to %.9g, not %.9g", path, n->params[i].name,
                         (double)stepped->weights[k], (double)want[k]);
    net_free(n), net_free(stepped);
    arena_free(tmp);
}

/* Weights differ only if there are any drawn at random. */
static bool draws(const Net *n)
{
    for (int i = 0; i < n->param_count; i++)
        if (n->params[i].init.kind != INIT_CONSTANT && !init_follows(&n->params[i].init)) return true;
    return false;
}

/* One thread and two, one seed twice: the same bits. The trained net agrees with the interpreter as the fresh
 * one did. */
static void expect_same_training(const char *path, const Built *b, const Data *d)
{
    enum { ONE, TWO, AGAIN, OTHER, ALL };
    Net *n[ALL];
    for (int i = 0; i < ALL; i++) {
        n[i] = built_net(b, false, MOST, i == TWO ? 2 : 1, i == OTHER ? 12 : 11);
        train(n[i], d);
    }
    if (!same_tensors(n[ONE], n[TWO])) fail_msg("%s: two threads give other bits", path);
    if (!same_tensors(n[ONE], n[AGAIN])) fail_msg("%s: the same seed gives other bits", path);
    assert_true(draws(n[OTHER]));
    assert_memory_not_equal(n[ONE]->weights, n[OTHER]->weights, (size_t)n[ONE]->param_total * sizeof(float));
    expect_clamped(n[ONE]);
    Net *f64 = built_net(b, true, MOST, 2, 11);
    memcpy(f64->weights, n[ONE]->weights, (size_t)f64->param_total * sizeof(float));
    net_f64_params(f64);
    net_choose(n[ONE], 1e9), net_choose(f64, 1e9);
    expect_same_choice(n[ONE], b, 1e9);
    expect_same_numbers(path, b, n[ONE], f64, d);
    net_free(f64);
    for (int i = 0; i < ALL; i++) net_free(n[i]);
}

/* ---- one program ---- */

static void test_program(void **state)
{
    const char *path = *state;
    Built b;
    if (!built_open(&b, path, 3)) fail_msg("%s was not built", path);
    const Model *m = b.compilation->model;
    Arena *a = arena_new();
    const Data *d = built_data(a, m, MOST, 21);
    Net *f32 = built_net(&b, false, MOST, 1, 1), *f64 = built_net(&b, true, MOST, 2, 1);
    expect_same_start(f32, m, 1);
    expect_same_wiring(f32, m);
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        built_shake(f32, epochs[i]);
        expect_same_choice(f32, &b, epochs[i]);
    }
    memcpy(f64->weights, f32->weights, (size_t)f32->param_total * sizeof(float));
    net_f64_params(f64);
    net_choose(f64, 1e9);
    expect_same_numbers(path, &b, f32, f64, d);
    expect_same_use(f32, d);
    expect_same_unoptimised(path, f32, d);
    expect_one_step(path, &b, d);
    expect_same_training(path, &b, d);
    net_free(f32), net_free(f64);
    arena_free(a);
    built_close(&b);
}

/* ---- wrong code is seen ---- */

static Value *find_op(Func *f, OpCode op, bool last)
{
    Value *found = NULL;
    for (int i = 0; f && i < f->values.count; i++)
        if (f->values.at[i]->op == op && (last || !found)) found = f->values.at[i];
    assert_non_null(found);
    return found;
}

static NodeSet *some_cell(Ir *ir)
{
    return &ir->model->graphs.at[0]->sets.at[1];
}
static void wrong_function(Ir *ir)
{
    find_op(some_cell(ir)->cell.forward, IR_TANH, false)->op = IR_SIN;
}
static void wrong_derivative(Ir *ir)
{
    find_op(some_cell(ir)->cell.back, IR_MUL, true)->op = IR_ADD;
}
static void wrong_loss(Ir *ir)
{
    find_op(ir->train, IR_LOG, false)->op = IR_EXP;
}
static void wrong_smoothing(Ir *ir)
{
    find_op(ir->infer, IR_CONST, false)->number += 1e-2;
}
static void wrong_gradient(Ir *ir)
{
    find_op(ir->train, IR_MUL, true)->op = IR_DIV;
}
static void wrong_choice(Ir *ir)
{
    Value *v = find_op(ir->train, IR_SELECT, true), *yes = v->args[1];
    v->args[1] = v->args[2], v->args[2] = yes;
}

/* Code made from an altered Ir does not agree with the interpreter on the right one. */
static void test_wrong_code(void **state)
{
    static void (*const wrong[])(Ir *) = {wrong_function,  wrong_derivative, wrong_loss,
                                          wrong_smoothing, wrong_gradient,   wrong_choice};
    const char *path = "./loss_smoothing.dnw", *worst;
    int64_t order[MOST];
    Built right, other;
    (void)state;
    rng_permutation(3, RNG_SHUFFLE, 0, MOST, order);
    assert_true(built_open(&right, path, 0));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Arena *tmp = arena_new();
        const Data *d = built_data(tmp, right.compilation->model, MOST, 21);
        assert_true(built_open_altered(&other, path, 0, wrong[i]));
        Net *n = built_net(&other, false, MOST, 1, 1);
        double error = built_distance(built_run(tmp, n, d, order, 3),
                                      built_reference(tmp, n, &right, d, order, 3, 0), &worst);
        if (!(error > 1e-4)) fail_msg("wrong code %d is not seen: %.2e", (int)i, error);
        net_free(n);
        built_close(&other);
        arena_free(tmp);
    }
    built_close(&right);
}

/* The measure itself: one element of one result moved, lost or not a number. */
static void test_distance(void **state)
{
    (void)state;
    const char *worst;
    double same[3] = {1, -2, 0.5}, moved[3] = {1, -2, 0.5 + 3e-4}, none[3] = {1, NAN, 0.5};
    Result a[] = {{"output", 3, same}, {"d w", 3, same}}, b[] = {{"output", 3, same}, {"d w", 3, moved}},
           c[] = {{"output", 3, none}, {"d w", 3, same}};
    Results x = {.all = {a, 2, 2}}, y = {.all = {b, 2, 2}}, z = {.all = {c, 2, 2}}, less = {.all = {a, 1, 1}};
    assert_true(built_distance(&x, &x, &worst) == 0);
    double d = built_distance(&y, &x, &worst);
    assert_true(d > 1e-4 && d < 2e-4);
    assert_string_equal(worst, "d w");
    assert_true(isinf(built_distance(&z, &x, &worst)) && isinf(built_distance(&less, &x, &worst)) &&
                isinf(built_distance(&x, &less, &worst)));
}

/* ---- nothing is left out ---- */

static bool named_in(Arena *a, const char *const *paths, const char *name)
{
    static const char *const uses[] = {"%s(", "|> %s", "= %s", "~ %s"};
    for (int i = 0; paths[i]; i++)
        for (size_t k = 0; k < sizeof uses / sizeof *uses; k++)
            if (built_says(paths[i], arena_printf(a, uses[k], name))) return true;
    return false;
}

static void test_every_builtin_has_a_program(void **state)
{
    static const BuiltinKind kinds[] = {KIND_POINT, KIND_GEOM,   KIND_LAYER, KIND_MAP,
                                        KIND_DIST,  KIND_BUDGET, KIND_OPTIM, KIND_LOSS};
    Arena *a = arena_new();
    const char *const *paths = *state;
    for (int i = 0; i < BUILTIN_COUNT; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (builtin_at(i)->kind == kinds[k] && !named_in(a, paths, builtin_at(i)->name))
                fail_msg("no program in tests/run uses '%s'", builtin_at(i)->name);
    arena_free(a);
}

int main(int argc, char **argv)
{
    Arena *a = arena_new();
    int count, tests = 0;
    const char **paths = built_programs(a, ".", &count);
    struct CMUnitTest *all = NEW_ARRAY(a, struct CMUnitTest, (size_t)count + 3);
    static const struct CMUnitTest own[] = {cmocka_unit_test(test_distance),
                                            cmocka_unit_test(test_wrong_code)};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) all[tests++] = own[i];
    all[tests++] = (struct CMUnitTest){"every built-in has a program", test_every_builtin_has_a_program, NULL,
                                       NULL, paths};
    for (int i = 0; i < count; i++)
        all[tests++] = (struct CMUnitTest){paths[i] + 2, test_program, NULL, NULL, (void *)paths[i]};
    int failed = count < 20 ? 1 : built_main("programs", all, tests, argc, argv);
    arena_free(a);
    return failed;
}
