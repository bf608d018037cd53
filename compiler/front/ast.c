/* ast.c: builds the Ast for the grammar; see ast_build.h.
 *
 * The height of every expression is bounded here, so that all later passes may recur over it: what would grow
 * too high is reported once and left out.
 */
#include "front/ast_build.h"
#include <math.h>
#include <stdlib.h>

Name ast_name(Parser *p, Span span)
{
    return (Name){parse_text(p, span), span};
}

Name ast_marked_name(Parser *p, Span span)
{
    span.end--;
    return ast_name(p, span);
}

NameList ast_names(Parser *p, NameList list, Name name)
{
    vec_push(p->perm, &list, name);
    return list;
}

/* Expressions. */

static Expr *leaf(Parser *p, ExprKind kind, Span span)
{
    Expr *e = NEW(p->perm, Expr);
    e->kind = kind;
    e->span = span;
    e->height = 1;
    return e;
}

static void raise(Expr *e, const Expr *part)
{
    if (part && part->height >= e->height) e->height = part->height + 1;
}

/* Sets the height of a finished expression; a leaf instead when it has grown too high. */
static Expr *finish(Parser *p, Expr *e)
{
    e->height = 1;
    raise(e, e->left);
    raise(e, e->right);
    raise(e, e->third);
    for (int i = 0; i < e->items.count; i++) raise(e, e->items.at[i]);
    for (int i = 0; i < e->args.count; i++) raise(e, e->args.at[i].value);
    if (e->height <= PARSE_HEIGHT) return e;
    if (!p->too_deep) {
        Diag *d = parse_complain(p, E_TOO_DEEP, e->op_span,
                                 "the expression is more than %d operators deep here", PARSE_HEIGHT);
        diag_help(d, "give a part of the expression a name of its own");
    }
    p->too_deep = true;
    return ast_skipped(p, e->span);
}

/* The digits of a number token without its suffix, times `scale`. */
static Expr *number(Parser *p, ExprKind kind, Span span, double scale)
{
    Expr *e = leaf(p, kind, span);
    e->written = parse_text(p, span);
    e->number = strtod(e->written, NULL) * scale;
    if (isfinite(e->number)) return e;
    Diag *d = parse_complain(p, E_NUMBER, span, "the number is too large");
    diag_help(d, "the largest number is about 1.8e308");
    e->number = 0;
    return e;
}

Expr *ast_number(Parser *p, Span span)
{
    switch (p->source->text[span.end - 1]) {
    case 'k': return number(p, EXPR_NUMBER, span, 1e3);
    case 'M': return number(p, EXPR_NUMBER, span, 1e6);
    case 'G': return number(p, EXPR_NUMBER, span, 1e9);
    default: return number(p, EXPR_NUMBER, span, 1);
    }
}

Expr *ast_percent(Parser *p, Span span)
{
    return number(p, EXPR_PERCENT, span, 1);
}

const char *ast_text(Parser *p, Span span)
{
    const char *source = p->source->text;
    char *text = arena_alloc(p->perm, span.end - span.start + 1, 1), *end = text;
    uint32_t last = span.end - (span.end > span.start + 1 && source[span.end - 1] == source[span.start]);
    for (uint32_t i = span.start + 1; i < last; i++) {
        if (source[i] != '\\' || i + 1 >= last) {
            *end++ = source[i];
            continue;
        }
        char escaped = source[++i];
        *end++ = escaped == 'n' ? '\n' : escaped;
        if (escaped == 'n' || escaped == '"' || escaped == '\\') continue;
        Diag *d = parse_complain(p, E_STRING, (Span){span.file, i - 1, i + 1}, "unknown escape in a string");
        diag_help(d, "there are three: \\n for a line end, \\\" and \\\\");
    }
    return text;
}

Expr *ast_string(Parser *p, Span span)
{
    Expr *e = leaf(p, EXPR_STRING, span);
    e->name = ast_text(p, span);
    return e;
}

Expr *ast_name_expr(Parser *p, Span span)
{
    Expr *e = leaf(p, EXPR_NAME, span);
    e->name = parse_text(p, span);
    return e;
}

Expr *ast_skipped(Parser *p, Span span)
{
    Expr *e = leaf(p, EXPR_NUMBER, span);
    e->written = "0";
    return e;
}

Expr *ast_member(Parser *p, Span span, Expr *left, Span dot, Name name)
{
    Expr *e = leaf(p, EXPR_MEMBER, span);
    e->op_span = dot;
    e->left = left;
    e->name = name.text;
    return finish(p, e);
}

Expr *ast_index(Parser *p, Span span, Expr *left, ExprList items)
{
    Expr *e = leaf(p, EXPR_INDEX, span);
    e->op_span = (Span){span.file, left->span.end, span.end};
    e->left = left;
    e->items = items;
    return finish(p, e);
}

