/* gradcheck.c: the command gradcheck: gradients of the double-precision twin against central differences.
 */
#include "common/log.h"
#include "app/session.h"
#include <stdio.h>

enum { BATCH = 8, ENTRIES = 20 /* of each tensor */ };
static const double limit = 1e-6;

/* Does a scan cut the gradients of its states on purpose? */
static bool truncates(const Program *p)
{
    const json_t *graphs = json_object_get(json_object_get(p->manifest, "net"), "graphs"), *g;
    size_t i;
    json_array_foreach(graphs, i, g)
    {
        const json_t *time = json_object_get(g, "time");
        const json_int_t cut = json_integer_value(json_object_get(time, "truncate"));
        if (cut && cut < json_integer_value(json_object_get(time, "positions"))) return true;
    }
    return false;
}

bool gradcheck_command(Session *s, RtError *e)
{
    int64_t seed = s->options->seed >= 0 ? s->options->seed : program_whole(s->program, SETTING_SEED, 1);
    NetOptions o = {.batch = BATCH, .training = true, .f64 = true, .seed = (uint64_t)seed};
    if (!session_any_data(s, BATCH, e) || !session_net(s, &o, e)) return false;
    char worst[240] = "";
    NetStep failed = {0};
    double error = s->calls->gradcheck(s->net, (NetSamples){s->data, &s->data->train, NULL, BATCH}, ENTRIES,
                                       worst, sizeof worst, &failed);
    if (failed.bad[0]) return net_step_failed(&failed, "", e);
    if (s->options->json) {
        json_t *object =
            json_pack("{s:o, s:s, s:f}", "error", log_number(error), "worst", worst, "limit", limit);
        json_dumpf(object, stdout, JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(object);
    } else {
        printf("worst relative error %.3g at %s\n", error, worst);
    }
    if (error < limit) return true; /* false for NaN */
    rt_fail(e, RT_BAD_INPUT, "gradients differ: relative error %.3g at '%s', the limit is %g", error, worst,
            limit);
    return truncates(s->program) &&
           rt_help(e, "scan(..., truncate = n) cuts gradients on purpose: without it they can be compared");
}
