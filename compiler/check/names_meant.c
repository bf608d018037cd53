/* names_meant.c: unknown names that other languages have, and names that are known elsewhere: below, or at
 * the ends of a line of edges.
 */
#include "check/names_private.h"
#include "front/parse.h"

/* Names of other languages and libraries that are not near the one of this language: that name, or words. */
static const ForeignName foreign_names[] = {
    {"None", NULL, "omit an argument that is not needed"},
    {"null", NULL, "omit an argument that is not needed"},
    {"nil", NULL, "omit an argument that is not needed"},
    {"nothing", NULL, "omit an argument that is not needed"},
    {"none", NULL, "omit an argument that is not needed"},
    {"zeros", "0", NULL},
    {"ones", "1", NULL},
    {"cubic", "\"cubic\"", NULL},
    {"straight", "\"straight\"", NULL},
    {"pow", NULL, "a power is written with '^': x^2"},
    {"fmod", NULL, "a remainder is written with 'mod': i mod 2"},
    {"round", NULL, "the nearest whole number is floor(x + 0.5)"},
    {"ceil", NULL, "the next whole number is -floor(-x)"},
    {"int", "floor", NULL},
    {"float", NULL, "numbers have no types"},
    {"range", NULL, "a range has a first and a last number: [f(i) for i in 0 .. 3]"},
    {"len", NULL, "sizes are named where a value is taken: fn Halve[n](x) = x |> linear(floor(n / 2))"},
    {"print", NULL, "values are looked at in a test: test \"values\" { tanh(0) == 0 }"},
    {"reshape", "flatten", NULL},
    {"view", "flatten", NULL},
    {"Dense", "linear", NULL},
    {"dense", "linear", NULL},
    {"swish", "silu", NULL},
    {"SiLU", "silu", NULL},
    {"logistic", "sigmoid", NULL},
    {"gaussian", "normal", NULL},
    {"randn", "normal", NULL},
    {"glorot", "xavier", NULL},
    {"kaiming_normal", "he", NULL},
    {"kaiming_uniform", "kaiming", NULL},
    {"LSTM", NULL, "a cell is a graph in time that scan applies: sequence |> scan(Cell) |> last"},
    {"GRU", NULL, "a cell is a graph in time that scan applies: sequence |> scan(Cell) |> last"},
    {"MSELoss", "mse", NULL},
    {"L1Loss", "mae", NULL},
    {"CrossEntropyLoss", "cross_entropy", NULL},
    {"BCELoss", "binary_cross_entropy", NULL},
    {"BCEWithLogitsLoss", "binary_cross_entropy", NULL},
    {"acc", "accuracy", NULL},
};

const ForeignName *names_foreign(const char *name)
{
    for (size_t i = 0; i < sizeof foreign_names / sizeof *foreign_names; i++)
        if (strcmp(foreign_names[i].wrong, name) == 0) return &foreign_names[i];
    return NULL;
}

/* ---- names in expressions ---- */

typedef void Visit(Check *k, const Expr *name, const void *context);

/* Names that lists around an expression give to their values. */
typedef struct Bound {
    const char *name;
    const struct Bound *outer;
} Bound;

static void each_name(Check *k, const Expr *e, Visit *visit, const void *context, const Bound *bound)
{
    if (!e || e->kind == EXPR_MEMBER) return;
    if (e->kind == EXPR_NAME) {
        while (bound && strcmp(bound->name, e->name) != 0) bound = bound->outer;
        if (!bound) visit(k, e, context);
        return;
    }
    const Bound own = {e->name, bound};
    for (int i = 0; i < e->args.count; i++) each_name(k, e->args.at[i].value, visit, context, bound);
    for (int i = 0; i < e->items.count; i++) each_name(k, e->items.at[i], visit, context, bound);
    each_name(k, e->left, visit, context, e->kind == EXPR_EACH ? &own : bound);
    each_name(k, e->right, visit, context, bound);
    each_name(k, e->third, visit, context, bound);
}

static bool declared(const Scope *scope, const char *name)
{
    Module *where, *m = scope_module(scope);
    return (m && find_decl(m, name, &where)) || builtin_find(name);
}

static void index_given(Check *k, const Expr *name, const void *context)
{
    const Scope *indices = context, *graph = indices->outer->outer;
    Scope own = *indices;
    own.outer = NULL;
    if (!scope_binds(&own, name->name) || scope_binds(graph, name->name) || declared(graph, name->name) ||
        names_reported(k, name->span))
        return;
    Diag *d =
        diag_add(k->diags, E_UNKNOWN_NAME, name->span,
                 "'%s' is an index of this line, and functions of edges are given no index", name->name);
    diag_help(d, "functions of nodes are, where their set is declared: nodes h[%s: 8] : Unit(%s)", name->name,
              name->name);
}

void names_index_via(Check *k, const Scope *indices, const Expr *via)
{
    each_name(k, via, index_given, indices, NULL);
}

typedef struct Below {
    const Scope *scope;
    const Decl *decl;
    int line;
} Below;

static const Stmt *line_below(const Below *b, const char *name)
{
    for (int i = b->line + 1; i < b->decl->body.count; i++) {
        const Stmt *s = b->decl->body.at[i];
        const bool names = s->kind == STMT_LET || s->kind == STMT_WEIGHT || s->kind == STMT_STATE;
        if (names && s->name.text && strcmp(s->name.text, name) == 0) return s;
    }
    return NULL;
}

static void read_early(Check *k, const Expr *name, const void *context)
{
    const Below *b = context;
    const Stmt *below = line_below(b, name->name);
    if (!below || scope_binds(b->scope, name->name) || declared(b->scope, name->name) ||
        names_reported(k, name->span))
        return;
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, name->span, "'%s' is not known yet", name->name);
    diag_note(d, below->name.span, "it is declared here; lines are read from top to bottom");
    diag_help(d, "write this line below that of '%s'", name->name);
}

void names_below(Check *k, const Scope *scope, const Decl *d, int line)
{
    const Below b = {scope, d, line};
    each_name(k, d->body.at[line]->value, read_early, &b, NULL);
}

/* ---- range(3) ---- */

static const char *less_one(Check *k, const Expr *e)
{
    if (e->kind == EXPR_NUMBER) return arena_printf(k->perm, "%.15g", e->number - 1);
    const char *text = expr_text(k->perm, k->c->sources, e);
    return arena_printf(k->perm, e->kind == EXPR_NAME || e->kind == EXPR_CALL ? "%s - 1" : "(%s) - 1", text);
}

bool names_range(Check *k, const Scope *scope, const Expr *e, bool behind_in)
{
    Module *where, *m = scope_module(scope);
    const int count = e->args.count;
    if (e->kind != EXPR_CALL || e->left->kind != EXPR_NAME || strcmp(e->left->name, "range") != 0)
        return false;
    if (scope_binds(scope, "range") || (m && find_decl(m, "range", &where)) || count < 1 || count > 2)
        return false;
    if (names_reported(k, e->left->span)) return true;
    const Expr *last = e->args.at[count - 1].value;
    const char *low = count == 2 ? expr_text(k->perm, k->c->sources, e->args.at[0].value) : "0";
    const char *text = arena_printf(k->perm, "%s .. %s", low, less_one(k, last));
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, e->span, "'range' is not known here");
    diag_fix(d, e->span, behind_in ? text : arena_printf(k->perm, "[i for i in %s]", text),
             "a range has a first and a last number: ", "");
    return true;
}
