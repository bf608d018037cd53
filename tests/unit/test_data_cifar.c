/* test_data_cifar.c: batches of CIFAR-10, where they are looked for, and numbers for each channel. */
#include "data_test.h"

enum { PIXELS = 3072, RECORD = 3073, MOST = 8 };

#define CIFAR(dir, more) "{\"call\":\"cifar10\",\"args\":{\"dir\":\"" dir "\"" more "}}"

static uint8_t records[MOST * RECORD];

/* Record i of batch b: label (b + i) mod 10, then bytes (b * 50 + i * 7 + k) mod 256. */
static void make_records(int batch, int count)
{
    for (int i = 0; i < count; i++) {
        records[i * RECORD] = (uint8_t)((batch + i) % 10);
        for (int k = 0; k < PIXELS; k++) records[i * RECORD + 1 + k] = (uint8_t)(batch * 50 + i * 7 + k);
    }
}

static void put_batch(const char *directory, int batch, int count)
{
    char path[200];
    make_records(batch, count);
    if (batch < 6) snprintf(path, sizeof path, "%s/data_batch_%d.bin", directory, batch);
    else snprintf(path, sizeof path, "%s/test_batch.bin", directory);
    put(path, records, (size_t)(count * RECORD));
}

static void put_all(const char *directory)
{
    mkdir(directory, 0777);
    for (int b = 1; b <= 6; b++) put_batch(directory, b, b == 6 ? 2 : 3);
}

static void expect_split(const DataSplit *s, int first_batch, int count)
{
    assert_null(s->floats);
    assert_null(s->targets);
    for (int i = 0; i < s->samples; i++) {
        int batch = first_batch + i / count, record = i % count;
        assert_int_equal(s->labels[i], (batch + record) % 10);
        for (int k = 0; k < PIXELS; k++)
            assert_int_equal(s->bytes[i * PIXELS + k], (uint8_t)(batch * 50 + record * 7 + k));
    }
}

static void test_batches(void **state)
{
    (void)state;
    put_all("c");
    Data *d = open_data(CIFAR("c", ""), &here);
    expect_peek(CIFAR("nowhere", ""), &here, d); /* the shape is known without files */
    assert_int_equal(d->rank, 3);
    assert_memory_equal(d->shape, ((int64_t[]){3, 32, 32}), 24);
    assert_int_equal(d->features, PIXELS);
    assert_int_equal(d->classes, 10);
    assert_true(d->image);
    assert_int_equal(d->train.samples, 15);
    assert_int_equal(d->test.samples, 2);
    expect_split(&d->train, 1, 3);
    expect_split(&d->test, 6, 2);
    data_free(d);
}

static void test_packed(void **state)
{
    (void)state;
    put_all("c");
    unlink("c/data_batch_1.bin");
    make_records(1, 3);
    put_packed("c/data_batch_1.bin.gz", records, 3 * RECORD);
    Data *d = open_data(CIFAR("c", ""), &here);
    expect_split(&d->train, 1, 3);
    data_free(d);
    cut("c/data_batch_1.bin.gz", 9);
    RtError e = {0};
    json_t *j = parse_setting(CIFAR("c", ""));
    assert_null(data_open(j, &here, &e));
    json_decref(j);
    assert_non_null(strstr(e.text, "truncated: the gzip file ends in the middle"));
    unlink("c/data_batch_1.bin.gz");
}

/* The directory itself, the folder that the archive unpacks to, beside the program and under --data. */
static void test_places(void **state)
{
    (void)state;
    mkdir("p", 0777);
    put_all("p/cifar-10-batches-bin");
    data_free(open_data(CIFAR("p", ""), &here));
    data_free(open_data(CIFAR("", ""), &(DataContext){.base = "p"}));
    data_free(open_data(CIFAR("no", ""), &(DataContext){.base = ".", .directory = "p"}));
    data_free(open_data(CIFAR("cifar-10-batches-bin", ""), &(DataContext){.base = "p"}));
    mkdir("empty", 0777);
    expect_failure(CIFAR("", ""), &(DataContext){.base = "empty"},
                   "cifar10: no file data_batch_1.bin or data_batch_1.bin.gz\n"
                   "note: looked in .\nnote: looked in cifar-10-batches-bin\n"
                   "note: looked in empty\nnote: looked in empty/cifar-10-batches-bin\n"
                   "help: cifar-10-binary.tar.gz, from where CIFAR-10 is published, has the files\n"
                   "help: or give their directory: --data DIR, or data = cifar10(dir = \"DIR\")");
}

