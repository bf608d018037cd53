/* ast.h: the program as written: names and spans, without types or meaning.
 *
 * Built by grammar/dnw.y through the ast_* functions at the end, one call per action. Every node has a span.
 * Identifiers are plain 0-ended strings in the permanent arena. There are no nodes for text that
 * was skipped after a syntax error: lists contain only what was understood.
 */
#ifndef DNW_AST_H
#define DNW_AST_H
#include "base/source.h"
#include "base/vec.h"
#include <stdio.h>

typedef struct Expr Expr;
typedef Vec(Expr *) ExprList;

/* An identifier and where it stands; text is NULL when absent. */
typedef struct Name {
    const char *text;
    Span span;
} Name;
typedef Vec(Name) NameList;

typedef enum ExprKind {
    EXPR_NUMBER,  /* number */
    EXPR_PERCENT, /* number: 5% has number 5 */
    EXPR_STRING,  /* name: the bytes between the quotes, escapes resolved */
    EXPR_NAME,    /* name; `_` is the name "_" */
    EXPR_MEMBER,  /* left . name */
    EXPR_INDEX,   /* left [ items ] */
    EXPR_CALL,    /* left ( args ) */
    EXPR_TUPLE,   /* ( items ), two or more */
    EXPR_LIST,    /* [ items ] */
    EXPR_EACH,    /* [ left for name in right .. third ], or in the list `right` */
    EXPR_UNARY,   /* op left */
    EXPR_BINARY,  /* left op right */
    EXPR_PIPE,    /* left |> right */
    EXPR_IF,      /* if left then right else third */
} ExprKind;

typedef enum OpKind {
    OP_NEG,
    OP_NOT,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_POW,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_AND,
    OP_OR,
} OpKind;

typedef struct Arg {
    Name name; /* text NULL: by position */
    Expr *value;
} Arg;
typedef Vec(Arg) ArgList;

struct Expr {
    ExprKind kind;
    OpKind op;
    Span span;    /* the whole expression */
    Span op_span; /* operator, `.NAME`, the callee's parentheses, or the name of EXPR_EACH */
    double number;
    const char *name;
    const char
        *written; /* EXPR_NUMBER and EXPR_PERCENT: the token as written ("41M", "0.05", "5%"), for fmt */
    Expr *left, *right, *third;
    ExprList items;
    ArgList args;
    bool parenthesised; /* written in ( ), which `span` then holds; kept by fmt */
    int height;         /* 1 for a leaf; at most 1000, so a pass may recur */
};

/* How a weight learns: `fixed`, or `with lr = 10%, decay = 0`; the text of the word is NULL when absent. */
typedef struct Traits {
    Name word;
    ArgList args;
} Traits;

/* A line of a function body. */
typedef enum StmtKind {
    STMT_WEIGHT,
    STMT_STATE,
    STMT_DERIV,
    STMT_NEXT,
    STMT_COST,
    STMT_SIZE,
    STMT_LET,
    STMT_EXPR
} StmtKind;
typedef struct Stmt {
    StmtKind kind;
    Span span;
    Name name;        /* all but STMT_EXPR; for STMT_DERIV without the quote mark */
    bool shared;      /* STMT_WEIGHT */
    ExprList dims;    /* STMT_WEIGHT, STMT_STATE: [..], empty for a scalar */
    Expr *low, *high; /* STMT_WEIGHT, STMT_SIZE: in low .. high, or NULL */
    bool drawn;       /* STMT_WEIGHT: `~ value` (a distribution), else `= value` */
    Traits traits;    /* STMT_WEIGHT */
    Expr *value;
} Stmt;
typedef Vec(Stmt *) StmtList;

typedef struct Param {
    Name name;
    Expr *fallback; /* name = expr, or NULL */
    ExprList shape; /* name[exprs] (models), empty otherwise */
    bool has_shape;
    Span span;
} Param;
typedef Vec(Param) ParamList;

/* `a: side` or `side` inside the brackets of a node set. */
typedef struct SetIndex {
    Name name; /* text NULL when no name was given */
    Expr *size;
} SetIndex;
typedef Vec(SetIndex) SetIndexList;

typedef enum SetRole { SET_INPUT, SET_NODES, SET_OUTPUT } SetRole;
typedef struct NodeSetDecl {
    SetRole role;
    Span span;
    Name name;
    SetIndexList indices; /* empty: one node */
    Expr *at;             /* coordinates, or NULL */
    Expr *cell;           /* node function, or NULL */
} NodeSetDecl;

/* h[i, _]: `bracketed` is false for a bare name, which stands for all nodes of the set. */
typedef struct NodeRef {
    Name set;
    NameList indices;
    bool bracketed;
    Name port; /* h.forget; text NULL: none is named */
    Span span;
} NodeRef;

