/* data_look.c: what the compiler learns from the files of a data set (contract in data_look.h). */
#include "check/data_look.h"
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

static const char *known(Arena *a, const Data *d)
{
    char labels[100];
    const char *shape = "";
    data_seen(&d->labels, labels, sizeof labels);
    for (int i = 0; i < d->scale.columns; i++)
        shape = arena_printf(a, "%s %.17g/%.17g", shape, d->scale.mean[i], d->scale.deviation[i]);
    for (int i = 0; i < d->rank; i++) shape = arena_printf(a, "%s %lld", shape, (long long)d->shape[i]);
    return arena_printf(a, "shape%s padded %d image %d classes %d target %lld at %lld labels %g: %s\n%s",
                        shape, d->padded, d->image, d->classes, (long long)d->target_size,
                        (long long)d->positions, (double)d->labels.least, labels, d->warnings);
}

bool data_look(Arena *a, DataPlace place, const json_t *setting, Data *data, RtError *e, const char **learned)
{
    char *base =
        dirname(arena_text(a, place.source, strlen(place.source))); /* messages name files as the user does */
    DataContext context = {.directory = place.directory, .base = base, .whole = place.whole, .seed = 0};
    bool ok = data_peek(setting, &context, data, e);
    *learned = ok ? known(a, data) : arena_printf(a, "%s: %s", e->code == RT_OK ? "absent" : "bad", e->text);
    return ok;
}

const char *data_look_again(Arena *a, DataPlace place, const char *setting)
{
    Data data = {0};
    RtError e = {0};
    const char *learned = NULL;
    json_t *parsed = json_loads(setting, 0, NULL);
    if (parsed) data_look(a, place, parsed, &data, &e, &learned);
    json_decref(parsed);
    return learned;
}

void data_look_keep(Compilation *c, const json_t *setting, const char *learned)
{
    char *text = json_dumps(setting, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text) return;
    DataLook look = {arena_text(c->perm, text, strlen(text)), learned};
    free(text);
    for (int i = 0; i < c->looks.count; i++)
        if (!strcmp(c->looks.at[i].setting, look.setting) && !strcmp(c->looks.at[i].learned, learned)) return;
    vec_push(c->perm, &c->looks, look);
}
