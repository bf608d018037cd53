/* data_made.c: generated data sets: spirals, xor, sines.
 *
 * Sample i is a pure function of (seed, i): draw k of it is number 4 i + k of stream RNG_DATA. The
 * training split is samples 0 .. n-1; the test split is a quarter as many that follow them. Sizes are near 1
 * so that no further scaling is needed.
 *
 * spirals: class c, arm position t in [0, 1): radius 0.1 + 1.9 t, angle 2 pi (t + c / classes), one turn an
 * arm (after Lang & Witbrock, "Learning to tell two spirals apart", 1988), plus normal noise in both
 * features. xor: a corner (a, b) of the unit square plus normal noise; class a xor b. sines: x uniform in
 * [-pi, pi), target sin(x); with a length, the first `length` values of sin(a + w k), a uniform in [-pi, pi),
 * w in [0.2, 0.8), and the target is the value that follows them.
 */
#include "data/data_kind.h"
#include "common/rng.h"
#include <math.h>

enum { DRAWS = 4, SAMPLES_MOST = 100000000 };

typedef struct Made {
    int64_t n, classes, length; /* length 0: samples are no sequences */
    bool each;                  /* a target at each position */
    double noise;
    uint64_t seed;
} Made;

typedef void Sample(const Made *m, int64_t i, float *features, int32_t *label, float *target);

static double uniform(const Made *m, int64_t i, int draw)
{
    return rng_uniform(m->seed, RNG_DATA, (uint64_t)(i * DRAWS + draw));
}

static double noise(const Made *m, int64_t i, int draw)
{
    return m->noise * rng_normal(m->seed, RNG_DATA, (uint64_t)(i * DRAWS + draw));
}

static bool fill(const Made *m, Data *d, DataSplit *s, int64_t first, int64_t samples, Sample *sample,
                 RtError *e)
{
    if (!data_split_new(d, s, samples, e)) return false;
    for (int64_t i = 0; i < samples; i++)
        sample(m, first + i, s->floats + i * d->features, s->labels ? s->labels + i : NULL,
               s->targets ? s->targets + i * d->target_size : NULL);
    return true;
}

static bool make(Made *m, Data *d, const DataContext *c, int64_t test_least, Sample *sample, RtError *e)
{
    int64_t test = m->n / 4 > test_least ? m->n / 4 : test_least;

    m->seed = c->seed;
    return fill(m, d, &d->train, 0, m->n, sample, e) && fill(m, d, &d->test, m->n, test, sample, e);
}

/* spirals(n, classes, noise) */

static bool spirals_open(const json_t *args, Data *d, Made *m, RtError *e)
{
    if (!data_count(args, d, "classes", 2, 1000, &m->classes, e) ||
        !data_count(args, d, "n", m->classes, SAMPLES_MOST, &m->n, e) ||
        !data_number(args, d, "noise", 0, 100, &m->noise, e))
        return false;
    data_vector(d, 2);
    d->classes = (int)m->classes;
    return true;
}

static void spirals_sample(const Made *m, int64_t i, float *features, int32_t *label, float *target)
{
    (void)target;
    *label = (int32_t)(i % m->classes);
    double t = uniform(m, i, 0), radius = 0.1 + 1.9 * t;
    double angle = 2 * M_PI * (t + (double)*label / (double)m->classes);
    features[0] = (float)(radius * cos(angle) + noise(m, i, 1));
    features[1] = (float)(radius * sin(angle) + noise(m, i, 2));
}

bool data_spirals_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    (void)c;
    Made m = {0};
    return spirals_open(args, d, &m, e);
}

bool data_spirals_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Made m = {0};
    return spirals_open(args, d, &m, e) && make(&m, d, c, m.classes, spirals_sample, e);
}

/* xor(n, noise) */

static bool xor_open(const json_t *args, Data *d, Made *m, RtError *e)
{
    if (!data_count(args, d, "n", 1, SAMPLES_MOST, &m->n, e) ||
        !data_number(args, d, "noise", 0, 100, &m->noise, e))
        return false;
    data_vector(d, 2);
    d->classes = 2;
    return true;
}

static void xor_sample(const Made *m, int64_t i, float *features, int32_t *label, float *target)
{
    (void)target;
    int a = (int)(i & 1), b = (int)(i >> 1 & 1);
    *label = a ^ b;
    features[0] = (float)(a + noise(m, i, 0));
    features[1] = (float)(b + noise(m, i, 1));
}

bool data_xor_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    (void)c;
    Made m = {0};
    return xor_open(args, d, &m, e);
}

bool data_xor_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Made m = {0};
    return xor_open(args, d, &m, e) && make(&m, d, c, 4, xor_sample, e);
}

/* sines(n, length, each) */

static bool sines_open(const json_t *args, Data *d, Made *m, RtError *e)
{
    if (!data_count(args, d, "n", 1, SAMPLES_MOST, &m->n, e) ||
        !data_optional_count(args, d, "length", 1, 100000, &m->length, e) ||
        !data_flag(args, d, "each", &m->each, e))
        return false;
    if (m->each && !m->length) {
        rt_fail(e, RT_BAD_INPUT, "%s: 'each' is of the positions of a sequence, and there is no 'length'",
                d->name);
        return rt_help(e, "length = 16, each = true");
    }
    data_vector(d, m->length ? m->length : 1);
    if (m->length) d->rank = 2, d->shape[1] = 1; /* [positions, 1] */
    if (m->each) d->positions = d->target_size = m->length;
    return true;
}

static void sines_sample(const Made *m, int64_t i, float *features, int32_t *label, float *target)
{
    (void)label;
    double x = (2 * uniform(m, i, 0) - 1) * M_PI, step = 0.2 + 0.6 * uniform(m, i, 1);
    if (!m->length) {
        features[0] = (float)x;
        *target = sinf(features[0]);
        return;
    }
    for (int64_t k = 0; k < m->length; k++) features[k] = (float)sin(x + step * (double)k);
    if (!m->each) *target = (float)sin(x + step * (double)m->length);
    for (int64_t k = 0; m->each && k < m->length; k++) target[k] = (float)sin(x + step * (double)(k + 1));
}

bool data_sines_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    (void)c;
    Made m = {0};
    return sines_open(args, d, &m, e);
}

bool data_sines_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Made m = {0};
    return sines_open(args, d, &m, e) && make(&m, d, c, 4, sines_sample, e);
}
