/* dnw.y: tokens -> Ast. The grammar of the language and nothing else: each action is one ast_* call.
 *
 * parse_line.c has already decided what a line end means and made all brackets balanced. A syntax error throws away
 * the rest of its statement: `error NL` in every list of lines. Plain LALR(1), no conflicts.
 */
%require "3.8"
%define api.pure full
%define api.prefix {dnw_}
%define api.token.prefix {T_}
%define api.location.type {Span}
%define api.value.type union
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {Parser *p}

%code requires {
#include "front/ast_build.h"
}
%code {
#define YYLLOC_DEFAULT(whole, parts, count)                                                                  \
    do {                                                                                                     \
        if (count)                                                                                           \
            (whole) = span_join(YYRHSLOC(parts, 1), YYRHSLOC(parts, count));                                 \
        else                                                                                                 \
            (whole) = (Span){YYRHSLOC(parts, 0).file, YYRHSLOC(parts, 0).end, YYRHSLOC(parts, 0).end};       \
    } while (0)
static int dnw_lex(DNW_STYPE *value, Span *span, Parser *p);
static void dnw_error(Span *span, Parser *p, const char *message);
#define NO_NAME ((Name){0})
}

%token END 0 "the end of the file" NL "the end of the line"
%token NAME "a name" DERIV "a name with '" NUMBER "a number" PERCENT "a percentage" STRING "a string"
%token SKIPPED
/* The words of the language, from the first to the last (parse_line.c counts on it). */
%token IMPORT "'import'" AS "'as'" OPTION "'option'" FN "'fn'" GRAPH "'graph'" MODEL "'model'" RULE "'rule'" TRAIN "'train'"
       TEST "'test'" WEIGHT "'weight'" STATE "'state'" SHARED "'shared'" NEXT "'next'" COST "'cost'" SIZE "'size'" ON "'on'"
       INPUT "'input'" NODES "'nodes'" OUTPUT "'output'" EDGES "'edges'" AT "'at'" WHERE "'where'" VIA "'via'"
       KEEP "'keep'" OF "'of'" BY "'by'" USING "'using'" TIED "'tied'" SAMPLE "'sample'"
       IF "'if'" THEN "'then'" ELSE "'else'" AND "'and'" OR "'or'" NOT "'not'" MOD "'mod'" FOR "'for'" IN "'in'"
%token ARROW "'->'" PIPE "'|>'" EQ "'=='" NE "'!='" LE "'<='" GE "'>='" DOTS "'..'"

%nterm <Decl *> decl fn_head model_head graph_head rule_head
%nterm <Name> name as_opt port_opt
%nterm <NameList> names sizes_opt
%nterm <Parameters> parameters
%nterm <ParamList> params_opt params
%nterm <Param *> param
%nterm <Range> range_opt range
%nterm <Start> start
%nterm <Traits> traits_opt
%nterm <const char *> help_opt
%nterm <StmtList> stmts
%nterm <Stmt *> stmt weight
%nterm <RuleItemList> rule_items
%nterm <RuleItem *> rule_item
%nterm <RuleActionList> actions
%nterm <RuleAction *> action
%nterm <GraphItemList> items
%nterm <GraphItem *> item set
%nterm <SetRole> role
%nterm <SetIndexList> indices_opt indices
%nterm <EdgeLineList> edge_list edges
%nterm <EdgeLine *> edge
%nterm <NodeRef> node_ref
%nterm <Budget> budget tied_budget
%nterm <SettingList> settings
%nterm <ExprList> checks exprs dims_opt
%nterm <ArgList> args
%nterm <Expr *> expr primary at_opt cell_opt where_opt via_opt of_opt by_opt using_opt

%precedence ELSE
%left PIPE
%left OR
%left AND
%precedence NOT
%nonassoc EQ NE LE GE '<' '>'
%left '+' '-'
%left '*' '/' MOD
%precedence NEGATIVE
%right '^'

%%

file: decls;

decls:
  %empty
| decls NL
| decls decl NL                 { ast_add(p, $decl); }
| decls error NL                { yyerrok; }
;

decl:
  IMPORT STRING as_opt                          { $$ = ast_import(p, @$, @STRING, $as_opt); }
