/* names.c: names, before anything is evaluated.
 *
 * Every name that a file uses is known where it stands, also in functions that nothing calls and in branches
 * that the options of this build do not take; no name has two meanings; built-in names keep theirs. The
 * evaluator may then answer an unknown name with a poison value and nothing else.
 */
#include "check/names_private.h"

Module *scope_module(const Scope *scope)
{
    while (scope && !scope->module) scope = scope->outer;
    return scope ? scope->module : NULL;
}

/* ---- unknown names ---- */

typedef Vec(const char *) Words;
enum { MOST_SUGGESTIONS = 100 };

int mistakes(const Check *k)
{
    return diags_errors(k->diags) + k->said.silent;
}

static void module_words(Check *k, const Module *m, Words *out)
{
    for (int i = 0; i < m->ast->decls.count; i++) {
        const Decl *d = m->ast->decls.at[i];
        if (d->name.text && d->kind != DECL_IMPORT && d->kind != DECL_TRAIN && d->kind != DECL_TEST)
            vec_push(k->perm, out, d->name.text);
    }
}

bool names_reported(Check *k, Span span)
{
    const uint32_t place[] = {span.file, span.start};
    int *known = table_place(k->perm, &k->said.unknown, place, sizeof place);
    if (*known >= 0) return k->said.silent++, true;
    *known = k->said.unknown.count;
    return false;
}

/* The known name that was meant. All are looked through, so after many messages none is suggested. */
static const char *near_name(Check *k, const Scope *scope, const char *name)
{
    Words known = {0};
    Module *module = scope_module(scope);
    const ForeignName *foreign = names_foreign(name);
    if (foreign || diags_errors(k->diags) > MOST_SUGGESTIONS) return foreign ? foreign->right : NULL;
    for (const Scope *s = scope; s; s = s->outer)
        for (int i = 0; i < s->names.count; i++) vec_push(k->perm, &known, s->names.at[i].name);
    if (module) module_words(k, module, &known);
    for (int i = 0; module && i < module->imports.count; i++)
        if (!module->imports.at[i].name) module_words(k, module->imports.at[i].module, &known);
    if (module && module->library) module_words(k, module->library, &known);
    for (int i = 0; i < BUILTIN_COUNT; i++) vec_push(k->perm, &known, builtin_at(i)->name);
    return diag_nearest(name, known.at, known.count);
}

/* "a, b, c" */
static const char *words_text(Check *k, const Words *words)
{
    enum { SHOWN = 32 };
    const char *list = words->count ? words->at[0] : "none";
    for (int i = 1; i < words->count && i < SHOWN; i++)
        list = arena_printf(k->perm, "%s, %s", list, words->at[i]);
    return words->count > SHOWN ? arena_printf(k->perm, "%s, ... %d more", list, words->count - SHOWN) : list;
}

static void add_word(Check *k, Words *words, const char *name)
{
    for (int i = 0; i < words->count; i++)
        if (strcmp(words->at[i], name) == 0) return;
    vec_push(k->perm, words, name);
}

/* Functions of numbers: of the file, then those that are built in. */
static const char *functions_text(Check *k, const Module *m, bool nodes)
{
    Words known = {0};
    for (int i = 0; m && i < m->ast->decls.count; i++)
        if (m->ast->decls.at[i]->kind == DECL_FN && m->ast->decls.at[i]->name.text)
            add_word(k, &known, m->ast->decls.at[i]->name.text);
    for (int i = 0; i < BUILTIN_COUNT; i++)
        if (builtin_at(i)->kind == KIND_POINT || (nodes && builtin_at(i)->kind == KIND_GEOM))
            add_word(k, &known, builtin_at(i)->name);
    return words_text(k, &known);
}

