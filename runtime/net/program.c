/* program.c: opens the manifest; one table says which strings it must have. */
#include "net/program.h"
#include "data/data.h"
#include "kernels/kernel.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *key;
    size_t offset;
} texts[] = {
    {"program", offsetof(Program, name)},        {"source", offsetof(Program, source)},
    {"directory", offsetof(Program, directory)}, {"model", offsetof(Program, model)},
    {"version", offsetof(Program, version)},     {"cpu", offsetof(Program, cpu)},
};

static bool damaged(RtError *e, const char *what)
{
    return rt_fail(e, RT_BAD_INPUT,
                   "the manifest of this program is damaged: %s\nhelp: build the program again", what);
}

static bool shape_is_valid(const json_t *shape)
{
    if (!json_is_array(shape)) return false;
    for (size_t i = 0; i < json_array_size(shape); i++)
        if (json_integer_value(json_array_get(shape, i)) <= 0) return false;
    return true;
}

static bool read_manifest(Program *p, RtError *e)
{
    json_error_t where;
    p->manifest = json_loads(p->code->manifest, JSON_REJECT_DUPLICATES, &where);
    if (!p->manifest) return damaged(e, where.text);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = json_string_value(json_object_get(p->manifest, texts[i].key));
        if (!text) return damaged(e, texts[i].key);
        memcpy((char *)p + texts[i].offset, &text, sizeof text);
    }
    if (!shape_is_valid(json_object_get(p->manifest, "input"))) return damaged(e, "input");
    if (!shape_is_valid(json_object_get(p->manifest, "output"))) return damaged(e, "output");
    p->options = json_object_get(p->manifest, "options");
    if (!p->options) return damaged(e, "options");
    p->settings = json_object_get(p->manifest, "settings");
    if (json_is_null(p->settings)) p->settings = NULL;
    return true;
}

bool program_open(Program *p, const DnwrtProgram *code, RtError *e)
{
#define IS_THIS(count) || code->lanes == count
    const bool lanes = false TILE_LANES(IS_THIS);
#undef IS_THIS
    *p = (Program){.code = code};
    if (code->abi != DNWRT_ABI || !lanes)
        return rt_fail(e, RT_BAD_INPUT,
                       "this program was made for another runtime library (version %u, here %d)\n"
                       "help: build the program again",
                       code->abi, DNWRT_ABI);
    if (read_manifest(p, e)) return true;
    program_close(p);
    return false;
}

void program_close(Program *p)
{
    json_decref(p->manifest);
    *p = (Program){0};
}

const json_t *program_option(const Program *p, const char *name)
{
    size_t i;
    json_t *option;
    json_array_foreach(p->options, i, option)
    {
        const char *have = json_string_value(json_object_get(option, "name"));
        if (have && !strcmp(have, name)) return option;
    }
    return NULL;
}

char *program_option_value(const json_t *option)
{
    const json_t *value = json_object_get(option, "value");
    if (json_is_string(value)) return strdup(json_string_value(value));
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
}

int64_t program_setting(const Program *p, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(p->settings, name);
    return json_is_number(value) ? (int64_t)json_number_value(value) : otherwise;
}

bool program_has_classes(const Program *p)
{
    const json_t *loss = json_object_get(p->settings, "loss");
    const char *call =
        json_is_string(loss) ? json_string_value(loss) : json_string_value(json_object_get(loss, "call"));
    return (call && !strcmp(call, "cross_entropy")) || data_is_one_hot(json_object_get(p->settings, "data"));
}

int64_t program_size(const Program *p, const char *which)
{
    const json_t *shape = json_object_get(p->manifest, which);
    int64_t size = 1;
    for (size_t i = 0; i < json_array_size(shape); i++) size *= json_integer_value(json_array_get(shape, i));
    return size;
}

static uint64_t hash_json(uint64_t hash, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    for (const char *c = text ? text : "null"; *c; c++) hash = (hash ^ (uint8_t)*c) * 0x100000001b3u;
    free(text);
    return (hash ^ 0xff) * 0x100000001b3u;
}

uint64_t program_fingerprint(const Program *p)
{
    static const char *const parts[] = {"model", "input", "output", "net"};
    static const char *const apart[] = {"batch", "epochs", "seed", "report"};
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        hash = hash_json(hash, json_object_get(p->manifest, parts[i]));
    size_t i;
    json_t *option;
    json_array_foreach(p->options, i, option)
    {
        hash = hash_json(hash, json_object_get(option, "name"));
        hash = hash_json(hash, json_object_get(option, "value"));
    }
    json_t *settings = json_copy((json_t *)p->settings);
    for (i = 0; i < sizeof apart / sizeof *apart; i++) json_object_del(settings, apart[i]);
    hash = hash_json(hash, settings);
    json_decref(settings);
    return hash;
}
