/* rules_test.h: programs with declared rules that train, for the tests that look at their steps. */
#ifndef RULES_TEST_H
#define RULES_TEST_H
#include "built.h"

enum { SAMPLES = 37, SEED = 11, EPOCHS = 4, EPOCH_STEPS = 6 };

typedef struct Rules {
    Built built;
    Data *data;
    int64_t order[SAMPLES];
} Rules;

static bool open_program(Rules *r, const char *path)
{
    if (!built_open(&r->built, path, 3)) return false;
    r->data = built_data(r->built.compilation->perm, r->built.compilation->model, SAMPLES, SEED);
    for (int64_t i = 0; i < SAMPLES; i++) r->order[i] = i;
    return true;
}

static Net *new_net(const Rules *r, int threads)
{
    Net *n = built_net(&r->built, false, SAMPLES, threads, SEED);
    n->options.epochs = EPOCHS, n->options.epoch_steps = EPOCH_STEPS;
    return n;
}

static void step(const Rules *r, Net *n, int64_t t)
{
    const double epoch = (double)t / EPOCH_STEPS;
    NetStep s = net_train_step(n, (NetSamples){r->data, &r->data->train, r->order, SAMPLES},
                               (NetPosition){0.05, t, epoch, 0});
    if (!s.finite) fail_msg("step %d: %s", (int)t, s.bad);
}

#endif
