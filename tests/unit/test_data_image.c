/* test_data_image.c: pictures in folders: layouts, classes, order, and what is refused. */
#include "picture_write.h"
#include "data/picture_list.h"

enum { SIDE = 4 };

#define FOLDER(dir, more)                                                                                    \
    "{\"call\":\"image_folder\",\"args\":{\"dir\":\"" dir "\",\"height\":4,\"width\":4,\"channels\":1,"      \
    "\"split\":0.25,\"memory\":4" more "}}"

/* A picture of one shade of grey. */
static void put_grey(const char *path, int shade)
{
    uint8_t bytes[SIDE * SIDE];
    memset(bytes, shade, sizeof bytes);
    put_png(path, &(Drawing){SIDE, SIDE, 1, bytes}, PNG_COLOR_TYPE_GRAY, 8, 0);
}

/* DIR/CLASS, and `count` pictures in it: first, first + 1, ... */
static void put_class(const char *dir, const char *name, int count, int first)
{
    char path[200];
    mkdir(dir, 0777);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    mkdir(path, 0777);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s/%02d.png", dir, name, i);
        put_grey(path, first + i);
    }
}

static void expect_split(const DataSplit *s, const int *shades, const int *labels, int count)
{
    assert_int_equal(s->samples, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(s->labels[i], labels[i]);
        for (int k = 0; k < SIDE * SIDE; k++) assert_int_equal(s->bytes[i * SIDE * SIDE + k], shades[i]);
    }
}

/* Classes by the order of their names in train; val has some of them. */
static void put_net(void)
{
    mkdir("net", 0777);
    put_class("net/train", "cat", 2, 10);
    put_class("net/train", "Bird", 1, 20);
    put_class("net/train", "dog", 2, 30);
    put_class("net/val", "dog", 1, 40);
    put_class("net/val", "cat", 1, 50);
    put_text("net/train/notes.txt", "no class");
    put_text("net/train/cat/.hidden", "no picture");
}

static void test_train_and_val(void **state)
{
    (void)state;
    put_net();
    Data *d = open_data(FOLDER("net", ""), &here);
    expect_peek(FOLDER("net", ""), &here, d);
    assert_int_equal(d->rank, 3);
    assert_memory_equal(d->shape, ((int64_t[]){1, SIDE, SIDE}), 24);
    assert_int_equal(d->classes, 3);
    assert_true(d->image);
    expect_split(&d->train, (int[]){20, 10, 11, 30, 31}, (int[]){0, 1, 1, 2, 2}, 5);
    expect_split(&d->test, (int[]){50, 40}, (int[]){1, 2}, 2);
    data_free(d);
    rename("net/val", "net/test");
    d = open_data(FOLDER("net", ",\"mean\":0.5,\"std\":[0.25]"), &here);
    assert_int_equal(d->test.samples, 2);
    assert_float_equal(d->mean[0], 0.5, 0);
    assert_float_equal(d->std[0], 0.25, 0);
    data_free(d);
}

static void test_split(void **state)
{
    (void)state;
    put_class("flat", "a", 8, 0);
    put_class("flat", "b", 4, 100);
    Data *d = open_data(FOLDER("flat", ""), &here);
    assert_int_equal(d->train.samples, 9);
    assert_int_equal(d->test.samples, 3);
    assert_int_equal(d->test.labels[0] + d->test.labels[1] + d->test.labels[2], 1); /* a quarter of each */
    data_free(d);
    const DataContext elsewhere = {.base = "nowhere", .directory = "flat", .seed = 1};
    d = open_data(FOLDER("of the program", ""), &elsewhere);
    assert_int_equal(d->train.samples, 9);
    data_free(d);
}

/* With no memory for them, pictures are decoded when they are needed; splits are the same. */
static void expect_later(const DataSplit *later, const DataSplit *now)
{
    RtError e = {0};
    uint8_t bytes[SIDE * SIDE];
    assert_null(later->bytes);
    assert_int_equal(later->samples, now->samples);
    assert_memory_equal(later->labels, now->labels, (size_t)now->samples * sizeof *now->labels);
    for (int64_t i = 0; i < now->samples; i++) {
        assert_true(picture_set_read(later->pictures, i, bytes, &e));
        assert_memory_equal(bytes, now->bytes + i * SIDE * SIDE, sizeof bytes);
    }
}

