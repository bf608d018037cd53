/* test_schedule_optim.c: learning rates at chosen points, update rules against naive loops in double, and
 * what both refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "common/optim.h"
#include "common/rng.h"
#include "common/schedule.h"

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *j = json_loads(text, JSON_DECODE_ANY, &error);
    if (!j) fail_msg("%s: %s", text, error.text);
    return j;
}

/* Schedules */

static void expect_rate(const char *setting, double epoch, double epochs, double scale, double want)
{
    RtError e = {0};
    json_t *j = parse(setting);
    if (!schedule_check(j, &e)) fail_msg("%s", e.text);
    double rate = schedule_at(j, epoch, epochs, scale);
    if (fabs(rate - want) > 1e-12)
        fail_msg("%s at %g of %g: %.15g, wanted %.15g", setting, epoch, epochs, rate, want);
    json_decref(j);
}

static void test_number(void **state)
{
    (void)state;
    expect_rate("0.25", 3, 10, -1, 0.25);
    expect_rate("1", 3, 10, 0.5, 0.5);
    expect_rate("0", 0, 10, -1, 0);
    expect_rate("0.1", 0, 10, 0, 0);
}

static void test_cosine(void **state)
{
    (void)state;
    const char *s = "{\"call\":\"cosine\",\"args\":{\"peak\":0.1,\"warmup\":5,\"floor\":0.01}}";
    expect_rate(s, 0, 25, -1, 0);
    expect_rate(s, 2.5, 25, -1, 0.05);
    expect_rate(s, 5, 25, -1, 0.1);
    expect_rate(s, 15, 25, -1, 0.055);
    expect_rate(s, 25, 25, -1, 0.01);
    expect_rate(s, 30, 25, -1, 0.01);
    expect_rate(s, 15, 25, 0.2, 0.11);
    expect_rate(s, 2, 3, -1, 0.04); /* training ends inside the rise */
    expect_rate(s, 5, 5, -1, 0.1);
    const char *t = "{\"call\":\"cosine\",\"args\":{\"peak\":2,\"warmup\":0,\"floor\":0}}";
    expect_rate(t, 0, 10, -1, 2);
    expect_rate(t, 2.5, 10, -1, 1 + sqrt(0.5));
}

static void test_drops(void **state)
{
    (void)state;
    const char *s = "{\"call\":\"drops\",\"args\":{\"start\":0.1,\"factor\":0.1,\"epochs\":[80,120]}}";
    expect_rate(s, 0, 160, -1, 0.1);
    expect_rate(s, 79.999, 160, -1, 0.1);
    expect_rate(s, 80, 160, -1, 0.01);
    expect_rate(s, 159, 160, -1, 0.001);
    expect_rate(s, 100, 160, 1, 0.1);
}

static void test_ramp_and_exponential(void **state)
{
    (void)state;
    const char *down = "{\"call\":\"ramp\",\"args\":{\"start\":0.4,\"end\":0}}";
    expect_rate(down, 2.5, 10, -1, 0.3);
    expect_rate(down, 12, 10, -1, 0);
    expect_rate(down, 5, 10, 1, 0.5);
    const char *up = "{\"call\":\"ramp\",\"args\":{\"start\":0,\"end\":0.1}}";
    expect_rate(up, 5, 10, 0.2, 0.1);
    const char *s = "{\"call\":\"exponential\",\"args\":{\"start\":8,\"factor\":0.25}}";
    expect_rate(s, 0, 10, -1, 8);
    expect_rate(s, 0.5, 10, -1, 4);
    expect_rate(s, 2, 10, 1, 0.0625);
}

static void expect_bad_rate(const char *setting, const char *want)
{
    RtError e = {0};
    json_t *j = parse(setting);
    assert_false(schedule_check(j, &e));
    assert_int_equal(e.code, RT_BAD_INPUT);
    assert_string_equal(e.text, want);
    json_decref(j);
}