/* In a rule: its own names, its parameters, what a candidate has, and functions. */
static void help_rule(Check *k, const Scope *scope, Diag *d)
{
    Words known = {0};
    for (const Scope *s = scope; s && s->what; s = s->outer)
        for (int i = 0; i < s->names.count; i++)
            if (!rule_reads_name(s->names.at[i].name)) add_word(k, &known, s->names.at[i].name);
    for (const Scope *s = scope; s; s = s->outer)
        for (int i = 0; !s->what && i < s->names.count; i++) add_word(k, &known, s->names.at[i].name);
    for (int i = 0; rule_term_name(i); i++) add_word(k, &known, rule_term_name(i));
    diag_help(d, "the names known here are: %s; functions: %s", words_text(k, &known),
              functions_text(k, scope_module(scope), false));
}

/* In a condition of edges: the indices that it may use. */
static void help_indices(Check *k, const Scope *scope, Diag *d)
{
    Words known = {0};
    if (scope->what) help_rule(k, scope, d);
    if (scope->module || scope->what) return; /* of a declaration */
    for (int i = scope->names.count; i-- > 0;) add_word(k, &known, scope->names.at[i].name);
    if (known.count)
        diag_help(d, "the indices known here are: %s; functions: %s", words_text(k, &known),
                  functions_text(k, scope_module(scope), true));
    else
        diag_help(d,
                  "an index is known by its name: h[i: 8] where a set is declared, h[i] where an edge ends");
}

void unknown_name(Check *k, const Scope *scope, const char *name, Span span)
{
    Module *module = scope_module(scope);
    if (names_reported(k, span)) return;
    if (strcmp(name, "_") == 0) {
        Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, span, "'_' stands for any index and has no value");
        diag_help(d, "name the index where the edge begins or ends, such as h[i], and write i here");
        return;
    }
    if (is_lost(module, name)) return (void)k->said.silent++;
    if (names_cost(k, name)) return names_cost_unknown(k, name, span);
    if (names_cost_lost(k, scope)) return (void)k->said.silent++;
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, span, "'%s' is not known here", name);
    const char *near = near_name(k, scope, name);
    if (!near && scope->what) near = rule_name_meant(name);
    if (near) diag_fix(d, span, near, "did you mean '", "'?");
    else if (names_foreign(name)) diag_help(d, "%s", names_foreign(name)->words);
    else help_indices(k, scope, d);
}

static void rule_words(Check *k, const Module *m, Words *out)
{
    for (int i = 0; m && i < m->ast->decls.count; i++)
        if (m->ast->decls.at[i]->kind == DECL_RULE) vec_push(k->perm, out, m->ast->decls.at[i]->name.text);
}

/* `using NAME`: the rules, and what may stand for one. */
static void use_rule(Check *k, const Scope *scope, const Expr *e)
{
    Module *m = scope_module(scope), *where;
    Words known = {0};
    const Expr *name = e && e->kind == EXPR_CALL ? e->left : e;
    const bool unknown = name && name->kind == EXPR_NAME && !scope_binds(scope, name->name) &&
                         !find_decl(m, name->name, &where) && !builtin_find(name->name);
    if (!unknown || is_lost(m, name->name)) {
        names_use(k, scope, e);
        return;
    }
    for (int i = 0; e != name && i < e->args.count; i++) names_use(k, scope, e->args.at[i].value);
    if (names_reported(k, name->span)) return;
    rule_words(k, m, &known), rule_words(k, m->library, &known);
    for (int i = 0; i < m->imports.count; i++)
        if (!m->imports.at[i].name) rule_words(k, m->imports.at[i].module, &known);
    vec_push(k->perm, &known, "dnw");
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, name->span, "there is no rule '%s'", name->name);
    const char *near = diag_nearest(name->name, known.at, known.count);
    if (near) diag_fix(d, name->span, near, "did you mean '", "'?");
    else diag_help(d, "the rules known here are: %s", words_text(k, &known));
}

