/* predict_rows.c: see predict_rows.h. */
#include "app/predict_rows.h"
#include "common/plural.h"
#include <math.h>
#include <string.h>

/* The first number that is not finite, or -1. */
static int64_t find_not_finite(const float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(x[i])) return i;
    return -1;
}

/* The first number that is wrong in an input, or -1: behind the end of a padded one there is NaN, and embed
 * takes whole numbers. */
static int64_t find_wrong(const ProgramHead *h, const float *x, int64_t count)
{
    const int64_t bad =
        h->padded ? data_padded_wrong(x, h->input[0], count / h->input[0]) : find_not_finite(x, count);
    for (int64_t i = 0; h->whole && i < (bad < 0 ? count : bad); i++)
        if (!isnan(x[i]) && !data_is_whole(x[i], h->whole)) return i;
    return bad;
}

static void say_wrong(const ProgramHead *h, bool output, int64_t number, float x, RtError *why)
{
    const char *of = output ? "output" : "input";
    if (isfinite(x))
        rt_fail(why, RT_BAD_INPUT, "number %lld of its %s is %g, and embed takes whole numbers in 0 .. %lld",
                (long long)number, of, (double)x, (long long)h->whole - 1);
    else
        rt_fail(why, RT_BAD_INPUT, "number %lld of its %s is %s", (long long)number, of,
                isnan(x) ? "NaN" : "infinite, or too large for float32");
}

/* Sample `i` of the batch that begins with sample `first` of the file. */
static void lose(PredictRows *r, int64_t first, int64_t i, const RtError *why)
{
    if (!r->count || first + i < r->first) r->first = first + i, r->why = *why;
    r->count++, r->lost[i] = true;
}

/* Loses samples of which numbers are not finite. */
static void lose_bad(PredictRows *r, int64_t first, int64_t count, bool output)
{
    const ProgramHead *h = &r->session->program->head;
    const int64_t size = output ? program_outputs(h) : program_inputs(h);
    const float *x = output ? r->out : r->in;
    for (int64_t i = 0; i < count; i++) {
        const float *sample = x + i * size;
        int64_t bad = r->lost[i] ? -1 : output ? find_not_finite(sample, size) : find_wrong(h, sample, size);
        RtError why = {0};
        if (bad < 0) continue;
        say_wrong(h, output, bad, sample[bad], &why);
        lose(r, first, i, &why);
    }
}

/* All at once; when that fails each by itself. */
static bool run(PredictRows *r, int64_t first, int64_t count, RtError *e)
{
    const Session *s = r->session;
    int64_t inputs = program_inputs(&s->program->head), outputs = program_outputs(&s->program->head);
    if (s->calls->predict(s->net, r->in, count, r->out, e)) return true;
    if (e->code != RT_BAD_INPUT) return false;
    for (int64_t i = 0; i < count; i++) {
        RtError why = {0};
        if (r->lost[i] || s->calls->predict(s->net, r->in + i * inputs, 1, r->out + i * outputs, &why))
            continue;
        if (why.code != RT_BAD_INPUT) return *e = why, false;
        lose(r, first, i, &why);
    }
    return true;
}

bool predict_rows(PredictRows *r, int64_t first, int64_t count, RtError *e)
{
    const Program *p = r->session->program;
    int64_t inputs = program_inputs(&p->head), outputs = program_outputs(&p->head);
    memset(r->lost, 0, (size_t)count * sizeof *r->lost);
    lose_bad(r, first, count, false);
    for (int64_t i = 0; i < count; i++)
        if (r->lost[i]) memset(r->in + i * inputs, 0, (size_t)inputs * sizeof *r->in);
    if (!run(r, first, count, e)) return false;
    lose_bad(r, first, count, true);
    for (int64_t i = 0; i < count * outputs; i++)
        if (r->lost[i / outputs]) r->out[i] = NAN;
    return true;
}

bool predict_rows_whole(const PredictRows *r, int64_t samples, RtError *e)
{
    const Options *o = r->session->options;
    if (!r->count) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: sample %lld: %s", o->input, (long long)r->first, r->why.text);
    return rt_help(e, "note: rows of %s are NaN for %lld of %lld sample%s", o->output, (long long)r->count,
                   (long long)samples, plural(samples, "s"));
}
