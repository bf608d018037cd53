/* math.c: functions of WIDTH lanes, in place of a library call a lane.
 *
 * Float: relative error below 3e-7 (tests/unit/test_kernels.c measures it); NaN and infinities as in
 * <math.h>, results below the smallest normal number may become 0. Double (gradcheck): <math.h>. Names ending
 * in 1 take one number; of tiles of one lane they are written out too, so that loops around them become
 * vectors.
 *
 *   exp   x = n ln 2 + r, |r| <= ln 2 / 2; 2^n times the Taylor sum of exp r to r^7
 *   log   x = 2^n m, 0.707 <= m < 1.414, s = (m - 1) / (m + 1); n ln 2 + 2 (s + s^3/3 + ... + s^11/11)
 *   tanh  (1 - e) / (1 + e), e = exp(-2|x|); below 1/4 its Taylor sum to x^11
 */
#include "kernel.h"
#ifdef __clang__
#pragma STDC FP_CONTRACT ON /* one rounding where the processor has fused multiply-add */
#endif
#include <math.h>

/* In place: `x` holds WIDTH lanes. */
void KERNEL(exp)(real *x);
void KERNEL(log)(real *x);
void KERNEL(tanh)(real *x);
void KERNEL(sigmoid)(real *x);
void KERNEL(softplus)(real *x);
void KERNEL(sin)(real *x);
void KERNEL(cos)(real *x);
void KERNEL(erf)(real *x);
void KERNEL(pow)(real *x, const real *y);
real KERNEL(exp1)(real x);
real KERNEL(log1)(real x);
real KERNEL(tanh1)(real x);
real KERNEL(sigmoid1)(real x);
real KERNEL(softplus1)(real x);
real KERNEL(sin1)(real x);
real KERNEL(cos1)(real x);
real KERNEL(erf1)(real x);
real KERNEL(pow1)(real x, real y);

#define EACH_LANE(name, call)                                                                                \
    void KERNEL(name)(real * x)                                                                              \
    {                                                                                                        \
        for (int i = 0; i < WIDTH; i++) x[i] = (real)call(x[i]);                                             \
    }

#ifdef DNW_REAL_IS_DOUBLE

static double sigmoid_of(double x)
{
    return 1 / (1 + exp(-x));
}
static double softplus_of(double x)
{
    return (x > 0 ? x : x < 0 ? 0 : x) + log1p(exp(-fabs(x)));
}
EACH_LANE(exp, exp)
EACH_LANE(log, log)
EACH_LANE(tanh, tanh)
EACH_LANE(sigmoid, sigmoid_of)
EACH_LANE(softplus, softplus_of)
EACH_LANE(sin, sin)
EACH_LANE(cos, cos)
EACH_LANE(erf, erf)

#else

#define INLINE static inline __attribute__((always_inline))
#if DNW_LANES == 1
typedef int32_t Ints;
typedef uint32_t Bits;
#define CONVERT(x, type) ((type)(x))
INLINE Lanes choose(Ints condition, Lanes yes, Lanes no)
{
    return condition ? yes : no;
}
INLINE Bits bits_of(Lanes x)
{
    return ((union {
               float x;
               uint32_t bits;
           }){x})
        .bits;
}
INLINE Lanes of_bits(Bits x)
{
    return ((union {
               uint32_t bits;
               float x;
           }){x})
        .x;
}
#else
typedef int32_t Ints __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
typedef uint32_t Bits __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
#define CONVERT(x, type) __builtin_convertvector(x, type)
INLINE Lanes choose(Ints condition, Lanes yes, Lanes no)
{
    return (Lanes)(((Ints)yes & condition) | ((Ints)no & ~condition));
}
INLINE Bits bits_of(Lanes x)
{
    return (Bits)x;
}
INLINE Lanes of_bits(Bits x)
{
    return (Lanes)x;
}
#endif

INLINE Lanes splat(float x)
{
    return x - (Lanes){0};
}

INLINE Lanes exp_lanes(Lanes x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
    Lanes n = (x * 1.44269504f + magic) - magic;
    Lanes r = (x - n * 0.693359375f) + n * 2.12194440e-4f; /* ln 2 in two parts */
    Lanes p = 1.0f / 5040 + (Lanes){0};
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    Lanes limited = choose(n > splat(-126), choose(n > splat(127), splat(127), n), splat(-126));
    Ints scale = (CONVERT(limited, Ints) + 127) << 23;
    Lanes y = p * of_bits((Bits)scale);
    y = choose(n > splat(127), y * 2.0f, y);
    y = choose(x > splat(88.72283f), splat(INFINITY), y);
    y = choose(x < splat(-87.33654f), splat(0), y);
    return choose(x != x, x, y);
}

