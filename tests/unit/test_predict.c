/* test_predict.c: the commands that use saved weights, on a toy network: predict with its .npy files, eval,
 * info.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include "fake_net.h"
#include "app/checkpoint.h"

enum { SAMPLES = 5 };

static char directory[] = "/tmp/dnw_predict_XXXXXX";
static char weights[64], input[64], output[64], printed[64];
static Program program;

/* Runs a command; what it printed goes to the file `printed`. */
static bool run(bool (*command)(Session *s, RtError *e), bool json, RtError *e)
{
    Options o = {.program = "./toy",
                 .threads = 1,
                 .batch = 2,
                 .seed = -1,
                 .lr = -1,
                 .weights = weights,
                 .input = input,
                 .output = output,
                 .json = json};
    Session s = {.program = &program, .options = &o, .calls = &fake_calls};
    *e = (RtError){0};
    fflush(stdout);
    int terminal = dup(1);
    FILE *f = fopen(printed, "w");
    dup2(fileno(f), 1);
    bool ok = command(&s, e);
    fflush(stdout);
    dup2(terminal, 1);
    close(terminal);
    fclose(f);
    session_close(&s);
    return ok;
}

static size_t read_file(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("no %s", path);
    size_t got = fread(text, 1, size - 1, f);
    text[got] = 0;
    fclose(f);
    return got;
}

/* A .npy file of this version with this dictionary; data cut or filled up to `bytes`. */
static void write_npy(int version, const char *dictionary, const void *data, size_t bytes)
{
    FILE *f = fopen(input, "wb");
    uint32_t length = (uint32_t)strlen(dictionary);
    fwrite("\x93NUMPY", 1, 6, f);
    fputc(version, f);
    fputc(0, f);
    fwrite(&length, 1, version == 1 ? 2 : 4, f);
    fputs(dictionary, f);
    fwrite(data, 1, bytes, f);
    fclose(f);
}

/* What the network makes of x, straight; of samples that are `lost` rows of NaN. */
static void expect_rows(const float *x, const bool *lost)
{
    char file[1024];
    size_t size = read_file(output, file, sizeof file);
    float *y = (float *)(void *)(file + 128), want[CLASSES];
    NetOptions o = {.seed = 3};
    Net *n = fake_new(NULL, NULL, &o, NULL);
    fake_choose_edges(n);
    assert_int_equal(size, 128 + SAMPLES * CLASSES * 4);
    assert_memory_equal(
        file, "\x93NUMPY\x01\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3), }", 68);
    for (int s = 0; s < SAMPLES; s++) {
        for (int c = 0; c < CLASSES && lost[s]; c++) assert_true(isnan(y[s * CLASSES + c]));
        if (lost[s]) continue;
        fake_outputs(n, x + s * FEATURES, want);
        assert_memory_equal(want, y + s * CLASSES, sizeof want);
    }
    fake_free(n);
}

static void expect_outputs(const float *x)
{
    expect_rows(x, (const bool[SAMPLES]){0});
}

static void test_shapes_and_types(void **state)
{
    float x[SAMPLES * FEATURES];
    double wide[SAMPLES * FEATURES];
    RtError e;
    (void)state;
    for (int i = 0; i < SAMPLES * FEATURES; i++) wide[i] = x[i] = 0.25f * (float)(i - 11);
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2, 3), }\n", x, sizeof x);
    if (!run(predict_command, false, &e)) fail_msg("%s", e.text);
    expect_outputs(x);
    write_npy(2, "{\"shape\":(5,6), \"descr\":\"<f4\", \"fortran_order\":False}", x, sizeof x);
    if (!run(predict_command, false, &e)) fail_msg("%s", e.text);
    expect_outputs(x);
    write_npy(3, "{'descr': '<f8', 'fortran_order': False, 'shape': (5, 6,)}", wide, sizeof wide);
    if (!run(predict_command, false, &e)) fail_msg("%s", e.text);
    expect_outputs(x);
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 6)}", x, 0);
    if (!run(predict_command, false, &e)) fail_msg("%s", e.text);
}

static const struct {
    const char *dictionary;
    size_t bytes;
    const char *message;
} bad[] = {
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (5, 6)}", 119,
     "byte 67: truncated in the elements of 5 samples: wanted 120 bytes, found 119"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (5, 6)}", 124,
     "byte 187: there are bytes left after the elements of 5 samples"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 6)}", 4, "there are bytes left"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3, 2)}", 120,
     "shape (5, 3, 2), the network takes (samples, 2, 3) or (samples, 6)"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (30,)}", 120, "shape (30)"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4, "the array is a single number"},
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (5, 6)}", 116, "wanted 120 bytes, found 116"},
    {"{'descr': '<c8', 'fortran_order': False, 'shape': (5, 6)}", 240, "elements of type '<c8' are not read"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (5, -6)}", 120, "damaged header: wanted a size"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (5, 6", 120, "damaged header: wanted ',' or ')'"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0, "too large"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 1)}", 0, "too large"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4, "more than 5 dimensions"},
    {"{'descr': '<f4', 'fortran_order': False}", 4, "wanted descr, fortran_order and shape"},
    {"{'fortran_order': False, 'shape': (5, 6)}", 120, "wanted descr, fortran_order and shape"},
    {"", 0, "byte 10: damaged header: wanted '{'"},
};

