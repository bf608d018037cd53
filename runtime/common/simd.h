/* simd.h: one C function for several processors: the loader picks the widest that the machine has.
 *
 * The library itself is built for x86-64-v2. Where the compiler cannot clone functions the marks mean
 * nothing.
 */
#ifndef RT_SIMD_H
#define RT_SIMD_H
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define RT_CLONES                                                                                            \
    __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4"), optimize("O3")))
#else
#define RT_CLONES
#endif

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
enum { SIMD_BYTES = 16 };
#else
enum { SIMD_BYTES = 8 };
#endif

/* Of SIMD_BYTES bytes that are 0 or 1 a bit each, the first the lowest (little-endian processors). */
static inline uint64_t simd_bits(const uint8_t *bytes)
{
#ifdef __SSE2__
    __m128i low = _mm_loadu_si128((const __m128i *)bytes);
    return (uint64_t)_mm_movemask_epi8(_mm_slli_epi16(low, 7));
#else
    uint64_t eight;
    memcpy(&eight, bytes, 8);
    return eight * 0x0102040810204080u >> 56;
#endif
}

/* Of `count` such bytes, at most 64. */
static inline uint64_t simd_word(const uint8_t *bytes, int64_t count)
{
    uint64_t word = 0;
    int64_t i = 0;
    for (; i + SIMD_BYTES <= count; i += SIMD_BYTES) word |= simd_bits(bytes + i) << i;
    for (; i < count; i++) word |= (uint64_t)bytes[i] << i;
    return word;
}
#endif