typedef struct EdgeLine {
    NodeRef from, to;
    Expr *in;          /* describes pairs, such as file("edges.csv"); NULL: all pairs */
    Expr *where, *via; /* or NULL */
    Span span;
} EdgeLine;
typedef Vec(EdgeLine *) EdgeLineList;

typedef enum BudgetKind { BUDGET_NONE, BUDGET_KEEP, BUDGET_SAMPLE } BudgetKind;
typedef struct EdgesDecl {
    Span span;
    bool braced;
    EdgeLineList lines;
    Expr *via;  /* for all lines of a braced list, or NULL */
    Expr *tied; /* one weight for all candidates with this key, or NULL */
    BudgetKind budget;
    Expr *amount, *of, *by, *rule; /* keep amount of KEY by SCORE using RULE; or NULL */
} EdgesDecl;

/* A line of a graph. */
typedef enum GraphItemKind { ITEM_SET, ITEM_EDGES, ITEM_LET } GraphItemKind;
typedef struct GraphItem {
    GraphItemKind kind;
    Span span;
    NodeSetDecl *set;
    EdgesDecl *edges;
    Name name; /* ITEM_LET: `time = ...` and names of one's own */
    Expr *value;
} GraphItem;
typedef Vec(GraphItem *) GraphItemList;

/* What a rule does at an event: drop AMOUNT by SCORE, grow AMOUNT by SCORE at VALUE, reset TARGET = VALUE. */
typedef struct RuleAction {
    Span span;
    Name verb, target; /* target: of an assignment, else its text is NULL */
    Expr *amount, *by; /* or NULL */
    Expr *value;       /* of an assignment or behind `at`, or NULL */
} RuleAction;
typedef Vec(RuleAction *) RuleActionList;

/* A line of a rule. */
typedef enum RuleItemKind {
    RULE_ITEM_STATE,  /* state name = value: a number that the rule moves */
    RULE_ITEM_WEIGHT, /* weight name = value: one that the optimiser moves */
    RULE_ITEM_START,  /* weight ~ value: how w starts, which is the name of the item */
    RULE_ITEM_NEXT,   /* next name = value */
    RULE_ITEM_LET,    /* name = value: `gradient = used`, and names of one's own */
    RULE_ITEM_EVENT,  /* on value { actions } */
} RuleItemKind;
typedef struct RuleItem {
    RuleItemKind kind;
    Span span;
    Name name;
    Expr *value;
    Expr *by;    /* of `gradient = top(20%) by abs(w)`, else NULL */
    bool shared; /* STATE, WEIGHT: one number a list, else one a candidate */
    bool drawn;  /* WEIGHT, START: `~ value` */
    RuleActionList actions;
} RuleItem;
typedef Vec(RuleItem *) RuleItemList;

typedef struct Setting {
    Name name;
    Expr *value;
    Span span;
} Setting;
typedef Vec(Setting *) SettingList;

typedef enum DeclKind {
    DECL_IMPORT,
    DECL_OPTION,
    DECL_FN,
    DECL_GRAPH,
    DECL_MODEL,
    DECL_RULE,
    DECL_TRAIN,
    DECL_TEST
} DeclKind;
typedef struct Decl {
    DeclKind kind;
    Span span;        /* the whole declaration */
    Name name;        /* import: the `as` name or none; test: its title */
    const char *doc;  /* text of the `##` lines before it, joined by line ends; NULL when none */
    bool broken;      /* there is a syntax error in it */
    const char *path; /* DECL_IMPORT */
    Span path_span;
    Expr *value;      /* DECL_OPTION; also the body of `fn f(..) = expr` */
    Expr *low, *high; /* DECL_OPTION */
    const char *help; /* DECL_OPTION */
    NameList sizes;   /* [n, m] after the name */
    bool has_params;
    ParamList params;
    StmtList body;        /* DECL_FN, DECL_MODEL with { } */
    EdgesDecl *edges;     /* DECL_MODEL: the budget of the edges that have none of their own; or NULL */
    GraphItemList items;  /* DECL_GRAPH */
    RuleItemList rule;    /* DECL_RULE */
    SettingList settings; /* DECL_TRAIN */
    ExprList checks;      /* DECL_TEST */
} Decl;

typedef struct Comment {
    Span span;     /* from # to the end of the line, without it */
    bool own_line; /* nothing but blanks before it on its line */
} Comment;

typedef struct Ast {
    uint32_t file;
    Vec(Decl *) decls;
    /* What was not understood: names that it declares, whether a train block is among it, and whether it may
     * declare names that are not among these. */
    Vec(const char *) lost;
    bool lost_train, lost_names;
    Vec(Comment) comments; /* in order, doc comments included; for fmt */
} Ast;

/* Prints one fact a line, indented by depth; golden tests compare it. */
void ast_dump(const Ast *ast, FILE *out);
#endif
