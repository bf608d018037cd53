/* picture_write.h: writes PNG and JPEG files for tests, from (height, width, channels) numbers. */
#ifndef PICTURE_WRITE_H
#define PICTURE_WRITE_H
#include "data_test.h"

#include <jpeglib.h>
#include <png.h>

typedef struct Drawing {
    int height, width, channels;
    const uint8_t *bytes;
} Drawing;

/* PNG of a colour type; `depth` 16 writes each byte twice (x 257), so that it means the same number. */
static inline void put_png(const char *path, const Drawing *d, int type, int depth, int interlace)
{
    FILE *f = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    const size_t row = (size_t)(d->width * d->channels);
    uint8_t *wide = malloc(2 * row);
    assert_non_null(f);
    assert_non_null(wide);
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)d->width, (png_uint_32)d->height, depth, type, interlace, 0, 0);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[256];
        for (int i = 0; i < 256; i++) palette[i] = (png_color){(png_byte)i, (png_byte)(255 - i), 7};
        png_set_PLTE(png, info, palette, 256);
    }
    png_write_info(png, info);
    for (int pass = interlace ? png_set_interlace_handling(png) : 1; pass > 0; pass--)
        for (int y = 0; y < d->height; y++) {
            const uint8_t *from = d->bytes + (size_t)y * row;
            for (size_t i = 0; i < row; i++) wide[2 * i] = wide[2 * i + 1] = from[i];
            png_write_row(png, depth == 16 ? wide : from);
        }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(wide);
    fclose(f);
}

/* JPEG of best quality with 1, 3 or 4 channels: grey, RGB or CMYK. */
static inline void put_jpeg(const char *path, const Drawing *d, bool progressive)
{
    FILE *f = fopen(path, "wb");
    struct jpeg_compress_struct j = {0};
    struct jpeg_error_mgr errors;
    assert_non_null(f);
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_stdio_dest(&j, f);
    j.image_width = (unsigned)d->width, j.image_height = (unsigned)d->height;
    j.input_components = d->channels;
    j.in_color_space = d->channels == 1 ? JCS_GRAYSCALE : d->channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, 100, TRUE);
    if (progressive) jpeg_simple_progression(&j);
    jpeg_start_compress(&j, TRUE);
    for (int y = 0; y < d->height; y++) {
        JSAMPROW row = (JSAMPROW)(d->bytes + (size_t)(y * d->width * d->channels));
        jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    fclose(f);
}
#endif