Expr *ast_call(Parser *p, Span span, Expr *left, Span parentheses, ArgList args)
{
    Expr *e = leaf(p, EXPR_CALL, span);
    e->op_span = parentheses;
    e->left = left;
    e->args = args;
    return finish(p, e);
}

Expr *ast_tuple(Parser *p, Span span, Expr *first, ExprList rest)
{
    Expr *e = leaf(p, EXPR_TUPLE, span);
    e->op_span = span;
    vec_push(p->perm, &e->items, first);
    for (int i = 0; i < rest.count; i++) vec_push(p->perm, &e->items, rest.at[i]);
    return finish(p, e);
}

Expr *ast_list(Parser *p, Span span, ExprList items)
{
    Expr *e = leaf(p, EXPR_LIST, span);
    e->op_span = span;
    e->items = items;
    return finish(p, e);
}

Expr *ast_each(Parser *p, Span span, Expr *each, Name name, Range range)
{
    Expr *e = leaf(p, EXPR_EACH, span);
    e->op_span = name.span;
    e->name = name.text;
    e->left = each;
    e->right = range.low, e->third = range.high;
    return finish(p, e);
}

Expr *ast_unary(Parser *p, Span span, OpKind op, Span op_span, Expr *operand)
{
    Expr *e = leaf(p, EXPR_UNARY, span);
    e->op = op;
    e->op_span = op_span;
    e->left = operand;
    return finish(p, e);
}

Expr *ast_binary(Parser *p, Span span, OpKind op, Span op_span, Expr *left, Expr *right)
{
    Expr *e = leaf(p, EXPR_BINARY, span);
    e->op = op;
    e->op_span = op_span;
    e->left = left;
    e->right = right;
    return finish(p, e);
}

Expr *ast_pipe(Parser *p, Span span, Span op_span, Expr *left, Expr *right)
{
    Expr *e = leaf(p, EXPR_PIPE, span);
    e->op_span = op_span;
    e->left = left;
    e->right = right;
    return finish(p, e);
}

Expr *ast_if(Parser *p, Span span, Expr *condition, Expr *yes, Expr *no)
{
    Expr *e = leaf(p, EXPR_IF, span);
    e->op_span = (Span){span.file, span.start, span.start + 2};
    e->left = condition;
    e->right = yes;
    e->third = no;
    return finish(p, e);
}

Expr *ast_parenthesised(Parser *p, Span span, Expr *e)
{
    (void)p;
    e->parenthesised = true;
    e->span = span;
    return e;
}

ExprList ast_exprs(Parser *p, ExprList list, Expr *e)
{
    vec_push(p->perm, &list, e);
    return list;
}

ArgList ast_args(Parser *p, ArgList list, Name name, Expr *value)
{
    vec_push(p->perm, &list, (Arg){name, value});
    return list;
}

Range ast_range(Expr *low, Expr *high)
{
    return (Range){low, high};
}

/* Lines of a function. */

Stmt *ast_stmt(Parser *p, Span span, StmtKind kind, Name name, Expr *value)
{
    Stmt *s = NEW(p->perm, Stmt);
    s->kind = kind;
    s->span = span;
    s->name = name;
    s->value = value;
    return s;
}

Stmt *ast_weight(Parser *p, Span span, bool shared, Name name)
{
    Stmt *s = ast_stmt(p, span, STMT_WEIGHT, name, NULL);
    s->shared = shared;
    return s;
}

Stmt *ast_with_start(Span span, Stmt *weight, ExprList dims, Range range, Start start)
{
    weight->span = span;
    weight->dims = dims;
    weight->low = range.low, weight->high = range.high;
    weight->drawn = start.drawn, weight->value = start.value;
    return weight;
}

Stmt *ast_size(Parser *p, Span span, Name name, Range range, Expr *value)
{
    Stmt *s = ast_stmt(p, span, STMT_SIZE, name, value);
    s->low = range.low, s->high = range.high;
    return s;
}

Stmt *ast_with_traits(Span span, Stmt *weight, Traits traits)
{
    weight->span = span;
    weight->traits = traits;
    return weight;
}

Stmt *ast_state(Parser *p, Span span, Name name, ExprList dims, Expr *value)
{
    Stmt *s = ast_stmt(p, span, STMT_STATE, name, value);
    s->dims = dims;
    return s;
}

StmtList ast_stmts(Parser *p, StmtList list, Stmt *stmt)
{
    vec_push(p->perm, &list, stmt);
    return list;
}

/* Lines of a graph. */

static GraphItem *item(Parser *p, GraphItemKind kind, Span span)
{
    GraphItem *i = NEW(p->perm, GraphItem);
    i->kind = kind;
    i->span = span;
    return i;
}