/* np.exp is exp; x.relu() is x |> relu. */
static bool foreign_member(const Scope *scope, const Expr *e, Diag *d)
{
    const ForeignName *foreign = names_foreign(e->name);
    const char *near = foreign ? foreign->right : NULL;
    for (int i = 0; !near && i < BUILTIN_COUNT; i++)
        if (strcasecmp(builtin_at(i)->name, e->name) == 0) near = builtin_at(i)->name;
    if (!near) return false;
    if (e->left->kind != EXPR_NAME || scope_binds(scope, e->left->name))
        diag_help(d, "a value is passed to a function with '|>', as in x |> %s", near);
    else diag_fix(d, e->span, near, "did you mean '", "'?");
    return true;
}

static void unknown_import(Check *k, const Scope *scope, const Expr *e)
{
    Words known = {0};
    const char *name = e->left->kind == EXPR_NAME ? e->left->name : NULL;
    Module *m = scope_module(scope);
    if (names_reported(k, e->left->span)) return;
    if (is_lost(m, name ? name : "")) return (void)k->said.silent++;
    for (int i = 0; m && i < m->imports.count; i++)
        if (m->imports.at[i].name) vec_push(k->perm, &known, m->imports.at[i].name);
    const char *near = name ? diag_nearest(name, known.at, known.count) : NULL;
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, e->left->span, "%s%s%s is not an imported file",
                       name ? "'" : "", name ? name : "the part before the dot", name ? "'" : "");
    if (near) diag_fix(d, e->left->span, near, "did you mean '", "'?");
    else if (!foreign_member(scope, e, d))
        diag_help(d, "import \"file.dnw\" as lib makes the declarations of the file available as lib.thing");
}

const Decl *member_decl(Check *k, const Scope *scope, const Expr *e, Module **where)
{
    Module *here = scope_module(scope);
    Module *m = here && e->left->kind == EXPR_NAME ? find_import(here, e->left->name) : NULL;
    if (!m) return unknown_import(k, scope, e), NULL;
    const Decl *d = find_decl(m, e->name, where);
    if (d) return d;
    Words known = {0};
    Span span = {e->op_span.file, e->op_span.start + 1, e->op_span.end}; /* without the dot */
    if (names_reported(k, span)) return NULL;
    if (is_lost(m, e->name)) return k->said.silent++, NULL;
    if (diags_errors(k->diags) <= MOST_SUGGESTIONS) module_words(k, m, &known);
    const char *near = diag_nearest(e->name, known.at, known.count);
    Diag *g = diag_add(k->diags, E_UNKNOWN_NAME, span, "'%s' declares no '%s'",
                       sources_file(k->c->sources, m->ast->file)->path, e->name);
    const char *member = near ? arena_printf(k->perm, "%s.%s", e->left->name, near) : NULL;
    if (near) diag_fix(g, e->span, member, "did you mean '", "'?");
    return NULL;
}

/* ---- uses ---- */

static void names_use_all(Check *k, const Scope *scope, const ExprList *list)
{
    for (int i = 0; i < list->count; i++) names_use(k, scope, list->at[i]);
}

static void use_name(Check *k, const Scope *scope, const Expr *e)
{
    Module *m = scope_module(scope), *where;
    if (scope_binds(scope, e->name) || (m && find_decl(m, e->name, &where)) || builtin_find(e->name)) return;
    unknown_name(k, scope, e->name, e->span);
}

void names_use(Check *k, const Scope *scope, const Expr *e)
{
    Module *where;
    if (!e) return;
    if (e->kind == EXPR_NAME) return use_name(k, scope, e);
    if (e->kind == EXPR_MEMBER) return (void)member_decl(k, scope, e, &where);
    const bool range = e->kind == EXPR_EACH && !e->third && names_range(k, scope, e->right, true);
    if (!range) names_use(k, scope, e->right), names_use(k, scope, e->third);
    Scope inner = {.outer = (Scope *)scope};
    if (e->kind == EXPR_EACH) names_bind(k, &inner, (Name){e->name, e->op_span});
    if (names_range(k, scope, e, false)) return;
    names_use(k, e->kind == EXPR_EACH ? &inner : scope, e->left);
    names_use_all(k, scope, &e->items);
    for (int i = 0; i < e->args.count; i++) names_use(k, scope, e->args.at[i].value);
}

