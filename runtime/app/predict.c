/* predict.c: the command predict: a .npy file, a picture or a folder of pictures through the network into a
 * .npy file of outputs.
 *
 * Reads the formats of npy.h and picture.h. Pictures of a folder are samples in the order of their names, cut
 * to the network's input like those of an image_folder. Bytes (u1) are scaled like bytes of the data of the
 * train block, with its mean and deviation; if samples of that data are never bytes, they are numbers without
 * scaling. float32 is written. The output appears under its name only when it is whole; samples without one
 * have a row of NaN in it (predict_rows.c).
 */
#define _GNU_SOURCE
#include "data/npy.h"
#include "data/data_image.h"
#include "app/predict_rows.h"
#include "common/output.h"
#include "common/plural.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- reading --- */

typedef struct Input {
    const char *path;
    int64_t samples;
    Npy array;            /* not open for pictures */
    PictureList pictures; /* empty for an array */
    PictureForm form;
    int64_t taken; /* pictures read so far */
    int threads;
    Data scale;  /* how bytes are seen; only shape, channels, mean and std are filled */
    bool scaled; /* the samples are bytes, to be seen like that */
    int64_t features;
    uint8_t *bytes; /* of a batch */
} Input;

/* Bytes mean what the train block's data says of them. */
static bool find_scale(const Session *s, Input *x, RtError *e)
{
    const ProgramHead *h = &s->program->head;
    const json_t *setting = program_setting(s->program, SETTING_DATA);
    if (x->pictures.count == 0 && !npy_bytes(&x->array)) return true;
    if (!setting) {
        rt_fail(e, RT_BAD_INPUT,
                "%s: bytes, and the program has no train block that says how they are scaled", x->path);
        return rt_help(e, "convert to what the network sees: x.astype('float32')");
    }
    x->scale.rank = h->input_rank < 4 ? h->input_rank : 4;
    for (int i = 0; i < x->scale.rank; i++) x->scale.shape[i] = h->input[i];
    if (!data_byte_scale(setting, &x->scale, &x->scaled, e)) return false;
    return x->features % x->scale.channels == 0 ||
           rt_fail(e, RT_BAD_INPUT, "%s: a sample of %lld byte%s cannot be cut into the %d channels of '%s'",
                   x->path, (long long)x->features, plural(x->features, "s"), x->scale.channels,
                   x->scale.name);
}

static bool take_bytes(Input *x, int64_t samples, RtError *e)
{
    const PicturePart part = {x->taken, samples, x->threads};
    if (x->pictures.count == 0) return npy_take(&x->array, samples * x->features, x->bytes, e);
    x->taken += samples;
    return picture_list_decode(&x->pictures, part, &x->form, x->bytes, e);
}

/* The next samples as the network sees them. */
static bool read_samples(Input *x, int64_t samples, float *out, RtError *e)
{
    const int64_t count = samples * x->features, part = x->features / x->scale.channels;
    if (!x->scaled) return npy_take_floats(&x->array, count, out, e);
    if (!take_bytes(x, samples, e)) return false;
    for (int64_t i = 0; i < samples * x->scale.channels; i++) {
        const DataScale scale = data_scale(&x->scale, (int)(i % x->scale.channels));
        for (int64_t k = i * part; k < (i + 1) * part; k++) out[k] = data_value(scale, x->bytes[k]);
    }
    return true;
}

/* --- writing --- */

/* The shape (samples, dims...) as Python has it. */
static void npy_shape(char *out, size_t size, int64_t samples, const int64_t *dims, int rank)
{
    size_t used = (size_t)snprintf(out, size, "(%lld,", (long long)samples);
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%lld", i ? ", " : " ", (long long)dims[i]);
    if (used < size) snprintf(out + used, size - used, ")");
}

static bool write_npy_header(FILE *f, int64_t samples, const ProgramHead *h)
{
    char shape[256], text[512];
    npy_shape(shape, sizeof shape, samples, h->output, h->output_rank);
    int used = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape);
    int padded = (10 + used + 1 + 63) / 64 * 64 - 10; /* data starts at a multiple of 64 */
    memset(text + used, ' ', (size_t)(padded - used));
    text[padded - 1] = '\n';
    unsigned char start[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)padded, (unsigned char)(padded >> 8)};
    return fwrite(start, sizeof start, 1, f) == 1 && fwrite(text, (size_t)padded, 1, f) == 1;
}

/* --- the command --- */

