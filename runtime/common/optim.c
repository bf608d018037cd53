/* optim.c: update rules, one pass over memory (contract in optim.h).
 *
 * Every rule is one loop: read each array once, write each once, no branch inside, so that compilers
 * vectorise it. Coefficients are prepared in double and rounded to float once. An element's result depends on
 * that element alone and each operation is rounded by itself, so cutting the arrays into ranges changes no
 * bit; this wants -ffp-contract=off (a fused multiply-add in the vector body but not in its tail would break
 * it), and the square roots vectorise with -fno-math-errno.
 *
 * Formulas: sgd with momentum and Nesterov's form as in Sutskever, Martens, Dahl & Hinton, ICML 2013, with
 * the rate outside the buffer, as frameworks do; adam: Kingma & Ba, ICLR 2015, Algorithm 1; adamw: Loshchilov
 * & Hutter, ICLR 2019, Algorithm 2; rmsprop: Tieleman & Hinton, lecture 6.5, 2012, not centred, eps outside
 * the root.
 */
#include "common/optim.h"
#include "common/schedule.h"
#include <math.h>
#include <string.h>

/* Settings */

typedef enum Range { SHARE, POSITIVE, NOT_NEGATIVE } Range; /* [0, 1), (0, ..), [0, ..) */

static const char *const range_texts[] = {"at least 0 and below 1", "above 0", "0 or more"};

typedef struct Rule {
    const char *name;
    OptimKind kind;
    const char *arguments[6]; /* beside lr and nesterov */
} Rule;

static const Rule rules[] = {
    {"sgd", OPTIM_SGD, {"momentum", "decay", "clip"}},
    {"adam", OPTIM_ADAM, {"beta1", "beta2", "eps", "decay", "clip"}},
    {"adamw", OPTIM_ADAMW, {"beta1", "beta2", "eps", "decay", "clip"}},
    {"rmsprop", OPTIM_RMSPROP, {"rho", "eps", "momentum", "decay", "clip"}},
};

/* Where an argument goes, and what it may be. */
static double *field(Optim *o, const char *name, Range *range)
{
    *range = strcmp(name, "eps") == 0                                  ? POSITIVE
             : strcmp(name, "decay") == 0 || strcmp(name, "clip") == 0 ? NOT_NEGATIVE
                                                                       : SHARE;
    if (strcmp(name, "momentum") == 0) return &o->momentum;
    if (strcmp(name, "decay") == 0) return &o->decay;
    if (strcmp(name, "clip") == 0) return &o->clip;
    if (strcmp(name, "beta1") == 0) return &o->beta1;
    if (strcmp(name, "beta2") == 0) return &o->beta2;
    if (strcmp(name, "eps") == 0) return &o->eps;
    return &o->rho;
}

static bool read_argument(const json_t *args, const Rule *rule, const char *name, Optim *o, RtError *e)
{
    Range range;
    double *to = field(o, name, &range);
    const json_t *v = json_object_get(args, name);

    if (!json_is_number(v)) return rt_fail(e, RT_BAD_INPUT, "%s: '%s' must be a number", rule->name, name);
    double x = *to = json_number_value(v);
    if (isfinite(x) && (range == POSITIVE ? (float)x > 0 : x >= 0) && (range != SHARE || x < 1)) return true;
    return rt_fail(e, RT_BAD_INPUT, "%s: %s = %g must be %s", rule->name, name, x, range_texts[range]);
}

static void name_slots(Optim *o)
{
    bool momentum = o->momentum > 0;

    switch (o->kind) {
    case OPTIM_SGD:
        o->slots = momentum;
        o->slot_names[0] = "momentum";
        break;
    case OPTIM_ADAM:
    case OPTIM_ADAMW:
        o->slots = 2;
        o->slot_names[0] = "mean";
        o->slot_names[1] = "square";
        break;
    case OPTIM_RMSPROP:
        o->slots = 1 + momentum;
        o->slot_names[0] = "square";
        o->slot_names[1] = "momentum";
        break;
    }
    for (int i = o->slots; i < 2; i++) o->slot_names[i] = NULL;
}

static const Rule *find(const char *name)
{
    for (size_t i = 0; name && i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].name, name) == 0) return &rules[i];
    return NULL;
}

bool optim_open(const json_t *setting, Optim *o, RtError *e)
{
    const char *name = json_string_value(json_object_get(setting, "call"));
    const json_t *args = json_object_get(setting, "args");
    const Rule *rule = find(name);

    if (!rule) {
        if (name) rt_fail(e, RT_BAD_INPUT, "no optimiser is named '%s'", name);
        else rt_fail(e, RT_BAD_INPUT, "the optimiser has no name");
        return rt_help(e, "optimisers are sgd, adam, adamw and rmsprop");
    }
    *o = (Optim){.kind = rule->kind};
    if (!schedule_check(json_object_get(args, "lr"), e))
        return rt_fail(e, e->code, "%s: lr: %s", rule->name, e->text);
    for (int i = 0; i < 6 && rule->arguments[i]; i++)
        if (!read_argument(args, rule, rule->arguments[i], o, e)) return false;
    o->nesterov = json_is_true(json_object_get(args, "nesterov"));
    if (o->nesterov && o->momentum == 0) {
        rt_fail(e, RT_BAD_INPUT, "%s: nesterov needs a momentum above 0", rule->name);
        return rt_help(e, "momentum = 0.9");
    }
    name_slots(o);
    return true;
}

/* Updates. In all of them g is the scaled gradient, and `decay * w` its L2 term. */

typedef struct Sgd {
    float lr, scale, decay, momentum;
} Sgd;

