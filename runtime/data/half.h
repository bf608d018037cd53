/* half.h: numbers of 16 bits as floats; both conversions are exact. */
#ifndef RT_HALF_H
#define RT_HALF_H
#include <math.h>
#include <stdint.h>
#include <string.h>

/* IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
static inline float half_float(uint16_t h)
{
    const int exponent = h >> 10 & 31, fraction = h & 1023;
    float x = exponent == 31 ? (fraction ? NAN : INFINITY)
              : exponent     ? ldexpf((float)(fraction + 1024), exponent - 25)
                             : ldexpf((float)fraction, -24);
    return h >> 15 ? -x : x;
}

/* bfloat16: the upper half of a float. */
static inline float bfloat_float(uint16_t b)
{
    const uint32_t bits = (uint32_t)b << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
#endif
