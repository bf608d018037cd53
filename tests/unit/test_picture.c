/* test_picture.c: PNG and JPEG files as bytes: formats, scaling against its definition, damaged files. */
#define _GNU_SOURCE
#include "picture_write.h"
#include <sys/mman.h>
#include "data/picture.h"

enum { HEIGHT = 23, WIDTH = 37, PIXELS = HEIGHT * WIDTH, MOST = 4 * PIXELS };

/* Bytes without a pattern, the same in each run. */
static uint32_t draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static const uint8_t *noise(void)
{
    static uint8_t bytes[MOST];
    uint32_t state = 1;
    for (int i = 0; i < MOST; i++) bytes[i] = (uint8_t)draw(&state);
    return bytes;
}

static void read_picture(const char *path, PictureForm f, uint8_t *planes)
{
    RtError e = {0};
    if (!picture_read(path, &f, planes, &e)) fail_msg("%s", e.text);
}

static int grey_of(const uint8_t *c)
{
    return (299 * c[0] + 587 * c[1] + 114 * c[2] + 500) / 1000;
}

/* A PNG of its own size, as colours and as grey. */
static void expect_png(int type, int depth, int channels, int interlace)
{
    const uint8_t *from = noise();
    uint8_t colours[3 * PIXELS], grey[PIXELS];
    put_png("a.png", &(Drawing){HEIGHT, WIDTH, channels, from}, type, depth, interlace);
    read_picture("a.png", (PictureForm){3, HEIGHT, WIDTH, 0}, colours);
    read_picture("a.png", (PictureForm){1, HEIGHT, WIDTH, 0}, grey);
    for (int i = 0; i < PIXELS; i++) {
        const uint8_t *c = from + i * channels;
        uint8_t want[3] = {c[0], channels < 3 ? c[0] : c[1], channels < 3 ? c[0] : c[2]};
        if (type == PNG_COLOR_TYPE_PALETTE) want[1] = (uint8_t)(255 - c[0]), want[2] = 7;
        for (int k = 0; k < 3; k++) assert_int_equal(colours[k * PIXELS + i], want[k]);
        assert_int_equal(grey[i], grey_of(want));
    }
}

static void test_png(void **state)
{
    (void)state;
    for (int interlace = 0; interlace < 2; interlace++) {
        expect_png(PNG_COLOR_TYPE_GRAY, 8, 1, interlace);
        expect_png(PNG_COLOR_TYPE_GRAY, 16, 1, interlace);
        expect_png(PNG_COLOR_TYPE_GRAY_ALPHA, 8, 2, interlace);
        expect_png(PNG_COLOR_TYPE_RGB, 8, 3, interlace);
        expect_png(PNG_COLOR_TYPE_RGB, 16, 3, interlace);
        expect_png(PNG_COLOR_TYPE_RGB_ALPHA, 8, 4, interlace);
        expect_png(PNG_COLOR_TYPE_PALETTE, 8, 1, interlace);
    }
}

/* A slope of each colour: what a JPEG keeps well. */
static void slopes(uint8_t *bytes, int height, int width, int channels)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                *bytes++ = (uint8_t)(c == 0   ? 255 * x / (width - 1)
                                     : c == 1 ? 255 * y / (height - 1)
                                              : 200 - 20 * c);
}

static void expect_jpeg(int channels, bool progressive)
{
    uint8_t from[MOST], colours[3 * PIXELS];
    slopes(from, HEIGHT, WIDTH, channels);
    put_jpeg("a.jpg", &(Drawing){HEIGHT, WIDTH, channels, from}, progressive);
    read_picture("a.jpg", (PictureForm){3, HEIGHT, WIDTH, 0}, colours);
    for (int i = 0; i < PIXELS; i++)
        for (int k = 0; k < 3; k++) {
            const uint8_t *c = from + i * channels;
            const int want = channels == 1 ? c[0] : channels == 3 ? c[k] : c[k] * c[3] / 255;
            assert_in_range(colours[k * PIXELS + i] + 8, want, want + 16);
        }
}

static void test_jpeg(void **state)
{
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        expect_jpeg(1, progressive);
        expect_jpeg(3, progressive);
        expect_jpeg(4, progressive);
    }
}

/* ---- scaling ---- */

