/* picture.h: PNG and JPEG files as planes of bytes of one size.
 *
 * A picture is scaled so that its shorter side has `resize` pixels, or so that it just covers height x width
 * where resize is 0; the middle of that, height x width pixels, is what is kept. Scaling is by the triangle
 * filter, widened where pictures become smaller, in whole numbers. Grey is 0.299 red + 0.587 green + 0.114
 * blue; a grey picture has three equal channels. Transparency is left out, 16 bits are rounded to 8, and the
 * orientation in Exif data is not read.
 *
 * The libraries that decode, libpng and libjpeg-turbo, are loaded when the first picture of their format is
 * read, so programs without pictures do not need them. All functions may be called from several threads.
 */
#ifndef RT_PICTURE_H
#define RT_PICTURE_H
#include "common/error.h"
#include <stddef.h>
#include <stdint.h>

enum { PICTURE_MOST = 1 << 26 }; /* pixels of a picture in a file */

typedef struct PictureForm {
    int channels; /* 1 or 3 */
    int64_t height, width;
    int64_t resize; /* 0, or at least height and width */
} PictureForm;

/* (channels, height, width) bytes from a file. Messages start with the path. */
bool picture_read(const char *path, const PictureForm *f, uint8_t *planes, RtError *e);

/* Does the file begin like a picture? */
bool picture_begins(const char *path);

/* ---- shared by the decoders, picture_png.c and picture_jpeg.c ---- */

typedef struct PictureFile {
    const char *path;
    const uint8_t *bytes;
    size_t size;
} PictureFile;

/* A decoded picture, and the size it is to be scaled to. */
typedef struct Pixels {
    int64_t height, width;
    int channels;   /* 1 or 3, one beside the other */
    uint8_t *bytes; /* (height, width, channels), owned */
    int64_t scaled_height, scaled_width;
} Pixels;

typedef bool PictureDecoder(const PictureFile *file, const PictureForm *f, Pixels *p, RtError *e);
PictureDecoder picture_png, picture_jpeg;

/* The size in the file's header: refused when too large, else sets the scaled size. */
bool picture_size(const PictureFile *file, const PictureForm *f, int64_t height, int64_t width, Pixels *p,
                  RtError *e);
/* Takes memory for p->bytes. */
bool picture_memory(const PictureFile *file, int64_t height, int64_t width, int channels, Pixels *p,
                    RtError *e);
/* "PATH: a damaged PNG picture: WHAT" */
bool picture_damaged(const PictureFile *file, const char *format, const char *what, RtError *e);
/* Scales and cuts (picture_scale.c). */
bool picture_scale(const Pixels *p, const PictureForm *f, uint8_t *planes, RtError *e);

typedef struct PictureCall {
    const char *name;
    void *to; /* address of the pointer to the function */
} PictureCall;

typedef struct PictureLibrary {
    const char *format, *file, *package; /* "PNG", "libpng16.so.16", "libpng16-16" */
    const PictureCall *calls;
    int count;
    /* set by picture_library */
    bool tried, loaded;
    RtError why; /* it is not loaded */
} PictureLibrary;

/* Loads a library and finds its functions, when it is called first. */
bool picture_library(PictureLibrary *l, RtError *e);
#endif
