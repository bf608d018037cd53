/* What a program needs of a processor, against processors that do not exist. */
#include "net/cpu.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

static bool has_all(const char *feature)
{
    (void)feature;
    return true;
}
static bool has_no_avx(const char *feature)
{
    return strncmp(feature, "avx", 3) != 0;
}

static bool check(String *needs, int count, CpuHas *has, RtError *e)
{
    const Program p = {.head = {.cpu = "x86-64-v4", .needs = needs, .need_count = count}};
    *e = (RtError){0};
    return cpu_check(&p, has, e);
}

static void test_missing(void **state)
{
    (void)state;
    RtError e;
    String needs[] = {"sse3", "avx2", "fma", "avx512f"};
    assert_true(check(needs, 4, has_all, &e));
    assert_false(check(needs, 4, has_no_avx, &e));
    assert_int_equal(e.code, RT_BAD_INPUT);
    assert_non_null(strstr(
        e.text,
        "this program was built for x86-64-v4, and this processor does not have avx2, avx512f\nhelp: "));
    assert_true(check(needs, 1, has_no_avx, &e));
    assert_true(check(NULL, 0, has_no_avx, &e));
}

static void test_this_processor(void **state)
{
    (void)state;
    assert_false(cpu_has("no such feature"));
#if defined __x86_64__
    assert_true(cpu_has("sse3"));
#if !defined __clang__ || __clang_major__ >= 17 /* knows all names; it reads the same of the processor */
    __builtin_cpu_init();
#define X86_FEATURE(name, level, word, bit, width)                                                           \
    if (cpu_has(name) != (__builtin_cpu_supports(name) != 0)) fail_msg("%s", name);
#define ARM_FEATURE(name, word, bit)
#include "common/cpu.def"
#endif
    assert_int_equal(cpu_has("avx2"), __builtin_cpu_supports("avx2") != 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_missing), cmocka_unit_test(test_this_processor)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
