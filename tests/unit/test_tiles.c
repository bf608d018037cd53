/* test_tiles.c: which programs get how many samples a tile, and from which batch on (lanes.h). */
#include "driver/compile.h"
#include "layout/lanes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

enum { ANY = -1, NO_TRAIN = -2 };

typedef struct Row {
    const char *what;
    int map, nodes; /* 4 x 4 pixels a node, or a number; large: 200 nodes */
    bool timed;
    const char *cpu;
    int batch; /* ANY: not set, 64 */
    int lanes, least;
} Row;

static const Row rows[] = {
    {"numbers", 1, 4, false, "x86-64-v3", ANY, 64, 64},
    {"numbers", 1, 4, false, "x86-64-v3", 128, 64, 64},
    {"numbers, few samples", 1, 4, false, "x86-64-v3", 63, 16, 1},
    {"numbers, one sample", 1, 4, false, "x86-64-v3", 1, 16, 1},
    {"numbers that are not trained", 1, 4, false, "x86-64-v3", NO_TRAIN, 64, 1},
    {"maps", 16, 4, false, "x86-64-v3", ANY, 16, 32},
    {"maps", 16, 4, false, "x86-64-v3", 32, 16, 32},
    {"maps, few samples", 16, 4, false, "x86-64-v3", 31, 8, 8},
    {"maps, few samples", 16, 4, false, "x86-64-v4", 8, 8, 8},
    {"maps, single samples", 16, 4, false, "x86-64-v3", 7, 1, 1},
    {"maps, single samples", 16, 4, false, "x86-64-v3", 1, 1, 1},
    {"maps that are not trained", 16, 4, false, "x86-64-v3", NO_TRAIN, 16, 1},
    {"large maps", 16, 1100, false, "x86-64-v3", 128, 8, 8},
    {"large maps, wide vectors", 16, 1100, false, "x86-64-v4", 128, 16, 32},
    {"large maps that are not trained", 16, 1100, false, "x86-64-v3", NO_TRAIN, 8, 1},
    {"maps in time", 16, 4, true, "x86-64-v3", 128, 16, 32},
    {"large maps in time", 16, 1100, true, "x86-64-v3", 128, 8, 8},
    {"large maps in time", 16, 1100, true, "x86-64-v3", 7, 1, 1},
    {"large maps in time, wide vectors", 16, 1100, true, "x86-64-v4", 128, 16, 32},
};

static void write(const Row *r, char *text, size_t size)
{
    char batch[64] = "", train[256] = "";
    if (r->batch > 0) snprintf(batch, sizeof batch, "batch = %d", r->batch);
    if (r->batch != NO_TRAIN)
        snprintf(train, sizeof train,
                 "train Net {\n data = npy(\"x.npy\", \"y.npy\")\n loss = mse\n optim = sgd(0.1)\n %s\n}\n",
                 batch);
    snprintf(text, size,
             "graph G {\n%s input x[%d]\n output y[1]\n edges { x[_] -> y[_] }\n}\n"
             "model Net(x[%d%s]) = x |> G%s |> linear(2)\n%s",
             r->timed ? " time = steps(2)\n" : "", r->nodes, r->nodes, r->map > 1 ? ", 4, 4" : "",
             r->map > 1 ? " |> mean_map" : "", train);
}

static void test_row(void **state)
{
    const Row *r = *state;
    char text[1024];
    write(r, text, sizeof text);
    Compilation *c = compilation_new();
    c->options.cpu = r->cpu;
    bool ok = compile_text(c, "net.dnw", text, strlen(text));
    if (!ok) {
        diags_print(c->diags, stderr, false);
        fail_msg("not compiled:\n%s", text);
    }
    assert_int_equal(c->model->lanes, r->lanes);
    assert_int_equal(c->model->least_batch, r->least);
    compilation_free(c);
}

/* --lanes is obeyed, whatever the batch. */
static void test_asked(void **state)
{
    (void)state;
    char text[1024];
    write(&rows[0], text, sizeof text);
    Compilation *c = compilation_new();
    c->options.lanes = 8;
    assert_true(compile_text(c, "net.dnw", text, strlen(text)));
    assert_int_equal(c->model->lanes, 8);
    assert_int_equal(c->model->least_batch, 1);
    compilation_free(c);
}

int main(void)
{
    enum { COUNT = sizeof rows / sizeof *rows };
    struct CMUnitTest all[COUNT + 1];
    for (int i = 0; i < COUNT; i++)
        all[i] = (struct CMUnitTest){rows[i].what, test_row, NULL, NULL, (void *)&rows[i]};
    all[COUNT] = (struct CMUnitTest)cmocka_unit_test(test_asked);
    return _cmocka_run_group_tests("tiles", all, COUNT + 1, NULL, NULL);
}
