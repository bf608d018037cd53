/* test_data.c: idx files (idx, mnist, fashion_mnist), made data, and what all data sets have in common. */
#include "data_test.h"

/* idx files: `magic` 0x803 and so on, big-endian sizes, then elements 0, 1, 2 .. modulo `period`. */
static size_t idx_bytes(uint8_t *to, uint32_t magic, int rank, const uint32_t *sizes, size_t elements,
                        int period)
{
    size_t n = 0;
    for (int i = -1; i < rank; i++) {
        uint32_t word = i < 0 ? magic : sizes[i];
        for (int shift = 24; shift >= 0; shift -= 8) to[n++] = (uint8_t)(word >> shift);
    }
    for (size_t i = 0; i < elements; i++) to[n++] = (uint8_t)(i % (size_t)period);
    return n;
}

static uint8_t buffer[1 << 20];

static void put_images(const char *path, uint32_t samples, uint32_t side)
{
    size_t n = idx_bytes(buffer, 0x803, 3, (uint32_t[]){samples, side, side}, samples * side * side, 256);
    put(path, buffer, n);
}

static void put_labels(const char *path, uint32_t samples, int period)
{
    put(path, buffer, idx_bytes(buffer, 0x801, 1, &samples, samples, period));
}

#define IDX(images, labels, more)                                                                            \
    "{\"call\":\"idx\",\"args\":{\"images\":\"" images "\",\"labels\":\"" labels "\"," more                  \
    "\"mean\":0.5,\"std\":0.25,\"split\":0.2}}"
#define IDX_TEST "\"test_images\":\"ti\",\"test_labels\":\"tl\","

static const char relative_help[] =
    "\nhelp: a relative path starts where the .dnw file is; --data DIR looks in DIR instead";

static void expect_idx_failure(const char *want)
{
    expect_failure(IDX("i", "l", ""), &here, want);
}

static void test_idx(void **state)
{
    (void)state;
    put_images("i", 6, 3);
    put_labels("l", 6, 4);
    put_images("ti", 2, 3);
    put_labels("tl", 2, 4);
    Data *d = open_data(IDX("i", "l", IDX_TEST), &here);
    expect_peek(IDX("i", "l", IDX_TEST), &here, d);
    assert_int_equal(d->rank, 3);
    assert_memory_equal(d->shape, ((int64_t[]){1, 3, 3}), 24);
    assert_int_equal(d->features, 9);
    assert_int_equal(d->classes, 4);
    assert_int_equal(d->target_size, 1);
    assert_true(d->mean[0] == 0.5f && d->std[0] == 0.25f);
    assert_int_equal(d->train.samples, 6);
    assert_int_equal(d->test.samples, 2);
    assert_null(d->train.floats);
    assert_null(d->train.targets);
    for (int i = 0; i < 54; i++) assert_int_equal(d->train.bytes[i], i);
    for (int i = 0; i < 6; i++) assert_int_equal(d->train.labels[i], i % 4);
    data_free(d);
}

static void test_idx_shapes(void **state)
{
    (void)state;
    put("i", buffer, idx_bytes(buffer, 0x802, 2, (uint32_t[]){5, 7}, 35, 256));
    put_labels("l", 5, 2);
    Data *d = open_data(IDX("i", "l", ""), &here);
    assert_int_equal(d->rank, 1);
    assert_int_equal(d->shape[0], 7);
    data_free(d);
    put("i", buffer, idx_bytes(buffer, 0x804, 4, (uint32_t[]){5, 3, 2, 4}, 120, 256));
    d = open_data(IDX("i", "l", ""), &here);
    assert_int_equal(d->rank, 3);
    assert_memory_equal(d->shape, ((int64_t[]){3, 2, 4}), 24);
    data_free(d);
}

/* Packed and plain files give the same data, and PATH.gz is found for PATH. */
static void test_idx_packed(void **state)
{
    (void)state;
    size_t n = idx_bytes(buffer, 0x803, 3, (uint32_t[]){50, 20, 20}, 20000, 251);
    put("plain", buffer, n);
    put_packed("packed.gz", buffer, n);
    put_labels("l", 50, 5);
    Data *a = open_data(IDX("plain", "l", ""), &here), *b = open_data(IDX("packed", "l", ""), &here);
    assert_int_equal(a->train.samples, b->train.samples);
    assert_memory_equal(a->train.bytes, b->train.bytes, (size_t)a->train.samples * 400);
    data_free(b);
    b = open_data(IDX("packed.gz", "l", ""), &here);
    assert_memory_equal(a->train.bytes, b->train.bytes, (size_t)a->train.samples * 400);
    data_free(b);
    data_free(a);
}

