/* picture_png.c: decodes PNG with libpng (contract in picture.h).
 *
 * Palettes and 1 to 16 bits become bytes, interlaced rows are put in order. The numbers are those in the
 * file: gAMA and colour profiles are not read. libpng's simplified interface is not used: version 1.6.39
 * gives wrong numbers for interlaced pictures of 16 bits.
 */
#include "data/picture.h"
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS(X)                                                                                         \
    X(create_read_struct)                                                                                    \
    X(create_info_struct)                                                                                    \
    X(destroy_read_struct)                                                                                   \
    X(set_read_fn)                                                                                           \
    X(get_io_ptr)                                                                                            \
    X(get_error_ptr)                                                                                         \
    X(read_info)                                                                                             \
    X(get_image_height)                                                                                      \
    X(get_image_width)                                                                                       \
    X(set_expand)                                                                                            \
    X(set_scale_16)                                                                                          \
    X(set_strip_alpha)                                                                                       \
    X(set_interlace_handling)                                                                                \
    X(read_update_info)                                                                                      \
    X(get_channels)                                                                                          \
    X(read_image)                                                                                            \
    X(read_end)

#define POINTER(name) __typeof__(png_##name) *name;
static struct {
    FUNCTIONS(POINTER)
} png;

#define CALL(name) {"png_" #name, &png.name},
static const PictureCall calls[] = {FUNCTIONS(CALL)};
static PictureLibrary library = {.format = "PNG",
                                 .file = "libpng16.so.16",
                                 .package = "libpng16-16",
                                 .calls = calls,
                                 .count = sizeof calls / sizeof *calls};

/* One picture. The library's functions leave by `leave` when it is damaged. */
typedef struct Png {
    png_structp read;
    png_infop info;
    const PictureFile *file;
    size_t at; /* bytes of the file that were read */
    png_bytepp rows;
    jmp_buf leave;
    char message[200];
} Png;

static void on_error(png_structp read, png_const_charp message)
{
    Png *p = png.get_error_ptr(read);
    snprintf(p->message, sizeof p->message, "%s", message);
    longjmp(p->leave, 1);
}

static void on_warning(png_structp read, png_const_charp message)
{
    (void)read;
    (void)message;
}

static void on_read(png_structp read, png_bytep to, size_t count)
{
    Png *p = png.get_io_ptr(read);
    if (count > p->file->size - p->at) on_error(read, "the file ends in the middle");
    memcpy(to, p->file->bytes + p->at, count);
    p->at += count;
}

static void begin(Png *p)
{
    png.set_read_fn(p->read, p, on_read);
    png.read_info(p->read, p->info);
    png.set_expand(p->read);
    png.set_scale_16(p->read);
    png.set_strip_alpha(p->read);
    png.set_interlace_handling(p->read);
}

/* All rows, and what is behind them. */
static bool read_rows(Png *p, Pixels *pixels, RtError *e)
{
    const int64_t row = pixels->width * pixels->channels;
    p->rows = malloc((size_t)pixels->height * sizeof *p->rows);
    if (!p->rows) return rt_fail(e, RT_SYSTEM, "%s: out of memory", p->file->path);
    for (int64_t y = 0; y < pixels->height; y++) p->rows[y] = pixels->bytes + y * row;
    png.read_image(p->read, p->rows);
    png.read_end(p->read, NULL);
    return true;
}

static bool decode(Png *p, const PictureForm *f, Pixels *pixels, RtError *e)
{
    begin(p);
    const int64_t height = png.get_image_height(p->read, p->info),
                  width = png.get_image_width(p->read, p->info);
    if (!picture_size(p->file, f, height, width, pixels, e)) return false;
    png.read_update_info(p->read, p->info);
    return picture_memory(p->file, height, width, png.get_channels(p->read, p->info), pixels, e) &&
           read_rows(p, pixels, e);
}

bool picture_png(const PictureFile *file, const PictureForm *f, Pixels *pixels, RtError *e)
{
    Png p = {.file = file};
    bool good = false;

    if (!picture_library(&library, e)) return false;
    p.read = png.create_read_struct(PNG_LIBPNG_VER_STRING, &p, on_error, on_warning);
    p.info = p.read ? png.create_info_struct(p.read) : NULL;
    if (!p.info) rt_fail(e, RT_SYSTEM, "%s: out of memory, or libpng is not the one of png.h", file->path);
    else if (setjmp(p.leave) == 0) good = decode(&p, f, pixels, e);
    else good = picture_damaged(file, "PNG", p.message, e);
    free(p.rows);
    png.destroy_read_struct(&p.read, &p.info, NULL);
    return good;
}