| OPTION name '=' expr range_opt help_opt       { $$ = ast_option(p, @$, $name, $expr, $range_opt, $help_opt); }
| fn_head '=' expr                              { $$ = ast_with_value(@$, $fn_head, $expr); }
| fn_head '{' stmts '}'                         { $$ = ast_with_body(@$, $fn_head, $stmts); }
| model_head '=' expr budget                    { $$ = ast_with_budget(p, ast_with_value(@$, $1, $3), @budget, $budget); }
| model_head '{' stmts '}' budget               { $$ = ast_with_budget(p, ast_with_body(@$, $1, $3), @budget, $budget); }
| graph_head '{' items '}'                      { $$ = ast_with_items(@$, $graph_head, $items); }
| rule_head '{' rule_items '}'                  { $$ = ast_with_rule(@$, $rule_head, $rule_items); }
| TRAIN name '{' settings '}'                   { $$ = ast_train(p, @$, $name, $settings); }
| TEST STRING '{' checks '}'                    { $$ = ast_test(p, @$, @STRING, $checks); }
;

fn_head:
  FN name sizes_opt parameters                  { $$ = ast_head(p, @$, DECL_FN, $name, $sizes_opt, $parameters); }
;

model_head:
  MODEL name sizes_opt parameters               { $$ = ast_head(p, @$, DECL_MODEL, $name, $sizes_opt, $parameters); }
;

graph_head:
  GRAPH name sizes_opt parameters               { $$ = ast_head(p, @$, DECL_GRAPH, $name, $sizes_opt, $parameters); }
;

rule_head:
  RULE name parameters                          { $$ = ast_head(p, @$, DECL_RULE, $name, (NameList){0}, $parameters); }
;

as_opt:     %empty { $$ = NO_NAME; }            | AS name { $$ = $name; };
range_opt:  %empty { $$ = (Range){0}; }         | IN range { $$ = $range; };
range:      expr[low] DOTS expr[high] { $$ = ast_range($low, $high); };
help_opt:   %empty { $$ = NULL; }               | STRING { $$ = ast_text(p, @1); };
sizes_opt:  %empty { $$ = (NameList){0}; }      | '[' names ']' { $$ = $names; };
dims_opt:   %empty { $$ = (ExprList){0}; }      | '[' exprs ']' { $$ = $exprs; };

name:       NAME { $$ = ast_name(p, @1); };
names:
  name                          { $$ = ast_names(p, (NameList){0}, $1); }
| names ',' name                { $$ = ast_names(p, $1, $3); }
;

parameters: %empty { $$ = (Parameters){0}; }    | '(' params_opt ')' { $$ = (Parameters){true, $params_opt}; };
params_opt: %empty { $$ = (ParamList){0}; }     | params;
params:
  param                         { $$ = ast_params(p, (ParamList){0}, $1); }
| params ',' param              { $$ = ast_params(p, $1, $3); }
;
param:
  name                          { $$ = ast_param(p, @$, $1, NULL, false, (ExprList){0}); }
| name '=' expr                 { $$ = ast_param(p, @$, $1, $3, false, (ExprList){0}); }
| name '[' exprs ']'            { $$ = ast_param(p, @$, $1, NULL, true, $3); }
;

/* The lines of a function or model. */
stmts:
  %empty                        { $$ = (StmtList){0}; }
| stmts NL
| stmts stmt NL                 { $$ = ast_stmts(p, $1, $2); }
| stmts error NL                { $$ = $1; yyerrok; }
;
stmt:
  weight dims_opt range_opt start traits_opt
                                { $$ = ast_with_traits(@$, ast_with_start(@$, $weight, $dims_opt, $range_opt, $start), $traits_opt); }
| SIZE name IN expr[low] DOTS expr[high] '=' expr[value]
                                { $$ = ast_size(p, @$, $name, ast_range($low, $high), $value); }