static void test_later(void **state)
{
    (void)state;
    RtError e = {0};
    put_class("some", "a", 20, 0);
    put_class("some", "b", 10, 100);
    Data *now = open_data(FOLDER("some", ""), &here),
         *later = open_data(FOLDER("some", ",\"memory\":0"), &here);
    assert_true(data_validation(now, 0.2, 3, &e) && data_validation(later, 0.2, 3, &e));
    assert_int_equal(now->train.samples, 18);
    expect_later(&later->train, &now->train);
    expect_later(&later->test, &now->test);
    expect_later(&later->validation, &now->validation);
    put_text("some/a/00.png", "no picture");
    uint8_t bytes[SIDE * SIDE];
    int unread = 0;
    const DataSplit *splits[] = {&later->train, &later->test, &later->validation};
    for (int s = 0; s < 3; s++)
        for (int64_t i = 0; i < splits[s]->samples; i++)
            unread += !picture_set_read(splits[s]->pictures, i, bytes, &e);
    assert_int_equal(unread, 1);
    assert_string_equal(e.text, "some/a/00.png: neither a PNG nor a JPEG picture");
    data_free(now);
    data_free(later);
}

static void test_threads(void **state)
{
    (void)state;
    DataContext threads = here;
    put_class("many", "a", 90, 0);
    put_class("many", "b", 90, 100);
    Data *one = open_data(FOLDER("many", ""), &here);
    threads.threads = 3;
    Data *three = open_data(FOLDER("many", ""), &threads);
    assert_memory_equal(one->train.bytes, three->train.bytes, (size_t)one->train.samples * SIDE * SIDE);
    data_free(one);
    data_free(three);
    put_text("many/b/30.png", "no picture");
    put_text("many/a/50.png", "no picture");
    for (int i = 0; i < 20; i++) /* the first of the list, whichever is read first */
        expect_failure(FOLDER("many", ""), &threads, "many/a/50.png: neither a PNG nor a JPEG picture");
}

static void test_refused(void **state)
{
    (void)state;
    put_class("bad", "a", 2, 0);
    put_class("bad", "b", 0, 0);
    expect_failure(FOLDER("bad", ""), &here, "bad/b: no picture in this folder");
    put_class("bad", "b", 1, 0);
    mkdir("bad/b/more", 0777);
    expect_failure(FOLDER("bad", ""), &here, "bad/b/more: is a directory, not a file");
    rmdir("bad/b/more");
    expect_failure(FOLDER("bad", ",\"resize\":3"), &here,
                   "image_folder: resize = 3 is less than the height or width that is cut out, 4 x 4");
    expect_failure(FOLDER("bad", ",\"split\":1"), &here,
                   "image_folder: split = 1 leaves none of the 3 samples to train on\n"
                   "help: split = 0.2 holds a fifth out for the test");
    put_class("strange", "a", 1, 0);
    mkdir("strange/train", 0777);
    expect_failure(FOLDER("strange", ""), &here,
                   "strange/train: no folder of a class\n"
                   "help: pictures stand in one folder for each class, such as strange/train/cat/1.png");
    put_class("strange/train", "a", 1, 0);
    put_class("strange/val", "z", 1, 0);
    expect_failure(FOLDER("strange", ""), &here,
                   "strange/val/z: the training pictures have no class of this name");
    expect_failure(
        FOLDER("none", ""), &here,
        "none: no such folder\nhelp: a relative path starts where the .dnw file is; --data DIR looks "
        "in DIR instead");
    expect_peek_failure(FOLDER("none", ""), &here, RT_OK, "none: no such folder");
    put_text("file", "");
    expect_failure(FOLDER("file", ""), &here, "file: is a file, not a folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_and_val), cmocka_unit_test(test_split),   cmocka_unit_test(test_later),
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
