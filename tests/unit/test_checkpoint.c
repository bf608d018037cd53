/* test_checkpoint.c: safetensors written and read back, every way in which a file can lie, and a disk that is
 * full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "app/checkpoint.h"

enum { COUNT = 4 };

/* Four tensors; one of each kind. */
typedef struct Store {
    float w[6], mean[3], momentum[6];
    uint8_t kept[5];
    NetTensor tensors[COUNT];
    const NetTensor *list[COUNT];
} Store;

static char directory[] = "/tmp/dnw_checkpoint_XXXXXX";
static char path[64];

static void fill(Store *s, float start)
{
    for (int i = 0; i < 6; i++) s->w[i] = start + (float)i;
    for (int i = 0; i < 3; i++) s->mean[i] = -start - (float)i;
    for (int i = 0; i < 6; i++) s->momentum[i] = start / (float)(i + 1);
    for (int i = 0; i < 5; i++) s->kept[i] = (uint8_t)(i % 2);
    s->tensors[0] = (NetTensor){"G.edges.0.kept", NET_KEPT, 1, {5}, 5, s->kept};
    s->tensors[1] = (NetTensor){"G.w", NET_WEIGHT, 2, {2, 3}, 6, s->w};
    s->tensors[2] = (NetTensor){"G.mean", NET_RUNNING, 1, {3}, 3, s->mean};
    s->tensors[3] = (NetTensor){"G.w.momentum", NET_SLOT, 2, {2, 3}, 6, s->momentum};
    for (int i = 0; i < COUNT; i++) s->list[i] = &s->tensors[i];
}

static bool same(const Store *a, const Store *b)
{
    return !memcmp(a->w, b->w, sizeof a->w) && !memcmp(a->mean, b->mean, sizeof a->mean) &&
           !memcmp(a->momentum, b->momentum, sizeof a->momentum) && !memcmp(a->kept, b->kept, sizeof a->kept);
}

static void write_store(Store *s, CheckpointUse use)
{
    RtError e;
    json_t *metadata = json_pack("{s:s, s:s}", "program", "toy", "epoch", "3");
    if (!checkpoint_write(path, s->list, COUNT, use, metadata, &e)) fail_msg("%s", e.text);
    json_decref(metadata);
}

static void test_roundtrip(void **state)
{
    Store a, b;
    Checkpoint c;
    RtError e;
    bool kept;
    (void)state;
    fill(&a, 1.5f);
    fill(&b, 100);
    write_store(&a, CHECKPOINT_RESUME);
    assert_true(checkpoint_open(&c, path, &e));
    assert_int_equal(c.data_at % 8, 0);
    assert_string_equal(checkpoint_text(&c, "epoch"), "3");
    assert_null(checkpoint_text(&c, "nothing"));
    assert_true(checkpoint_load(&c, b.list, COUNT, CHECKPOINT_RESUME, &kept, &e));
    assert_true(kept);
    assert_true(same(&a, &b));
    checkpoint_close(&c);
}

/* A file with optimiser state serves a network without; a file of weights does not serve to resume. */
static void test_uses(void **state)
{
    Store a, b;
    Checkpoint c;
    RtError e;
    bool kept;
    (void)state;
    fill(&a, 1.5f);
    fill(&b, 100);
    write_store(&a, CHECKPOINT_RESUME);
    assert_true(checkpoint_open(&c, path, &e));
    assert_true(checkpoint_load(&c, b.list, COUNT - 1, CHECKPOINT_WEIGHTS, &kept, &e));
    assert_memory_equal(a.w, b.w, sizeof a.w);
    assert_int_equal(b.momentum[0], 100);
    checkpoint_close(&c);

    write_store(&a, CHECKPOINT_WEIGHTS);
    assert_true(checkpoint_open(&c, path, &e));
    assert_true(checkpoint_load(&c, b.list, COUNT - 1, CHECKPOINT_WEIGHTS, &kept, &e));
    assert_false(checkpoint_load(&c, b.list, COUNT, CHECKPOINT_RESUME, &kept, &e));
    assert_non_null(strstr(e.text, "tensor 'G.w.momentum' of shape [2, 3] is missing"));
    checkpoint_close(&c);
}

