/* parse_mistake.h: shared by the files that describe syntax errors. Private to parse_message.c, parse_word.c,
 * parse_habit.c and parse_rule.c.
 */
#ifndef DNW_PARSE_MISTAKE_H
#define DNW_PARSE_MISTAKE_H
#include "front/parse_state.h"
#include "dnw.tab.h"

typedef struct Mistake {
    Parser *p;
    Token found;        /* p->last */
    const bool *wanted; /* by kind */
    BlockKind block;
    bool expression;   /* wanted: the start of an expression */
    bool has_operator; /* wanted: among others an operator, so an expression stands before */
    bool in_parentheses;
} Mistake;

/* The raw token `k` places behind the one found; 0 is that one itself, -1 the one before it. */
Token parse_raw(const Mistake *m, int k);
const char *parse_text_of(const Mistake *m, Token t);
/* From byte `start` to the end of the statement, as far as it stands on one line. */
Span parse_rest(const Mistake *m, uint32_t start);
/* From the raw token k on to the comma, bracket or line end behind it. */
Span parse_operand(const Mistake *m, int k);
/* What stands before the token found, from the bracket, comma or '=' on. */
Span parse_operand_before(const Mistake *m);
/* Help: the statement with `fix` between the bytes `end` and `start`; none when it stands on several lines.
 */
void parse_help_statement(const Mistake *m, Diag *d, uint32_t end, const char *fix, uint32_t start);
/* Help: write `text` instead of what is in `place`. */
void parse_help_write(const Mistake *m, Diag *d, Span place, const char *text);
bool parse_is_first(const Mistake *m);
const char *parse_block_name(BlockKind block);

static inline bool is_keyword(int kind)
{
    return kind >= T_IMPORT && kind <= T_IN;
}
static inline bool is_declaration_word(int kind)
{
    return kind == T_IMPORT || kind == T_OPTION || kind == T_FN || kind == T_GRAPH || kind == T_MODEL ||
           kind == T_RULE || kind == T_TRAIN || kind == T_TEST;
}
static inline bool is_operand(int kind)
{
    return kind == T_NAME || kind == T_NUMBER || kind == T_PERCENT || kind == T_STRING || kind == T_SKIPPED;
}

/* The word of the language that begins lines of a block and is nearest; NULL when none is near. */
const char *parse_near_word(BlockKind block, const char *wrong);

/* Each recognises one mistake and says it; false when it is another one. */
bool parse_misplaced_word(const Mistake *m);
bool parse_unknown_word(const Mistake *m);
bool parse_misplaced_trait(const Mistake *m);
bool parse_loop(const Mistake *m);
bool parse_unfinished_for(const Mistake *m);
bool parse_lambda(const Mistake *m);
bool parse_choice_behind(const Mistake *m);
bool parse_unfinished_if(const Mistake *m);
bool parse_indented_body(const Mistake *m);
bool parse_type_of_name(const Mistake *m);
bool parse_type_of_result(const Mistake *m);
bool parse_index_twice(const Mistake *m);
bool parse_word_called(const Mistake *m);
bool parse_extra_sign(const Mistake *m);
bool parse_any_index(const Mistake *m);
bool parse_lost_colon(const Mistake *m);
bool parse_if_for_where(const Mistake *m);
bool parse_range(const Mistake *m);
bool parse_lost_parentheses(const Mistake *m);
bool parse_nameless(const Mistake *m);
bool parse_type_before(const Mistake *m);
/* parse_rule.c */
bool parse_event_argument(const Mistake *m);
bool parse_event_head(const Mistake *m);
bool parse_action_outside(const Mistake *m);
bool parse_misplaced_rule(const Mistake *m);
bool parse_budget_in_list(const Mistake *m);
bool parse_misplaced_of(const Mistake *m);
/* Help: what a line of a rule looks like. */
void parse_help_rule(const Mistake *m, Diag *d);
#endif
