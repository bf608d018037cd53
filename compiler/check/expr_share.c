/* expr_share.c: what is equal is made once: values of the function being built, and applications of a
 * function of the file to equal arguments. So the work of functions that call others twice grows with their
 * text, not with the calls.
 *
 * Equality is found by keys. That of a list or of a function with arguments that wait holds the place in
 * memory of the first that was equal to it (Val.same), so keys are short.
 */
#include "check/expr.h"

enum { KEY_VALUE, KEY_CONST, KEY_ITEMS, KEY_BOUND, KEY_APPLICATION, KEY_ANSWER };

struct Shares {
    Table keys;  /* places in `made` */
    Table texts; /* numbers of texts in keys */
    Vec(void *) made;
    Vec(uint64_t) key; /* the one that is being put together */
};

struct Shares *shares_new(Arena *perm)
{
    return NEW(perm, struct Shares);
}

static void key_open(Check *k, uint64_t what)
{
    k->applied.shares->key.count = 0;
    vec_push(k->perm, &k->applied.shares->key, what);
}

static void key_word(Check *k, uint64_t word)
{
    vec_push(k->perm, &k->applied.shares->key, word);
}

static void key_pointer(Check *k, const void *p)
{
    key_word(k, (uint64_t)(uintptr_t)p);
}

static void key_text(Check *k, const char *text)
{
    if (!text) return key_word(k, UINT64_MAX);
    int *number = table_place(k->perm, &k->applied.shares->texts, text, strlen(text));
    if (*number < 0) *number = k->applied.shares->texts.count;
    key_word(k, (uint64_t)*number);
}

static void key_number(Check *k, double number)
{
    uint64_t word;
    memcpy(&word, &number, sizeof word);
    key_word(k, word);
}

static void key_val(Check *k, const Val *v)
{
    key_word(k, (uint64_t)v->kind);
    switch (v->kind) {
    case VAL_NUMBER:
    case VAL_PERCENT:
    case VAL_BOOL: key_number(k, v->number); break;
    case VAL_STRING: key_text(k, v->text); break;
    case VAL_RUNTIME: key_pointer(k, v->value); break;
    case VAL_SET: key_word(k, (uint64_t)v->set); break;
    case VAL_FUNCTION:
        key_pointer(k, v->decl ? (const void *)v->decl : v->builtin), key_pointer(k, v->same);
        break;
    default: key_pointer(k, v->builtin), key_pointer(k, v->same); break;
    }
}

/* What the key stands for, NULL when it is new. Valid until the next key. */
static void **key_close(Check *k)
{
    int *number = table_place(k->perm, &k->applied.shares->keys, k->applied.shares->key.at,
                              (size_t)k->applied.shares->key.count * sizeof *k->applied.shares->key.at);
    if (*number < 0) {
        *number = k->applied.shares->made.count;
        vec_push(k->perm, &k->applied.shares->made, NULL);
    }
    return &k->applied.shares->made.at[*number];
}

Value *shared_value(Check *k, OpCode op, Span span, int count, Value *const *args)
{
    key_open(k, KEY_VALUE);
    key_pointer(k, k->func), key_word(k, (uint64_t)op);
    for (int i = 0; i < count; i++) key_pointer(k, args[i]);
    void **place = key_close(k);
    return *place ? *place : (*place = func_add(k->func, op, span, count, args));
}

Value *shared_const(Check *k, double number, bool is_bool)
{
    key_open(k, KEY_CONST);
    key_pointer(k, k->func), key_number(k, number), key_word(k, is_bool);
    void **place = key_close(k);
    if (*place) return *place;
    Value *v = *place = func_const(k->func, number);
    v->is_bool = is_bool;
    return v;
}

/* ---- lists, and functions with arguments ---- */

void share_items(Check *k, Val *v)
{
    key_open(k, KEY_ITEMS);
    for (int i = 0; i < v->items.count; i++) key_val(k, v->items.at[i]);
    void **place = key_close(k);
    if (!*place) *place = v;
    v->same = *place;
}

void share_bound(Check *k, Val *v)
{
    key_open(k, KEY_BOUND);
    for (int i = 0; i < v->bound.count; i++) {
        key_text(k, v->bound.at[i].name.text);
        key_val(k, v->bound.at[i].value);
    }
    void **place = key_close(k);
    if (!*place) *place = v;
    v->same = *place;
}

/* ---- applications ---- */

/* Whatever an application can add to, beside its value; messages included. */
static MadeCounts made_so_far(const Check *k)
{
    return (MadeCounts){{mistakes(k), diags_warnings(k->diags), k->model->params.count,
                         k->model->graphs.count, k->made.graphs.count, k->made.dropouts, k->made.names.count,
                         k->made.states, k->made.effects, k->alone.wants_map}};
}

Application application(Check *k, const Decl *d, const Scope *arguments)
{
    key_open(k, KEY_APPLICATION);
    key_pointer(k, d), key_pointer(k, k->func), key_word(k, (uint64_t)k->positions);
    key_pointer(k, k->diags); /* what is wrong is said where it goes */
    key_word(k, (uint64_t)k->mode << 2 | (uint64_t)k->test.on << 1 | (uint64_t)k->test.dry);
    for (int i = 0; i < arguments->names.count; i++) key_val(k, arguments->names.at[i].value);
    Val **place = (Val **)key_close(k), *result = *place ? NEW(k->perm, Val) : NULL;
    if (result) *result = **place;
    if (result && val_is_poison(result)) k->said.silent++;
    return (Application){result, (int)(place - (Val **)k->applied.shares->made.at), made_so_far(k)};
}

void application_done(Check *k, const Application *a, Val *result)
{
    MadeCounts now = made_so_far(k);
    if (val_is_poison(result) || memcmp(&now, &a->before, sizeof now) == 0)
        k->applied.shares->made.at[a->number] = result;
}

int answer_number(Check *k, const Builtin *b, Val *const *args)
{
    key_open(k, KEY_ANSWER);
    key_pointer(k, b), key_word(k, k->test.dry);
    for (int i = 0; i < b->count; i++) key_val(k, args[i]);
    return (int)(key_close(k) - k->applied.shares->made.at);
}

const Val *answer_before(const Check *k, int number)
{
    return k->applied.shares->made.at[number];
}

void answer_done(Check *k, int number, Val *answer)
{
    k->applied.shares->made.at[number] = answer;
}