/* A fifth is held out, the same rows each time; together the splits are the whole. */
static void test_hold_out(void **state)
{
    (void)state;
    put_images("i", 200, 4);
    put_labels("l", 200, 200);
    Data *a = open_data(IDX("i", "l", ""), &here), *b = open_data(IDX("i", "l", ""), &here);
    assert_int_equal(a->train.samples, 160);
    assert_int_equal(a->test.samples, 40);
    assert_memory_equal(a->test.labels, b->test.labels, (size_t)a->test.samples * 4);
    int seen[200] = {0};
    for (int k = 0; k < 2; k++) {
        const DataSplit *s = k ? &a->test : &a->train;
        for (int64_t i = 0; i < s->samples; i++) {
            seen[s->labels[i]]++;
            assert_int_equal(s->bytes[i * 16 + 5], (s->labels[i] * 16 + 5) % 256);
        }
    }
    for (int i = 0; i < 200; i++) assert_int_equal(seen[i], 1);
    data_free(b);
    b = open_data(IDX("i", "l", ""), &(DataContext){.base = ".", .seed = 2});
    assert_int_equal(b->test.samples, 40);
    assert_memory_not_equal(a->test.labels, b->test.labels, (size_t)a->test.samples * 4);
    data_free(a);
    data_free(b);
}

/* Of every class its share: whole rows first, the others where the most is left over. */
static void test_hold_out_by_class(void **state)
{
    static const uint8_t of_class[] = {50, 30, 13, 6, 1};
    const int want[] = {10, 6, 3, 1, 0}; /* a fifth: 10, 6, 2.6, 1.2, 0.2 */
    uint8_t labels[8 + 100];
    size_t n = idx_bytes(labels, 0x801, 1, (uint32_t[]){100}, 0, 1);

    (void)state;
    for (uint8_t c = 0; c < 5; c++)
        for (int i = 0; i < of_class[c]; i++) labels[n++] = c;
    put_images("i", 100, 2);
    put("l", labels, n);
    Data *d = open_data(IDX("i", "l", ""), &here);
    int have[5] = {0};
    for (int64_t i = 0; i < d->test.samples; i++) have[d->test.labels[i]]++;
    assert_int_equal(d->test.samples, 20);
    for (int c = 0; c < 5; c++) assert_int_equal(have[c], want[c]);
    data_free(d);
}