SetIndexList ast_indices(Parser *p, SetIndexList list, Name name, Expr *size)
{
    vec_push(p->perm, &list, (SetIndex){name, size});
    return list;
}

GraphItem *ast_set(Parser *p, Span span, SetRole role, Name name, SetIndexList indices)
{
    GraphItem *i = item(p, ITEM_SET, span);
    i->set = NEW(p->perm, NodeSetDecl);
    *i->set = (NodeSetDecl){.role = role, .name = name, .indices = indices};
    return i;
}

GraphItem *ast_with_cell(Span span, GraphItem *set, Expr *at, Expr *cell)
{
    set->span = set->set->span = span;
    set->set->at = at;
    set->set->cell = cell;
    return set;
}

NodeRef ast_node_ref(Span span, Name set, bool bracketed, NameList indices, Name port)
{
    return (NodeRef){set, indices, bracketed, port, span};
}

EdgeLine *ast_edge_line(Parser *p, Span span, NodeRef from, NodeRef to, Expr *where, Expr *via)
{
    EdgeLine *line = NEW(p->perm, EdgeLine);
    *line = (EdgeLine){.from = from, .to = to, .where = where, .via = via, .span = span};
    return line;
}

EdgeLine *ast_listed(EdgeLine *line, Expr *in)
{
    line->in = in;
    return line;
}

EdgeLineList ast_edge_lines(Parser *p, EdgeLineList list, EdgeLine *line)
{
    vec_push(p->perm, &list, line);
    return list;
}

Budget ast_budget(BudgetKind kind, Expr *amount, Expr *of, Expr *by, Expr *rule)
{
    return (Budget){kind, amount, of, by, rule, NULL};
}

Decl *ast_with_budget(Parser *p, Decl *head, Span span, Budget budget)
{
    if (budget.kind == BUDGET_NONE) return head;
    head->edges = NEW(p->perm, EdgesDecl);
    *head->edges = (EdgesDecl){.span = span,
                               .budget = budget.kind,
                               .amount = budget.amount,
                               .of = budget.of,
                               .by = budget.by,
                               .rule = budget.rule};
    return head;
}

GraphItem *ast_edges(Parser *p, Span span, bool braced, EdgeLineList lines, Expr *via, Budget budget)
{
    GraphItem *i = item(p, ITEM_EDGES, span);
    i->edges = NEW(p->perm, EdgesDecl);
    *i->edges = (EdgesDecl){span,        braced,        lines,     via,       budget.tied,
                            budget.kind, budget.amount, budget.of, budget.by, budget.rule};
    return i;
}

GraphItem *ast_item_let(Parser *p, Span span, Name name, Expr *value)
{
    GraphItem *i = item(p, ITEM_LET, span);
    i->name = name;
    i->value = value;
    return i;
}

GraphItemList ast_items(Parser *p, GraphItemList list, GraphItem *i)
{
    vec_push(p->perm, &list, i);
    return list;
}

RuleItem *ast_rule_item(Parser *p, Span span, RuleItemKind kind, Name name, Expr *value)
{
    RuleItem *i = NEW(p->perm, RuleItem);
    *i = (RuleItem){.kind = kind, .span = span, .name = name, .value = value};
    return i;
}

RuleItem *ast_rule_state(Parser *p, Span span, bool shared, Name name, Expr *value)
{
    RuleItem *i = ast_rule_item(p, span, RULE_ITEM_STATE, name, value);
    i->shared = shared;
    return i;
}

RuleItem *ast_rule_weight(Parser *p, Span span, const Stmt *weight, Start start)
{
    RuleItem *i = ast_rule_item(p, span, RULE_ITEM_WEIGHT, weight->name, start.value);
    i->shared = weight->shared, i->drawn = start.drawn;
    return i;
}

RuleItem *ast_rule_start(Parser *p, Span span, Span word, Start start)
{
    RuleItem *i = ast_rule_item(p, span, RULE_ITEM_START, (Name){"w", word}, start.value);
    i->drawn = start.drawn;
    return i;
}

RuleItem *ast_rule_let(Parser *p, Span span, Name name, Expr *value, Expr *by)
{
    RuleItem *i = ast_rule_item(p, span, RULE_ITEM_LET, name, value);
    i->by = by;
    return i;
}

RuleItem *ast_rule_event(Parser *p, Span span, Expr *when, RuleActionList actions)
{
    RuleItem *i = ast_rule_item(p, span, RULE_ITEM_EVENT, (Name){0}, when);
    i->actions = actions;
    return i;
}

RuleItemList ast_rule_items(Parser *p, RuleItemList list, RuleItem *i)
{
    vec_push(p->perm, &list, i);
    return list;
}

