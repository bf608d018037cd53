/* data_image.c: image_folder(dir, height, width, channels, resize, split, mean, std, memory): PNG and JPEG
 * pictures in one folder for each class.
 *
 * DIR/train/CLASS/PICTURE and DIR/val/CLASS/PICTURE (or DIR/test), or DIR/CLASS/PICTURE, of which `split` is
 * held out for the test. Classes are numbered in the order of the names of their folders in train, byte by
 * byte. Every file in the folder of a class is a picture; hidden files, and files beside the folders of
 * classes, are none. Pictures are decoded once, in parallel, to bytes in memory (picture.h), or, when these
 * take more than `memory` GiB, each time they are used (net/ahead.c).
 */
#define _GNU_SOURCE
#include "data/data_image.h"
#include "data/data_kind.h"
#include "common/plural.h"
#include "data/data_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MOST = 8192 };

/* ---- classes ---- */

/* DIRECTORY/NAME when it is a folder, else NULL. */
static char *sub_folder(const char *directory, const char *name)
{
    RtError e = {0};
    char *path = data_file_join(directory, name, &e);
    if (path && data_file_is_folder(path)) return path;
    free(path);
    return NULL;
}

/* The folders in a folder: its classes. At least one. */
static bool classes_read(const char *path, Names *n, RtError *e)
{
    int kept = 0;
    if (!names_read(path, n, e)) return false;
    for (int i = 0; i < n->count; i++) {
        char *folder = sub_folder(path, n->at[i]->d_name);
        if (folder) n->at[kept++] = n->at[i];
        else free(n->at[i]);
        free(folder);
    }
    n->count = kept;
    if (kept > 0 && kept <= DATA_CLASSES_MOST) return true;
    if (kept)
        return rt_fail(e, RT_BAD_INPUT, "%s: %d folders of classes; up to %d are read", path, kept,
                       DATA_CLASSES_MOST);
    rt_fail(e, RT_BAD_INPUT, "%s: no folder of a class", path);
    return rt_help(e, "pictures stand in one folder for each class, such as %s/cat/1.png", path);
}

