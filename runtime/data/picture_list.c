/* picture_list.c: finds the files of a folder and decodes them (contract in picture_list.h). */
#define _GNU_SOURCE
#include "data/picture_list.h"
#include "common/thread.h"
#include "data/data_file.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int is_shown(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

void names_free(Names *n)
{
    for (int i = 0; i < n->count; i++) free(n->at[i]);
    free(n->at);
    *n = (Names){0};
}

bool names_read(const char *path, Names *n, RtError *e)
{
    n->count = scandir(path, &n->at, is_shown, compare_names);
    if (n->count >= 0) return true;
    n->count = 0;
    if (errno == ENOENT) return rt_fail(e, DATA_MISSING, "%s: no such folder", path);
    const bool system = errno == ENOMEM || errno == EMFILE || errno == ENFILE || errno == EIO;
    return rt_fail(e, system ? RT_SYSTEM : RT_BAD_INPUT, "%s: %s", path,
                   errno == ENOTDIR ? "is a file, not a folder" : strerror(errno));
}

void picture_list_free(PictureList *l)
{
    for (int64_t i = 0; i < l->count; i++) free(l->paths[i]);
    free(l->paths);
    free(l->labels);
    *l = (PictureList){0};
}

static bool grow(PictureList *l)
{
    const size_t room = l->room ? (size_t)l->room * 2 : 1024;
    char **paths = realloc(l->paths, room * sizeof *paths);
    if (paths) l->paths = paths;
    int32_t *labels = realloc(l->labels, room * sizeof *labels);
    if (labels) l->labels = labels;
    if (paths && labels) l->room = (int64_t)room;
    return paths && labels;
}

bool picture_list_add(PictureList *l, char *path, int32_t label, RtError *e)
{
    if (path && (l->count < l->room || grow(l))) {
        l->paths[l->count] = path, l->labels[l->count++] = label;
        return true;
    }
    free(path);
    return rt_fail(e, RT_SYSTEM, "out of memory at %lld pictures", (long long)l->count);
}

bool picture_list_folder(PictureList *l, const char *folder, int32_t label, RtError *e)
{
    Names files = {0};
    bool good = names_read(folder, &files, e);

    if (good && files.count == 0) good = rt_fail(e, RT_BAD_INPUT, "%s: no picture in this folder", folder);
    for (int i = 0; good && i < files.count; i++)
        good = picture_list_add(l, data_file_join(folder, files.at[i]->d_name, e), label, e);
    names_free(&files);
    return good;
}

typedef struct Decoding {
    char **paths;
    const PictureForm *form;
    int64_t features;
    uint8_t *bytes;
    pthread_mutex_t lock;
    int64_t failed; /* the first picture that cannot be read, so far */
    RtError error;
} Decoding;

/* Pictures begin in order, so none before the first that fails is left out. */
static void decode_one(void *job, int64_t i)
{
    Decoding *d = job;
    RtError e = {0};

    pthread_mutex_lock(&d->lock);
    const bool needed = i < d->failed;
    pthread_mutex_unlock(&d->lock);
    if (!needed || picture_read(d->paths[i], d->form, d->bytes + i * d->features, &e)) return;
    pthread_mutex_lock(&d->lock);
    if (i < d->failed) d->failed = i, d->error = e;
    pthread_mutex_unlock(&d->lock);
}

bool picture_list_decode(const PictureList *l, PicturePart part, const PictureForm *f, uint8_t *bytes,
                         RtError *e)
{
    const int64_t features = f->channels * f->height * f->width;
    Decoding job = {l->paths + part.first, f, features, bytes, PTHREAD_MUTEX_INITIALIZER, INT64_MAX, {0}};

    thread_share(part.threads, part.count, decode_one, &job);
    if (job.failed == INT64_MAX) return true;
    if (job.error.code == DATA_MISSING) job.error.code = RT_BAD_INPUT;
    *e = job.error;
    return false;
}

/* ---- when they are needed ---- */

PictureSet *picture_set_new(PictureList *l, const PictureForm *f, RtError *e)
{
    PictureSet *s = data_memory(1, sizeof *s, e);
    if (!s) return NULL;
    *s = (PictureSet){{.paths = l->paths, .count = l->count, .room = l->room}, *f};
    l->paths = NULL, l->count = l->room = 0;
    return s;
}

PictureSet *picture_set_part(PictureSet *s, const uint8_t *held, RtError *e)
{
    PictureList *from = &s->list, to = {.paths = data_memory(from->count, sizeof *to.paths, e)};
    int64_t kept = 0;
    if (!to.paths) return NULL;
    for (int64_t i = 0; i < from->count; i++) {
        if (held[i]) to.paths[to.count++] = from->paths[i];
        else from->paths[kept++] = from->paths[i];
    }
    from->count = kept;
    PictureSet *part = picture_set_new(&to, &s->form, e);
    if (!part) picture_list_free(&to);
    return part;
}

bool picture_set_read(const PictureSet *s, int64_t i, uint8_t *bytes, RtError *e)
{
    return picture_read(s->list.paths[i], &s->form, bytes, e);
}

void picture_set_free(PictureSet *s)
{
    if (s) picture_list_free(&s->list);
    free(s);
}
