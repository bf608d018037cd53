/* builtin.c: parses the parameter texts of builtin.def once, at first use. */
#include "front/builtin.h"
#include "base/diag.h"

static Builtin table[BUILTIN_COUNT] = {
#define BUILTIN(name, kind, params) {BUILTIN_##name, #name, KIND_##kind, params, false, 0, {{0}}},
#include "front/builtin.def"
#undef BUILTIN
};

static char text[BUILTIN_COUNT][240]; /* the parameter texts, cut into words */

static char *trimmed(char *s)
{
    while (*s == ' ') s++;
    for (char *end = s + strlen(s); end > s && end[-1] == ' ';) *--end = 0;
    return s;
}

static void parse_row(Builtin *b, char *copy)
{
    snprintf(copy, sizeof *text, "%s", b->signature);
    if (strcmp(copy, "...") == 0) {
        b->variadic = true;
        return;
    }
    char *rest = copy;
    while (*rest) {
        char *word = rest, *comma = strchr(rest, ',');
        rest = comma ? comma + 1 : rest + strlen(rest);
        if (comma) *comma = 0;
        char *equals = strchr(word, '=');
        if (equals) *equals = 0;
        if (b->count == MOST_PARAMS) BUG("too many parameters: %s", b->name);
        const char *fallback = equals ? trimmed(equals + 1) : NULL;
        char *name = trimmed(word), *bracket = name + strcspn(name, "([");
        ParamKind kind = *bracket == '(' ? PARAM_FUNCTION : *bracket == '[' ? PARAM_FUNCTIONS : PARAM_VALUE;
        *bracket = 0;
        b->params[b->count++] = (BuiltinParam){name, kind, fallback};
    }
}

static void prepare(void)
{
    static bool done;
    if (done) return;
    for (int i = 0; i < BUILTIN_COUNT; i++) parse_row(&table[i], text[i]);
    done = true;
}

const Builtin *builtin_find(const char *name)
{
    prepare();
    for (int i = 0; i < BUILTIN_COUNT; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

bool builtin_of_nodes(const Builtin *b)
{
    return b->kind == KIND_POINT || b->kind == KIND_MAP || b->kind == KIND_LIST;
}

const Builtin *builtin_at(BuiltinId id)
{
    prepare();
    return &table[id];
}
