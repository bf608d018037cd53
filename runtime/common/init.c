/* init.c: initial numbers of parameters. See init.h. */
#include "common/init.h"
#include "common/rng.h"
#include "common/simd.h"
#include <math.h>
#include <stdlib.h>

static uint64_t stream(int64_t number)
{
    return RNG_INIT + ((uint64_t)number << 8);
}

double init_value(const InitSpec *s, uint64_t seed, int64_t number, int64_t index)
{
    double u;
    switch (s->kind) {
    case INIT_UNIFORM: return s->a + (s->b - s->a) * rng_uniform(seed, stream(number), (uint64_t)index);
    case INIT_NORMAL: return s->a + s->b * rng_normal(seed, stream(number), (uint64_t)index);
    case INIT_NUMBER: return fmod(floor((double)index / s->a), s->b);
    case INIT_CHOICE:
        u = rng_uniform(seed, stream(number), (uint64_t)index);
        return s->choices[(int)(u * s->choice_count)];
    default: return s->a;
    }
}

void init_orthogonal(const InitSpec *s, uint64_t seed, int64_t number, int64_t block, double *out)
{
    int64_t rows = s->rows, columns = s->columns, size = rows * columns;
    bool wide = rows <= columns; /* orthonormalise rows, else columns */
    int64_t vectors = wide ? rows : columns, length = wide ? columns : rows;
    int64_t step = wide ? columns : 1, stride = wide ? 1 : columns;
    for (int64_t i = 0; i < size; i++)
        out[i] = rng_normal(seed, stream(number), (uint64_t)(block * size + i));
    for (int64_t v = 0; v < vectors; v++) {
        for (int64_t u = 0; u < v; u++) {
            double dot = 0;
            for (int64_t i = 0; i < length; i++)
                dot += out[v * step + i * stride] * out[u * step + i * stride];
            for (int64_t i = 0; i < length; i++)
                out[v * step + i * stride] -= dot * out[u * step + i * stride];
        }
        double norm = 0;
        for (int64_t i = 0; i < length; i++) norm += out[v * step + i * stride] * out[v * step + i * stride];
        for (int64_t i = 0; i < length; i++) out[v * step + i * stride] /= sqrt(norm);
    }
}

double init_edge(const InitSpec *s, uint64_t seed, int64_t number, int64_t candidate, double fan)
{
    const uint64_t at = (uint64_t)candidate;
    if (s->kind == INIT_GIVEN) return (double)s->given[candidate];
    if (s->kind == INIT_HE) return rng_normal(seed, stream(number), at) * sqrt(2 / fan);
    if (s->kind == INIT_FAN) return (2 * rng_uniform(seed, stream(number), at) - 1) / sqrt(fan);
    return init_value(s, seed, number, candidate);
}

uint32_t sample_score(uint64_t seed, int graph, int list, int64_t position)
{
    uint64_t s = RNG_SAMPLE + ((uint64_t)graph << 8) + ((uint64_t)list << 24);
    return rng_words(seed, s, (uint64_t)position).v[0] & 0x7fffffffu;
}

static uint64_t rule_stream(RuleDraw draw)
{
    return RNG_RULE + ((uint64_t)draw.list << 8) + (draw.action << 24) + ((uint64_t)draw.done << 32);
}

float rule_random(uint64_t seed, RuleDraw draw, int64_t position)
{
    return (float)(rng_words(seed, rule_stream(draw), (uint64_t)position).v[0] >> 8) * 0x1p-24f;
}

RT_CLONES void rule_randoms(uint64_t seed, RuleDraw draw, int64_t position, int64_t count, float *out)
{
    const uint64_t s = rule_stream(draw);
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)(int32_t)(rng_words(seed, s, (uint64_t)(position + i)).v[0] >> 8) * 0x1p-24f;
}

/* ---- edges at the start ---- */

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Draws again for those that come twice, until there are `keep`, at most half of `count`. */
static void draw_few(uint64_t seed, int list, int64_t keep, int64_t count, int64_t *out)
{
    const uint64_t s = rule_stream((RuleDraw){list, 0, 0});
    uint64_t draws = 0;
    for (int64_t have = 0; have < keep;) {
        for (int64_t i = have; i < keep; i++)
            out[i] = (int64_t)(rng_uniform(seed, s, draws++) * (double)count);
        qsort(out, (size_t)keep, sizeof *out, ascending);
        have = 0;
        for (int64_t i = 0; i < keep; i++)
            if (have == 0 || out[i] != out[have - 1]) out[have++] = out[i];
    }
}

bool rule_drawn(uint64_t seed, int list, int64_t keep, int64_t count, int64_t *out)
{
    if (keep <= count / 2) return draw_few(seed, list, keep, count, out), true;
    const int64_t others = count - keep;
    int64_t *left = malloc((size_t)(others + 1) * sizeof *left);
    if (!left) return false;
    draw_few(seed, list, others, count, left);
    for (int64_t i = 0, at = 0, out_at = 0; i < count; i++)
        if (at < others && left[at] == i) at++;
        else out[out_at++] = i;
    free(left);
    return true;
}