static void test_bad_files(void **state)
{
    double x[SAMPLES * FEATURES] = {0}; /* the widest of the files below */
    RtError e;
    (void)state;
    unlink(output);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_npy(1, bad[i].dictionary, x, bad[i].bytes);
        if (run(predict_command, false, &e)) fail_msg("accepted %s", bad[i].dictionary);
        if (!strstr(e.text, bad[i].message)) fail_msg("'%s' lacks '%s'", e.text, bad[i].message);
        assert_int_equal(e.code, RT_BAD_INPUT);
        assert_int_equal(access(output, F_OK), -1);
    }
}

/* Every prefix of a good file. */
static void test_every_cut(void **state)
{
    float x[SAMPLES * FEATURES] = {0};
    char whole[512];
    RtError e;
    (void)state;
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2, 3), }\n", x, sizeof x);
    size_t size = read_file(input, whole, sizeof whole);
    for (size_t cut = 0; cut < size; cut++) {
        FILE *f = fopen(input, "wb");
        fwrite(whole, 1, cut, f);
        fclose(f);
        assert_false(run(predict_command, false, &e));
    }
}

static void expect_error(const char *dictionary, const void *x, size_t size, const char *first,
                         const char *how_many)
{
    RtError e;
    unlink(output);
    write_npy(1, dictionary, x, size);
    assert_false(run(predict_command, false, &e));
    assert_int_equal(e.code, RT_BAD_INPUT);
    if (!strstr(e.text, first) || !strstr(e.text, how_many)) fail_msg("%s", e.text);
}

/* Samples without outputs: their rows are NaN, the others are written. Numbers count from 0 in the file. */
static void test_not_finite(void **state)
{
    const char *floats = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 6)}",
               *doubles = "{'descr': '<f8', 'fortran_order': False, 'shape': (5, 6)}";
    float x[SAMPLES * FEATURES];
    double wide[SAMPLES * FEATURES] = {0};
    (void)state;
    for (int i = 0; i < SAMPLES * FEATURES; i++) x[i] = 0.25f * (float)(i - 11);
    x[3 * FEATURES] = FAILS;
    expect_error(floats, x, sizeof x, "x.npy: sample 3: cannot go on\n", "are NaN for 1 of 5 samples");
    expect_rows(x, (const bool[]){0, 0, 0, 1, 0});
    x[2 * FEATURES + 2] = NAN; /* in one batch with the one that fails */
    expect_error(floats, x, sizeof x, "x.npy: sample 2: number 2 of its input is NaN\n",
                 "for 2 of 5 samples");
    expect_rows(x, (const bool[]){0, 0, 1, 1, 0});
    for (int i = 0; i < FEATURES; i++) x[i] = 3e38f;
    expect_error(floats, x, sizeof x, "x.npy: sample 0: number ", "for 3 of 5 samples");
    expect_rows(x, (const bool[]){1, 0, 1, 1, 0});
    wide[4 * FEATURES + 1] = 1e300;
    expect_error(doubles, wide, sizeof wide, "sample 4: number 1 of its input is infinite, or too large",
                 "for 1 of 5 samples");
}

/* Whole numbers, other orders, a packed file. */
static void test_other_forms(void **state)
{
    float x[SAMPLES * FEATURES];
    int16_t whole[SAMPLES * FEATURES], turned[SAMPLES * FEATURES];
    char file[512];
    RtError e;
    (void)state;
    for (int i = 0; i < SAMPLES * FEATURES; i++) {
        x[i] = (float)(i - 11), whole[i] = (int16_t)(i - 11);
        turned[i / FEATURES + i % FEATURES * SAMPLES] = (int16_t)(i - 11);
    }
    write_npy(1, "{'descr': '<i2', 'fortran_order': False, 'shape': (5, 6)}", whole, sizeof whole);
    if (!run(predict_command, false, &e)) fail_msg("%s", e.text);
    expect_outputs(x);
    size_t size = read_file(input, file, sizeof file);
    gzFile packed = gzopen(input, "wb");
    assert_int_equal(gzwrite(packed, file, (unsigned)size), size);
    gzclose(packed);
    if (!run(predict_command, false, &e)) fail_msg("%s", e.text);
    expect_outputs(x);
    write_npy(1, "{'descr': '<i2', 'fortran_order': True, 'shape': (5, 6)}", turned, sizeof turned);
    if (!run(predict_command, false, &e)) fail_msg("%s", e.text);
    expect_outputs(x);
}