/* The number of a class; -1: there is none of that name. */
static int find_class(const Names *classes, const char *name)
{
    int low = 0, high = classes->count;
    while (low < high) {
        const int middle = (low + high) / 2, order = strcmp(classes->at[middle]->d_name, name);
        if (order == 0) return middle;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return -1;
}

/* All pictures below a folder, of classes that are among `classes`. */
static bool list_split(const char *path, const Names *classes, PictureList *l, RtError *e)
{
    Names here = {0};
    bool good = classes_read(path, &here, e);
    for (int i = 0; good && i < here.count; i++) {
        const int label = find_class(classes, here.at[i]->d_name);
        char *folder = data_file_join(path, here.at[i]->d_name, e);
        good = folder &&
               (label >= 0 ||
                rt_fail(e, RT_BAD_INPUT, "%s: the training pictures have no class of this name", folder));
        good = good && picture_list_folder(l, folder, label, e);
        free(folder);
    }
    names_free(&here);
    return good;
}

/* How pictures get into a split: all of them now, or (later) each when it is needed. */
typedef struct Loading {
    int64_t features;
    PictureForm form;
    int threads;
    bool later;
} Loading;

static bool fill_split(const Loading *how, PictureList *l, DataSplit *s, RtError *e)
{
    s->samples = l->count;
    s->labels = l->labels;
    l->labels = NULL;
    if (how->later) return (s->pictures = picture_set_new(l, &how->form, e)) != NULL;
    s->bytes = data_memory(l->count, how->features, e);
    return s->bytes &&
           picture_list_decode(l, (PicturePart){0, l->count, how->threads}, &how->form, s->bytes, e);
}

/* ---- the kind ---- */

/* Its folders, owned; test NULL: a share of the training pictures is held out. */
typedef struct Places {
    char *train, *test;
} Places;

static void places_free(Places *p)
{
    free(p->train);
    free(p->test);
}

/* --data DIR names the folder itself. */
static bool find_places(const json_t *args, const DataContext *c, const Data *d, Places *p, RtError *e)
{
    const char *dir;
    if (!data_text(args, d, "dir", &dir, e)) return false;
    if (!*dir && !c->directory)
        return rt_fail(e, RT_BAD_INPUT, "%s: 'dir' is missing: it names a folder", d->name);
    char *top = c->directory ? data_file_join("", c->directory, e) : data_file_path(c, dir, e);
    if (!top) return false;
    p->train = sub_folder(top, "train");
    if (!p->train) {
        p->train = top;
        return true;
    }
    p->test = sub_folder(top, "val");
    if (!p->test) p->test = sub_folder(top, "test");
    free(top);
    return true;
}

static bool read_form(const json_t *args, const Data *d, PictureForm *f, RtError *e)
{
    int64_t channels;
    if (!data_count(args, d, "height", 1, SIDE_MOST, &f->height, e) ||
        !data_count(args, d, "width", 1, SIDE_MOST, &f->width, e) ||
        !data_count(args, d, "channels", 1, 3, &channels, e) ||
        !data_optional_count(args, d, "resize", 1, SIDE_MOST, &f->resize, e))
        return false;
    f->channels = (int)channels;
    if (channels == 2)
        return rt_fail(e, RT_BAD_INPUT, "%s: channels = 2; 1 is grey, 3 is red, green and blue", d->name);
    if (f->resize == 0 || (f->resize >= f->height && f->resize >= f->width)) return true;
    return rt_fail(e, RT_BAD_INPUT,
                   "%s: resize = %lld is less than the height or width that is cut out, "
                   "%lld x %lld",
                   d->name, (long long)f->resize, (long long)f->height, (long long)f->width);
}

bool data_image_scale(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    (void)c;
    return data_read_scale(args, d, e);
}

static bool read_settings(const json_t *args, Data *d, PictureForm *f, RtError *e)
{
    if (!read_form(args, d, f, e)) return false;
    d->rank = 3;
    d->shape[0] = f->channels, d->shape[1] = f->height, d->shape[2] = f->width;
    d->features = f->channels * f->height * f->width;
    d->image = true;
    return data_read_scale(args, d, e);
}

static bool read_classes(const Places *p, Data *d, Names *classes, RtError *e)
{
    if (!classes_read(p->train, classes, e)) return false;
    d->classes = classes->count;
    data_remember(d->inputs_from, p->train);
    data_remember(d->target_from, p->train);
    return true;
}

bool data_image_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    PictureForm f = {0};
    Places p = {0};
    Names classes = {0};
    bool good =
        read_settings(args, d, &f, e) && find_places(args, c, d, &p, e) && read_classes(&p, d, &classes, e);

    names_free(&classes);
    places_free(&p);
    return good;
}

/* All of them together may take `memory` GiB. */
static bool find_way(const json_t *args, const Data *d, int64_t pictures, Loading *how, RtError *e)
{
    double most;
    if (!data_number(args, d, "memory", 0, 1 << 20, &most, e)) return false;
    how->features = d->features;
    how->later = (double)pictures * (double)d->features > most * (1 << 30);
    return true;
}

int64_t data_image_resize(const json_t *setting)
{
    for (; setting; setting = json_object_get(json_object_get(setting, "args"), "data")) {
        const json_t *resize = json_object_get(json_object_get(setting, "args"), "resize");
        if (json_is_number(resize)) return (int64_t)json_number_value(resize);
    }
    return 0;
}

bool data_image_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Loading how = {.threads = c->threads};
    Places p = {0};
    Names classes = {0};
    PictureList train = {0}, test = {0};
    double split;
    bool good =
        read_settings(args, d, &how.form, e) && data_number(args, d, "split", 0, 1, &split, e) &&
        find_places(args, c, d, &p, e) && read_classes(&p, d, &classes, e) &&
        list_split(p.train, &classes, &train, e) && (!p.test || list_split(p.test, &classes, &test, e)) &&
        find_way(args, d, train.count + test.count, &how, e) && fill_split(&how, &train, &d->train, e) &&
        (p.test ? fill_split(&how, &test, &d->test, e) : data_hold_out(d, split, c, e));

    picture_list_free(&train);
    picture_list_free(&test);
    names_free(&classes);
    places_free(&p);
    return good || data_missing_help(c, e);
}
