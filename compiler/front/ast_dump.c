/* ast_dump.c: the Ast as text, one fact per line, indented by depth.
 *
 * An expression is printed on one line in prefix form: (+ a (* b 2)), (call f x rate=0.1), (|> image Stem).
 * Parentheses of the source are not shown, only the tree that they made. Later passes never see comments;
 * neither does the dump.
 */
#include "front/ast.h"

typedef struct Dump {
    FILE *out;
    int depth;
} Dump;

static const char *const operators[] = {
    [OP_NEG] = "neg", [OP_NOT] = "not", [OP_ADD] = "+",   [OP_SUB] = "-", [OP_MUL] = "*", [OP_DIV] = "/",
    [OP_MOD] = "mod", [OP_POW] = "^",   [OP_EQ] = "==",   [OP_NE] = "!=", [OP_LT] = "<",  [OP_LE] = "<=",
    [OP_GT] = ">",    [OP_GE] = ">=",   [OP_AND] = "and", [OP_OR] = "or",
};

static void quoted(const Dump *d, const char *text)
{
    fputc('"', d->out);
    for (; *text; text++) {
        if (*text == '\n') fputs("\\n", d->out);
        else fprintf(d->out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    fputc('"', d->out);
}

static void expr(const Dump *d, const Expr *e);

static void exprs(const Dump *d, const ExprList *list)
{
    for (int i = 0; i < list->count; i++) {
        fputc(' ', d->out);
        expr(d, list->at[i]);
    }
}

static void args(const Dump *d, const ArgList *list)
{
    for (int i = 0; i < list->count; i++) {
        fputc(' ', d->out);
        if (list->at[i].name.text) fprintf(d->out, "%s=", list->at[i].name.text);
        expr(d, list->at[i].value);
    }
}

/* `(word first second third items args)`, whatever of it there is. */
static void form(const Dump *d, const char *word, const Expr *e)
{
    fprintf(d->out, "(%s", word);
    const Expr *parts[] = {e->left, e->right, e->third};
    for (int i = 0; i < 3; i++) {
        if (!parts[i]) continue;
        fputc(' ', d->out);
        expr(d, parts[i]);
    }
    exprs(d, &e->items);
    args(d, &e->args);
    if (e->kind == EXPR_MEMBER || e->kind == EXPR_EACH) fprintf(d->out, " %s", e->name);
    fputc(')', d->out);
}

static void expr(const Dump *d, const Expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
    case EXPR_PERCENT: fputs(e->written, d->out); break;
    case EXPR_STRING: quoted(d, e->name); break;
    case EXPR_NAME: fputs(e->name, d->out); break;
    case EXPR_MEMBER: form(d, ".", e); break;
    case EXPR_INDEX: form(d, "index", e); break;
    case EXPR_CALL: form(d, "call", e); break;
    case EXPR_TUPLE: form(d, "tuple", e); break;
    case EXPR_LIST: form(d, "list", e); break;
    case EXPR_EACH: form(d, "each", e); break;
    case EXPR_UNARY:
    case EXPR_BINARY: form(d, operators[e->op], e); break;
    case EXPR_PIPE: form(d, "|>", e); break;
    case EXPR_IF: form(d, "if", e); break;
    }
}

static void line(const Dump *d, const char *word)
{
    fprintf(d->out, "%*s%s", 2 * d->depth, "", word);
}
static void end(const Dump *d)
{
    fputc('\n', d->out);
}

/* A line of its own for one part; nothing when it is absent. */
static void part(const Dump *d, const char *word, const Expr *e)
{
    if (!e) return;
    line(d, word);
    fputc(' ', d->out);
    expr(d, e);
    end(d);
}

static void named(const Dump *d, const char *word, const char *name)
{
    line(d, word);
    fprintf(d->out, " %s\n", name);
}

static void texts(const Dump *d, const char *word, const char *text)
{
    if (!text) return;
    line(d, word);
    fputc(' ', d->out);
    quoted(d, text);
    end(d);
}

static void list(const Dump *d, const char *word, const ExprList *items)
{
    if (!items->count) return;
    line(d, word);
    exprs(d, items);
    end(d);
}

static void stmt(Dump *d, const Stmt *s)
{
    static const char *const words[] = {"weight", "state", "derivative", "next",
                                        "cost",   "size",  "let",        "value"};
    if (s->kind == STMT_EXPR) {
        part(d, "value", s->value);
        return;
    }
    named(d, s->shared ? "shared weight" : words[s->kind], s->name.text);
    d->depth++;
    list(d, "dims", &s->dims);
    part(d, "low", s->low);
    part(d, "high", s->high);
    part(d, s->drawn ? "drawn" : "=", s->value);
    if (s->traits.word.text) named(d, "trait", s->traits.word.text);
    for (int i = 0; i < s->traits.args.count; i++) {
        const Arg *a = &s->traits.args.at[i];
        part(d, a->name.text ? a->name.text : "_", a->value);
    }
    d->depth--;
}

static void node_set(Dump *d, const NodeSetDecl *set)
{
    static const char *const words[] = {"input", "nodes", "output"};
    named(d, words[set->role], set->name.text);
    d->depth++;
    for (int i = 0; i < set->indices.count; i++) {
        const SetIndex *index = &set->indices.at[i];
        line(d, "index");
        if (index->name.text) fprintf(d->out, " %s:", index->name.text);
        fputc(' ', d->out);
        expr(d, index->size);
        end(d);
    }
    part(d, "at", set->at);
    part(d, "cell", set->cell);
    d->depth--;
}

static void node_ref(const Dump *d, const NodeRef *ref)
{
    fprintf(d->out, " %s", ref->set.text);
    for (int i = 0; i < ref->indices.count; i++)
        fprintf(d->out, "%s%s", i ? ", " : "[", ref->indices.at[i].text);
    if (ref->bracketed) fputc(']', d->out);
    if (ref->port.text) fprintf(d->out, ".%s", ref->port.text);
}

static void budget(Dump *d, const EdgesDecl *e)
{
    part(d, e->budget == BUDGET_SAMPLE ? "sample" : "keep", e->amount);
    part(d, "of", e->of);
    part(d, "by", e->by);
    part(d, "using", e->rule);
}

static void edges(Dump *d, const EdgesDecl *e)
{
    line(d, e->braced ? "edges { }" : "edges");
    end(d);
    d->depth++;
    for (int i = 0; i < e->lines.count; i++) {
        const EdgeLine *l = e->lines.at[i];
        line(d, "edge");
        node_ref(d, &l->from);
        fputs(" ->", d->out);
        node_ref(d, &l->to);
        end(d);
        d->depth++;
        part(d, "in", l->in);
        part(d, "where", l->where);
        part(d, "via", l->via);
        d->depth--;
    }
    part(d, "via", e->via);
    part(d, "tied", e->tied);
    budget(d, e);
    d->depth--;
}

static void param(Dump *d, const Param *p)
{
    named(d, "param", p->name.text);
    d->depth++;
    list(d, "shape", &p->shape);
    part(d, "=", p->fallback);
    d->depth--;
}

static void setting(Dump *d, const char *word, Name name, const Expr *value)
{
    named(d, word, name.text);
    d->depth++;
    part(d, "=", value);
    d->depth--;
}

static void item(Dump *d, const GraphItem *i)
{
    switch (i->kind) {
    case ITEM_SET: node_set(d, i->set); break;
    case ITEM_EDGES: edges(d, i->edges); break;
    case ITEM_LET: setting(d, "let", i->name, i->value); break;
    }
}

static void action(Dump *d, const RuleAction *a)
{
    named(d, "action", a->verb.text);
    d->depth++;
    part(d, "amount", a->amount);
    part(d, "by", a->by);
    if (a->target.text) named(d, "target", a->target.text);
    part(d, a->target.text ? "=" : "at", a->value);
    d->depth--;
}

static void rule_item(Dump *d, const RuleItem *i)
{
    static const char *const words[] = {"state", "weight", "weight", "next", "let"};
    if (i->kind != RULE_ITEM_EVENT) {
        named(d, i->shared ? i->kind == RULE_ITEM_STATE ? "shared state" : "shared weight" : words[i->kind],
              i->name.text);
        d->depth++;
        part(d, i->drawn ? "~" : "=", i->value);
        part(d, "by", i->by);
        d->depth--;
        return;
    }
    part(d, "on", i->value);
    d->depth++;
    for (int k = 0; k < i->actions.count; k++) action(d, i->actions.at[k]);
    d->depth--;
}

static void head(const Dump *d, const Decl *decl)
{
    static const char *const words[] = {"import", "option", "fn", "graph", "model", "rule", "train", "test"};
    line(d, words[decl->kind]);
    fputc(' ', d->out);
    if (decl->kind == DECL_IMPORT) {
        quoted(d, decl->path);
        if (decl->name.text) fprintf(d->out, " as %s", decl->name.text);
    } else if (decl->kind == DECL_TEST) {
        quoted(d, decl->name.text);
    } else {
        fputs(decl->name.text, d->out);
    }
    end(d);
}

static void declaration(Dump *d, const Decl *decl)
{
    head(d, decl);
    d->depth++;
    texts(d, "doc", decl->doc);
    for (int i = 0; i < decl->sizes.count; i++) named(d, "size", decl->sizes.at[i].text);
    for (int i = 0; i < decl->params.count; i++) param(d, &decl->params.at[i]);
    part(d, decl->kind == DECL_OPTION ? "=" : "value", decl->value);
    part(d, "low", decl->low);
    part(d, "high", decl->high);
    texts(d, "help", decl->help);
    for (int i = 0; i < decl->body.count; i++) stmt(d, decl->body.at[i]);
    if (decl->edges) budget(d, decl->edges);
    for (int i = 0; i < decl->items.count; i++) item(d, decl->items.at[i]);
    for (int i = 0; i < decl->rule.count; i++) rule_item(d, decl->rule.at[i]);
    for (int i = 0; i < decl->settings.count; i++)
        setting(d, "set", decl->settings.at[i]->name, decl->settings.at[i]->value);
    for (int i = 0; i < decl->checks.count; i++) part(d, "check", decl->checks.at[i]);
    d->depth--;
}

void ast_dump(const Ast *ast, FILE *out)
{
    Dump d = {out, 0};
    for (int i = 0; i < ast->decls.count; i++) declaration(&d, ast->decls.at[i]);
}
