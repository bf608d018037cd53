/* cell_trait.c: how a weight learns: `fixed`, or `with lr = 10%, decay = 0`.
 *
 * Both numbers are factors of what the optimiser has at a step, so that schedules stay what they are.
 */
#include "check/cell.h"

typedef struct Trait {
    const char *name;
    size_t at; /* in Tensor */
    double most;
} Trait;

static const Trait known[] = {
    {"lr", offsetof(Tensor, lr), 1e6},
    {"decay", offsetof(Tensor, decay), 1e6},
};
enum { KNOWN = sizeof known / sizeof *known };

static const Trait *find(Check *k, Name name, Span value)
{
    const char *names[KNOWN], *near = NULL;
    Diag *d;
    for (int i = 0; i < KNOWN; i++) {
        if (name.text && strcmp(known[i].name, name.text) == 0) return &known[i];
        names[i] = known[i].name;
    }
    if (name.text) {
        d = diag_add(k->diags, E_ARGUMENT, name.span, "a weight has no '%s' of its own", name.text);
        near = diag_nearest(name.text, names, KNOWN);
    } else d = diag_add(k->diags, E_ARGUMENT, value, "this setting of a weight has no name");
    if (near) diag_fix(d, name.span, near, "did you mean '", "'?");
    else diag_help(d, "such as with lr = 10%%, decay = 0: factors of what the optimiser has");
    return NULL;
}

static bool read_factor(Check *k, Scope *scope, const Arg *a, Tensor *p, unsigned *given)
{
    const Trait *t = find(k, a->name, a->value->span);
    Val *v = check_expr(k, scope, a->value);
    if (!t || val_is_poison(v)) return false;
    if (*given >> (t - known) & 1) {
        diag_add(k->diags, E_TWICE, a->name.span, "'%s' is given twice", t->name);
        return false;
    }
    *given |= 1u << (t - known);
    const double factor = v->kind == VAL_PERCENT ? v->number / 100 : v->number;
    if ((v->kind != VAL_NUMBER && v->kind != VAL_PERCENT) || !(factor >= 0 && factor <= t->most)) {
        Diag *d = diag_add(k->diags, E_RANGE, v->span,
                           "'%s' of a weight is a factor %s 0, such as 10%% or 2; this is %s", t->name,
                           t->at == offsetof(Tensor, lr) ? "above" : "from", val_text(k, v));
        diag_help(d, "it multiplies that of the optimiser at each step");
        return false;
    }
    if (factor == 0 && t->at == offsetof(Tensor, lr)) {
        Diag *d = diag_add(k->diags, E_RANGE, v->span, "a weight with lr = 0 does not learn");
        diag_help(d, "write fixed in place of with ...: then nothing is computed for it");
        return false;
    }
    *(double *)((char *)p + t->at) = factor;
    return true;
}

bool weight_traits(Check *k, Scope *scope, const Stmt *s, Tensor *p)
{
    static const char *const words[] = {"fixed", "with"};
    const Name word = s->traits.word;
    unsigned given = 0;
    bool ok = true;
    if (!word.text) return true;
    const bool fixed = strcmp(word.text, words[0]) == 0;
    if (!fixed && strcmp(word.text, words[1]) != 0) {
        Diag *d = diag_add(k->diags, E_SYNTAX, word.span, "'%s' is not known behind a weight", word.text);
        const char *near = diag_nearest(word.text, words, 2);
        if (near) diag_fix(d, word.span, near, "did you mean '", "'?");
        else diag_help(d, "how a weight learns: fixed, or with lr = 10%%, decay = 0");
        return false;
    }
    if (fixed != !s->traits.args.count) {
        Diag *d = diag_add(k->diags, E_ARGUMENT, word.span,
                           fixed ? "a fixed weight does not learn, so it has no settings"
                                 : "behind 'with' settings are missing");
        diag_help(d, fixed ? "write fixed alone, or with lr = 10%%" : "such as with lr = 10%%, decay = 0");
        return false;
    }
    if (fixed) p->learned = false;
    for (int i = 0; i < s->traits.args.count; i++)
        ok = read_factor(k, scope, &s->traits.args.at[i], p, &given) && ok;
    return ok;
}