static void test_schedule_errors(void **state)
{
    (void)state;
    expect_bad_rate("-0.5", "a rate of -0.5 must be 0 or more");
    expect_bad_rate(
        "\"fast\"",
        "a rate must be a number or a schedule\nhelp: schedules are cosine, drops, ramp and exponential");
    expect_bad_rate("{\"call\":\"sinus\",\"args\":{}}",
                    "no schedule is named 'sinus'\nhelp: schedules are cosine, drops, ramp and exponential");
    expect_bad_rate("{\"call\":\"cosine\",\"args\":{\"peak\":0.1,\"warmup\":-1,\"floor\":0}}",
                    "cosine: warmup = -1 must be 0 or more");
    expect_bad_rate("{\"call\":\"cosine\",\"args\":{\"peak\":0,\"warmup\":0,\"floor\":0}}",
                    "cosine: peak = 0 must be above 0");
    expect_bad_rate("{\"call\":\"cosine\",\"args\":{\"peak\":0.1,\"warmup\":0,\"floor\":1}}",
                    "cosine: floor = 1 is above peak = 0.1");
    expect_bad_rate("{\"call\":\"cosine\",\"args\":{\"peak\":\"x\",\"warmup\":0,\"floor\":1}}",
                    "cosine: 'peak' must be a number");
    expect_bad_rate("{\"call\":\"drops\",\"args\":{\"start\":0.1,\"factor\":0,\"epochs\":[]}}",
                    "drops: factor = 0 must be above 0");
    expect_bad_rate("{\"call\":\"drops\",\"args\":{\"start\":0.1,\"factor\":1,\"epochs\":3}}",
                    "drops: 'epochs' must be a list of numbers");
    expect_bad_rate("{\"call\":\"drops\",\"args\":{\"start\":0.1,\"factor\":1,\"epochs\":[4,\"a\"]}}",
                    "drops: number 2 of 'epochs' must be 0 or more");
    expect_bad_rate("{\"call\":\"drops\",\"args\":{\"start\":0.1,\"factor\":1,\"epochs\":[4,4]}}",
                    "drops: 'epochs' must ascend, but 4 follows 4");
    expect_bad_rate("{\"call\":\"ramp\",\"args\":{\"start\":0,\"end\":0}}", "ramp: start and end are both 0");
    expect_bad_rate("{\"call\":\"exponential\",\"args\":{\"start\":1,\"factor\":-1}}",
                    "exponential: factor = -1 must be above 0");
}

/* Optimisers */

enum { SIZE = 1003, STEPS = 7 };

