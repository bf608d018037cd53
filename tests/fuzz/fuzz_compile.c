/* fuzz_compile.c: any bytes through all passes to machine code, and once through the reference interpreter.
 *
 * Programs with many numbers are left alone: they only take longer. The object is made unoptimised and thrown
 * away.
 */
#include "driver/compile.h"
#include "driver/dump.h"
#include "lower/grad.h"
#include "eval/ir_eval.h"
#include "lower/lower.h"
#include "target/object.h"
#include "layout/plan.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_NUMBERS = 20000, SAMPLES = 2 };

static int64_t numbers_of(const Model *m)
{
    int64_t total = m->param_total + shape_size(m->input) + shape_size(m->output);
    for (int i = 0; i < m->graphs.count; i++) total += graph_nodes(m->graphs.at[i]);
    for (int i = 0; i < m->body->values.count; i++) total += shape_size(m->body->values.at[i]->shape);
    return total;
}

static void evaluate(Arena *a, const Ir *ir)
{
    const Model *m = ir->model;
    EvalContext c = {.model = m, .batch = SAMPLES, .seed = 1};
    c.input = NEW_ARRAY(a, double, (size_t)(SAMPLES * shape_size(m->input)));
    c.target = NEW_ARRAY(a, double, (size_t)(SAMPLES * m->target_size) + 1);
    c.param = NEW_ARRAY(a, double, (size_t)m->param_total + 1);
    eval_init(m, 1, c.param);
    eval_choose(a, &c, 0);
    eval_func(a, ir->infer, &c);
    if (ir->train) eval_func(a, ir->train, &c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    if (size > 1 << 13) return 0;
    Compilation *c = compilation_new();
    if (compile_text(c, "fuzz.dnw", (const char *)data, size) && c->model->body &&
        numbers_of(c->model) < MOST_NUMBERS) {
        Ir *ir = lower(c->model);
        grad(ir);
        if (ir->train) func_verify(ir->train);
        func_verify(ir->infer);
        evaluate(c->perm, ir);
        ir_dump(ir, nowhere);
        fuse(ir);
        plan(ir);
        c->options.object = "/dev/null";
        c->options.optimize = 0;
        if (!object(c, ir)) abort();
    }
    compilation_free(c);
    return 0;
}