static void test_idx_headers(void **state)
{
    (void)state;
    put_labels("l", 6, 4);
    put("i", "\0\0", 2);
    expect_idx_failure("i, byte 0: truncated in the idx header: wanted 4 bytes, found 2");
    put("i", "\0\0\x08\x03\0\0\0\x06\0\0", 10);
    expect_idx_failure("i, byte 8: truncated in the idx header: wanted 4 bytes, found 2");
    put_text("i", "<!DOCTYPE html>");
    expect_idx_failure("i, byte 0: not an idx file: it starts with 0x3c21444f");
    put("i", "\0\0\x0d\x03\0\0\0\x06", 8);
    expect_idx_failure("i, byte 2: idx elements of type 0x0d; only unsigned bytes (0x08) are read");
    put("i", "\0\0\x08\x01\0\0\0\x06", 8);
    expect_idx_failure("i, byte 3: images have 2 to 5 dimensions, this file has 1");
    put("i", "\0\0\x08\x03\0\0\0\0\0\0\0\x03\0\0\0\x03", 16);
    expect_idx_failure("i, byte 4: the file holds no samples");
    put("i", "\0\0\x08\x03\0\0\0\x01\0\0\0\0\0\0\0\x03", 16);
    expect_idx_failure("i, byte 8: the file holds no pixels");
    put("i", "\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16);
    expect_idx_failure("i, byte 4: the sizes in the header are too large to be true");
    put_images("i", 6, 3);
    put_images("l", 6, 3);
    expect_idx_failure("l, byte 3: labels have 1 dimension, this file has 3");
}

/* A header may promise far more than the file has: no memory is taken for it. */
static void test_idx_lies(void **state)
{
    (void)state;
    put_labels("l", 6, 4);
    size_t n = idx_bytes(buffer, 0x803, 3, (uint32_t[]){4000000000u, 28, 28}, 100, 256);
    put("i", buffer, n);
    expect_idx_failure(
        "i, byte 16: truncated in the data of 4000000000 samples: wanted 3136000000000 bytes, found 100");
    unlink("i");
    put_packed("i.gz", buffer, n);
    expect_failure(
        IDX("i", "l", ""), &here,
        "i.gz, byte 16: truncated in the data of 4000000000 samples: wanted 3136000000000 bytes, found 100");
    unlink("i.gz");
    put("i", buffer, idx_bytes(buffer, 0x803, 3, (uint32_t[]){6, 3, 3}, 55, 256));
    expect_idx_failure("i, byte 70: there are bytes left after the data of 6 samples");
    put_images("i", 6, 3);
    put("l", buffer, idx_bytes(buffer, 0x801, 1, (uint32_t[]){6}, 5, 4));
    expect_idx_failure("l, byte 8: truncated in the data of 6 samples: wanted 6 bytes, found 5");
}

static void test_idx_pairs(void **state)
{
    (void)state;
    put_images("i", 6, 3);
    put_labels("l", 7, 4);
    expect_idx_failure("l, byte 4: the file has 7 labels for 6 images");
    put_labels("l", 6, 2);
    put_images("ti", 6, 4);
    put_labels("tl", 6, 4);
    expect_failure(IDX("i", "l", IDX_TEST), &here, "ti, byte 8: images of 1 x 4 x 4, wanted 1 x 3 x 3");
    put_images("ti", 6, 3);
    expect_failure(IDX("i", "l", IDX_TEST), &here, "tl, byte 10: label 2 of sample 2 is not in 0 .. 1");
    put_images("i", 1, 3);
    put_labels("l", 1, 1);
    Data *d = open_data(IDX("i", "l", ""), &here); /* one sample: nothing to hold out */
    assert_int_equal(d->train.samples + d->test.samples, 1);
    data_free(d);
}

static void test_packed_damage(void **state)
{
    (void)state;
    char want[200];
    uint8_t noise[3000];
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)(i * i * 7919 >> 5);
    put_labels("l", 30, 3);
    size_t n = idx_bytes(buffer, 0x803, 3, (uint32_t[]){30, 10, 10}, 0, 1);
    memcpy(buffer + n, noise, sizeof noise);
    put_packed("p.gz", buffer, n + sizeof noise);
    struct stat s;
    stat("p.gz", &s);
    cut("p.gz", 4); /* all data is there, its sum is not */
    snprintf(want, sizeof want, "p.gz, byte %lld: truncated: the gzip file ends in the middle",
             (long long)s.st_size - 4);
    expect_failure(IDX("p", "l", ""), &here, want);
    put_packed("p.gz", buffer, n + sizeof noise);
    damage("p.gz", (long)s.st_size - 6);
    snprintf(want, sizeof want,
             "p.gz, byte %lld: the gzip file is damaged here or before: incorrect data check",
             (long long)s.st_size - 4);
    expect_failure(IDX("p", "l", ""), &here, want);
    put_text("p.gz", "plain text");
    expect_failure(IDX("p", "l", ""), &here, "p.gz, byte 0: not a gzip file, though its name ends in .gz");
}

/* Any cut of a packed file is a failure that says where, never a crash or a success. */
static void test_packed_cuts(void **state)
{
    (void)state;
    put_labels("l", 30, 3);
    size_t n = idx_bytes(buffer, 0x803, 3, (uint32_t[]){30, 10, 10}, 3000, 256);
    put_packed("p.gz", buffer, n);
    struct stat s;
    stat("p.gz", &s);
    for (int64_t size = s.st_size - 1; size >= 0; size--) {
        assert_int_equal(truncate("p.gz", size), 0);
        RtError e = {0};
        json_t *j = parse_setting(IDX("p", "l", ""));
        assert_null(data_open(j, &here, &e));
        json_decref(j);
        assert_int_equal(e.code, RT_BAD_INPUT);
        assert_memory_equal(e.text, "p.gz, byte ", 11);
    }
}