/* Runs predict on bytes with this `data` in the settings. */
static bool run_bytes(const char *data, RtError *e)
{
    uint8_t x[SAMPLES * FEATURES];
    for (int i = 0; i < SAMPLES * FEATURES; i++) x[i] = (uint8_t)(8 * i);
    write_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (5, 6)}", x, sizeof x);
    const json_t *before = program.settings;
    json_t *setting = json_loads(data, JSON_DECODE_ANY, NULL),
           *settings = json_pack("{s:O}", "data", setting);
    program.settings = json_is_null(setting) ? NULL : settings;
    bool ok = run(predict_command, false, e);
    json_decref(settings);
    json_decref(setting);
    program.settings = before;
    return ok;
}

/* With 0 channels they are taken as they are. */
static void expect_bytes(const char *data, const float *mean, const float *std, int channels)
{
    float x[SAMPLES * FEATURES];
    RtError e;
    if (!run_bytes(data, &e)) fail_msg("%s: %s", data, e.text);
    Data d = {.channels = channels};
    for (int c = 0; c < channels; c++) d.mean[c] = mean[c], d.std[c] = std[c];
    for (int i = 0; i < SAMPLES * FEATURES; i++)
        x[i] = channels ? data_value(data_scale(&d, i % FEATURES / (FEATURES / channels)), 8 * i)
                        : (float)(8 * i);
    expect_outputs(x);
}

/* Bytes are scaled as the data of the train block says; where its samples are numbers, they are numbers. */
static void test_bytes(void **state)
{
    const float none[] = {0}, one[] = {1};
    RtError e;
    (void)state;
    expect_bytes("{\"call\":\"npy\",\"args\":{}}", none, one, 1);
    expect_bytes("{\"call\":\"mnist\",\"args\":{\"mean\":null}}", (float[]){0.1307f}, (float[]){0.3081f}, 1);
    expect_bytes("{\"call\":\"mnist\",\"args\":{\"mean\":0.5,\"std\":[0.25]}}", (float[]){0.5f},
                 (float[]){0.25f}, 1);
    expect_bytes("{\"call\":\"rows\",\"args\":{\"data\":{\"call\":\"mnist\",\"args\":{\"mean\":0.5}}}}",
                 (float[]){0.5f}, (float[]){0.3081f}, 1);
    expect_bytes("{\"call\":\"idx\",\"args\":{\"mean\":[0.5,0.25],\"std\":0.5}}", (float[]){0.5f, 0.25f},
                 (float[]){0.5f, 0.5f}, 2);
    expect_bytes("{\"call\":\"cifar10\",\"args\":{}}", (float[]){0.4914f, 0.4822f, 0.4465f},
                 (float[]){0.247f, 0.243f, 0.262f}, 3);
    expect_bytes("{\"call\":\"csv\",\"args\":{}}", none, one, 0);
    assert_false(run_bytes("{\"call\":\"idx\",\"args\":{\"mean\":[1,2,3,4]}}", &e));
    assert_non_null(strstr(e.text, "a sample of 6 bytes cannot be cut into the 4 channels of 'idx'"));
    assert_false(run_bytes("null", &e));
    assert_non_null(
        strstr(e.text, "bytes, and the program has no train block that says how they are scaled"));
}

static void test_info(void **state)
{
    char text[4096];
    RtError e;
    (void)state;
    assert_true(run(info_command, false, &e));
    read_file(printed, text, sizeof text);
    assert_non_null(strstr(text, "  Toy            12 of 18 candidate edges (66.7%)\n"));
    assert_non_null(strstr(text, "sgd(lr = ramp(start = 0.1, end = 0.01), momentum = 0.9"));
    assert_true(run(info_command, true, &e));
    read_file(printed, text, sizeof text);
    json_t *object = json_loads(text, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(object, "parameters")), CLASSES * KEPT);
    json_decref(object);
}

static int set_up(void **state)
{
    RtError e;
    (void)state;
    if (!mkdtemp(directory) || !program_open(&program, &fake_program, &e)) return -1;
    snprintf(weights, sizeof weights, "%s/w.safetensors", directory);
    snprintf(input, sizeof input, "%s/x.npy", directory);
    snprintf(output, sizeof output, "%s/y.npy", directory);
    snprintf(printed, sizeof printed, "%s/printed", directory);
    NetOptions o = {.seed = 3};
    Net *n = fake_new(NULL, NULL, &o, &e);
    fake_choose_edges(n);
    const NetTensor *tensors[] = {fake_tensor(n, 0), fake_tensor(n, 1), fake_tensor(n, 2)};
    json_t *metadata = json_object();
    bool ok = checkpoint_write(weights, tensors, 3, CHECKPOINT_WEIGHTS, metadata, &e);
    json_decref(metadata);
    fake_free(n);
    return ok ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    program_close(&program);
    unlink(weights);
    unlink(input);
    unlink(output);
    unlink(printed);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_and_types),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_info),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
