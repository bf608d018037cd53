/* schedule.c: learning rates over time (contract and formulas in schedule.h).
 *
 * A schedule is a curve times its reference value: the number itself, `peak`, `start`, or for ramp the
 * larger of start and end. A `scale` from the command line replaces the reference and keeps the curve. The
 * cosine is that of Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
 * equation 5, without restarts; the rise before it follows Goyal et al. 2017, section 2.2, from 0. One more
 * schedule: one row in `schedules`, one check, one value.
 */
#include "common/schedule.h"
#include <math.h>
#include <string.h>

typedef struct Schedule {
    const char *name;
    bool (*check)(const json_t *args, RtError *e);
    double (*reference)(const json_t *args);
    double (*value)(const json_t *args, double epoch, double epochs);
} Schedule;

static double number(const json_t *args, const char *name)
{
    return json_number_value(json_object_get(args, name));
}

/* An argument that must be a finite number, at least 0, or above 0 when `positive`. */
static bool check_number(const json_t *args, const char *schedule, const char *name, bool positive,
                         RtError *e)
{
    const json_t *v = json_object_get(args, name);
    double x = json_number_value(v);

    if (!json_is_number(v)) return rt_fail(e, RT_BAD_INPUT, "%s: '%s' must be a number", schedule, name);
    if (isfinite(x) && (positive ? x > 0 : x >= 0)) return true;
    return rt_fail(e, RT_BAD_INPUT, "%s: %s = %g must be %s", schedule, name, x,
                   positive ? "above 0" : "0 or more");
}

static double start_of(const json_t *args)
{
    return number(args, "start");
}

/* cosine(peak, warmup, floor) */

static bool cosine_check(const json_t *args, RtError *e)
{
    if (!check_number(args, "cosine", "peak", true, e) || !check_number(args, "cosine", "warmup", false, e) ||
        !check_number(args, "cosine", "floor", false, e))
        return false;
    if (number(args, "floor") <= number(args, "peak")) return true;
    return rt_fail(e, RT_BAD_INPUT, "cosine: floor = %g is above peak = %g", number(args, "floor"),
                   number(args, "peak"));
}

static double cosine_reference(const json_t *args)
{
    return number(args, "peak");
}

static double cosine_value(const json_t *args, double epoch, double epochs)
{
    double peak = number(args, "peak"), warmup = number(args, "warmup"), floor = number(args, "floor");

    if (epoch < warmup) return peak * epoch / warmup;
    double left = epochs - warmup;
    double t = left > 0 ? fmin((epoch - warmup) / left, 1) : 0;
    return floor + (peak - floor) * 0.5 * (1 + cos(M_PI * t));
}

/* drops(start, factor, epochs) */

static bool drops_check(const json_t *args, RtError *e)
{
    if (!check_number(args, "drops", "start", true, e) || !check_number(args, "drops", "factor", true, e))
        return false;
    const json_t *list = json_object_get(args, "epochs");
    if (!json_is_array(list)) return rt_fail(e, RT_BAD_INPUT, "drops: 'epochs' must be a list of numbers");
    double before = -1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        double x = json_number_value(v);
        if (!json_is_number(v) || !isfinite(x) || x < 0)
            return rt_fail(e, RT_BAD_INPUT, "drops: number %zu of 'epochs' must be 0 or more", i + 1);
        if (x <= before)
            return rt_fail(e, RT_BAD_INPUT, "drops: 'epochs' must ascend, but %g follows %g", x, before);
        before = x;
    }
    return true;
}

static double drops_value(const json_t *args, double epoch, double epochs)
{
    (void)epochs;
    const json_t *list = json_object_get(args, "epochs");
    double rate = number(args, "start"), factor = number(args, "factor");

    for (size_t i = 0; i < json_array_size(list); i++)
        if (epoch >= json_number_value(json_array_get(list, i))) rate *= factor;
    return rate;
}

/* ramp(start, end, epochs) */

static double ramp_reference(const json_t *args)
{
    return fmax(number(args, "start"), number(args, "end"));
}

static bool ramp_check(const json_t *args, RtError *e)
{
    if (!check_number(args, "ramp", "start", false, e) || !check_number(args, "ramp", "end", false, e))
        return false;
    const json_t *epochs = json_object_get(args, "epochs");
    const double first = json_number_value(json_array_get(epochs, 0)),
                 last = json_number_value(json_array_get(epochs, 1));
    if (json_is_array(epochs) && !(json_array_size(epochs) == 2 && first >= 0 && first < last))
        return rt_fail(e, RT_BAD_INPUT, "ramp: 'epochs' must be its first and last epoch");
    if (ramp_reference(args) > 0) return true;
    return rt_fail(e, RT_BAD_INPUT, "ramp: start and end are both 0");
}

static double ramp_value(const json_t *args, double epoch, double epochs)
{
    const json_t *list = json_object_get(args, "epochs");
    const double first = json_number_value(json_array_get(list, 0)),
                 last = json_is_array(list) ? json_number_value(json_array_get(list, 1)) : epochs;
    const double start = number(args, "start"),
                 t = last > first ? fmax(0, fmin((epoch - first) / (last - first), 1)) : 0;
    return start + (number(args, "end") - start) * t;
}

/* exponential(start, factor) */

static bool exponential_check(const json_t *args, RtError *e)
{
    return check_number(args, "exponential", "start", true, e) &&
           check_number(args, "exponential", "factor", true, e);
}

static double exponential_value(const json_t *args, double epoch, double epochs)
{
    (void)epochs;
    return number(args, "start") * pow(number(args, "factor"), epoch);
}

static const Schedule schedules[] = {
    {"cosine", cosine_check, cosine_reference, cosine_value},
    {"drops", drops_check, start_of, drops_value},
    {"ramp", ramp_check, ramp_reference, ramp_value},
    {"exponential", exponential_check, start_of, exponential_value},
};

static const Schedule *find(const char *name)
{
    for (size_t i = 0; name && i < sizeof schedules / sizeof *schedules; i++)
        if (strcmp(schedules[i].name, name) == 0) return &schedules[i];
    return NULL;
}

bool schedule_check(const json_t *setting, RtError *e)
{
    if (json_is_number(setting)) {
        double x = json_number_value(setting);
        if (isfinite(x) && x >= 0) return true;
        return rt_fail(e, RT_BAD_INPUT, "a rate of %g must be 0 or more", x);
    }
    const char *name = json_string_value(json_object_get(setting, "call"));
    const Schedule *s = find(name);
    if (s) return s->check(json_object_get(setting, "args"), e);
    if (name) rt_fail(e, RT_BAD_INPUT, "no schedule is named '%s'", name);
    else rt_fail(e, RT_BAD_INPUT, "a rate must be a number or a schedule");
    return rt_help(e, "schedules are cosine, drops, ramp and exponential");
}

double schedule_at(const json_t *setting, double epoch, double epochs, double scale)
{
    if (json_is_number(setting)) return scale >= 0 ? scale : json_number_value(setting);
    const Schedule *s = find(json_string_value(json_object_get(setting, "call")));
    if (!s) return scale >= 0 ? scale : 0; /* schedule_check has refused it */
    const json_t *args = json_object_get(setting, "args");
    double rate = s->value(args, epoch, epochs);
    return scale >= 0 ? rate * (scale / s->reference(args)) : rate;
}