| STATE name dims_opt '=' expr  { $$ = ast_state(p, @$, $name, $dims_opt, $expr); }
| DERIV '=' expr                { $$ = ast_stmt(p, @$, STMT_DERIV, ast_marked_name(p, @1), $expr); }
| NEXT name '=' expr            { $$ = ast_stmt(p, @$, STMT_NEXT, $name, $expr); }
| COST name '=' expr            { $$ = ast_stmt(p, @$, STMT_COST, $name, $expr); }
| name '=' expr                 { $$ = ast_stmt(p, @$, STMT_LET, $name, $expr); }
| expr                          { $$ = ast_stmt(p, @$, STMT_EXPR, NO_NAME, $expr); }
;

weight:
  WEIGHT name                   { $$ = ast_weight(p, @$, false, $name); }
| SHARED WEIGHT name            { $$ = ast_weight(p, @$, true, $name); }
;
start:
  '~' expr                      { $$ = (Start){true, $expr}; }
| '=' expr                      { $$ = (Start){false, $expr}; }
;

/* `fixed`, `with lr = 10%, decay = 0`: which there are, cell_trait.c knows. */
traits_opt:
  %empty                        { $$ = (Traits){0}; }
| name                          { $$ = (Traits){$name, {0}}; }
| name args                     { $$ = (Traits){$name, $args}; }
;

/* The lines of a graph. */
items:
  %empty                        { $$ = (GraphItemList){0}; }
| items NL
| items item NL                 { $$ = ast_items(p, $1, $2); }
| items error NL                { $$ = $1; yyerrok; }
;
item:
  set at_opt cell_opt           { $$ = ast_with_cell(@$, $set, $at_opt, $cell_opt); }
| EDGES edge tied_budget        { $$ = ast_edges(p, @$, false, ast_edge_lines(p, (EdgeLineList){0}, $edge), NULL, $tied_budget); }
| edge_list via_opt tied_budget { $$ = ast_edges(p, @$, true, $edge_list, $via_opt, $tied_budget); }
| name '=' expr                 { $$ = ast_item_let(p, @$, $name, $expr); }
;
set:        role name indices_opt { $$ = ast_set(p, @$, $role, $name, $indices_opt); };
role:       INPUT { $$ = SET_INPUT; } | NODES { $$ = SET_NODES; } | OUTPUT { $$ = SET_OUTPUT; };
at_opt:     %empty { $$ = NULL; } | AT expr { $$ = $expr; };
cell_opt:   %empty { $$ = NULL; } | ':' expr { $$ = $expr; };

indices_opt: %empty { $$ = (SetIndexList){0}; } | '[' indices ']' { $$ = $indices; };
indices:
  expr                          { $$ = ast_indices(p, (SetIndexList){0}, NO_NAME, $expr); }
| name ':' expr                 { $$ = ast_indices(p, (SetIndexList){0}, $name, $expr); }
| indices ',' expr              { $$ = ast_indices(p, $1, NO_NAME, $expr); }
| indices ',' name ':' expr     { $$ = ast_indices(p, $1, $name, $expr); }
;

/* A rule of its own: a mistake behind the } must not lead back into the list. */
edge_list:  EDGES '{' edges '}' { $$ = $edges; };
edges:
  %empty                        { $$ = (EdgeLineList){0}; }
| edges NL
| edges edge NL                 { $$ = ast_edge_lines(p, $1, $2); }
| edges error NL                { $$ = $1; yyerrok; }
;
edge:
  node_ref[from] ARROW node_ref[to] where_opt via_opt
                                { $$ = ast_edge_line(p, @$, $from, $to, $where_opt, $via_opt); }
| node_ref[from] ARROW node_ref[to] IN expr where_opt via_opt
                                { $$ = ast_listed(ast_edge_line(p, @$, $from, $to, $where_opt, $via_opt), $expr); }
;
node_ref:
  name port_opt                 { $$ = ast_node_ref(@$, $name, false, (NameList){0}, $port_opt); }
| name '[' names ']' port_opt   { $$ = ast_node_ref(@$, $name, true, $names, $port_opt); }
;
port_opt:   %empty { $$ = NO_NAME; } | '.' name { $$ = $name; };
where_opt:  %empty { $$ = NULL; } | WHERE expr { $$ = $expr; };
via_opt:    %empty { $$ = NULL; } | VIA expr { $$ = $expr; };
budget:
  %empty                        { $$ = (Budget){0}; }
