/* contract.c: records of contract.def as JSON, and back. See contract.h. */
#include "common/contract.h"
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef enum Kind { WHOLE, TRUTH, OBJECT } Kind;
typedef enum Form { FORM_ONE, FORM_LIST, FORM_MAYBE } Form;

typedef struct Field {
    const char *key;
    const ContractType *type;
    Form form;
    size_t at, count_at; /* in the struct; of the length of a list */
} Field;

struct ContractType {
    Kind kind;
    size_t size;
    const char *name;             /* of an object */
    const Field *(*fields)(void); /* of an object; the last one has no key */
};

static const ContractType contract_int = {WHOLE, sizeof(int), NULL, NULL},
                          contract_int64_t = {WHOLE, sizeof(int64_t), NULL, NULL},
                          contract_bool = {TRUTH, sizeof(bool), NULL, NULL};

/* clang-format off */
#define RECORD(record) \
    static const Field *record##_fields(void) { typedef record Here; static const Field fields[] = {
#define ONE(type, field) {#field, &contract_##type, FORM_ONE, offsetof(Here, field), 0},
#define LIST(type, field) \
    {#field "s", &contract_##type, FORM_LIST, offsetof(Here, field##s), offsetof(Here, field##_count)},
#define MAYBE(type, field) {#field, &contract_##type, FORM_MAYBE, offsetof(Here, field), 0},
#define END(record) \
    {NULL, NULL, FORM_ONE, 0, 0}}; return fields; } \
    const ContractType contract_##record = {OBJECT, sizeof(record), #record, record##_fields};
#include "common/contract.def"
/* clang-format on */

/* Where the values of a field stand, and how many. */
static char *values_of(const Field *f, const void *record, int *count)
{
    char *at = (char *)record + f->at, *elsewhere;
    *count = 1;
    if (f->form == FORM_ONE) return at;
    memcpy(&elsewhere, at, sizeof elsewhere);
    *count = f->form == FORM_MAYBE ? elsewhere != NULL : *(const int *)((const char *)record + f->count_at);
    return elsewhere;
}

/* ---- writing ---- */

static json_t *write_value(const ContractType *t, const void *at)
{
    switch (t->kind) {
    case WHOLE: return json_integer(t->size == sizeof(int) ? *(const int *)at : *(const int64_t *)at);
    case TRUTH: return json_boolean(*(const bool *)at);
    case OBJECT: break;
    }
    return contract_write(t, at);
}

json_t *contract_write(const ContractType *t, const void *record)
{
    json_t *object = json_object();
    for (const Field *f = t->fields(); f->key; f++) {
        int count;
        const char *at = values_of(f, record, &count);
        json_t *list = f->form == FORM_LIST ? json_array() : NULL;
        for (int i = 0; i < count; i++) {
            json_t *value = write_value(f->type, at + (size_t)i * f->type->size);
            if (list) json_array_append_new(list, value);
            else json_object_set_new(object, f->key, value);
        }
        if (list) json_object_set_new(object, f->key, list);
    }
    return object;
}

/* ---- reading ---- */

static bool damaged(const ContractType *t, const char *key, const char *what, RtError *e)
{
    rt_fail(e, RT_BAD_INPUT, "the manifest of this program is damaged: '%s' of %s %s", key, t->name, what);
    return rt_help(e, "build the program again");
}

static bool read_whole(const json_t *j, size_t size, void *to)
{
    const int64_t x = json_integer_value(j);
    if (!json_is_integer(j) || (size == sizeof(int) && (x < INT_MIN || x > INT_MAX))) return false;
    if (size == sizeof(int)) *(int *)to = (int)x;
    else *(int64_t *)to = x;
    return true;
}

/* Not of objects. */
static bool read_value(const ContractType *t, const json_t *j, void *to)
{
    switch (t->kind) {
    case WHOLE: return read_whole(j, t->size, to);
    case TRUTH: return *(bool *)to = json_is_true(j), json_is_boolean(j);
    case OBJECT: break;
    }
    return false;
}

static bool read_field(const ContractType *t, const Field *f, const json_t *j, void *record, RtError *e)
{
    static const char *const wanted[] = {"is no whole number", "is neither true nor false", "is no object"};
    char *to = (char *)record + f->at;
    size_t count = f->form == FORM_LIST ? json_array_size(j) : 1;
    if (!j) return f->form == FORM_MAYBE || damaged(t, f->key, "is missing", e);
    if (f->form == FORM_LIST && !json_is_array(j)) return damaged(t, f->key, "is no list", e);
    if (f->form != FORM_ONE) {
        char *room = calloc(count + 1, f->type->size);
        if (!room) return rt_fail(e, RT_SYSTEM, "not enough memory to start");
        memcpy(to, &room, sizeof room);
        if (f->form == FORM_LIST) *(int *)((char *)record + f->count_at) = (int)count;
        to = room;
    }
    for (size_t i = 0; i < count; i++, to += f->type->size) {
        const json_t *value = f->form == FORM_LIST ? json_array_get(j, i) : j;
        if (f->type->kind == OBJECT && json_is_object(value)) {
            if (!contract_read(f->type, value, to, e)) return false;
        } else if (!read_value(f->type, value, to)) {
            return damaged(t, f->key, wanted[f->type->kind], e);
        }
    }
    return true;
}

bool contract_read(const ContractType *t, const json_t *json, void *record, RtError *e)
{
    memset(record, 0, t->size);
    for (const Field *f = t->fields(); f->key; f++)
        if (!read_field(t, f, json_object_get(json, f->key), record, e)) return false;
    return true;
}

void contract_free(const ContractType *t, void *record)
{
    for (const Field *f = t->fields(); f->key; f++) {
        int count;
        char *at = values_of(f, record, &count);
        for (int i = 0; i < count && f->type->kind == OBJECT; i++)
            contract_free(f->type, at + (size_t)i * f->type->size);
        if (f->form != FORM_ONE) free(at);
    }
}
