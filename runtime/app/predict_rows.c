/* predict_rows.c: see predict_rows.h. */
#include "app/predict_rows.h"
#include "common/plural.h"
#include <math.h>
#include <string.h>

/* The first number that is not finite, or -1; behind the end of a padded input there is NaN. */
static int64_t find_bad(const ProgramHead *h, bool output, const float *x, int64_t count)
{
    if (h->padded && !output) return data_padded_wrong(x, h->input[0], count / h->input[0]);
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(x[i])) return i;
    return -1;
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
        int64_t bad = r->lost[i] ? -1 : find_bad(h, output, x + i * size, size);
        RtError why = {0};
        if (bad < 0) continue;
        rt_fail(&why, RT_BAD_INPUT, "number %lld of its %s is %s", (long long)bad,
                output ? "output" : "input",
                isnan(x[i * size + bad]) ? "NaN" : "infinite, or too large for float32");
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