RuleAction *ast_action(Parser *p, Span span, Name verb, Expr *amount, Expr *by, Expr *at)
{
    RuleAction *action = NEW(p->perm, RuleAction);
    *action = (RuleAction){.span = span, .verb = verb, .amount = amount, .by = by, .value = at};
    return action;
}

RuleAction *ast_assign_action(Parser *p, Span span, Name verb, Name target, Expr *value)
{
    RuleAction *action = ast_action(p, span, verb, NULL, NULL, value);
    action->target = target;
    return action;
}

RuleActionList ast_actions(Parser *p, RuleActionList list, RuleAction *action)
{
    vec_push(p->perm, &list, action);
    return list;
}

SettingList ast_settings(Parser *p, SettingList list, Span span, Name name, Expr *value)
{
    Setting *s = NEW(p->perm, Setting);
    *s = (Setting){name, value, span};
    vec_push(p->perm, &list, s);
    return list;
}

/* Declarations. */

Param *ast_param(Parser *p, Span span, Name name, Expr *fallback, bool has_shape, ExprList shape)
{
    Param *param = NEW(p->perm, Param);
    *param = (Param){name, fallback, shape, has_shape, span};
    return param;
}

ParamList ast_params(Parser *p, ParamList list, Param *param)
{
    vec_push(p->perm, &list, *param);
    return list;
}

static Decl *declaration(Parser *p, DeclKind kind, Span span, Name name)
{
    Decl *d = NEW(p->perm, Decl);
    d->kind = kind;
    d->span = span;
    d->name = name;
    return d;
}

Decl *ast_import(Parser *p, Span span, Span path, Name as)
{
    Decl *d = declaration(p, DECL_IMPORT, span, as);
    d->path = ast_text(p, path);
    d->path_span = path;
    return d;
}

Decl *ast_option(Parser *p, Span span, Name name, Expr *value, Range range, const char *help)
{
    Decl *d = declaration(p, DECL_OPTION, span, name);
    d->value = value;
    d->low = range.low;
    d->high = range.high;
    d->help = help;
    return d;
}

Decl *ast_head(Parser *p, Span span, DeclKind kind, Name name, NameList sizes, Parameters parameters)
{
    Decl *d = declaration(p, kind, span, name);
    d->sizes = sizes;
    d->has_params = parameters.given;
    d->params = parameters.list;
    return d;
}

Decl *ast_with_value(Span span, Decl *head, Expr *value)
{
    head->span = span;
    head->value = value;
    return head;
}

Decl *ast_with_body(Span span, Decl *head, StmtList body)
{
    head->span = span;
    head->body = body;
    return head;
}

Decl *ast_with_items(Span span, Decl *head, GraphItemList items)
{
    head->span = span;
    head->items = items;
    return head;
}

Decl *ast_with_rule(Span span, Decl *head, RuleItemList items)
{
    head->span = span;
    head->rule = items;
    return head;
}

Decl *ast_train(Parser *p, Span span, Name name, SettingList settings)
{
    Decl *d = declaration(p, DECL_TRAIN, span, name);
    d->settings = settings;
    return d;
}

Decl *ast_test(Parser *p, Span span, Span title, ExprList checks)
{
    Decl *d = declaration(p, DECL_TEST, span, (Name){ast_text(p, title), title});
    d->checks = checks;
    return d;
}

/* Is it a `##` line of its own? (`###` too: its text then begins with #.) */
static bool is_doc(const Parser *p, const Comment *c)
{
    return c->own_line && c->span.end - c->span.start >= 2 && p->source->text[c->span.start + 1] == '#';
}

/* The `##` lines between the declaration before and this one, joined. */
static const char *doc_before(Parser *p, const Decl *decl)
{
    uint32_t from = p->ast->decls.count ? p->ast->decls.at[p->ast->decls.count - 1]->span.end : 0;
    Vec(char) doc = {0};
    bool any = false;
    int i = p->docs_from;
    for (; i < p->ast->comments.count && p->ast->comments.at[i].span.start < decl->span.start; i++) {
        const Comment *c = &p->ast->comments.at[i];
        if (c->span.start < from || !is_doc(p, c)) continue;
        uint32_t start = c->span.start + 2;
        if (start < c->span.end && p->source->text[start] == ' ') start++;
        if (any) vec_push(p->perm, &doc, '\n');
        for (; start < c->span.end; start++) vec_push(p->perm, &doc, p->source->text[start]);
        any = true;
    }
    p->docs_from = i;
    return any ? arena_text(p->perm, doc.at, (size_t)doc.count) : NULL;
}

void ast_add(Parser *p, Decl *decl)
{
    decl->doc = doc_before(p, decl);
    vec_push(p->perm, &p->ast->decls, decl);
}
