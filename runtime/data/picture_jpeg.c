/* picture_jpeg.c: decodes JPEG with libjpeg-turbo (contract in picture.h).
 *
 * A picture much larger than it is needed is decoded at a half, a quarter or an eighth of its size, still at
 * least twice what it is scaled to. CMYK pictures are taken as Adobe writes them, inverted. A file that is
 * cut or damaged is refused, where the library would fill in grey.
 */
#include <stdio.h> /* jpeglib.h needs it */

#include "data/picture.h"
#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>

enum { SCANS_MOST = 500 }; /* of a progressive picture: each costs as much as a picture */

#define FUNCTIONS(X)                                                                                         \
    X(std_error)                                                                                             \
    X(CreateDecompress)                                                                                      \
    X(mem_src)                                                                                               \
    X(read_header)                                                                                           \
    X(start_decompress)                                                                                      \
    X(read_scanlines)                                                                                        \
    X(finish_decompress)                                                                                     \
    X(destroy_decompress)

#define POINTER(name) __typeof__(jpeg_##name) *name;
static struct {
    FUNCTIONS(POINTER)
} jpeg;

#define CALL(name) {"jpeg_" #name, &jpeg.name},
static const PictureCall calls[] = {FUNCTIONS(CALL)};
static PictureLibrary library = {.format = "JPEG",
#if JPEG_LIB_VERSION >= 80
                                 .file = "libjpeg.so.8",
                                 .package = "libjpeg-turbo8",
#else
                                 .file = "libjpeg.so.62",
                                 .package = "libjpeg62-turbo",
#endif
                                 .calls = calls,
                                 .count = sizeof calls / sizeof *calls};

typedef struct Jpeg {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    char message[JMSG_LENGTH_MAX];
} Jpeg;

static void on_error(j_common_ptr info)
{
    Jpeg *j = info->client_data;
    j->errors.format_message(info, j->message);
    longjmp(j->leave, 1);
}

/* Warnings are of damaged data, but for these. */
static void on_message(j_common_ptr info, int level)
{
    const int code = info->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR)
        on_error(info);
}

static void on_progress(j_common_ptr info)
{
    Jpeg *j = info->client_data;
    if (j->info.input_scan_number <= SCANS_MOST) return;
    snprintf(j->message, sizeof j->message, "more than %d scans", SCANS_MOST);
    longjmp(j->leave, 1);
}

static void begin(Jpeg *j, const PictureFile *file)
{
    j->info.err = jpeg.std_error(&j->errors);
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    j->info.client_data = j;
    jpeg.CreateDecompress(&j->info, JPEG_LIB_VERSION, sizeof j->info);
    j->progress.progress_monitor = on_progress;
    j->info.progress = &j->progress;
    jpeg.mem_src(&j->info, file->bytes, file->size);
    jpeg.read_header(&j->info, TRUE);
}

/* The smallest size that is large enough. */
static void choose_size(struct jpeg_decompress_struct *info, const Pixels *p)
{
    info->scale_num = info->scale_denom = 1;
    for (int part = 2; part <= 8; part *= 2)
        if (info->image_height / part >= 2 * p->scaled_height &&
            info->image_width / part >= 2 * p->scaled_width)
            info->scale_denom = (unsigned)part;
}

static void choose_colours(struct jpeg_decompress_struct *info)
{
    const bool inks = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    info->out_color_space = info->num_components == 1 ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
}

static void read_rows(struct jpeg_decompress_struct *info, Pixels *p)
{
    while (info->output_scanline < info->output_height) {
        JSAMPROW row = p->bytes + (int64_t)info->output_scanline * p->width * p->channels;
        jpeg.read_scanlines(info, &row, 1);
    }
    jpeg.finish_decompress(info);
}

/* In place; inks are inverted: 255 is none. */
static void mix_inks(Pixels *p)
{
    const int64_t count = p->height * p->width;
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            p->bytes[3 * i + c] = (uint8_t)((p->bytes[4 * i + c] * p->bytes[4 * i + 3] + 127) / 255);
    p->channels = 3;
}

bool picture_jpeg(const PictureFile *file, const PictureForm *f, Pixels *p, RtError *e)
{
    Jpeg j = {0};
    volatile bool good = false;

    if (!picture_library(&library, e)) return false;
    if (setjmp(j.leave) == 0) {
        begin(&j, file);
        if (picture_size(file, f, j.info.image_height, j.info.image_width, p, e)) {
            choose_size(&j.info, p);
            choose_colours(&j.info);
            jpeg.start_decompress(&j.info);
            good = picture_memory(file, j.info.output_height, j.info.output_width, j.info.output_components,
                                  p, e);
            if (good) read_rows(&j.info, p);
        }
    } else {
        good = picture_damaged(file, "JPEG", j.message, e);
    }
    jpeg.destroy_decompress(&j.info);
    if (good && p->channels == 4) mix_inks(p);
    return good;
}