| KEEP expr of_opt by_opt using_opt
                                { $$ = ast_budget(BUDGET_KEEP, $expr, $of_opt, $by_opt, $using_opt); }
| SAMPLE expr of_opt            { $$ = ast_budget(BUDGET_SAMPLE, $expr, $of_opt, NULL, NULL); }
;
tied_budget: budget | TIED expr budget { $$ = $budget; $$.tied = $expr; };
of_opt:     %empty { $$ = NULL; } | OF expr { $$ = $expr; };
by_opt:     %empty { $$ = NULL; } | BY expr { $$ = $expr; };
using_opt:  %empty { $$ = NULL; } | USING expr { $$ = $expr; };

/* The lines of a rule. */
rule_items:
  %empty                        { $$ = (RuleItemList){0}; }
| rule_items NL
| rule_items rule_item NL       { $$ = ast_rule_items(p, $1, $2); }
| rule_items error NL           { $$ = $1; yyerrok; }
;
rule_item:
  STATE name '=' expr           { $$ = ast_rule_state(p, @$, false, $name, $expr); }
| SHARED STATE name '=' expr    { $$ = ast_rule_state(p, @$, true, $name, $expr); }
| weight start                  { $$ = ast_rule_weight(p, @$, $weight, $start); }
| weight                        { $$ = ast_rule_weight(p, @$, $weight, (Start){0}); }
| WEIGHT start                  { $$ = ast_rule_start(p, @$, @1, $start); }
| NEXT name '=' expr            { $$ = ast_rule_item(p, @$, RULE_ITEM_NEXT, $name, $expr); }
| name '=' expr by_opt          { $$ = ast_rule_let(p, @$, $name, $expr, $by_opt); }
| ON expr '{' actions '}'       { $$ = ast_rule_event(p, @$, $expr, $actions); }
;
actions:
  %empty                        { $$ = (RuleActionList){0}; }
| actions NL
| actions action NL             { $$ = ast_actions(p, $1, $2); }
| actions error NL              { $$ = $1; yyerrok; }
;
/* drop 30% by abs(w); grow by random at 0; reset w = first: which verbs there are, graph_rule_decl.c knows. */
action:
  name[verb] BY expr[by] at_opt { $$ = ast_action(p, @$, $verb, NULL, $by, $at_opt); }
| name[verb] expr[amount] BY expr[by] at_opt
                                { $$ = ast_action(p, @$, $verb, $amount, $by, $at_opt); }
| name[verb] name[target] '=' expr
                                { $$ = ast_assign_action(p, @$, $verb, $target, $expr); }
;

settings:
  %empty                        { $$ = (SettingList){0}; }
| settings NL
| settings name '=' expr NL     { $$ = ast_settings(p, $1, span_join(@name, @expr), $name, $expr); }
| settings error NL             { $$ = $1; yyerrok; }
;

checks:
  %empty                        { $$ = (ExprList){0}; }
| checks NL
| checks expr NL                { $$ = ast_exprs(p, $1, $2); }
| checks error NL               { $$ = $1; yyerrok; }
;

exprs:
  expr                          { $$ = ast_exprs(p, (ExprList){0}, $1); }
| exprs ',' expr                { $$ = ast_exprs(p, $1, $3); }
;

expr:
  primary