void names_twice(Check *k, const char *what, Name name, Span first)
{
    Diag *d = diag_add(k->diags, E_TWICE, name.span, "%s'%s' is declared twice", what, name.text);
    diag_note(d, first, "the first is here");
}

void names_bind(Check *k, Scope *scope, Name name)
{
    if (!name.text) return;
    const Builtin *b = builtin_find(name.text);
    if (b && b->kind != KIND_EVENT) { /* `every` means an event after `on` alone */
        Diag *d = diag_add(k->diags, E_SHADOW, name.span, "'%s' is a built-in name", name.text);
        diag_help(d, "choose another name, such as %s_", name.text);
    }
    scope_add(k, scope, name, NULL);
}

void names_params(Check *k, Scope *scope, const Decl *d)
{
    Table names = {0};
    for (int i = 0; i < d->sizes.count; i++) names_bind(k, scope, d->sizes.at[i]);
    for (int i = 0; i < d->params.count; i++) {
        Name name = d->params.at[i].name;
        names_use(k, scope, d->params.at[i].fallback);
        names_use_all(k, scope, &d->params.at[i].shape);
        int *first = table_place(k->perm, &names, name.text, strlen(name.text));
        if (*first >= 0) names_twice(k, "parameter ", name, d->params.at[*first].name.span);
        else *first = i;
        names_bind(k, scope, name);
    }
}

static bool is_memory(const Stmt *s)
{
    return s->kind == STMT_WEIGHT || s->kind == STMT_STATE || s->kind == STMT_SIZE;
}

/* Weights and states by name: the first of each. */
static Table memory_names(Check *k, const Decl *d)
{
    Table names = {0};
    for (int i = 0; i < d->body.count; i++) {
        const Name *name = &d->body.at[i]->name;
        if (!is_memory(d->body.at[i])) continue;
        int *first = table_place(k->perm, &names, name->text, strlen(name->text));
        if (*first < 0) *first = i;
        else names_twice(k, "", *name, d->body.at[*first]->name.span);
    }
    return names;
}

/* `next s` and `s'` move a state of the same function. */
static void check_state(Check *k, const Decl *d, const Stmt *s, const Table *memory)
{
    int at = table_find(memory, s->name.text, strlen(s->name.text));
    if (at >= 0 && d->body.at[at]->kind == STMT_STATE) return;
    Diag *g = diag_add(k->diags, E_UNKNOWN_NAME, s->name.span, "'%s' is not a state of this function",
                       s->name.text);
    diag_help(g, "declare it first: state %s = 0", s->name.text);
}

static void function_names(Check *k, Scope *scope, const Decl *d)
{
    names_params(k, scope, d);
    names_use(k, scope, d->value);
    const Table memory = memory_names(k, d);
    for (int i = 0; i < d->body.count; i++) {
        const Stmt *s = d->body.at[i];
        names_use_all(k, scope, &s->dims);
        names_below(k, scope, d, i);
        names_use(k, scope, s->low), names_use(k, scope, s->high), names_use(k, scope, s->value);
        for (int a = 0; a < s->traits.args.count; a++) names_use(k, scope, s->traits.args.at[a].value);
        if (is_memory(s) || s->kind == STMT_LET) names_bind(k, scope, s->name);
        else if (s->kind == STMT_COST) names_cost_line(k, s->name);
        else if (s->kind == STMT_NEXT || s->kind == STMT_DERIV) check_state(k, d, s, &memory);
    }
}

