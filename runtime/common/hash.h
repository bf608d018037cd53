/* hash.h: 64-bit FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv). */
#ifndef DNWRT_HASH_H
#define DNWRT_HASH_H
#include <stddef.h>
#include <stdint.h>

static const uint64_t hash_start = 0xCBF29CE484222325u;

static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < length; i++) hash = (hash ^ p[i]) * 0x100000001B3u;
    return hash;
}
#endif
