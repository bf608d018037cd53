/* test_eval_swap.c: the swap claim of "Discovering Neural Wirings" (section 2.2 and appendix C), in numbers.
 *
 * Edge (i, l) is not in use, (j, k) is, |w_il| < |w_jk|; after one small step along the candidate gradients
 * |w~_il| > |w~_jk|, so the choice swaps them. Claim: that lowers the loss of the batch, compared with the
 * step without the swap, as long as the states of sources are fixed (here: inputs). By first order it says
 * w~_il <Z_i, g_l> >= w~_jk <Z_j, g_k>, g = -a dL/dI. Every other weight is far from the cut, so that each
 * step swaps this pair or none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "driver/compile.h"
#include "lower/grad.h"
#include "eval/ir_eval.h"
#include "lower/lower.h"
#include "common/rng.h"

enum { IN = 6, HIDDEN = 5, OUT = 3, SAMPLES = 7, TRIALS = 600 };
#define WEIGHT 1e-3 /* of the two edges at the cut: small, so that a swap is a small move */
#define STEP   1e-6

static const char text[] =
    "fn Unit(z) { weight b ~ uniform(-1, 1); tanh(z + b) }\n"
    "graph G { input x[6]; nodes h[5] : Unit; output y[3]\n edges x[_] -> h[_] keep 29\n edges h[_] -> y[_] "
    "}\n"
    "model M(x[6]) = x |> G\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = mse }\n";

typedef struct Trial {
    Arena *arena;
    EvalContext c;
    const Func *f;
    double *start; /* weights before the step */
    int64_t edges; /* offset of the 30 candidates x -> h */
    int in, out;   /* candidate that is not in use, and the weakest that is */
} Trial;

static double loss_of(const Trial *t)
{
    Arena *tmp = arena_new();
    double loss = eval_func(tmp, t->f, &t->c)->value[t->f->results.at[0]->id][0];
    arena_free(tmp);
    return loss;
}

static double *numbers(Arena *a, uint64_t seed, int64_t count)
{
    double *x = NEW_ARRAY(a, double, (size_t)count);
    for (int64_t i = 0; i < count; i++) x[i] = rng_normal(seed, 5, (uint64_t)i);
    return x;
}

static Trial trial_new(Compilation *c, uint64_t seed)
{
    Trial t = {.arena = arena_new(), .f = c->ir->train};
    const Model *m = c->model;
    t.c = (EvalContext){.model = m, .seed = seed, .batch = SAMPLES};
    t.c.input = numbers(t.arena, 2 * seed, SAMPLES * IN),
    t.c.target = numbers(t.arena, 2 * seed + 1, SAMPLES * OUT);
    t.c.param = NEW_ARRAY(t.arena, double, (size_t)m->param_total + 1);
    eval_init(m, seed, t.c.param);
    t.edges = m->graphs.at[0]->bundles.at[0].weight->offset;
    double *w = t.c.param + t.edges;
    for (int i = 0; i < IN * HIDDEN; i++) w[i] += w[i] < 0 ? -0.05 : 0.05;
    t.in = (int)(rng_uniform(seed, 6, 0) * IN * HIDDEN);
    t.out = (t.in + 1 + (int)(rng_uniform(seed, 6, 1) * (IN * HIDDEN - 1))) % (IN * HIDDEN);
    if (seed % 2)
        t.out = (t.in / IN) * IN + (t.in + 1) % IN; /* into the same node: the claim of section 2.2 */
    w[t.out] = rng_uniform(seed, 6, 2) < 0.5 ? -WEIGHT : WEIGHT;
    w[t.in] = (rng_uniform(seed, 6, 3) < 0.5 ? -1 : 1) * (WEIGHT - 0.3 * STEP * rng_uniform(seed, 6, 4));
    t.start = NEW_ARRAY(t.arena, double, (size_t)m->param_total);
    memcpy(t.start, t.c.param, (size_t)m->param_total * sizeof *t.start);
    eval_choose(t.arena, &t.c, 0);
    return t;
}

/* w - a dL/dw for every candidate of x -> h, in use or not. */
static void step(Trial *t, double a)
{
    const Eval *e = eval_func(t->arena, t->f, &t->c);
    for (int r = 0; r < t->f->results.count; r++)
        for (int i = 0; i < IN * HIDDEN && strcmp(t->f->result_names.at[r], "d G.edges.0.w") == 0; i++)
            t->c.param[t->edges + i] -= a * e->value[t->f->results.at[r]->id][i];
}

typedef struct Tally {
    int swaps, lower, first_order;
} Tally;

static void count_trial(Compilation *c, uint64_t seed, double a, Tally *tally)
{
    Trial t = trial_new(c, seed);
    uint8_t *before = t.c.kept[0][0];
    assert_true(!before[t.in] && before[t.out]);
    step(&t, a);
    double without = loss_of(&t);
    eval_choose(t.arena, &t.c, 0);
    const uint8_t *after = t.c.kept[0][0];
    const double *w = t.c.param + t.edges, *old = t.start + t.edges;
    if (after[t.in] && !after[t.out]) {
        tally->swaps++;
        tally->lower += loss_of(&t) < without;
        tally->first_order += w[t.in] * (w[t.in] - old[t.in]) >= w[t.out] * (w[t.out] - old[t.out]);
    } else {
        assert_memory_equal(after, before, IN * HIDDEN);
    }
    arena_free(t.arena);
}

static void test_swap(void **state)
{
    (void)state;
    Compilation *c = compilation_new();
    if (!compile_text(c, "swap.dnw", text, strlen(text))) fail_msg("not a program");
    c->ir = lower(c->model);
    grad(c->ir);
    Tally down = {0}, up = {0};
    for (uint64_t seed = 0; seed < TRIALS; seed++) {
        count_trial(c, seed, STEP, &down);
        count_trial(c, seed, -STEP, &up);
    }
    print_message("%d swaps, %d lower the loss; uphill %d, %d\n", down.swaps, down.lower, up.swaps, up.lower);
    assert_true(down.swaps > TRIALS / 8 && up.swaps > TRIALS / 8);
    assert_int_equal(down.first_order, down.swaps);
    assert_int_equal(down.lower, down.swaps);
    assert_int_equal(up.lower, 0); /* with the wrong sign every swap raises it */
    compilation_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_swap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
