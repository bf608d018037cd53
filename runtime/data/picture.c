/* picture.c: reads a picture file: its format, its limits, its colours (contract in picture.h). */
#define _GNU_SOURCE
#include "data/picture.h"
#include "data/data_file.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool load(const PictureLibrary *l, RtError *e)
{
    void *library = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);

    if (!library) {
        rt_fail(e, RT_SYSTEM, "%s pictures need a library that cannot be loaded: %s", l->format, dlerror());
        return rt_help(e, "apt install %s", l->package);
    }
    for (int i = 0; i < l->count; i++) {
        void *function = dlsym(library, l->calls[i].name);
        if (!function) return rt_fail(e, RT_SYSTEM, "%s has no function %s", l->file, l->calls[i].name);
        memcpy(l->calls[i].to, &function, sizeof function);
    }
    return true;
}

bool picture_library(PictureLibrary *l, RtError *e)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&lock);
    if (!l->tried) l->tried = true, l->loaded = load(l, &l->why);
    pthread_mutex_unlock(&lock);
    if (!l->loaded) *e = l->why;
    return l->loaded;
}

/* Rounded half up. */
static int64_t in_proportion(int64_t x, int64_t to, int64_t from)
{
    return (2 * x * to + from) / (2 * from);
}

/* The size in a header is true of few files that are damaged; what is taken for it is bounded. */
bool picture_size(const PictureFile *file, const PictureForm *f, int64_t height, int64_t width, Pixels *p,
                  RtError *e)
{
    if (height < 1 || width < 1 || height > PICTURE_MOST / width)
        return rt_fail(e, RT_BAD_INPUT, "%s: a picture of %lld x %lld pixels; 1 to %d are read", file->path,
                       (long long)height, (long long)width, PICTURE_MOST);
    const bool by_height = f->resize ? height <= width : height * f->width <= width * f->height;
    const int64_t side = f->resize ? f->resize : by_height ? f->height : f->width;
    p->scaled_height = by_height ? side : in_proportion(height, side, width);
    p->scaled_width = by_height ? in_proportion(width, side, height) : side;
    if (p->scaled_height < f->height) p->scaled_height = f->height;
    if (p->scaled_width < f->width) p->scaled_width = f->width;
    return true;
}

bool picture_memory(const PictureFile *file, int64_t height, int64_t width, int channels, Pixels *p,
                    RtError *e)
{
    p->height = height, p->width = width, p->channels = channels;
    p->bytes = malloc((size_t)(height * width * channels));
    return p->bytes || rt_fail(e, RT_SYSTEM, "%s: out of memory for a picture of %lld x %lld pixels",
                               file->path, (long long)height, (long long)width);
}

bool picture_damaged(const PictureFile *file, const char *format, const char *what, RtError *e)
{
    return rt_fail(e, RT_BAD_INPUT, "%s: a damaged %s picture: %s", file->path, format, what);
}

/* In place. */
static void make_grey(Pixels *p)
{
    const int64_t count = p->height * p->width;
    if (p->channels == 1) return;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *c = p->bytes + 3 * i;
        p->bytes[i] = (uint8_t)((299 * c[0] + 587 * c[1] + 114 * c[2] + 500) / 1000);
    }
    p->channels = 1;
}

/* By how a file begins; NULL: another format. */
static PictureDecoder *find_decoder(const void *bytes, size_t size)
{
    static const struct {
        const char *start;
        size_t size;
        PictureDecoder *decode;
    } formats[] = {{"\x89PNG\r\n\x1a\n", 8, picture_png}, {"\xff\xd8\xff", 3, picture_jpeg}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (size >= formats[i].size && memcmp(bytes, formats[i].start, formats[i].size) == 0)
            return formats[i].decode;
    return NULL;
}

bool picture_begins(const char *path)
{
    char start[8];
    FILE *f = fopen(path, "rbe");
    const size_t size = f ? fread(start, 1, sizeof start, f) : 0;

    if (f) fclose(f);
    return find_decoder(start, size) != NULL;
}

static bool decode(const PictureFile *file, const PictureForm *f, uint8_t *planes, RtError *e)
{
    Pixels p = {0};
    PictureDecoder *decoder = find_decoder(file->bytes, file->size);
    bool good = decoder ? decoder(file, f, &p, e)
                        : rt_fail(e, RT_BAD_INPUT, "%s: neither a PNG nor a JPEG picture", file->path);

    if (good && f->channels == 1) make_grey(&p);
    good = good && picture_scale(&p, f, planes, e);
    free(p.bytes);
    return good;
}

bool picture_read(const char *path, const PictureForm *f, uint8_t *planes, RtError *e)
{
    DataFile file = {0};
    int64_t size = 0;
    char *bytes = NULL;
    bool good = data_file_open(&file, data_file_join("", path, e), false, e) &&
                (bytes = data_file_rest(&file, &size, e));

    good = good && decode(&(PictureFile){path, (const uint8_t *)bytes, (size_t)size}, f, planes, e);
    free(bytes);
    data_file_close(&file);
    return good;
}