static const char *const settings[] = {
    "{\"call\":\"sgd\",\"args\":{\"lr\":0.1,\"momentum\":0,\"nesterov\":false,\"decay\":0.01,\"clip\":0}}",
    "{\"call\":\"sgd\",\"args\":{\"lr\":0.1,\"momentum\":0.9,\"nesterov\":false,\"decay\":0.01,\"clip\":0}}",
    "{\"call\":\"sgd\",\"args\":{\"lr\":0.1,\"momentum\":0.9,\"nesterov\":true,\"decay\":0.01,\"clip\":1}}",
    "{\"call\":\"adam\",\"args\":{\"lr\":0.1,\"beta1\":0.9,\"beta2\":0.999,\"eps\":1e-8,\"decay\":0.01,"
    "\"clip\":0}}",
    "{\"call\":\"adamw\",\"args\":{\"lr\":0.1,\"beta1\":0.9,\"beta2\":0.999,\"eps\":1e-8,\"decay\":0.1,"
    "\"clip\":0}}",
    "{\"call\":\"rmsprop\",\"args\":{\"lr\":0.1,\"rho\":0.99,\"eps\":1e-8,\"momentum\":0,\"decay\":0.01,"
    "\"clip\":0}}",
    "{\"call\":\"rmsprop\",\"args\":{\"lr\":0.1,\"rho\":0.99,\"eps\":1e-8,\"momentum\":0.9,\"decay\":0.01,"
    "\"clip\":0}}",
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static Optim open_optim(const char *setting)
{
    RtError e = {0};
    Optim o;
    json_t *j = parse(setting);
    if (!optim_open(j, &o, &e)) fail_msg("%s", e.text);
    json_decref(j);
    return o;
}

/* One element, one step, as the papers write it; s[0] and s[1] are the slots. */
static double naive(const Optim *o, double w, double g, double s[2], double lr, double decay, int64_t t)
{
    double mu = o->momentum;

    if (o->kind == OPTIM_ADAMW) w -= lr * decay * w;
    else g += decay * w;
    switch (o->kind) {
    case OPTIM_SGD:
        if (mu == 0) return w - lr * g;
        s[0] = mu * s[0] + g;
        return w - lr * (o->nesterov ? g + mu * s[0] : s[0]);
    case OPTIM_ADAM:
    case OPTIM_ADAMW:
        s[0] = o->beta1 * s[0] + (1 - o->beta1) * g;
        s[1] = o->beta2 * s[1] + (1 - o->beta2) * g * g;
        double mean = s[0] / (1 - pow(o->beta1, (double)t)), square = s[1] / (1 - pow(o->beta2, (double)t));
        return w - lr * mean / (sqrt(square) + o->eps);
    default:
        s[0] = o->rho * s[0] + (1 - o->rho) * g * g;
        g /= sqrt(s[0]) + o->eps;
        if (mu == 0) return w - lr * g;
        s[1] = mu * s[1] + g;
        return w - lr * s[1];
    }
}

static float gradient_at(int64_t step, int i)
{
    return (float)rng_normal(5, RNG_INIT, (uint64_t)(step * SIZE + i));
}

static void test_against_naive(void **state)
{
    (void)state;
    static float w[SIZE], g[SIZE], slot0[SIZE], slot1[SIZE];
    static double want[SIZE], slots[SIZE][2];

    for (int k = 0; k < SETTINGS; k++) {
        Optim o = open_optim(settings[k]);
        memset(slot0, 0, sizeof slot0);
        memset(slot1, 0, sizeof slot1);
        memset(slots, 0, sizeof slots);
        for (int i = 0; i < SIZE; i++) want[i] = w[i] = (float)rng_normal(9, RNG_INIT, (uint64_t)i);
        for (int64_t t = 1; t <= STEPS; t++) {
            double lr = 0.1 / (double)t, scale = t == 3 ? 0.5 : 1;
            for (int i = 0; i < SIZE; i++) {
                g[i] = gradient_at(t, i);
                want[i] = naive(&o, want[i], g[i] * scale, slots[i], lr, o.decay, t);
            }
            const OptimRange all = {w, g, {o.slots > 0 ? slot0 : NULL, o.slots > 1 ? slot1 : NULL}};
            optim_update(&o, SIZE, &all, &(OptimStep){lr, o.decay, scale, t});
        }
        for (int i = 0; i < SIZE; i++)
            if (!(fabs(w[i] - want[i]) < 2e-5))
                fail_msg("rule %d, weight %d: %g, wanted %g", k, i, (double)w[i], want[i]);
    }
}

/* Written out by hand: w = 1, g = 0.5 twice. */
static void test_by_hand(void **state)
{
    (void)state;
    float g = 0.5f;
    const float want[][2] = {
        {0.949f, 0.898051f},   /* g + 0.01 w = 0.51, then 0.50949 */
        {0.949f, 0.852151f},   /* b = 0.51, 0.96849 */
        {0.9031f, 0.7650741f}, /* 0.51 + 0.459 = 0.969; g 0.509031, b 0.968031, step 1.3802589 */
    };
    for (int k = 0; k < 3; k++) {
        Optim o = open_optim(settings[k]);
        float w = 1, buffer = 0;
        for (int t = 0; t < 2; t++) {
            optim_update(&o, 1, &(OptimRange){&w, &g, {&buffer}}, &(OptimStep){0.1, 0.01, 1, t + 1});
            if (fabsf(w - want[k][t]) > 1e-6f) fail_msg("rule %d, step %d: %.8g", k, t + 1, (double)w);
        }
    }
    Optim o = open_optim(settings[3]); /* adam's first step is lr against the sign of g */
    float w = 1, mean = 0, square = 0;
    optim_update(&o, 1, &(OptimRange){&w, &g, {&mean, &square}}, &(OptimStep){0.1, 0, 1, 1});
    assert_true(fabsf(w - 0.9f) < 1e-6f);
    o = open_optim(settings[4]); /* adamw: and the weight shrinks by lr decay */
    w = 1, mean = 0, square = 0;
    optim_update(&o, 1, &(OptimRange){&w, &g, {&mean, &square}}, &(OptimStep){0.1, 0.1, 1, 1});
    assert_true(fabsf(w - 0.89f) < 1e-6f);
}

/* However the arrays are cut, the bits are the same. */
static void test_ranges(void **state)
{
    (void)state;
    static float g[SIZE], whole[3][SIZE], cut[3][SIZE];
    const int64_t cuts[] = {0, 1, 4, 7, 64, 65, 130, 517, 1000, SIZE};

    for (int k = 0; k < SETTINGS; k++) {
        Optim o = open_optim(settings[k]);
        memset(whole, 0, sizeof whole);
        for (int i = 0; i < SIZE; i++) whole[0][i] = gradient_at(99, i);
        memcpy(cut, whole, sizeof whole);
        for (int64_t t = 1; t <= STEPS; t++) {
            for (int i = 0; i < SIZE; i++) g[i] = gradient_at(t, i);
            const OptimStep step = {0.1, o.decay, 0.7, t};
            optim_update(&o, SIZE, &(OptimRange){whole[0], g, {whole[1], whole[2]}}, &step);
            for (size_t c = 0; c + 1 < sizeof cuts / sizeof *cuts; c++) {
                int64_t from = cuts[c];
                const OptimRange here = {cut[0] + from, g + from, {cut[1] + from, cut[2] + from}};
                optim_update(&o, cuts[c + 1] - from, &here, &step);
            }
        }
        assert_memory_equal(whole, cut, sizeof whole);
    }
}

static void test_nan_stays_visible(void **state)
{
    (void)state;
    for (int k = 0; k < SETTINGS; k++) {
        Optim o = open_optim(settings[k]);
        float w = 1, g = NAN, a = 0, b = 0;
        optim_update(&o, 1, &(OptimRange){&w, &g, {&a, &b}}, &(OptimStep){0.1, o.decay, 1, 1});
        assert_true(isnan(w));
    }
}

static void test_slots(void **state)
{
    (void)state;
    const int slots[SETTINGS] = {0, 1, 1, 2, 2, 1, 2};
    for (int k = 0; k < SETTINGS; k++) assert_int_equal(open_optim(settings[k]).slots, slots[k]);
    Optim o = open_optim(settings[2]);
    assert_string_equal(o.slot_names[0], "momentum");
    assert_true(o.nesterov && o.clip == 1);
    o = open_optim(settings[4]);
    assert_string_equal(o.slot_names[0], "mean");
    assert_string_equal(o.slot_names[1], "square");
    o = open_optim(settings[6]);
    assert_string_equal(o.slot_names[0], "square");
    assert_string_equal(o.slot_names[1], "momentum");
}

static void expect_bad_optim(const char *setting, const char *want)
{
    RtError e = {0};
    Optim o;
    json_t *j = parse(setting);
    assert_false(optim_open(j, &o, &e));
    assert_int_equal(e.code, RT_BAD_INPUT);
    assert_string_equal(e.text, want);
    json_decref(j);
}

static void test_optim_errors(void **state)
{
    (void)state;
    expect_bad_optim("{\"call\":\"lion\",\"args\":{}}",
                     "no optimiser is named 'lion'\nhelp: optimisers are sgd, adam, adamw and rmsprop");
    expect_bad_optim("3", "the optimiser has no name\nhelp: optimisers are sgd, adam, adamw and rmsprop");
    expect_bad_optim("{\"call\":\"sgd\",\"args\":{\"lr\":-1}}", "sgd: lr: a rate of -1 must be 0 or more");
    expect_bad_optim("{\"call\":\"sgd\",\"args\":{\"lr\":1,\"momentum\":1,\"decay\":0,\"clip\":0}}",
                     "sgd: momentum = 1 must be at least 0 and below 1");
    expect_bad_optim("{\"call\":\"sgd\",\"args\":{\"lr\":1,\"momentum\":0,\"decay\":-1,\"clip\":0}}",
                     "sgd: decay = -1 must be 0 or more");
    expect_bad_optim(
        "{\"call\":\"sgd\",\"args\":{\"lr\":1,\"momentum\":0,\"nesterov\":true,\"decay\":0,\"clip\":0}}",
        "sgd: nesterov needs a momentum above 0\nhelp: momentum = 0.9");
    expect_bad_optim("{\"call\":\"adam\",\"args\":{\"lr\":1,\"beta1\":0.9,\"beta2\":0.999,\"eps\":0}}",
                     "adam: eps = 0 must be above 0");
    expect_bad_optim("{\"call\":\"rmsprop\",\"args\":{\"lr\":1}}", "rmsprop: 'rho' must be a number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_cosine),
        cmocka_unit_test(test_drops),
        cmocka_unit_test(test_ramp_and_exponential),
        cmocka_unit_test(test_schedule_errors),
        cmocka_unit_test(test_against_naive),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_nan_stays_visible),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_optim_errors),
    };
    return cmocka_run_group_tests_name("schedule and optim", tests, NULL, NULL);
}
