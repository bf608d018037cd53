/* init.h: initial numbers of parameters, a pure function of (seed, parameter, element). */
#ifndef RT_INIT_H
#define RT_INIT_H
#include "common/contract.h"

/* Element `index` of parameter `number`. Not for INIT_ORTHOGONAL and those by candidate. */
double init_value(const InitSpec *s, uint64_t seed, int64_t number, int64_t index);
/* Matrix `block` of an orthogonal parameter: rows x columns numbers whose rows (or columns, when there are
 * fewer) are orthonormal: Gram-Schmidt on normal numbers. */
void init_orthogonal(const InitSpec *s, uint64_t seed, int64_t number, int64_t block, double *out);
/* Do the numbers follow from the candidates of a list of edges? */
static inline bool init_by_candidate(const InitSpec *s)
{
    return s->kind == INIT_FAN || s->kind == INIT_HE || s->kind == INIT_GIVEN;
}
/* Do the numbers follow from the program alone? They are in no checkpoint. */
static inline bool init_follows(const InitSpec *s)
{
    return s->kind == INIT_NUMBER;
}
/* Element `candidate` of a weight of edges. fan: the most candidates into one node that its list leads to, so
 * that a whole list has one distribution ("Discovering Neural Wirings", code). INIT_FAN: U(-1/sqrt(fan),
 * 1/sqrt(fan)); INIT_HE: normal with variance 2/fan ("Delving Deep into Rectifiers", He et al. 2015, equation
 * 10); INIT_GIVEN: its number; others: init_value. */
double init_edge(const InitSpec *s, uint64_t seed, int64_t number, int64_t candidate, double fan);
/* Score of a candidate of a sampled list, compared like a magnitude. */
uint32_t sample_score(uint64_t seed, int graph, int list, int64_t position);
/* `random` of a declared rule, in [0, 1): of an action (from 1; 0: states) behind so many steps. */
typedef struct RuleDraw {
    int list; /* among all of the model */
    uint64_t action;
    int64_t done;
} RuleDraw;
enum { RULE_DRAW_TOP = 255 }; /* action: the score of `top` */
/* The seed of weights that are drawn anew behind so many steps (init_edge). */
static inline uint64_t rule_fresh_seed(uint64_t seed, int64_t done)
{
    return seed ^ ((uint64_t)done + 1) * 0x9E3779B97F4A7C15u;
}
float rule_random(uint64_t seed, RuleDraw draw, int64_t position);
/* Of `count` candidates from `position` on. */
void rule_randoms(uint64_t seed, RuleDraw draw, int64_t position, int64_t count, float *out);
/* Which `keep` of `count` candidates of a list are in use before the first step of a declared rule: their
 * positions, ascending; each set of so many is as likely as any other. False: out of memory. */
bool rule_drawn(uint64_t seed, int list, int64_t keep, int64_t count, int64_t *out);
#endif