/* --- files made by hand --- */

#define W    "\"G.w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define MEAN "\"G.mean\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,36]}"
#define KEPT "\"G.edges.0.kept\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[36,41]}"

/* header length (or `lie` in its place) + header + data bytes of zero; *size of it. The caller frees it. */
static uint8_t *make_file(const char *header, int64_t lie, size_t data, size_t *size)
{
    uint64_t length = lie < 0 ? strlen(header) : (uint64_t)lie;
    *size = 8 + strlen(header) + data;
    uint8_t *bytes = calloc(1, *size);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, strlen(header));
    return bytes;
}

static void expect_refused(const uint8_t *bytes, size_t size, CheckpointUse use, Store *s, const char *text)
{
    Checkpoint c;
    RtError e;
    bool kept;
    assert_true(checkpoint_read_bytes(&c, bytes, size, "f", &e));
    assert_false(checkpoint_load(&c, s->list + 1, 2, use, &kept, &e));
    if (!strstr(e.text, text)) fail_msg("'%s' lacks '%s'", e.text, text);
    checkpoint_close(&c);
}

/* Weights of other widths become floats; a run is not continued from them. */
static void test_other_widths(void **state)
{
    const struct {
        const char *dtype;
        int width;
        const void *numbers; /* of G.w, which stands first; G.mean is zero */
        float want[6];
    } cases[] = {
        {"F16",
         2,
         (uint16_t[]){0x3c00, 0xc000, 1, 0x7bff, 0, 0xb555},
         {1, -2, 0x1p-24f, 65504, 0, -0x1.554p-2f}},
        {"BF16",
         2,
         (uint16_t[]){0x3f80, 0xc000, 1, 0x7f7f, 0, 0x3eab},
         {1, -2, 0x1p-133f, 0x1.fep127f, 0, 0x1.56p-2f}},
        {"F64", 8, (double[]){1, -2, 1e-300, 1e38, 0, 0.1}, {1, -2, 0, 1e38f, 0, 0.1f}},
    };
    char header[300];
    size_t size;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int n = cases[i].width;
        Store s;
        Checkpoint c;
        RtError e;
        bool kept;
        snprintf(header, sizeof header,
                 "{\"G.w\":{\"dtype\":\"%s\",\"shape\":[2,3],\"data_offsets\":[0,%d]},\"G.mean\":{\"dtype\":"
                 "\"%s\","
                 "\"shape\":[3],\"data_offsets\":[%d,%d]}}",
                 cases[i].dtype, 6 * n, cases[i].dtype, 6 * n, 9 * n);
        uint8_t *bytes = make_file(header, -1, (size_t)(9 * n), &size);
        memcpy(bytes + 8 + strlen(header), cases[i].numbers, (size_t)(6 * n));
        fill(&s, 100);
        assert_true(checkpoint_read_bytes(&c, bytes, size, "f", &e));
        if (!checkpoint_load(&c, s.list, 3, CHECKPOINT_WEIGHTS, &kept, &e)) fail_msg("%s", e.text);
        assert_memory_equal(s.w, cases[i].want, sizeof s.w);
        assert_true(s.mean[0] == 0 && s.mean[2] == 0);
        checkpoint_close(&c);
        expect_refused(bytes, size, CHECKPOINT_RESUME, &s, "the program has F32");
        memset(bytes + 8 + strlen(header) + 2 * n, 0xff, (size_t)n);
        expect_refused(bytes, size, CHECKPOINT_WEIGHTS, &s, "tensor 'G.w' has NaN at index 2");
        if (n == 8) memcpy(bytes + 8 + strlen(header), &(double){1e39}, 8);
        if (n == 8)
            expect_refused(bytes, size, CHECKPOINT_WEIGHTS, &s,
                           "has a number too large for 32 bits at index 0");
        free(bytes);
    }
}