INLINE Lanes log_lanes(Lanes x)
{
    Ints small = x<splat(1.17549435e-38f), positive = x> splat(0);
    small &= positive;
    Lanes up = choose(small, x * 8388608.0f, x);
    Bits bits = bits_of(up) - 0x3f3504f3u; /* from 1/sqrt 2 */
    Ints n = (Ints)bits >> 23;
    Lanes m = of_bits((bits & 0x007fffffu) + 0x3f3504f3u);
    Lanes exponent = CONVERT(n, Lanes) - choose(small, splat(23), splat(0));
    Lanes s = (m - 1.0f) / (m + 1.0f), q = s * s;
    Lanes p = 1.0f / 11 + (Lanes){0};
    p = p * q + 1.0f / 9;
    p = p * q + 1.0f / 7;
    p = p * q + 0.2f;
    p = p * q + 1.0f / 3;
    Lanes y = exponent * 0.693359375f + ((2.0f * s * q * p - exponent * 2.12194440e-4f) + 2.0f * s);
    y = choose(x == splat(0), splat(-INFINITY), y);
    y = choose(x == splat(INFINITY), x, y);
    return choose(x < splat(0), splat(NAN), choose(x != x, x, y));
}

/* log(1 + e): what 1 + e rounds away is put back. */
INLINE Lanes log1p_lanes(Lanes e)
{
    Lanes u = 1.0f + e;
    return log_lanes(u) + (e - (u - 1.0f)) / u;
}

INLINE Lanes abs_lanes(Lanes x)
{
    return of_bits(bits_of(x) & 0x7fffffffu);
}

INLINE Lanes tanh_lanes(Lanes x)
{
    Lanes a = abs_lanes(x), e = exp_lanes(-2.0f * a), large = (1.0f - e) / (1.0f + e), q = x * x;
    Lanes p = -1382.0f / 155925 + (Lanes){0};
    p = p * q + 62.0f / 2835;
    p = p * q - 17.0f / 315;
    p = p * q + 2.0f / 15;
    p = p * q - 1.0f / 3;
    Lanes signed_large = choose(x < splat(0), -large, large);
    return choose(a < splat(0.25f), x + x * q * p, signed_large);
}

#define IN_REGISTERS(name, expression)                                                                       \
    void KERNEL(name)(real * x)                                                                              \
    {                                                                                                        \
        Lanes v = *(Lanes *)x;                                                                               \
        *(Lanes *)x = expression;                                                                            \
    }
IN_REGISTERS(exp, exp_lanes(v))
IN_REGISTERS(log, log_lanes(v))
IN_REGISTERS(tanh, tanh_lanes(v))
IN_REGISTERS(sigmoid, 1.0f / (1.0f + exp_lanes(-v)))
IN_REGISTERS(softplus, choose(v < splat(0), splat(0), v) + log1p_lanes(exp_lanes(-abs_lanes(v))))
EACH_LANE(sin, sinf)
EACH_LANE(cos, cosf)
EACH_LANE(erf, erff)

#endif

void KERNEL(pow)(real *x, const real *y)
{
    for (int i = 0; i < WIDTH; i++) x[i] = (real)pow(x[i], y[i]);
}

#if DNW_LANES == 1 && !defined DNW_REAL_IS_DOUBLE
real KERNEL(exp1)(real x)
{
    return exp_lanes(x);
}
real KERNEL(log1)(real x)
{
    return log_lanes(x);
}
real KERNEL(tanh1)(real x)
{
    return tanh_lanes(x);
}
real KERNEL(sigmoid1)(real x)
{
    return 1.0f / (1.0f + exp_lanes(-x));
}
real KERNEL(softplus1)(real x)
{
    return choose(x < 0, 0, x) + log1p_lanes(exp_lanes(-abs_lanes(x)));
}
#else
real KERNEL(exp1)(real x)
{
    return (real)exp(x);
}
real KERNEL(log1)(real x)
{
    return (real)log(x);
}
real KERNEL(tanh1)(real x)
{
    return (real)tanh(x);
}
real KERNEL(sigmoid1)(real x)
{
    return (real)(1 / (1 + exp(-(double)x)));
}
real KERNEL(softplus1)(real x)
{
    return (real)((x > 0 ? x : x < 0 ? 0 : x) + log1p(exp(-fabs((double)x))));
}
#endif
real KERNEL(sin1)(real x)
{
    return (real)sin(x);
}
real KERNEL(cos1)(real x)
{
    return (real)cos(x);
}
real KERNEL(erf1)(real x)
{
    return (real)erf(x);
}
real KERNEL(pow1)(real x, real y)
{
    return (real)pow(x, y);
}
