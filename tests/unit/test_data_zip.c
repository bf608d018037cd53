/* test_data_zip.c: members of zip archives, as numpy.savez and numpy.savez_compressed write them, and damage.
 */
#include "data_test.h"
#include "data/zip.h"

enum { ARCHIVE = 1 << 16 };

static uint8_t archive[ARCHIVE], directory[ARCHIVE];
static size_t archive_size, directory_size;
static int members;

static void number(uint8_t *to, uint64_t x, int n)
{
    for (int i = 0; i < n; i++) to[i] = (uint8_t)(x >> 8 * i);
}

static size_t deflated(const uint8_t *from, size_t n, uint8_t *to)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (uint8_t *)from, z.avail_in = (unsigned)n, z.next_out = to, z.avail_out = ARCHIVE;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

/* Local header and entry of the directory: 30 and 46 bytes, the name, and of a large one the sizes in a zip64
 * field. */
static void add_member(const char *name, const void *bytes, size_t n, bool pack, bool large)
{
    static uint8_t packed[ARCHIVE];
    uint8_t *p = archive + archive_size, *d = directory + directory_size;
    const size_t size = pack ? deflated(bytes, n, packed) : n, length = strlen(name), extra = large ? 20 : 0;

    memset(p, 0, 30), memset(d, 0, 46);
    memcpy(p, "PK\3\4", 4), memcpy(d, "PK\1\2", 4);
    number(p + 26, length, 2), number(p + 28, 3, 2); /* the local extra field is 3 bytes of nothing */
    number(d + 10, pack ? 8 : 0, 2), number(d + 16, crc32(0, bytes, (unsigned)n), 4);
    number(d + 20, large ? UINT32_MAX : size, 4), number(d + 24, large ? UINT32_MAX : n, 4);
    number(d + 28, length, 2), number(d + 30, extra, 2), number(d + 42, archive_size, 4);
    memcpy(p + 30, name, length), memcpy(d + 46, name, length);
    memcpy(p + 33 + length, pack ? packed : bytes, size);
    if (large) {
        uint8_t *field = d + 46 + length;
        number(field, 1, 2), number(field + 2, 16, 2), number(field + 4, n, 8), number(field + 12, size, 8);
    }
    archive_size += 33 + length + size, directory_size += 46 + length + extra, members++;
}

/* The directory and the end, with a comment. */
static void put_archive(const char *path, bool large)
{
    const size_t at = archive_size;
    memcpy(archive + archive_size, directory, directory_size);
    archive_size += directory_size;
    if (large) {
        uint8_t *p = archive + archive_size;
        memset(p, 0, 76);
        memcpy(p, "PK\6\6", 4), number(p + 40, directory_size, 8), number(p + 48, at, 8);
        memcpy(p + 56, "PK\6\7", 4), number(p + 64, archive_size, 8);
        archive_size += 76;
    }
    uint8_t *p = archive + archive_size;
    memset(p, 0, 22);
    memcpy(p, "PK\5\6", 4), number(p + 8, (uint64_t)members, 2), number(p + 10, (uint64_t)members, 2);
    number(p + 12, large ? UINT32_MAX : directory_size, 4), number(p + 16, large ? UINT32_MAX : at, 4);
    number(p + 20, 5, 2), memcpy(p + 22, "hello", 5);
    archive_size += 27;
    put(path, archive, archive_size);
}

static void new_archive(void)
{
    archive_size = directory_size = 0, members = 0;
}

/* An array of n whole numbers 0, 1, 0, 1, ... of 8 bytes, or of floats 0, 1, 2, ... */
static size_t npy(uint8_t *to, int n, bool floats)
{
    const int length =
        snprintf((char *)to + 10, 118, "{'descr': '%s', 'fortran_order': False, 'shape': (%d,), }",
                 floats ? "<f4" : "<i8", n);
    memcpy(to, "\x93NUMPY\1\0\x76\0", 10);
    memset(to + 10 + length, ' ', (size_t)(118 - length));
    for (int i = 0; i < n; i++)
        if (floats) memcpy(to + 128 + i * 4, &(float){(float)i}, 4);
        else memcpy(to + 128 + i * 8, &(int64_t){i % 2}, 8);
    return (size_t)(128 + n * (floats ? 4 : 8));
}

#define NPY(x, y) "{\"call\":\"npy\",\"args\":{\"x\":\"" x "\",\"y\":\"" y "\",\"split\":0}}"
#define BOTH      NPY("a.npz:x", "a.npz:y")

