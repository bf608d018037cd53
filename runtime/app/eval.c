/* eval.c: the command eval, and the measure that train takes after each epoch. */
#include "app/eval.h"
#include "common/log.h"
#include <math.h>
#include <stdio.h>

EvalResult eval_split(const Session *s, const DataSplit *split, int64_t batch,
                      const volatile sig_atomic_t *stop, int64_t *confusion)
{
    const Data *data = s->data;
    EvalResult r = {.samples = split->samples};
    double loss = 0;
    int64_t correct = 0, judged = 0;
    for (int64_t first = 0; first < split->samples; first += batch) {
        if (stop && *stop) return (EvalResult){.stopped = true};
        int64_t count = split->samples - first < batch ? split->samples - first : batch;
        NetStep step = s->calls->eval_step(s->net, data, split, first, count);
        if (step.help[0]) return r.failed = step, r;
        if (step.bad[0] && !r.failed.bad[0]) r.failed = step;
        loss += step.loss * (double)count;
        correct += step.correct, judged += step.judged;
        if (confusion) s->calls->confusion(s->net, data, split, (NetRange){first, count}, confusion);
    }
    r.loss = loss / (double)split->samples;
    r.accuracy = data->classes ? (double)correct / (double)judged : NAN;
    return r;
}

static bool print_json(const EvalResult *r, RtError *e)
{
    json_t *object = json_pack("{s:o}", "loss", log_number(r->loss));
    if (!isnan(r->accuracy)) json_object_set_new(object, "accuracy", log_number(r->accuracy));
    json_object_set_new(object, "samples", json_integer(r->samples));
    bool ok = !json_dumpf(object, stdout, JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(object);
    return ok || rt_fail(e, RT_SYSTEM, "cannot write the result");
}

bool eval_command(Session *s, RtError *e)
{
    if (!session_data(s, e)) return false;
    NetOptions o = {.batch = session_batch(s)};
    if (!session_net(s, &o, e) || !session_weights(s, e)) return false;
    if (!s->data->test.samples) return rt_fail(e, RT_BAD_INPUT, "data '%s' has no test split", s->data->name);
    EvalResult r = eval_split(s, &s->data->test, o.batch, NULL, NULL);
    if (r.failed.help[0]) return net_step_failed(&r.failed, "", e);
    if (r.failed.bad[0]) return net_step_failed(&r.failed, "the test result is not finite: ", e);
    if (s->options->json) return print_json(&r, e);
    printf("loss %.6g", r.loss);
    if (!isnan(r.accuracy)) printf("  accuracy %.2f%%", 100 * r.accuracy);
    printf("  samples %lld\n", (long long)r.samples);
    return true;
}