static void set_names(Check *k, const Scope *scope, const NodeSetDecl *s)
{
    Scope own = {.outer = (Scope *)scope}, inner = {.outer = &own};
    names_bind(k, &own, s->name);
    for (int i = 0; i < s->indices.count; i++) {
        const Name name = s->indices.at[i].name;
        names_use(k, scope, s->indices.at[i].size);
        for (int before = 0; name.text && before < i; before++) {
            const Name first = s->indices.at[before].name;
            if (first.text && strcmp(first.text, name.text) == 0) names_twice(k, "index ", name, first.span);
        }
        names_bind(k, &inner, name);
    }
    names_use(k, &inner, s->at);
    names_use(k, &inner, s->cell);
}

static bool has_role(const Decl *graph, SetRole role)
{
    for (int i = 0; i < graph->items.count; i++)
        if (graph->items.at[i]->kind == ITEM_SET && graph->items.at[i]->set->role == role) return true;
    return false;
}

static void ref_names(Check *k, const Decl *graph, const Scope *sets, const NodeRef *r)
{
    Words known = {0};
    Scope only = *sets;
    only.outer = NULL;
    if (scope_binds(&only, r->set.text)) return;
    if (!has_role(graph, SET_INPUT) || !has_role(graph, SET_OUTPUT))
        return (void)k->said.silent++; /* that one */
    if (names_reported(k, r->set.span)) return;
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, r->set.span, "'%s' is not a node set of graph '%s'",
                       r->set.text, graph->name.text);
    if (diags_errors(k->diags) > MOST_SUGGESTIONS) return;
    for (int i = 0; i < sets->names.count; i++) vec_push(k->perm, &known, sets->names.at[i].name);
    const char *near = diag_nearest(r->set.text, known.at, known.count);
    if (near) diag_fix(d, r->set.span, near, "did you mean '", "'?");
    else diag_help(d, "its node sets are: %s", words_text(k, &known));
}

/* Keys read the indices of each line, and which line it is. */
static void key_names(Check *k, Scope *inner, const EdgesDecl *e)
{
    bool bound = false;
    for (int i = 0; i < inner->names.count; i++) bound |= strcmp(inner->names.at[i].name, "line") == 0;
    if (!bound) scope_add(k, inner, (Name){"line", e->span}, NULL);
    names_use(k, inner, e->of), names_use(k, inner, e->tied);
}

static void edge_names(Check *k, Scope *sets, const Decl *graph, const EdgesDecl *e)
{
    const Scope *scope = sets->outer;
    for (int i = 0; i < e->lines.count; i++) {
        const EdgeLine *line = e->lines.at[i];
        Scope inner = {.outer = sets};
        const NodeRef *ends[2] = {&line->to, &line->from};
        for (int end = 0; end < 2; end++) {
            ref_names(k, graph, sets, ends[end]);
            for (int n = 0; n < ends[end]->indices.count; n++)
                if (strcmp(ends[end]->indices.at[n].text, "_") != 0)
                    names_bind(k, &inner, ends[end]->indices.at[n]);
        }
        names_use(k, scope, line->in);
        names_use(k, &inner, line->where);
        names_index_via(k, &inner, line->via), names_index_via(k, &inner, e->via);
        names_use(k, scope, line->via);
        key_names(k, &inner, e);
    }
    names_use(k, scope, e->via), names_use(k, scope, e->amount), use_rule(k, scope, e->rule);
}

static void missing_role(Check *k, const Decl *d, SetRole role)
{
    if (has_role(d, role)) return;
    bool out = role == SET_OUTPUT;
    Diag *m = diag_add(k->diags, E_SETS, d->name.span, "graph '%s' has no %s", d->name.text,
                       out ? "output" : "input");
    diag_help(m, "add a line such as: %s", out ? "output y[10]" : "input x[10]");
}