static void make(int n, bool pack, bool large)
{
    static uint8_t bytes[ARCHIVE];
    new_archive();
    add_member("x.npy", bytes, npy(bytes, n, true), pack, large);
    add_member("y.npy", bytes, npy(bytes, n, false), pack, large);
    put_archive("a.npz", large);
}

static void test_members(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        make(900, form & 1, form & 2);
        Data *d = open_data(BOTH, &here);
        expect_peek(BOTH, &here, d);
        assert_int_equal(d->train.samples, 900);
        assert_int_equal(d->classes, 2);
        for (int i = 0; i < 900; i++) {
            assert_true(d->train.floats[i] == (float)i);
            assert_int_equal(d->train.labels[i], i % 2);
        }
        data_free(d);
        data_free(open_data(NPY("a.npz:x.npy", "./a.npz:y"), &here));
        data_free(
            open_data(NPY("elsewhere/a.npz:x", "a.npz:y"), &(DataContext){.directory = ".", .base = "/"}));
    }
}

/* A table in an archive of its own, and a member with ':' in the name of the archive. */
static void test_one_member(void **state)
{
    (void)state;
    new_archive();
    add_member("t.csv", "a,c\n1,0\n2,1\n", 12, true, false);
    put_archive("b:t.zip", false);
    Data *d =
        open_data("{\"call\":\"csv\",\"args\":{\"file\":\"b:t.zip\",\"target\":\"c\",\"split\":0}}", &here);
    assert_int_equal(d->train.samples, 2);
    data_free(d);
}

static void test_names(void **state)
{
    (void)state;
    make(900, true, false);
    expect_failure(
        NPY("a.npz", "a.npz:y"), &here,
        "a.npz: the archive has 2 members; one must be named\nhelp: ARCHIVE:NAME, where NAME is one of "
        "'x', 'y'");
    expect_failure(
        NPY("a.npz:z", "a.npz:y"), &here,
        "a.npz:z: the archive has no member of this name\nhelp: ARCHIVE:NAME, where NAME is one of 'x', "
        "'y'");
    expect_failure(NPY("b.npz:x", "a.npz:y"), &here,
                   "b.npz:x: no such file\n"
                   "help: a relative path starts where the .dnw file is; --data DIR looks in DIR instead");
    put_text("c.npz", "no archive");
    expect_failure(NPY("c.npz:x", "a.npz:y"), &here,
                   "c.npz:x, byte 10: the zip archive is truncated: it has no directory");
    new_archive();
    put_archive("c.npz", false);
    expect_failure(NPY("c.npz", "a.npz:y"), &here, "c.npz: the archive is empty");
}

/* What is packed or encrypted in ways that are not read. */
static void test_refusals(void **state)
{
    (void)state;
    make(900, true, false);
    const size_t entry = archive_size - 27 - directory_size;
    archive[entry + 8] = 1;
    put("a.npz", archive, archive_size);
    expect_failure(BOTH, &here, "a.npz:x, byte 1433: the member of the archive is encrypted");
    archive[entry + 8] = 0, archive[entry + 10] = 14;
    put("a.npz", archive, archive_size);
    expect_failure(BOTH, &here,
                   "a.npz:x, byte 1433: the member is packed by a method that is not read; save it with "
                   "numpy.savez");
}

/* Any byte turned over, and any cut: read, or refused with the path, never worse. */
static void test_damage(void **state)
{
    static uint8_t whole[ARCHIVE];
    (void)state;
    json_t *j = parse_setting(BOTH);
    for (int form = 0; form < 4; form++) {
        make(20, form & 1, form & 2);
        memcpy(whole, archive, archive_size);
        for (size_t i = 0; i < archive_size; i += i < archive_size - 200 ? 5 : 1) {
            RtError e = {0};
            whole[i] ^= 0xff;
            put("a.npz", whole, archive_size);
            Data *d = data_open(j, &here, &e);
            assert_true(d || (e.code == RT_BAD_INPUT && strncmp(e.text, "a.npz:", 6) == 0));
            data_free(d);
            whole[i] ^= 0xff;
        }
        for (size_t size = 1; size < archive_size; size += 5) {
            RtError e = {0};
            put("a.npz", whole, size);
            assert_null(data_open(j, &here, &e));
            assert_int_equal(e.code, RT_BAD_INPUT);
        }
    }
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),  cmocka_unit_test(test_one_member), cmocka_unit_test(test_names),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests_name("data zip", tests, enter_directory, leave_directory);
}