/* w -= lr g */
static void sgd_plain(Sgd c, int64_t n, float *restrict w, const float *restrict gradient)
{
    for (int64_t i = 0; i < n; i++) {
        float g = gradient[i] * c.scale + c.decay * w[i];
        w[i] -= c.lr * g;
    }
}

/* b = mu b + g; w -= lr b */
static void sgd_momentum(Sgd c, int64_t n, float *restrict w, const float *restrict gradient,
                         float *restrict buffer)
{
    for (int64_t i = 0; i < n; i++) {
        float g = gradient[i] * c.scale + c.decay * w[i];
        float b = c.momentum * buffer[i] + g;
        buffer[i] = b;
        w[i] -= c.lr * b;
    }
}

/* b = mu b + g; w -= lr (g + mu b) */
static void sgd_nesterov(Sgd c, int64_t n, float *restrict w, const float *restrict gradient,
                         float *restrict buffer)
{
    for (int64_t i = 0; i < n; i++) {
        float g = gradient[i] * c.scale + c.decay * w[i];
        float b = c.momentum * buffer[i] + g;
        buffer[i] = b;
        w[i] -= c.lr * (g + c.momentum * b);
    }
}

typedef struct Adam {
    float scale, l2, keep; /* keep: 1 - lr decay for adamw, else 1 */
    float beta1, rest1, beta2, rest2;
    float rate, root, eps; /* rate: lr / (1 - beta1^t); root: 1 / sqrt(1 - beta2^t) */
} Adam;

/* m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w = keep w - rate m / (root sqrt(v) + eps) */
static void adam(Adam c, int64_t n, float *restrict w, const float *restrict gradient, float *restrict mean,
                 float *restrict square)
{
    for (int64_t i = 0; i < n; i++) {
        float g = gradient[i] * c.scale + c.l2 * w[i];
        float m = c.beta1 * mean[i] + c.rest1 * g;
        float v = c.beta2 * square[i] + c.rest2 * (g * g);
        mean[i] = m;
        square[i] = v;
        w[i] = c.keep * w[i] - c.rate * m / (c.root * sqrtf(v) + c.eps);
    }
}

typedef struct RmsProp {
    float lr, scale, decay, rho, rest, eps, momentum;
} RmsProp;

/* v = rho v + (1 - rho) g^2; w -= lr g / (sqrt(v) + eps) */
static void rmsprop_plain(RmsProp c, int64_t n, float *restrict w, const float *restrict gradient,
                          float *restrict square)
{
    for (int64_t i = 0; i < n; i++) {
        float g = gradient[i] * c.scale + c.decay * w[i];
        float v = c.rho * square[i] + c.rest * (g * g);
        square[i] = v;
        w[i] -= c.lr * (g / (sqrtf(v) + c.eps));
    }
}

/* v as above; b = mu b + g / (sqrt(v) + eps); w -= lr b */
static void rmsprop_momentum(RmsProp c, int64_t n, float *restrict w, const float *restrict gradient,
                             float *restrict square, float *restrict buffer)
{
    for (int64_t i = 0; i < n; i++) {
        float g = gradient[i] * c.scale + c.decay * w[i];
        float v = c.rho * square[i] + c.rest * (g * g);
        float b = c.momentum * buffer[i] + g / (sqrtf(v) + c.eps);
        square[i] = v;
        buffer[i] = b;
        w[i] -= c.lr * b;
    }
}

static Adam adam_coefficients(const Optim *o, const OptimStep *s)
{
    bool apart = o->kind == OPTIM_ADAMW;

    return (Adam){
        .scale = (float)s->gradient_scale,
        .l2 = apart ? 0.0f : (float)s->decay,
        .keep = apart ? (float)(1 - s->lr * s->decay) : 1.0f,
        .beta1 = (float)o->beta1,
        .rest1 = (float)(1 - o->beta1),
        .beta2 = (float)o->beta2,
        .rest2 = (float)(1 - o->beta2),
        .rate = (float)(s->lr / (1 - pow(o->beta1, (double)s->step))),
        .root = (float)(1 / sqrt(1 - pow(o->beta2, (double)s->step))),
        .eps = (float)o->eps,
    };
}

static void sgd(const Optim *o, Sgd c, int64_t n, float *w, const float *gradient, float *buffer)
{
    if (o->nesterov) sgd_nesterov(c, n, w, gradient, buffer);
    else if (o->momentum > 0) sgd_momentum(c, n, w, gradient, buffer);
    else sgd_plain(c, n, w, gradient);
}

void optim_update(const Optim *o, int64_t n, const OptimRange *r, const OptimStep *s)
{
    const float rate = (float)s->lr, scale = (float)s->gradient_scale, l2 = (float)s->decay,
                mu = (float)o->momentum;
    const float *gradient = r->gradient;
    float *weight = r->weight, *slot0 = r->slot[0], *slot1 = r->slot[1];

    switch (o->kind) {
    case OPTIM_SGD: sgd(o, (Sgd){rate, scale, l2, mu}, n, weight, gradient, slot0); return;
    case OPTIM_ADAM:
    case OPTIM_ADAMW: adam(adam_coefficients(o, s), n, weight, gradient, slot0, slot1); return;
    case OPTIM_RMSPROP:;
        RmsProp c = {rate, scale, l2, (float)o->rho, (float)(1 - o->rho), (float)o->eps, mu};
        if (o->momentum > 0) rmsprop_momentum(c, n, weight, gradient, slot0, slot1);
        else rmsprop_plain(c, n, weight, gradient, slot0);
        return;
    }
}