static double triangle(double x)
{
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

/* Pixel (y, x) of the scaled picture in double, both directions at once. */
static double scaled(const uint8_t *from, double y, double x, double step_y, double step_x)
{
    const double wide_y = step_y > 1 ? step_y : 1, wide_x = step_x > 1 ? step_x : 1;
    double sum = 0, weights = 0;
    for (int j = 0; j < HEIGHT; j++)
        for (int i = 0; i < WIDTH; i++) {
            const double w = triangle((j + 0.5 - (y + 0.5) * step_y) / wide_y) *
                             triangle((i + 0.5 - (x + 0.5) * step_x) / wide_x);
            sum += w * from[j * WIDTH + i], weights += w;
        }
    return sum / weights;
}

static void expect_scaled(PictureForm f, int to_height, int to_width)
{
    const uint8_t *from = noise();
    uint8_t out[100 * 100];
    put_png("a.png", &(Drawing){HEIGHT, WIDTH, 1, from}, PNG_COLOR_TYPE_GRAY, 8, 0);
    read_picture("a.png", f, out);
    const int64_t top = (to_height - f.height) / 2, left = (to_width - f.width) / 2;
    for (int64_t y = 0; y < f.height; y++)
        for (int64_t x = 0; x < f.width; x++) {
            const double want = scaled(from, (double)(top + y), (double)(left + x),
                                       (double)HEIGHT / to_height, (double)WIDTH / to_width);
            if (fabs(out[y * f.width + x] - want) > 1.01) fail_msg("%d %f", out[y * f.width + x], want);
        }
}

static void test_scale(void **state)
{
    (void)state;
    expect_scaled((PictureForm){1, 16, 16, 20}, 20, 32); /* 32.17 */
    expect_scaled((PictureForm){1, 16, 16, 0}, 16, 26);  /* 25.7 */
    expect_scaled((PictureForm){1, 10, 30, 0}, 19, 30);  /* 18.6 */
    expect_scaled((PictureForm){1, 60, 60, 0}, 60, 97);  /* 96.5 */
    expect_scaled((PictureForm){1, 23, 37, 23}, 23, 37);
    expect_scaled((PictureForm){1, 1, 1, 5}, 5, 8);
}

/* A JPEG is decoded at an eighth of its size; the slopes are the same as at its own. */
static void test_large_jpeg(void **state)
{
    (void)state;
    enum { SIDE = 800, SMALL = 20 };
    uint8_t *from = malloc(3 * SIDE * SIDE), out[3 * SMALL * SMALL];
    slopes(from, SIDE, SIDE, 3);
    put_jpeg("a.jpg", &(Drawing){SIDE, SIDE, 3, from}, false);
    read_picture("a.jpg", (PictureForm){3, SMALL, SMALL, 0}, out);
    for (int y = 0; y < SMALL; y++)
        for (int x = 0; x < SMALL; x++) {
            const int right = 255 * (2 * x + 1) / (2 * SMALL), down = 255 * (2 * y + 1) / (2 * SMALL);
            assert_in_range(out[y * SMALL + x] + 4, right, right + 8);
            assert_in_range(out[SMALL * SMALL + y * SMALL + x] + 4, down, down + 8);
        }
    free(from);
}

/* ---- damaged files ---- */

static void expect_refused(const char *path, const char *want)
{
    RtError e = {0};
    uint8_t out[3 * 64];
    if (picture_read(path, &(PictureForm){3, 8, 8, 0}, out, &e)) fail_msg("%s was read", path);
    assert_string_equal(e.text, want);
}

static void put_damaged(void)
{
    uint8_t from[MOST];
    const Drawing d = {HEIGHT, WIDTH, 3, from};
    memcpy(from, noise(), MOST);
    put_png("cut.png", &d, PNG_COLOR_TYPE_RGB, 8, 0);
    put_png("crc.png", &d, PNG_COLOR_TYPE_RGB, 8, 0);
    put_png("huge.png", &d, PNG_COLOR_TYPE_RGB, 8, 0);
    put_jpeg("cut.jpg", &d, false);
    put_jpeg("bad.jpg", &d, false);
    put_jpeg("head.jpg", &d, false);
    cut("cut.png", 500);
    damage("crc.png", 100);
    cut("cut.jpg", 500);
    truncate("head.jpg", 20);
    const uint8_t sizes[] = {0, 0, 0xff, 0xff, 0, 0, 0x80, 0, 8, 2, 0, 0, 0};
    uint8_t chunk[4 + sizeof sizes + 4] = "IHDR";
    memcpy(chunk + 4, sizes, sizeof sizes);
    const uint32_t crc = (uint32_t)crc32(0, chunk, 4 + sizeof sizes);
    for (int i = 0; i < 4; i++) chunk[4 + sizeof sizes + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    FILE *f = fopen("huge.png", "r+b");
    fseek(f, 12, SEEK_SET);
    assert_int_equal(fwrite(chunk, sizeof chunk, 1, f), 1);
    fclose(f);
}

static void test_refused(void **state)
{
    (void)state;
    put_damaged();
    put_text("text.png", "no picture at all");
    put_text("empty.png", "");
    mkdir("folder.png", 0777);
    expect_refused("text.png", "text.png: neither a PNG nor a JPEG picture");
    expect_refused("empty.png", "empty.png, byte 0: the file is empty");
    expect_refused("none.png", "none.png: no such file");
    expect_refused("folder.png", "folder.png: is a directory, not a file");
    expect_refused("cut.png", "cut.png: a damaged PNG picture: the file ends in the middle");
    expect_refused("crc.png", "crc.png: a damaged PNG picture: IDAT: incorrect data check");
    expect_refused("huge.png", "huge.png: a picture of 32768 x 65535 pixels; 1 to 67108864 are read");
    expect_refused("cut.jpg", "cut.jpg: a damaged JPEG picture: Premature end of JPEG file");
    expect_refused("head.jpg", "head.jpg: a damaged JPEG picture: Premature end of JPEG file");
}

static uint32_t word_at(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Makes the checksums of a PNG true, so that what it says is read. */
static void repair(uint8_t *bytes, size_t size)
{
    for (size_t at = 8; bytes[0] == 0x89 && at + 12 <= size;) {
        const size_t length = word_at(bytes + at);
        if (length > size - at - 12) return;
        const uint32_t crc = (uint32_t)crc32(0, bytes + at + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++) bytes[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += length + 12;
    }
}

/* Whatever a file is: no crash, and a message that begins with its name when it is refused. */
static void mutate(const char *path, int times)
{
    static uint8_t bytes[1 << 16], changed[1 << 16];
    uint8_t out[3 * 64];
    uint32_t state = 7;
    char name[64];
    const int fd = memfd_create("mutated", MFD_CLOEXEC); /* a file that takes no disk */
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    FILE *f = fopen(path, "rb");
    const size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (int i = 0; i < times; i++) {
        RtError e = {0};
        memcpy(changed, bytes, size);
        for (uint32_t k = draw(&state) % 8 + 1; k > 0; k--) {
            const size_t at = draw(&state) % (draw(&state) % 2 ? size : 200);
            changed[at < size ? at : 0] = (uint8_t)draw(&state);
        }
        repair(changed, size);
        const size_t kept = draw(&state) % 4 ? size : draw(&state) % size + 1;
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, changed, kept, 0), kept);
        if (!picture_read(name, &(PictureForm){3, 8, 8, 0}, out, &e))
            assert_memory_equal(e.text, name, strlen(name));
    }
    close(fd);
}

static void test_mutated(void **state)
{
    (void)state;
    const Drawing d = {HEIGHT, WIDTH, 3, noise()};
    put_png("a.png", &d, PNG_COLOR_TYPE_RGB, 8, 1);
    put_png("b.png", &(Drawing){HEIGHT, WIDTH, 1, noise()}, PNG_COLOR_TYPE_PALETTE, 8, 0);
    put_jpeg("a.jpg", &d, false);
    put_jpeg("b.jpg", &d, true);
    put_jpeg("c.jpg", &(Drawing){HEIGHT, WIDTH, 4, noise()}, false);
    const char *const files[] = {"a.png", "b.png", "a.jpg", "b.jpg", "c.jpg"};
    for (int i = 0; i < 5; i++) mutate(files[i], 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png),        cmocka_unit_test(test_jpeg),    cmocka_unit_test(test_scale),
        cmocka_unit_test(test_large_jpeg), cmocka_unit_test(test_refused), cmocka_unit_test(test_mutated),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
