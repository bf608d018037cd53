/* test_reference.c: examples/tiny_exact.dnw against PyTorch: logits, loss and every gradient, in three kinds
 * of time.
 *
 * make.py wrote the values (static.json, ...) and holds the same formulas for weights, pictures and labels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "built.h"

enum { BATCH = 4, DEFINES = 5 };

/* Number i in -1 .. 1 of a name: splitmix64 keyed by the FNV-1a hash of the name. */
static double uniform(const char *name, int64_t i)
{
    uint64_t key = 0xcbf29ce484222325u;
    for (; *name; name++) key = (key ^ (uint8_t)*name) * 0x100000001b3u;
    uint64_t z = key + (uint64_t)(i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 40) / (1 << 23) - 1;
}

/* What a tensor starts with, by the end of its name. */
typedef struct Scale {
    const char *end;
    double middle, width;
} Scale;
static const Scale scales[] = {
    {"k", 0, 0.4}, {"w", 0, 0.3}, {"b", 0, 0.1}, {"scale", 1, 0.2}, {"shift", 0, 0.2}};

static void set_weights(Net *n)
{
    for (int i = 0; i < n->param_count; i++) {
        const NetParam *p = &n->params[i];
        for (size_t s = 0; s < sizeof scales / sizeof *scales && p->learned; s++)
            for (int64_t k = 0; strcmp(strrchr(p->name, '.') + 1, scales[s].end) == 0 && k < p->size; k++)
                n->weights[p->offset + k] = (float)(scales[s].middle + scales[s].width * uniform(p->name, k));
    }
    net_f64_params(n);
    net_choose(n, 0);
}

static Data *pictures(Arena *a, const Model *m)
{
    Data *d = built_data(a, m, BATCH, 1);
    d->train.bytes = NULL;
    d->train.floats = NEW_ARRAY(a, float, (size_t)(BATCH * d->features));
    for (int64_t i = 0; i < BATCH * d->features; i++) d->train.floats[i] = (float)uniform("pictures", i);
    for (int i = 0; i < BATCH; i++) d->train.labels[i] = i * 3 % 10;
    d->test = d->train;
    return d;
}

static Results *stored(Arena *a, const char *mode)
{
    json_error_t where;
    const char *name;
    json_t *values, *all = json_load_file(arena_printf(a, "../reference/%s.json", mode), 0, &where);
    Results *r = NEW(a, Results);
    if (!all) fail_msg("%s.json: %s", mode, where.text);
    json_object_foreach(all, name, values)
    {
        Result x = {arena_printf(a, "%s", name), (int64_t)json_array_size(values), NULL};
        x.values = NEW_ARRAY(a, double, (size_t)x.size + 1);
        for (int64_t i = 0; i < x.size; i++)
            x.values[i] = json_number_value(json_array_get(values, (size_t)i));
        vec_push(a, &r->all, x);
    }
    json_decref(all);
    return r;
}

/* Every gradient of the program has a stored one. */
static void all_compared(const Net *n, const Results *want)
{
    for (int i = 0; i < n->param_count; i++) {
        bool found = !n->params[i].learned;
        for (int k = 0; k < want->all.count; k++)
            if (strncmp(want->all.at[k].name, "d ", 2) == 0 &&
                strcmp(want->all.at[k].name + 2, n->params[i].name) == 0)
                found = want->all.at[k].size == n->params[i].size;
        if (!found) fail_msg("no stored gradient of %s", n->params[i].name);
    }
}

static void compare(const char *mode, const Built *b, bool f64, double tolerance)
{
    Arena *a = arena_new();
    const int64_t order[BATCH] = {0, 1, 2, 3};
    Net *n = built_net(b, f64, BATCH, 1, 1);
    set_weights(n);
    Results *want = stored(a, mode), *got = built_run(a, n, pictures(a, b->compilation->model), order, BATCH);
    const char *worst;
    all_compared(n, want);
    double d = built_distance(got, want, &worst);
    printf("%s, %s: largest difference %.1e, of %s\n", mode, f64 ? "double" : "float", d, worst);
    if (!(d <= tolerance)) fail_msg("%s: '%s' is off by %.2e", mode, worst, d);
    net_free(n);
    arena_free(a);
}

static void test_mode(void **state)
{
    const char *mode = *state;
    const Define defines[DEFINES] = {
        {"mode", mode}, {"block", "6"}, {"outputs", "4"}, {"budget", "150"}, {"solver", "rk4(4)"}};
    Built b;
    assert_true(built_open_defined(&b, "../../examples/tiny_exact.dnw", 3, DEFINES, defines));
    json_object_del(json_object_get(b.manifest, "settings"), "augment");
    compare(mode, &b, false, 1e-3);
    compare(mode, &b, true, 1e-5); /* stored with seven digits */
    built_close(&b);
}

int main(void)
{
    struct CMUnitTest all[] = {{"static", test_mode, NULL, NULL, "static"},
                               {"steps", test_mode, NULL, NULL, "steps"},
                               {"flow", test_mode, NULL, NULL, "flow"}};
    return cmocka_run_group_tests(all, NULL, NULL);
}