static void test_damage(void **state)
{
    (void)state;
    put_all("c");
    cut("c/data_batch_3.bin", 100);
    expect_failure(CIFAR("c", ""), &here,
                   "c/data_batch_3.bin, byte 6146: truncated in record 2: wanted 3073 bytes, found 2973\n"
                   "help: the file has 9119 bytes; a batch of CIFAR-10 has 30730000");
    put_batch("c", 3, 2);
    expect_failure(CIFAR("c", ""), &here,
                   "c/data_batch_3.bin, byte 6146: the batch has 2 records, data_batch_1.bin has 3\n"
                   "help: the file has 6146 bytes; a batch of CIFAR-10 has 30730000");
    put_batch("c", 3, 4);
    expect_failure(CIFAR("c", ""), &here,
                   "c/data_batch_3.bin, byte 12292: the batch has 4 records, data_batch_1.bin has 3\n"
                   "help: the file has 12292 bytes; a batch of CIFAR-10 has 30730000");
    make_records(3, 3);
    records[RECORD] = 10;
    put("c/data_batch_3.bin", records, 3 * RECORD);
    expect_failure(CIFAR("c", ""), &here,
                   "c/data_batch_3.bin, byte 3073: label 10 of record 1 is not in 0 .. 9");
    put_text("c/data_batch_3.bin", "");
    expect_failure(CIFAR("c", ""), &here, "c/data_batch_3.bin, byte 0: the file is empty");
    unlink("c/data_batch_3.bin");
    expect_failure(CIFAR("c", ""), &here,
                   "c/data_batch_3.bin: no such file\nhelp: its six files belong together in one directory");
    put_batch("c", 3, 3);
    unlink("c/test_batch.bin");
    expect_failure(CIFAR("c", ""), &here,
                   "c/test_batch.bin: no such file\nhelp: its six files belong together in one directory");
}

static void expect_scale(const char *setting, const float *mean, const float *std)
{
    Data *d = open_data(setting, &here);
    expect_peek(setting, &here, d);
    assert_int_equal(d->channels, 3);
    for (int c = 0; c < 3; c++) {
        assert_true(d->mean[c] == mean[c] && d->std[c] == std[c]);
        for (int b = 0; b < 256; b++) {
            double want = (b / 255.0 - (double)mean[c]) / (double)std[c];
            assert_true(fabs((double)data_value(data_scale(d, c), b) - want) < 3e-7 * (1 + fabs(want)));
        }
    }
    data_free(d);
}

static void test_scale(void **state)
{
    (void)state;
    static const float mean[] = {0.4914f, 0.4822f, 0.4465f}, std[] = {0.247f, 0.243f, 0.262f};
    put_all("c");
    expect_scale(CIFAR("c", ""), mean, std);
    expect_scale(CIFAR("c", ",\"mean\":null,\"std\":null"), mean, std);
    expect_scale(CIFAR("c", ",\"mean\":[0,0.5,1]"), (float[]){0, 0.5f, 1}, std);
    expect_scale(CIFAR("c", ",\"mean\":0.5,\"std\":[2]"), (float[]){0.5f, 0.5f, 0.5f}, (float[]){2, 2, 2});
    expect_failure(CIFAR("c", ",\"mean\":[1,2]"), &here, "cifar10: mean has 2 numbers for 3 channels");
    expect_failure(CIFAR("c", ",\"std\":[1,2,0]"), &here, "cifar10: std = 0 is not in 1e-06 .. 1e+06");
    expect_failure(CIFAR("c", ",\"std\":[1,2,\"x\"]"), &here,
                   "cifar10: 'std' must be a number, or a list of one for each channel");
    expect_peek_failure(CIFAR("c", ",\"mean\":[]"), &here, RT_BAD_INPUT,
                        "cifar10: mean has 0 numbers for 3 channels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches), cmocka_unit_test(test_packed), cmocka_unit_test(test_places),
        cmocka_unit_test(test_damage),  cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