static const struct Lie {
    const char *header;
    int64_t lie; /* length of the header as the file claims it, or -1 */
    size_t data;
    const char *message;
} lies[] = {
    {"{" W "," MEAN "," KEPT "}", 1 << 20, 41,
     "byte 0: header of 1048576 bytes goes beyond the end of the file"},
    {"{" W "," MEAN "," KEPT "}", INT64_MAX, 41, "longer than the limit"},
    {"{" W "," MEAN "," KEPT "}", 100000001, 41, "longer than the limit"},
    {"{" W "," MEAN "," KEPT "}", 20, 41, "header is not JSON"},
    {"{" W "," MEAN "," KEPT "}", -1, 40, "'G.edges.0.kept' is at 36 to 41 of 40 bytes"},
    {"{" W "," MEAN "," KEPT "}", -1, 50, "9 bytes after the last tensor"},
    {"[1]", -1, 0, "not a JSON object"},
    {"", -1, 0, "header is not JSON"},
    {"{\"a\":1}", -1, 0, "header of tensor 'a': not an object"},
    {"{\"__metadata__\":3}", -1, 0, "header of tensor '__metadata__': not an object"},
    {"{\"__metadata__\":{\"a\":3}}", -1, 0, "something other than text"},
    {"{" W "," W "," MEAN "}", -1, 36, "duplicate object key near '\"G.w\"'"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[2,3]}}", -1, 24,
     "not an object of dtype, shape and data_offsets"},
    {"{\"G.w\":{\"dtype\":\"I16\",\"shape\":[2,3],\"data_offsets\":[0,12]}}", -1, 12, "dtype 'I16'"},
    {"{\"G.w\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", -1, 24, "has 24 bytes, not 12"},
    {"{\"G.w\":{\"dtype\":7,\"shape\":[2,3],\"data_offsets\":[0,24]}}", -1, 24, "no dtype"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[2,-3],\"data_offsets\":[0,24]}}", -1, 24, "shape is not a list"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[2,3.0],\"data_offsets\":[0,24]}}", -1, 24,
     "shape is not a list"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", -1, 4,
     "shape is not a list"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":6,\"data_offsets\":[0,24]}}", -1, 24, "shape is not a list"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", -1, 0,
     "too large"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807],\"data_offsets\":[0,24]}}", -1, 24,
     "too large"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,23]}}", -1, 24, "has 23 bytes, not 24"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[24,0]}}", -1, 24, "is at 24 to 0"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0]}}", -1, 24, "list of two offsets"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,18446744073709551615]}}", -1, 24,
     "not JSON"},
    {"{" W ",\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[20,28]}}", -1, 28, "'x' overlaps"},
    {"{" W ",\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[28,36]}}", -1, 36,
     "'x' has a gap before it"},
    {"{\"a\\u001b[31m\":1}", -1, 0, "tensor 'a?[31m'"},
    {"{\"a\\u0000b\":1}", -1, 0, "header is not JSON"},
};

static void test_lies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        Checkpoint c;
        RtError e = {0};
        size_t size;
        uint8_t *bytes = make_file(lies[i].header, lies[i].lie, lies[i].data, &size);
        if (checkpoint_read_bytes(&c, bytes, size, "x", &e)) fail_msg("accepted: %s", lies[i].header);
        assert_int_equal(e.code, RT_BAD_INPUT);
        if (!strstr(e.text, lies[i].message)) fail_msg("'%s' lacks '%s'", e.text, lies[i].message);
        assert_int_equal(strncmp(e.text, "x: byte ", 8), 0);
        free(bytes);
    }
}

static void test_deep_header(void **state)
{
    enum { DEPTH = 100000 };
    Checkpoint c;
    RtError e;
    size_t size;
    char *header = malloc(DEPTH + 1);
    (void)state;
    memset(header, '[', DEPTH);
    header[DEPTH] = 0;
    uint8_t *bytes = make_file(header, -1, 0, &size);
    assert_false(checkpoint_read_bytes(&c, bytes, size, "x", &e));
    assert_non_null(strstr(e.text, "not JSON"));
    free(bytes);
    free(header);
}