static void test_places(void **state)
{
    (void)state;
    char want[400];
    snprintf(want, sizeof want, "missing: no such file%s", relative_help);
    expect_failure(IDX("missing", "l", ""), &here, want);
    expect_peek_failure(IDX("missing", "l", ""), &here, RT_OK, "missing: no such file");
    put_text("empty", "");
    expect_failure(IDX("empty", "l", ""), &here, "empty, byte 0: the file is empty");
    expect_peek_failure(IDX("empty", "l", ""), &here, RT_BAD_INPUT, "empty, byte 0: the file is empty");
    mkdir("folder", 0777);
    expect_failure(IDX("folder", "l", ""), &here, "folder: is a directory, not a file");
    mkfifo("pipe", 0666);
    expect_failure(IDX("pipe", "l", ""), &here, "pipe: is not a regular file");
    if (geteuid() != 0) {
        put_text("secret", "x");
        chmod("secret", 0);
        expect_failure(IDX("secret", "l", ""), &here, "secret: cannot be opened: Permission denied");
    }
    DataContext elsewhere = {.base = ".", .directory = "elsewhere"};
    expect_failure(
        IDX("data/i", "l", ""), &elsewhere,
        "elsewhere/i: no such file\nhelp: --data says that all files of the data set are in 'elsewhere'");
    put_images("folder/i", 6, 3);
    put_labels("folder/l", 6, 4);
    data_free(open_data(IDX("any/where/i", "/l", ""), &(DataContext){.base = "/no", .directory = "folder"}));
    data_free(open_data(IDX("i", "l", ""), &(DataContext){.base = "folder"}));
    data_free(open_data(IDX("folder/i", "./folder/l", ""), &(DataContext){.base = ""}));
}

static void test_idx_arguments(void **state)
{
    (void)state;
    put_images("i", 6, 3);
    put_labels("l", 6, 4);
    expect_failure(
        "{\"call\":\"idx\",\"args\":{\"images\":\"i\",\"labels\":\"\",\"mean\":0,\"std\":1,\"split\":0.2}}",
        &here, "idx: 'labels' is missing: it names a file");
    expect_failure(
        "{\"call\":\"idx\",\"args\":{\"images\":\"i\",\"labels\":3,\"mean\":0,\"std\":1,\"split\":0.2}}",
        &here, "idx: 'labels' must be a text");
    expect_failure(
        "{\"call\":\"idx\",\"args\":{\"images\":\"i\",\"labels\":\"l\",\"mean\":0,\"std\":0,\"split\":0.2}}",
        &here, "idx: std = 0 is not in 1e-06 .. 1e+06");
    expect_failure("{\"call\":\"idx\",\"args\":{\"images\":\"i\",\"labels\":\"l\",\"mean\":\"x\",\"std\":1,"
                   "\"split\":0.2}}",
                   &here, "idx: 'mean' must be a number, or a list of one for each channel");
    expect_failure(IDX("i", "l", "\"test_images\":\"ti\","), &here,
                   "idx: 'test_images' and 'test_labels' go together");
}

/* Channels of three-dimensional images have numbers of their own when a list gives them. */
static void test_idx_channels(void **state)
{
    (void)state;
#define CHANNELS(mean, std)                                                                                  \
    "{\"call\":\"idx\",\"args\":{\"images\":\"i\",\"labels\":\"l\",\"mean\":" mean ",\"std\":" std           \
    ",\"split\":0.2}}"
    put("i", buffer, idx_bytes(buffer, 0x804, 4, (uint32_t[]){5, 2, 4, 4}, 160, 256));
    put_labels("l", 5, 2);
    Data *d = open_data(CHANNELS("[0.25,0.5]", "2"), &here);
    expect_peek(CHANNELS("[0.25,0.5]", "2"), &here, d);
    assert_int_equal(d->channels, 2);
    assert_true(d->mean[0] == 0.25f && d->mean[1] == 0.5f && d->std[0] == 2 && d->std[1] == 2);
    data_free(d);
    d = open_data(CHANNELS("0.25", "2"), &here);
    assert_int_equal(d->channels, 1);
    data_free(d);
    expect_failure(CHANNELS("[1,2,3]", "2"), &here, "idx: mean has 3 numbers for 2 channels");
    put_images("i", 5, 3);
    expect_failure(CHANNELS("[1,2,3]", "2"), &here, "idx: mean has 3 numbers for 1 channel");
    put("i", buffer, idx_bytes(buffer, 0x804, 4, (uint32_t[]){5, 20, 1, 1}, 100, 256));
    expect_failure(CHANNELS("[1,2,3]", "2"), &here,
                   "idx: 20 channels; up to 16 can have a mean and std each");
}

