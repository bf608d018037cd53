/* contract.c: records of contract.def as JSON, and back. See contract.h. */
#include "common/contract.h"
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef enum Kind { WHOLE, NUMBER, TRUTH, TEXT, CHOICE, OBJECT } Kind;
typedef enum Form { FORM_ONE, FORM_LIST, FORM_FIXED, FORM_MAYBE } Form;

typedef struct Field {
    const char *key;
    ContractType type;
    Form form;
    size_t at, count; /* in the struct; of a list: where its length is; FIXED: how many */
} Field;

typedef struct Type {
    Kind kind;
    size_t size;
    const char *name;             /* of an object */
    const Field *(*fields)(void); /* of an object; the last one has no key */
    const char *const *words;     /* of a choice; the last one is NULL */
} Type;

/* clang-format off */
#define WORDS(type) static const char *const type##_words[] = {
#define WORD(value, text) text,
#define END_WORDS(type, count) NULL};
#include "common/contract.def"
#define RECORD(record) \
    static const Field *record##_fields(void) { typedef record Here; static const Field fields[] = {
#define ONE(type, field) {#field, CONTRACT_##type, FORM_ONE, offsetof(Here, field), 0},
#define LIST(type, field, length) \
    {#field, CONTRACT_##type, FORM_LIST, offsetof(Here, field), offsetof(Here, length)},
#define FIXED(type, field, sizes) {#field, CONTRACT_##type, FORM_FIXED, offsetof(Here, field), \
    sizeof(((Here *)0)->field) / sizeof(type)},
#define MAYBE(type, field) {#field, CONTRACT_##type, FORM_MAYBE, offsetof(Here, field), 0},
#define END(record) \
    {NULL, CONTRACT_int, FORM_ONE, 0, 0}}; return fields; }
#include "common/contract.def"

static const Type types[] = {
    [CONTRACT_int] = {.kind = WHOLE, .size = sizeof(int)},
    [CONTRACT_int64_t] = {.kind = WHOLE, .size = sizeof(int64_t)},
    [CONTRACT_double] = {.kind = NUMBER, .size = sizeof(double)},
    [CONTRACT_bool] = {.kind = TRUTH, .size = sizeof(bool)},
    [CONTRACT_String] = {.kind = TEXT, .size = sizeof(String)},
#define WORDS(type) [CONTRACT_##type] = {.kind = CHOICE, .size = sizeof(type), .words = type##_words},
#define RECORD(record) \
    [CONTRACT_##record] = {OBJECT, sizeof(record), #record, record##_fields, NULL},
#include "common/contract.def"
};
/* clang-format on */

static bool is_list(const Field *f)
{
    return f->form == FORM_LIST || f->form == FORM_FIXED;
}

/* Where the values of a field stand, and how many. */
static char *values_of(const Field *f, const void *record, size_t *count)
{
    char *at = (char *)record + f->at, *elsewhere;
    *count = f->form == FORM_FIXED ? f->count : 1;
    if (f->form == FORM_ONE || f->form == FORM_FIXED) return at;
    memcpy(&elsewhere, at, sizeof elsewhere);
    *count =
        f->form == FORM_MAYBE ? elsewhere != NULL : (size_t) * (const int *)((const char *)record + f->count);
    return elsewhere;
}

const char *contract_text(ContractType type, int value)
{
    return types[type].words[value];
}

/* ---- writing ---- */

static json_t *write_value(ContractType type, const void *at)
{
    const Type *t = &types[type];
    switch (t->kind) {
    case WHOLE: return json_integer(t->size == sizeof(int) ? *(const int *)at : *(const int64_t *)at);
    case NUMBER: return json_real(*(const double *)at);
    case TRUTH: return json_boolean(*(const bool *)at);
    case TEXT: return json_string(*(const String *)at);
    case CHOICE: return json_string(t->words[*(const int *)at]);
    case OBJECT: break;
    }
    return contract_write(type, at);
}

json_t *contract_write(ContractType type, const void *record)
{
    json_t *object = json_object();
    for (const Field *f = types[type].fields(); f->key; f++) {
        size_t count;
        const char *at = values_of(f, record, &count);
        json_t *list = is_list(f) ? json_array() : NULL;
        for (size_t i = 0; i < count; i++) {
            json_t *value = write_value(f->type, at + i * types[f->type].size);
            if (list) json_array_append_new(list, value);
            else json_object_set_new(object, f->key, value);
        }
        if (list) json_object_set_new(object, f->key, list);
    }
    return object;
}

/* ---- reading ---- */

static bool damaged(const Type *t, const char *key, const char *what, RtError *e)
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

static bool read_word(const char *const *words, const char *text, int *to)
{
    for (*to = 0; text && words[*to]; ++*to)
        if (strcmp(words[*to], text) == 0) return true;
    return false;
}

/* Not of objects. */
static bool read_value(const Type *t, const json_t *j, void *to)
{
    switch (t->kind) {
    case WHOLE: return read_whole(j, t->size, to);
    case NUMBER: return *(double *)to = json_number_value(j), json_is_number(j);
    case TRUTH: return *(bool *)to = json_is_true(j), json_is_boolean(j);
    case TEXT: return *(String *)to = json_string_value(j), json_is_string(j);
    case CHOICE: return read_word(t->words, json_string_value(j), to);
    case OBJECT: break;
    }
    return false;
}

static bool read_field(const Type *t, const Field *f, const json_t *j, void *record, RtError *e)
{
    static const char *const wrong[] = {"is no whole number", "is no number",     "is neither true nor false",
                                        "is no text",         "is no known word", "is no object"};
    const Type *each = &types[f->type];
    char *to = (char *)record + f->at;
    size_t count = is_list(f) ? json_array_size(j) : 1;
    if (!j) return f->form == FORM_MAYBE || damaged(t, f->key, "is missing", e);
    if (is_list(f) && !json_is_array(j)) return damaged(t, f->key, "is no list", e);
    if (f->form == FORM_FIXED && count != f->count) return damaged(t, f->key, "has another length", e);
    if (f->form == FORM_LIST || f->form == FORM_MAYBE) {
        char *room = calloc(count + 1, each->size);
        if (!room) return rt_fail(e, RT_SYSTEM, "not enough memory to start");
        memcpy(to, &room, sizeof room);
        if (f->form == FORM_LIST) *(int *)((char *)record + f->count) = (int)count;
        to = room;
    }
    for (size_t i = 0; i < count; i++, to += each->size) {
        const json_t *value = is_list(f) ? json_array_get(j, i) : j;
        if (each->kind == OBJECT && json_is_object(value)) {
            if (!contract_read(f->type, value, to, e)) return false;
        } else if (!read_value(each, value, to)) {
            return damaged(t, f->key, wrong[each->kind], e);
        }
    }
    return true;
}

bool contract_read(ContractType type, const json_t *json, void *record, RtError *e)
{
    const Type *t = &types[type];
    memset(record, 0, t->size);
    for (const Field *f = t->fields(); f->key; f++)
        if (!read_field(t, f, json_object_get(json, f->key), record, e)) return false;
    return true;
}

void contract_free(ContractType type, void *record)
{
    for (const Field *f = types[type].fields(); f->key; f++) {
        size_t count;
        char *at = values_of(f, record, &count);
        for (size_t i = 0; at && i < count && types[f->type].kind == OBJECT; i++)
            contract_free(f->type, at + i * types[f->type].size);
        if (f->form == FORM_LIST || f->form == FORM_MAYBE) free(at);
    }
}
