/* ast_build.h: functions that the grammar calls to build the Ast, one per action.
 *
 * Every function takes the span of what it builds. Texts (names, numbers, strings) are read from the source
 * through their spans. Errors inside a token (a number too large, an unknown escape) are
 * reported here.
 */
#ifndef DNW_AST_BUILD_H
#define DNW_AST_BUILD_H
#include "front/parse_state.h"

typedef struct Range {
    Expr *low, *high; /* both NULL: none written */
} Range;

/* Of a weight: `~ value` is drawn, `= value` is not. */
typedef struct Start {
    bool drawn;
    Expr *value;
} Start;

/* `given` is false when no parentheses were written. */
typedef struct Parameters {
    bool given;
    ParamList list;
} Parameters;

typedef struct Budget {
    BudgetKind kind;
    Expr *amount, *of, *by, *rule, *tied;
} Budget;

Name ast_name(Parser *p, Span span);
/* `s'`: the name without its mark. */
Name ast_marked_name(Parser *p, Span span);
NameList ast_names(Parser *p, NameList list, Name name);

Expr *ast_number(Parser *p, Span span);
Expr *ast_percent(Parser *p, Span span);
Expr *ast_string(Parser *p, Span span);
Expr *ast_name_expr(Parser *p, Span span);
Expr *ast_skipped(Parser *p, Span span);
Expr *ast_member(Parser *p, Span span, Expr *left, Span dot, Name name);
Expr *ast_index(Parser *p, Span span, Expr *left, ExprList items);
Expr *ast_call(Parser *p, Span span, Expr *left, Span parentheses, ArgList args);
Expr *ast_tuple(Parser *p, Span span, Expr *first, ExprList rest);
Expr *ast_list(Parser *p, Span span, ExprList items);
Expr *ast_each(Parser *p, Span span, Expr *each, Name name, Range range);
Expr *ast_unary(Parser *p, Span span, OpKind op, Span op_span, Expr *operand);
Expr *ast_binary(Parser *p, Span span, OpKind op, Span op_span, Expr *left, Expr *right);
Expr *ast_pipe(Parser *p, Span span, Span op_span, Expr *left, Expr *right);
Expr *ast_if(Parser *p, Span span, Expr *condition, Expr *yes, Expr *no);
Expr *ast_parenthesised(Parser *p, Span span, Expr *e);
ExprList ast_exprs(Parser *p, ExprList list, Expr *e);
ArgList ast_args(Parser *p, ArgList list, Name name, Expr *value);
Range ast_range(Expr *low, Expr *high);

/* `weight name` or `shared weight name`, and what follows it. */
Stmt *ast_weight(Parser *p, Span span, bool shared, Name name);
Stmt *ast_with_start(Span span, Stmt *weight, ExprList dims, Range range, Start start);
Stmt *ast_with_traits(Span span, Stmt *weight, Traits traits);
/* size name in low .. high = value */
Stmt *ast_size(Parser *p, Span span, Name name, Range range, Expr *value);
Stmt *ast_state(Parser *p, Span span, Name name, ExprList dims, Expr *value);
/* STMT_DERIV, STMT_NEXT, STMT_LET; STMT_EXPR with a name whose text is NULL. */
Stmt *ast_stmt(Parser *p, Span span, StmtKind kind, Name name, Expr *value);
StmtList ast_stmts(Parser *p, StmtList list, Stmt *stmt);

SetIndexList ast_indices(Parser *p, SetIndexList list, Name name, Expr *size);
GraphItem *ast_set(Parser *p, Span span, SetRole role, Name name, SetIndexList indices);
GraphItem *ast_with_cell(Span span, GraphItem *set, Expr *at, Expr *cell);
NodeRef ast_node_ref(Span span, Name set, bool bracketed, NameList indices, Name port);
EdgeLine *ast_edge_line(Parser *p, Span span, NodeRef from, NodeRef to, Expr *where, Expr *via);
EdgeLine *ast_listed(EdgeLine *line, Expr *in); /* the same among the pairs that `in` describes */
EdgeLineList ast_edge_lines(Parser *p, EdgeLineList list, EdgeLine *line);
/* A model with a budget over its graphs, if there is one. */
Decl *ast_with_budget(Parser *p, Decl *head, Span span, Budget budget);
Budget ast_budget(BudgetKind kind, Expr *amount, Expr *of, Expr *by, Expr *rule);
GraphItem *ast_edges(Parser *p, Span span, bool braced, EdgeLineList lines, Expr *via, Budget budget);
GraphItem *ast_item_let(Parser *p, Span span, Name name, Expr *value);
GraphItemList ast_items(Parser *p, GraphItemList list, GraphItem *item);
RuleItem *ast_rule_item(Parser *p, Span span, RuleItemKind kind, Name name, Expr *value);
/* state name = value, weight name = value; name = value by `by` (or NULL). */
RuleItem *ast_rule_state(Parser *p, Span span, bool shared, Name name, Expr *value);
RuleItem *ast_rule_weight(Parser *p, Span span, const Stmt *weight, Start start);
RuleItem *ast_rule_start(Parser *p, Span span, Span word, Start start);
RuleItem *ast_rule_let(Parser *p, Span span, Name name, Expr *value, Expr *by);
RuleItem *ast_rule_event(Parser *p, Span span, Expr *when, RuleActionList actions);
RuleItemList ast_rule_items(Parser *p, RuleItemList list, RuleItem *item);
RuleAction *ast_action(Parser *p, Span span, Name verb, Expr *amount, Expr *by, Expr *at);
RuleAction *ast_assign_action(Parser *p, Span span, Name verb, Name target, Expr *value);
RuleActionList ast_actions(Parser *p, RuleActionList list, RuleAction *action);
SettingList ast_settings(Parser *p, SettingList list, Span span, Name name, Expr *value);

Param *ast_param(Parser *p, Span span, Name name, Expr *fallback, bool has_shape, ExprList shape);
ParamList ast_params(Parser *p, ParamList list, Param *param);

Decl *ast_import(Parser *p, Span span, Span path, Name as);
Decl *ast_option(Parser *p, Span span, Name name, Expr *value, Range range, const char *help);
/* The start of a fn, model, graph or rule. */
Decl *ast_head(Parser *p, Span span, DeclKind kind, Name name, NameList sizes, Parameters parameters);
Decl *ast_with_value(Span span, Decl *head, Expr *value);
Decl *ast_with_body(Span span, Decl *head, StmtList body);
Decl *ast_with_items(Span span, Decl *head, GraphItemList items);
Decl *ast_with_rule(Span span, Decl *head, RuleItemList items);
Decl *ast_train(Parser *p, Span span, Name name, SettingList settings);
Decl *ast_test(Parser *p, Span span, Span title, ExprList checks);
/* The bytes of a string token, escapes resolved. */
const char *ast_text(Parser *p, Span span);

/* Adds a declaration to the file and attaches the `##` lines before it. */
void ast_add(Parser *p, Decl *decl);
#endif
