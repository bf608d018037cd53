/* init.h: initial numbers of parameters, a pure function of (seed, parameter, element). */
#ifndef RT_INIT_H
#define RT_INIT_H
#include "common/wiring.h"

/* As InitKind in compiler/model/model.h and "init" in the manifest. */
enum {
    RT_INIT_CONSTANT,
    RT_INIT_UNIFORM,
    RT_INIT_NORMAL,
    RT_INIT_CHOICE,
    RT_INIT_ORTHOGONAL,
    RT_INIT_FAN, /* of edges: init_edge */
    RT_INITS
};

typedef struct InitSpec {
    int kind;
    double a, b;
    int choice_count;
    const double *choices;
    int64_t rows, columns; /* RT_INIT_ORTHOGONAL: of each matrix */
} InitSpec;

/* Element `index` of parameter `number`. Not for RT_INIT_ORTHOGONAL and RT_INIT_FAN. */
double init_value(const InitSpec *s, uint64_t seed, int64_t number, int64_t index);
/* Matrix `block` of an orthogonal parameter: rows x columns numbers whose rows (or columns, when there are
 * fewer) are orthonormal: Gram-Schmidt on normal numbers. */
void init_orthogonal(const InitSpec *s, uint64_t seed, int64_t number, int64_t block, double *out);
/* Element `candidate` of a weight of edges: U(-1/sqrt(fan), 1/sqrt(fan)), fan = the most candidates into one
 * node that its list leads to ("Discovering Neural Wirings", code: one range for a whole matrix). */
double init_edge(uint64_t seed, int64_t number, int64_t candidate, double fan);
/* Score of a candidate of a sampled list, compared like a magnitude. */
uint32_t sample_score(uint64_t seed, int graph, int list, int64_t position);
#endif