/* mnist, fashion_mnist */

#define MNIST(name, dir) "{\"call\":\"" name "\",\"args\":{\"dir\":\"" dir "\"}}"

static void put_mnist(const char *directory)
{
    char path[200];
    const char *names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                           "t10k-labels-idx1-ubyte"};
    for (int i = 0; i < 4; i++) {
        uint32_t sizes[] = {i < 2 ? 20u : 10u, 28, 28};
        size_t n = i & 1 ? idx_bytes(buffer, 0x801, 1, sizes, sizes[0], 10)
                         : idx_bytes(buffer, 0x803, 3, sizes, sizes[0] * 784, 256);
        snprintf(path, sizeof path, "%s/%s%s", directory, names[i], i == 0 ? ".gz" : "");
        if (i == 0) put_packed(path, buffer, n);
        else put(path, buffer, n);
    }
}

static void test_mnist(void **state)
{
    (void)state;
    mkdir("m", 0777);
    put_mnist("m");
    Data *d = open_data(MNIST("mnist", "m"), &here);
    expect_peek(MNIST("mnist", ""), &here, d);
    assert_memory_equal(d->shape, ((int64_t[]){1, 28, 28}), 24);
    assert_int_equal(d->classes, 10);
    assert_int_equal(d->train.samples, 20);
    assert_int_equal(d->test.samples, 10);
    assert_int_equal(d->train.bytes[784], 784 % 256);
    assert_true(d->mean[0] == 0.1307f && d->std[0] == 0.3081f);
    data_free(d);
    data_free(open_data(MNIST("fashion_mnist", ""), &(DataContext){.base = "m"}));
    d = open_data(MNIST("fashion_mnist", "no"), &(DataContext){.base = ".", .directory = "m"});
    assert_true(d->mean[0] == 0.286f && d->std[0] == 0.353f);
    data_free(d);
    d = open_data("{\"call\":\"mnist\",\"args\":{\"dir\":\"m\",\"mean\":0.5,\"std\":null}}", &here);
    assert_true(d->mean[0] == 0.5f && d->std[0] == 0.3081f);
    data_free(d);
}

static void test_mnist_missing(void **state)
{
    (void)state;
    mkdir("b", 0777);
    expect_failure(MNIST("mnist", ""), &(DataContext){.base = "b"},
                   "mnist: no file train-images-idx3-ubyte or train-images-idx3-ubyte.gz\n"
                   "note: looked in .\nnote: looked in b\n"
                   "help: or give its directory: --data DIR, or data = mnist(dir = \"DIR\")");
    expect_failure(MNIST("fashion_mnist", "b"), &here,
                   "fashion_mnist: no file train-images-idx3-ubyte or train-images-idx3-ubyte.gz\n"
                   "note: looked in b\n"
                   "help: apt install dataset-fashion-mnist puts it where it is found\n"
                   "help: or give its directory: --data DIR, or data = fashion_mnist(dir = \"DIR\")");
    put_mnist("b");
    unlink("b/t10k-labels-idx1-ubyte");
    expect_failure(
        MNIST("mnist", "b"), &here,
        "b/t10k-labels-idx1-ubyte: no such file\nhelp: its four files belong together in one directory");
}

