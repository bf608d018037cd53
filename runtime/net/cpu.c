/* cpu.c: see cpu.h. */
#include "net/cpu.h"
#include <stdio.h>
#include <string.h>
#if defined __aarch64__
#include <sys/auxv.h>
#endif

int64_t cpu_piece_bytes = 256;

bool cpu_has(const char *feature)
{
#if defined __x86_64__
    __builtin_cpu_init();
#define X86_FEATURE(name, level)                                                                             \
    if (!strcmp(feature, name)) return __builtin_cpu_supports(name) != 0;
#define ARM_FEATURE(name, word, bit)
#include "common/cpu.def"
#elif defined __aarch64__
#define X86_FEATURE(name, level)
#define ARM_FEATURE(name, word, bit)                                                                         \
    if (!strcmp(feature, name)) return getauxval(word == 1 ? AT_HWCAP : AT_HWCAP2) >> bit & 1;
#include "common/cpu.def"
#endif
    (void)feature;
    return false;
}

bool cpu_check(const Program *p, CpuHas *has, RtError *e)
{
    const json_t *need;
    char missing[512] = "";
    size_t i;
    json_array_foreach(json_object_get(p->manifest, "needs"), i, need)
    {
        const char *name = json_string_value(need);
        size_t used = strlen(missing);
        if (name && !has(name))
            snprintf(missing + used, sizeof missing - used, "%s%s", used ? ", " : "", name);
    }
    if (!*missing) return true;
    rt_fail(e, RT_BAD_INPUT, "this program was built for %s, and this processor does not have %s", p->cpu,
            missing);
    return rt_help(e, "build it again on this machine, or with another --cpu, such as x86-64-v2");
}
