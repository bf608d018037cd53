/* gradcheck.c: the command gradcheck: gradients of the double-precision twin against central differences.
 */
#include "common/log.h"
#include "app/session.h"
#include <stdio.h>

enum { BATCH = 8, ENTRIES = 20 /* of each tensor */ };
static const double limit = 1e-6;

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
    return rt_fail(e, RT_BAD_INPUT, "gradients differ: relative error %.3g at '%s', the limit is %g", error,
                   worst, limit);
}