/* Well-formed files that are not of this network. */
static const struct Lie strangers[] = {
    {"{" W "," MEAN "}", -1, 36, ""}, /* this one is: no message */
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]}," MEAN "}", -1, 36,
     "tensor 'G.w' has shape [3, 2], the program has [2, 3]"},
    {"{\"G.w\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}," MEAN "}", -1, 36,
     "tensor 'G.w' has shape [6], the program has [2, 3]"},
    {"{\"G.w\":{\"dtype\":\"U8\",\"shape\":[2,3],\"data_offsets\":[0,6]}}", -1, 6,
     "has dtype U8, the program has F32"},
    {"{" W "}", -1, 24, "tensor 'G.mean' of shape [3] is missing"},
    {"{" W "," MEAN ",\"H.v\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[36,40]}}", -1, 40,
     "tensor 'H.v' of shape [1] is not one of this program"},
    {"{" W "," MEAN ",\"G.w.momentum\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[36,40]}}", -1, 40,
     "tensor 'G.w.momentum' of shape [1] is not one"},
    {"{\"__metadata__\":{\"slots\":\"mean,momentum\"}," W "," MEAN
     ",\"G.w.momentum\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[36,40]}}",
     -1, 40, ""},
    {"{\"__metadata__\":{\"program\":\"other\"}}", -1, 0, "note: the file was written by program 'other'"},
};

static void test_strangers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        Store s, before;
        Checkpoint c;
        RtError e = {0};
        size_t size;
        bool kept, wanted = !*strangers[i].message;
        uint8_t *bytes = make_file(strangers[i].header, -1, strangers[i].data, &size);
        fill(&s, 7);
        fill(&before, 7);
        assert_true(checkpoint_read_bytes(&c, bytes, size, "x", &e));
        bool ok = checkpoint_load(&c, s.list, COUNT - 1, CHECKPOINT_WEIGHTS, &kept, &e);
        if (ok != wanted) fail_msg("case %zu: %s", i, e.text);
        assert_false(kept && ok);
        if (!wanted && !strstr(e.text, strangers[i].message))
            fail_msg("'%s' lacks '%s'", e.text, strangers[i].message);
        if (!wanted) assert_true(same(&s, &before));
        checkpoint_close(&c);
        free(bytes);
    }
}

/* Writes `value` at an index of the data of a good file and expects `message`. */
static void expect_bad_value(size_t at, const void *value, size_t width, const char *message)
{
    Store s, before;
    Checkpoint c;
    RtError e = {0};
    size_t size;
    bool kept;
    const char *header = "{" W "," MEAN "," KEPT "}";
    uint8_t *bytes = make_file(header, -1, 41, &size);
    fill(&s, 7);
    fill(&before, 7);
    memcpy(bytes + size - 41 + at, value, width);
    assert_true(checkpoint_read_bytes(&c, bytes, size, "x", &e));
    assert_false(checkpoint_load(&c, s.list, COUNT - 1, CHECKPOINT_WEIGHTS, &kept, &e));
    if (!strstr(e.text, message)) fail_msg("'%s' lacks '%s'", e.text, message);
    assert_true(same(&s, &before));
    checkpoint_close(&c);
    free(bytes);
}

static void test_bad_values(void **state)
{
    float nan = NAN, infinite = -INFINITY;
    uint8_t two = 2;
    (void)state;
    expect_bad_value(4 * 4, &nan, 4, "tensor 'G.w' has NaN at index 4");
    expect_bad_value(24, &infinite, 4, "tensor 'G.mean' has an infinity at index 0");
    expect_bad_value(36 + 3, &two, 1, "tensor 'G.edges.0.kept' has neither 0 nor 1 at index 3");
}

/* Every prefix of a good file is refused, and so is the file with any one byte of its header changed to NUL.
 */
static void test_every_cut(void **state)
{
    Store s;
    Checkpoint whole, c;
    RtError e;
    (void)state;
    fill(&s, 1);
    write_store(&s, CHECKPOINT_RESUME);
    assert_true(checkpoint_open(&whole, path, &e));
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size ? size : 1); /* exact, so that the sanitizer sees reads beyond it */
        memcpy(copy, whole.bytes, size);
        assert_false(checkpoint_read_bytes(&c, copy, size, "x", &e));
        free(copy);
    }
    uint8_t *copy = malloc(whole.size);
    for (size_t i = 0; i < whole.data_at; i++) {
        memcpy(copy, whole.bytes, whole.size);
        copy[i] = copy[i] ? 0 : 1;
        if (checkpoint_read_bytes(&c, copy, whole.size, "x", &e)) checkpoint_close(&c);
    }
    free(copy);
    checkpoint_close(&whole);
}

