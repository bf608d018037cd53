/* parse_state.h: state shared by the scanner, the line filter, the grammar and its messages. Private to
 * parsing and fmt.
 *
 *     bytes -> dnw.l (raw tokens) -> parse_line.c (line ends, brackets, bad tokens) -> dnw.y -> ast.c
 *                                                                      \-> parse_message.c (errors in words)
 *
 * Tokens carry no value: the text of a name or a number is read from the source through its span.
 *
 * One statement gives at most one message (`complained`), from the first part that finds a mistake; the flag
 * is cleared after the line end of the statement.
 */
#ifndef DNW_PARSE_STATE_H
#define DNW_PARSE_STATE_H
#include "front/ast.h"
#include "base/diag.h"

enum {
    PARSE_NESTING = 200, /* open brackets at one place */
    PARSE_HEIGHT = 1000, /* height of an expression tree: every later pass recurs over it */
    PARSE_ERRORS = 100,  /* then the rest of the file is not read */
    PARSE_KINDS = 400,   /* kinds of token that the grammar knows are below */
};

typedef struct Token {
    int kind; /* as in dnw.tab.h, or one of the raw kinds below; 0 at the end of the file */
    Span span;
    int line_ends; /* line ends between the token before it and this one */
    int indent;    /* columns before it on its line, when it is the first there */
} Token;
typedef Vec(Token) TokenList;

/* Raw kinds: the scanner makes them, the line filter reports or replaces them, the grammar never sees them.
 */
enum {
    RAW_BREAK = 1000, /* a line end */
    RAW_SEMICOLON,
    RAW_FOREIGN,    /* an operator of other languages; parse_repair.c has the table */
    RAW_SLASHES,    /* a comment of other languages, to the end of the line */
    RAW_BAD_NAME,   /* a name with letters outside ASCII */
    RAW_BAD_NUMBER, /* digits and letters run together */
    RAW_BAD_STRING, /* no closing quote on its line, or other quotes */
    RAW_STRAY,      /* a character that means nothing */
};

typedef enum BlockKind {
    BLOCK_NONE,
    BLOCK_BODY,
    BLOCK_GRAPH,
    BLOCK_EDGES,
    BLOCK_TRAIN,
    BLOCK_RULE,
    BLOCK_EVENT,
    BLOCK_TEST
} BlockKind;

/* An open bracket. */
typedef struct Open {
    int kind; /* '(' '[' '{' */
    Span span;
    int indent;      /* of the line it stands on */
    Token statement; /* '{': first token of the statement that opened it */
    BlockKind block; /* '{' */
} Open;

typedef struct Parser {
    Arena *perm;
    const SourceFile *source;
    Diags *diags;
    Ast *ast;

    uint32_t scanned;   /* bytes that the scanner has consumed */
    TokenList raw;      /* all raw tokens but RAW_BREAK; the end of the file is the last */
    int raw_at;         /* the next one to take */
    int line_indent;    /* of the line of the last token taken */
    int braces_left;    /* { minus } of this declaration; 0 in a right program */
    int braces_counted; /* raw tokens before this one were counted for it */

    Token queue[2 * PARSE_NESTING]; /* made up by the filter, delivered next */
    int queue_at, queue_count;
    Open open[PARSE_NESTING + 2];
    int open_count;

    Token last, before;   /* delivered to the grammar: the last token and the one before it */
    Token first;          /* of the statement being delivered */
    int statement_length; /* tokens of it so far */
    bool has_value;       /* it has an '=' outside of brackets */
    bool complained;      /* this statement already has its message */
    bool recovering;      /* the grammar is throwing tokens away to the end of the statement */
    Span refused;         /* the last token that the grammar did not want */
    bool skip_to_declaration, skip_block;
    bool too_deep; /* the height of an expression was reported */
    bool stopped;  /* too many errors */
    int errors;
    Vec(uint32_t) breaks;     /* a byte for each statement that may not be what was meant */
    bool broken, last_breaks; /* this statement is one; the last mistake made it one */
    int docs_from;            /* index in ast->comments: not yet attached to a declaration */
} Parser;

/* dnw.l: all raw tokens into p->raw, all comments into p->ast->comments. */
void parse_scan(Parser *p);

/* parse_line.c: the next token of the grammar. */
Token parse_token(Parser *p);
/* Is one of the open brackets such a block? */
bool parse_is_inside(const Parser *p, BlockKind block);
/* The grammar has found a mistake at p->last and will throw tokens away: choose how far. */
void parse_line_recover(Parser *p);
/* The raw token `at` begins a declaration: its word is first on a line and a name or title follows. */
bool parse_line_declares(const Parser *p, int at);
/* The block that the statement being read stands in. */
BlockKind parse_line_block(const Parser *p);

/* parse_repair.c: reports a raw token of a kind above RAW_BREAK and makes it a good one; false when it is
 * best left out. `inside`: the innermost open ( or [ as text, or NULL. */
bool parse_repair(Parser *p, Token *t, const char *inside);

/* parse_message.c. NULL when the statement already has a message; diag_note and diag_help take that. */
Diag *parse_complain(Parser *p, DiagCode code, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The statement may not be what was meant, because of a mistake at byte `at`. */
void parse_break(Parser *p, uint32_t at);
/* The mistake just found was repaired: the tree is what was meant. */
void parse_mended(Parser *p);
/* The grammar wanted one of the kinds k with wanted[k] and found p->last. */
void parse_syntax_error(Parser *p, const bool *wanted);

/* dnw.y. */
int dnw_parse(Parser *p);
/* Words for a kind of token: "a name", "'keep'"; NULL for kinds that no message names. */
const char *parse_kind_words(int kind);

/* parse_lost.c: marks declarations with mistakes, and notes what else the file declares. */
void parse_lost(Parser *p);

/* parse_fix.c: drops the suggestions that are not right, of the messages from the from-th on. */
void parse_fix_check(Parser *p, int from);

/* parse.c: parse() without parse_fix_check. */
Parser *parse_once(Arena *perm, const Sources *sources, uint32_t file, Diags *diags);
/* The tokens of a file without syntax errors as the grammar gets them, line ends included; for fmt.
 */
TokenList parse_tokens(Arena *perm, const Sources *sources, uint32_t file);
/* A copy of the bytes of a span. */
char *parse_text(const Parser *p, Span span);
#endif
