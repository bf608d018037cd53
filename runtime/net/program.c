/* program.c: see program.h. */
#include "net/program.h"
#include "common/hash.h"
#include "data/data.h"
#include "kernels/kernel.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool damaged(RtError *e, const char *what)
{
    return rt_fail(e, RT_BAD_INPUT,
                   "the manifest of this program is damaged: %s\nhelp: build the program again", what);
}

static int64_t product(const int64_t *sizes, int count)
{
    int64_t all = 1;
    for (int i = 0; i < count; i++) all = sizes[i] > 0 ? all * sizes[i] : 0;
    return all;
}

int64_t program_inputs(const ProgramHead *h)
{
    return product(h->input, h->input_rank);
}

int64_t program_outputs(const ProgramHead *h)
{
    return product(h->output, h->output_rank);
}

static bool read_manifest(Program *p, RtError *e)
{
    json_error_t where;
    p->manifest = json_loads(p->code->manifest, JSON_REJECT_DUPLICATES, &where);
    if (!p->manifest) return damaged(e, where.text);
    if (!contract_read(CONTRACT_ProgramHead, p->manifest, &p->head, e)) return false;
    if (!program_inputs(&p->head)) return damaged(e, "input");
    if (!program_outputs(&p->head)) return damaged(e, "output");
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
    contract_free(CONTRACT_ProgramHead, &p->head);
    json_decref(p->manifest);
    *p = (Program){0};
}

const ProgramOption *program_option(const Program *p, const char *name)
{
    for (int i = 0; i < p->head.option_count; i++)
        if (!strcmp(p->head.options[i].name, name)) return &p->head.options[i];
    return NULL;
}

const json_t *program_setting(const Program *p, TrainSetting setting)
{
    return json_object_get(p->settings, contract_text(CONTRACT_TrainSetting, (int)setting));
}

int64_t program_whole(const Program *p, TrainSetting setting, int64_t otherwise)
{
    const json_t *value = program_setting(p, setting);
    return json_is_number(value) ? (int64_t)json_number_value(value) : otherwise;
}

bool program_has_classes(const Program *p)
{
    const json_t *loss = program_setting(p, SETTING_LOSS);
    const char *call =
        json_is_string(loss) ? json_string_value(loss) : json_string_value(json_object_get(loss, "call"));
    return (call && !strcmp(call, "cross_entropy")) || data_is_one_hot(program_setting(p, SETTING_DATA));
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return hash_bytes(hash_bytes(hash, text, strlen(text)), "\xff", 1);
}

static uint64_t hash_json(uint64_t hash, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    hash = hash_text(hash, text ? text : "null");
    free(text);
    return hash;
}

uint64_t program_fingerprint(const Program *p)
{
    static const char *const parts[] = {"model", "input", "output", "net"};
    static const TrainSetting apart[] = {SETTING_BATCH, SETTING_EPOCHS, SETTING_SEED, SETTING_REPORT,
                                         SETTING_SNAPSHOTS};
    uint64_t hash = hash_start;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        hash = hash_json(hash, json_object_get(p->manifest, parts[i]));
    for (int i = 0; i < p->head.option_count; i++)
        hash = hash_text(hash_text(hash, p->head.options[i].name), p->head.options[i].value);
    json_t *settings = json_copy((json_t *)p->settings);
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        json_object_del(settings, contract_text(CONTRACT_TrainSetting, (int)apart[i]));
    hash = hash_json(hash, settings);
    json_decref(settings);
    return hash;
}