static void test_not_files(void **state)
{
    Checkpoint c;
    RtError e;
    char empty[80];
    (void)state;
    assert_false(checkpoint_open(&c, "/tmp/no/such/file", &e));
    assert_non_null(strstr(e.text, "cannot open"));
    assert_false(checkpoint_open(&c, "/tmp", &e));
    assert_non_null(strstr(e.text, "not a plain file"));
    assert_false(checkpoint_open(&c, "/dev/null", &e));
    snprintf(empty, sizeof empty, "%s/empty", directory);
    close(open(empty, O_CREAT | O_WRONLY, 0666));
    assert_false(checkpoint_open(&c, empty, &e));
    assert_non_null(strstr(e.text, "empty"));
}

/* --- failing to write --- */

static void expect_write_failure(const char *to, Store *s, const char *message)
{
    RtError e = {0};
    json_t *metadata = json_object();
    assert_false(checkpoint_write(to, s->list, COUNT, CHECKPOINT_RESUME, metadata, &e));
    assert_int_equal(e.code, RT_SYSTEM);
    if (!strstr(e.text, message)) fail_msg("'%s' lacks '%s'", e.text, message);
    json_decref(metadata);
}

static void test_unwritable(void **state)
{
    Store s;
    char place[80];
    (void)state;
    fill(&s, 1);
    expect_write_failure("/no/such/directory/x.safetensors", &s, "No such file or directory");
    snprintf(place, sizeof place, "%s/taken", directory);
    mkdir(place, 0777);
    expect_write_failure(place, &s, "cannot write");
    strcat(place, ".tmp");
    assert_int_equal(access(place, F_OK), -1);
}

/* The temporary file is a device that is always full. */
static void test_full_device(void **state)
{
    Store s;
    char place[80], temporary[96];
    (void)state;
    fill(&s, 1);
    snprintf(place, sizeof place, "%s/full", directory);
    snprintf(temporary, sizeof temporary, "%s.tmp", place);
    assert_int_equal(symlink("/dev/full", temporary), 0);
    expect_write_failure(place, &s, "No space left on device");
    assert_int_equal(access(place, F_OK), -1);
    assert_int_equal(access("/dev/full", F_OK), 0);
}

/* A file size limit stands in for a full disk: the old file survives, whole. */
static void test_full_disk(void **state)
{
    Store old, new, read;
    Checkpoint c;
    RtError e;
    struct rlimit before, small;
    bool kept;
    char temporary[80];
    (void)state;
    fill(&old, 1);
    fill(&new, 2);
    fill(&read, 3);
    write_store(&old, CHECKPOINT_RESUME);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    struct stat whole;
    assert_int_equal(stat(path, &whole), 0);
    for (small.rlim_cur = 0; small.rlim_cur < (rlim_t)whole.st_size / 2; small.rlim_cur += 41) {
        setrlimit(RLIMIT_FSIZE, &small);
        expect_write_failure(path, &new, "the checkpoint that was there before is unchanged");
        setrlimit(RLIMIT_FSIZE, &before);
        snprintf(temporary, sizeof temporary, "%s.tmp", path);
        assert_int_equal(access(temporary, F_OK), -1);
        assert_true(checkpoint_open(&c, path, &e));
        assert_true(checkpoint_load(&c, read.list, COUNT, CHECKPOINT_RESUME, &kept, &e));
        assert_true(same(&old, &read));
        checkpoint_close(&c);
    }
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(path, sizeof path, "%s/x.safetensors", directory);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"x.safetensors", "empty", "taken", "full.tmp"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s/%s", directory, names[i]);
        remove(name);
    }
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roundtrip),    cmocka_unit_test(test_uses),
        cmocka_unit_test(test_other_widths), cmocka_unit_test(test_lies),
        cmocka_unit_test(test_deep_header),  cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_bad_values),   cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_not_files),    cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_full_device),  cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