static void test_mnist_wrong(void **state)
{
    (void)state;
    mkdir("w", 0777);
    put_mnist("w");
    put_labels("w/t10k-labels-idx1-ubyte", 10, 200);
    data_free(open_data(MNIST("mnist", "w"), &here)); /* 0 .. 9 */
    put_labels("w/train-labels-idx1-ubyte", 20, 200);
    expect_failure(MNIST("mnist", "w"), &here,
                   "w/train-labels-idx1-ubyte, byte 18: label 10 of sample 10 is not in 0 .. 9");
    put_images("w/train-images-idx3-ubyte", 20, 27);
    expect_failure(MNIST("mnist", "w"), &here,
                   "w/train-images-idx3-ubyte, byte 8: images of 1 x 27 x 27, wanted 1 x 28 x 28");
}

/* Made data */

#define SPIRALS(n, classes, noise)                                                                           \
    "{\"call\":\"spirals\",\"args\":{\"n\":" n ",\"classes\":" classes ",\"noise\":" noise "}}"

static void test_spirals(void **state)
{
    (void)state;
    Data *d = open_data(SPIRALS("300", "3", "0"), &here);
    expect_peek(SPIRALS("300", "3", "0"), &here, d);
    assert_int_equal(d->features, 2);
    assert_int_equal(d->classes, 3);
    assert_int_equal(d->train.samples, 300);
    assert_int_equal(d->test.samples, 75);
    for (int i = 0; i < 300; i++) { /* without noise, radius and angle must fit together */
        double x = d->train.floats[i * 2], y = d->train.floats[i * 2 + 1], r = hypot(x, y),
               t = (r - 0.1) / 1.9;
        double angle = 2 * M_PI * (t + d->train.labels[i] / 3.0);
        assert_true(r >= 0.1 - 1e-6 && r <= 2 + 1e-6);
        assert_true(fabs(x - r * cos(angle)) < 1e-5 && fabs(y - r * sin(angle)) < 1e-5);
    }
    Data *again = open_data(SPIRALS("300.0", "3", "0"), &here);
    assert_memory_equal(d->train.floats, again->train.floats, 600 * sizeof(float));
    data_free(again);
    again = open_data(SPIRALS("300", "3", "0"), &(DataContext){.seed = 5});
    assert_memory_not_equal(d->train.floats, again->train.floats, 600 * sizeof(float));
    data_free(again);
    data_free(d);
}

static void test_xor_and_sines(void **state)
{
    (void)state;
    const char * xor = "{\"call\":\"xor\",\"args\":{\"n\":8,\"noise\":0.01}}";
    Data *d = open_data(xor, &here);
    expect_peek(xor, &here, d);
    assert_int_equal(d->classes, 2);
    assert_int_equal(d->test.samples, 4);
    for (int i = 0; i < 8; i++) {
        long a = lroundf(d->train.floats[i * 2]), b = lroundf(d->train.floats[i * 2 + 1]);
        assert_int_equal(d->train.labels[i], a ^ b);
    }
    data_free(d);
    const char *sines = "{\"call\":\"sines\",\"args\":{\"n\":100}}";
    d = open_data(sines, &here);
    expect_peek(sines, &here, d);
    assert_int_equal(d->classes, 0);
    assert_int_equal(d->target_size, 1);
    assert_null(d->train.labels);
    for (int i = 0; i < 100; i++) {
        assert_true(fabsf(d->train.floats[i]) <= (float)M_PI);
        assert_true(fabs(d->train.targets[i] - sin(d->train.floats[i])) < 1e-6);
    }
    data_free(d);
}

/* Waves: each value follows from the two before it, x(k+1) = 2 cos(w) x(k) - x(k-1), and the target from the
 * last two. */
static void test_sines_in_time(void **state)
{
    (void)state;
    const char *sines = "{\"call\":\"sines\",\"args\":{\"n\":50,\"length\":12}}";
    Data *d = open_data(sines, &here), *again = open_data(sines, &here);
    expect_peek(sines, &here, d);
    assert_int_equal(d->rank, 2);
    assert_memory_equal(d->shape, ((int64_t[]){12, 1}), 16);
    assert_int_equal(d->features, 12);
    assert_int_equal(d->classes, 0);
    assert_int_equal(d->test.samples, 12);
    assert_memory_equal(d->train.floats, again->train.floats, 50 * 12 * sizeof(float));
    for (int i = 0; i < 50; i++) {
        const float *x = d->train.floats + i * 12;
        int best = 1;
        for (int k = 1; k < 11; k++) best = fabsf(x[k]) > fabsf(x[best]) ? k : best;
        double twice = (x[best - 1] + x[best + 1]) / x[best]; /* 2 cos(w) where it is best known */
        assert_true(twice < 2 * cos(0.2) + 1e-5 && twice > 2 * cos(0.8) - 1e-5);
        for (int k = 1; k < 12; k++) {
            double next = k < 11 ? x[k + 1] : d->train.targets[i];
            assert_true(fabs(twice * x[k] - x[k - 1] - next) < 1e-5);
        }
    }
    data_free(d);
    data_free(again);
}