| expr PIPE expr                { $$ = ast_pipe(p, @$, @2, $1, $3); }
| expr OR expr                  { $$ = ast_binary(p, @$, OP_OR, @2, $1, $3); }
| expr AND expr                 { $$ = ast_binary(p, @$, OP_AND, @2, $1, $3); }
| NOT expr                      { $$ = ast_unary(p, @$, OP_NOT, @1, $2); }
| expr EQ expr                  { $$ = ast_binary(p, @$, OP_EQ, @2, $1, $3); }
| expr NE expr                  { $$ = ast_binary(p, @$, OP_NE, @2, $1, $3); }
| expr '<' expr                 { $$ = ast_binary(p, @$, OP_LT, @2, $1, $3); }
| expr LE expr                  { $$ = ast_binary(p, @$, OP_LE, @2, $1, $3); }
| expr '>' expr                 { $$ = ast_binary(p, @$, OP_GT, @2, $1, $3); }
| expr GE expr                  { $$ = ast_binary(p, @$, OP_GE, @2, $1, $3); }
| expr '+' expr                 { $$ = ast_binary(p, @$, OP_ADD, @2, $1, $3); }
| expr '-' expr                 { $$ = ast_binary(p, @$, OP_SUB, @2, $1, $3); }
| expr '*' expr                 { $$ = ast_binary(p, @$, OP_MUL, @2, $1, $3); }
| expr '/' expr                 { $$ = ast_binary(p, @$, OP_DIV, @2, $1, $3); }
| expr MOD expr                 { $$ = ast_binary(p, @$, OP_MOD, @2, $1, $3); }
| expr '^' expr                 { $$ = ast_binary(p, @$, OP_POW, @2, $1, $3); }
| '-' expr %prec NEGATIVE       { $$ = ast_unary(p, @$, OP_NEG, @1, $2); }
| IF expr[a] THEN expr[b] ELSE expr[c]
                                { $$ = ast_if(p, @$, $a, $b, $c); }
;

primary:
  NUMBER                        { $$ = ast_number(p, @1); }
| PERCENT                       { $$ = ast_percent(p, @1); }
| STRING                        { $$ = ast_string(p, @1); }
| NAME                          { $$ = ast_name_expr(p, @1); }
| SKIPPED                       { $$ = ast_skipped(p, @1); }
| primary '.' name              { $$ = ast_member(p, @$, $1, span_join(@2, @3), $name); }
| primary '[' exprs ']'         { $$ = ast_index(p, @$, $1, $exprs); }
| primary '(' ')'               { $$ = ast_call(p, @$, $1, span_join(@2, @3), (ArgList){0}); }
| primary '(' args ')'          { $$ = ast_call(p, @$, $1, span_join(@2, @4), $args); }
| '(' expr ')'                  { $$ = ast_parenthesised(p, @$, $expr); }
| '(' expr ',' exprs ')'        { $$ = ast_tuple(p, @$, $expr, $exprs); }
| '[' exprs ']'                 { $$ = ast_list(p, @$, $exprs); }
| '[' ']'                       { $$ = ast_list(p, @$, (ExprList){0}); }
| '[' expr[each] FOR name IN range ']'
                                { $$ = ast_each(p, @$, $each, $name, $range); }
| '[' expr[each] FOR name IN expr[list] ']'
                                { $$ = ast_each(p, @$, $each, $name, ast_range($list, NULL)); }
;

args:
  expr                          { $$ = ast_args(p, (ArgList){0}, NO_NAME, $expr); }
| name '=' expr                 { $$ = ast_args(p, (ArgList){0}, $name, $expr); }
| args ',' expr                 { $$ = ast_args(p, $1, NO_NAME, $expr); }
| args ',' name '=' expr        { $$ = ast_args(p, $1, $name, $expr); }
;

%%

static int dnw_lex(DNW_STYPE *value, Span *span, Parser *p)
{
    (void)value; /* tokens carry only their place */
    Token t = parse_token(p);
    *span = t.span;
    return t.kind;
}

/* Only called when bison's stack is full: operators without brackets, nested thousands deep. */
static void dnw_error(Span *span, Parser *p, const char *message)
{
    (void)message;
    p->complained = false;
    parse_complain(p, E_TOO_DEEP, *span, "the expression is nested too deep here");
}

const char *parse_kind_words(int kind)
{
    yysymbol_kind_t symbol = YYTRANSLATE(kind);
    return kind == T_SKIPPED || symbol == YYSYMBOL_YYUNDEF ? NULL : yysymbol_name(symbol);
}

static int yyreport_syntax_error(const yypcontext_t *context, Parser *p)
{
    yysymbol_kind_t wanted[YYNTOKENS];
    bool kinds[PARSE_KINDS] = {false};
    int count = yypcontext_expected_tokens(context, wanted, YYNTOKENS);
    for (int kind = 0; kind < PARSE_KINDS; kind++)
        for (int i = 0; i < count; i++)
            if (YYTRANSLATE(kind) == wanted[i]) kinds[kind] = true;
    parse_syntax_error(p, kinds);
    parse_line_recover(p);
    return 0;
}