static void graph_names(Check *k, Scope *scope, const Decl *d)
{
    Scope sets = {.outer = scope};
    for (int i = 0; i < d->items.count; i++)
        if (d->items.at[i]->kind == ITEM_SET) scope_add(k, &sets, d->items.at[i]->set->name, NULL);
    names_params(k, scope, d);
    missing_role(k, d, SET_INPUT), missing_role(k, d, SET_OUTPUT);
    for (int i = 0; i < d->items.count; i++) {
        const GraphItem *item = d->items.at[i];
        if (item->kind != ITEM_LET) continue;
        names_use(k, scope, item->value);
        if (strcmp(item->name.text, "time") != 0) names_bind(k, scope, item->name);
    }
    for (int i = 0; i < d->items.count; i++) {
        if (d->items.at[i]->kind == ITEM_SET) set_names(k, scope, d->items.at[i]->set);
        if (d->items.at[i]->kind == ITEM_EDGES) edge_names(k, &sets, d, d->items.at[i]->edges);
    }
}

static void decl_names(Check *k, Module *m, const Decl *d)
{
    Scope scope = {.module = m};
    switch (d->kind) {
    case DECL_IMPORT: break;
    case DECL_OPTION:
        names_use(k, &scope, d->value), names_use(k, &scope, d->low), names_use(k, &scope, d->high);
        break;
    case DECL_FN: function_names(k, &scope, d); break;
    case DECL_MODEL:
        function_names(k, &scope, d);
        if (d->edges) names_use(k, &scope, d->edges->amount), use_rule(k, &scope, d->edges->rule);
        break;
    case DECL_GRAPH: graph_names(k, &scope, d); break;
    case DECL_RULE: names_rule(k, &scope, d); break;
    case DECL_TRAIN:
        for (int i = 0; i < d->settings.count; i++) names_setting(k, &scope, d->settings.at[i]);
        break;
    case DECL_TEST: names_use_all(k, &scope, &d->checks); break;
    }
}

/* ---- the names that a file declares ---- */

static bool has_name(const Decl *d)
{
    return d->kind != DECL_TRAIN && d->kind != DECL_TEST && d->name.text;
}

static void declared_names(Check *k, Module *m)
{
    Table names = {0};
    for (int i = 0; i < m->ast->decls.count; i++) {
        const Decl *d = m->ast->decls.at[i];
        if (!has_name(d)) continue;
        names_bind(k, &(Scope){.module = m}, d->name);
        int *first = table_place(k->perm, &names, d->name.text, strlen(d->name.text));
        const Builtin *b = builtin_find(d->name.text);
        if (*first >= 0) names_twice(k, "", d->name, m->ast->decls.at[*first]->name.span);
        /* What its uses mean cannot be said. */
        if (*first >= 0 || (b && b->kind != KIND_EVENT)) vec_push(k->perm, &m->ast->lost, d->name.text);
        if (*first < 0) *first = i;
    }
}

/* Names of an import without `as` are those of the file, too. */
static void imported_names(Check *k, Module *m)
{
    for (int i = 0; i < m->imports.count; i++) {
        const Import *in = &m->imports.at[i];
        for (int j = 0; !in->name && in->module != m && j < in->module->ast->decls.count; j++) {
            const Decl *d = in->module->ast->decls.at[j];
            Module *where;
            const Decl *first =
                has_name(d) && d->kind != DECL_IMPORT ? find_decl(m, d->name.text, &where) : NULL;
            if (!first || first == d || where == in->module) continue;
            Diag *g = diag_add(k->diags, E_TWICE, in->decl->path_span,
                               "this file declares '%s', a name that is taken", d->name.text);
            diag_note(g, d->name.span, "it is declared here");
            diag_note(g, first->name.span, "and here");
            diag_help(g, "import \"%s\" as lib, and write lib.%s", in->decl->path, d->name.text);
        }
    }
}

void check_names(Check *k, Module *m)
{
    declared_names(k, m);
    imported_names(k, m);
    for (int i = 0; i < m->ast->decls.count; i++) decl_names(k, m, m->ast->decls.at[i]);
}