/* (samples, input shape) or (samples, features). */
static bool check_shape(const Session *s, const Npy *x, RtError *e)
{
    const ProgramHead *h = &s->program->head;
    int64_t features = program_inputs(&s->program->head);
    bool same = x->rank == h->input_rank + 1;
    for (int i = 1; same && i < x->rank; i++) same = x->sizes[i] == h->input[i - 1];
    if (same || (x->rank == 2 && x->sizes[1] == features)) return true;
    char want[256], have[256] = "(";
    npy_shape(want, sizeof want, 0, h->input, h->input_rank);
    for (int i = 0; i < x->rank; i++) {
        size_t used = strlen(have);
        snprintf(have + used, sizeof have - used, "%s%lld", i ? ", " : "", (long long)x->sizes[i]);
    }
    return rt_fail(e, RT_BAD_INPUT,
                   "%s: array has shape %s), the network takes (samples,%s or (samples, %lld)", x->file.path,
                   have, strchr(want, ',') + 1, (long long)features);
}

static bool predict_batches(PredictRows *r, Input *x, int64_t batch, FILE *f, RtError *e)
{
    const int64_t samples = x->samples, outputs = program_outputs(&r->session->program->head);
    for (int64_t first = 0; first < samples; first += batch) {
        int64_t count = samples - first < batch ? samples - first : batch;
        if (!read_samples(x, count, r->in, e)) return false;
        if (!predict_rows(r, first, count, e)) return false;
        if (fwrite(r->out, sizeof *r->out, (size_t)(count * outputs), f) != (size_t)(count * outputs))
            return rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", r->session->options->output,
                           strerror(errno));
    }
    return samples > 0 || read_samples(x, 0, r->in, e);
}

/* The file under a temporary name, renamed when it is whole. */
static bool write_output(PredictRows *r, Input *x, int64_t batch, RtError *e)
{
    const char *path = r->session->options->output;
    Output o;
    if (!output_begin(&o, path)) return rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
    bool ok = write_npy_header(o.file, x->samples, &r->session->program->head) ||
              rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
    ok = ok && predict_batches(r, x, batch, o.file, e);
    if (!output_end(&o, ok) && ok) ok = rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
    return ok && predict_rows_whole(r, x->samples, e);
}

static bool predict(Session *s, Input *x, RtError *e)
{
    const int64_t samples = x->samples;
    int64_t batch = session_batch(s);
    x->features = program_inputs(&s->program->head);
    if (x->pictures.count == 0 && !check_shape(s, &x->array, e)) return false;
    if (!find_scale(s, x, e)) return false;
    if (batch > samples) batch = samples > 0 ? samples : 1;
    NetOptions o = {.batch = batch};
    if (!session_net(s, &o, e) || !session_weights(s, e)) return false;
    PredictRows r = {.session = s,
                     .in = malloc((size_t)(batch * x->features) * sizeof *r.in),
                     .out = malloc((size_t)(batch * program_outputs(&s->program->head)) * sizeof *r.out),
                     .lost = malloc((size_t)batch * sizeof *r.lost)};
    x->bytes = malloc((size_t)(batch * x->features));
    bool memory = r.in && r.out && r.lost && x->bytes;
    bool ok = memory ? write_output(&r, x, batch, e) : rt_fail(e, RT_SYSTEM, "out of memory");
    free(r.in), free(r.out), free(r.lost), free(x->bytes);
    return ok;
}

/* What pictures are cut to; false: the network's input is not [channels, height, width] with 1 or 3 channels,
 * or [height, width] of grey. */
static bool find_form(const Session *s, PictureForm *f)
{
    const ProgramHead *h = &s->program->head;
    const int rank = h->input_rank;
    int64_t size[3] = {1};
    for (int i = 0; i < rank && rank <= 3; i++) size[3 - rank + i] = h->input[i];
    *f = (PictureForm){(int)size[0], size[1], size[2],
                       data_image_resize(program_setting(s->program, SETTING_DATA))};
    return (rank == 2 || rank == 3) && (size[0] == 1 || size[0] == 3);
}

/* A folder of pictures or one of them where the network takes pictures, else an array. */
static bool open_input(const Session *s, Input *x, RtError *e)
{
    const bool takes = find_form(s, &x->form), folder = takes && data_file_is_folder(x->path);
    bool ok;
    if (folder) ok = picture_list_folder(&x->pictures, x->path, 0, e);
    else if (takes && picture_begins(x->path))
        ok = picture_list_add(&x->pictures, data_file_join("", x->path, e), 0, e);
    else ok = npy_open(&x->array, data_file_join("", x->path, e), e);
    x->samples = x->pictures.count ? x->pictures.count : x->array.sizes[0];
    return ok;
}

bool predict_command(Session *s, RtError *e)
{
    Input x = {.path = s->options->input, .threads = (int)s->options->threads, .scale.channels = 1};
    bool ok = open_input(s, &x, e) && predict(s, &x, e);
    if (e->code == DATA_MISSING) e->code = RT_BAD_INPUT;
    npy_close(&x.array);
    picture_list_free(&x.pictures);
    return ok;
}
