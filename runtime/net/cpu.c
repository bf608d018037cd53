/* cpu.c: see cpu.h. */
#include "net/cpu.h"
#include <stdio.h>
#include <string.h>
#if defined __aarch64__
#include <sys/auxv.h>
#elif defined __x86_64__
#include <cpuid.h>
#endif

int64_t cpu_piece_bytes = 256;

#if defined __x86_64__
/* A word of what cpuid says, as numbered in cpu.def; 0 where this processor has no such leaf. */
static unsigned cpuid_word(int word)
{
    static const struct {
        unsigned leaf, part, at; /* at: 0 to 3 for eax to edx */
    } words[] = {{1, 0, 2}, {7, 0, 1}, {7, 0, 2}, {7, 0, 3}, {7, 1, 0}, {0x80000001, 0, 2}};
    unsigned r[4] = {0}, i = (unsigned)word - 1;
    __get_cpuid_count(words[i].leaf, words[i].part, &r[0], &r[1], &r[2], &r[3]);
    return r[words[i].at];
}

/* Does the system keep registers of that many bits when it changes threads? */
static bool keeps_registers(int width)
{
    unsigned low, high, wanted = width == 512 ? 0xE6 : 0x6;
    if (width == 128) return true;
    if (!(cpuid_word(1) >> 27 & 1)) return false; /* osxsave: xgetbv may be used */
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & wanted) == wanted;
}
#endif

bool cpu_has(const char *feature)
{
#if defined __x86_64__
#define X86_FEATURE(name, level, word, bit, width)                                                           \
    if (!strcmp(feature, name)) return (cpuid_word(word) >> bit & 1) && keeps_registers(width);
#define ARM_FEATURE(name, word, bit)
#include "common/cpu.def"
#elif defined __aarch64__
#define X86_FEATURE(name, level, word, bit, width)
#define ARM_FEATURE(name, word, bit)                                                                         \
    if (!strcmp(feature, name)) return getauxval(word == 1 ? AT_HWCAP : AT_HWCAP2) >> bit & 1;
#include "common/cpu.def"
#endif
    (void)feature;
    return false;
}

bool cpu_has_avx512(void)
{
#if defined __x86_64__
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
#else
    return false;
#endif
}

bool cpu_check(const Program *p, CpuHas *has, RtError *e)
{
    char missing[512] = "";
    for (int i = 0; i < p->head.need_count; i++) {
        const char *name = p->head.needs[i];
        size_t used = strlen(missing);
        if (!has(name)) snprintf(missing + used, sizeof missing - used, "%s%s", used ? ", " : "", name);
    }
    if (!*missing) return true;
    rt_fail(e, RT_BAD_INPUT, "this program was built for %s, and this processor does not have %s",
            p->head.cpu, missing);
    return rt_help(e, "build it again on this machine, or with another --cpu, such as x86-64-v2");
}