static void test_made_arguments(void **state)
{
    (void)state;
    expect_failure(SPIRALS("2", "3", "0"), &here, "spirals: n = 2 is not in 3 .. 100000000");
    expect_failure(SPIRALS("10.5", "3", "0"), &here, "spirals: 'n' must be a whole number");
    expect_failure(SPIRALS("10", "1", "0"), &here, "spirals: classes = 1 is not in 2 .. 1000");
    expect_failure(SPIRALS("10", "2", "-1"), &here, "spirals: noise = -1 is not in 0 .. 100");
    expect_failure(SPIRALS("1e300", "2", "0"), &here, "spirals: n = 1e+300 is not in 2 .. 100000000");
    expect_failure("{\"call\":\"sines\",\"args\":{}}", &here, "sines: 'n' must be a whole number");
    expect_failure("{\"call\":\"sines\",\"args\":{\"n\":5,\"length\":0}}", &here,
                   "sines: length = 0 is not in 1 .. 100000");
    expect_peek_failure("{\"call\":\"xor\",\"args\":{\"n\":0,\"noise\":0}}", &here, RT_BAD_INPUT,
                        "xor: n = 0 is not in 1 .. 100000000");
}

static void test_unknown(void **state)
{
    (void)state;
    const char *list =
        "help: data sets are fashion_mnist, mnist, cifar10, idx, image_folder, csv, series, npy, spirals, "
        "xor, sines, copy_task, rows, one_hot";
    char want[200];
    snprintf(want, sizeof want, "no data set is named 'imagenet'\n%s", list);
    expect_failure("{\"call\":\"imagenet\",\"args\":{}}", &here, want);
    expect_peek_failure("{\"call\":\"imagenet\",\"args\":{}}", &here, RT_BAD_INPUT, want);
    snprintf(want, sizeof want, "the data set has no name\n%s", list);
    expect_failure("{}", &here, want);
    data_free(NULL);
}

static void test_error_texts(void **state)
{
    (void)state;
    RtError e = {0};
    rt_fail(&e, RT_SYSTEM, "inner %d", 7);
    rt_fail(&e, e.code, "outer: %s", e.text);
    rt_help(&e, "do %s", "this");
    rt_help(&e, "note: seen");
    rt_help(&e, "help: or that");
    assert_string_equal(e.text, "outer: inner 7\nhelp: do this\nnote: seen\nhelp: or that");
    assert_int_equal(e.code, RT_SYSTEM);
    for (int i = 0; i < 1000; i++) rt_help(&e, "a long, long line");
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_false(rt_fail(NULL, RT_USAGE, "nobody listens") || rt_help(NULL, "nor here"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_texts),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_idx),
        cmocka_unit_test(test_idx_shapes),
        cmocka_unit_test(test_idx_packed),
        cmocka_unit_test(test_hold_out),
        cmocka_unit_test(test_hold_out_by_class),
        cmocka_unit_test(test_idx_headers),
        cmocka_unit_test(test_idx_lies),
        cmocka_unit_test(test_idx_pairs),
        cmocka_unit_test(test_packed_damage),
        cmocka_unit_test(test_packed_cuts),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_idx_arguments),
        cmocka_unit_test(test_idx_channels),
        cmocka_unit_test(test_mnist),
        cmocka_unit_test(test_mnist_missing),
        cmocka_unit_test(test_mnist_wrong),
        cmocka_unit_test(test_spirals),
        cmocka_unit_test(test_xor_and_sines),
        cmocka_unit_test(test_sines_in_time),
        cmocka_unit_test(test_made_arguments),
    };
    return cmocka_run_group_tests_name("data", tests, enter_directory, leave_directory);
}
