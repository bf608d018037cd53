/* diag.h: messages to the user, collected, sorted by place and printed together.
 *
 * One mistake is one Diag: an error or a warning with a code, a span and one line of text (lower case, no
 * full stop), then notes that point at other causes, then at most one help whose suggestion is itself valid.
 * Nothing here exits. After 20 errors the rest is counted, not printed.
 *
 * Text form:
 *     error[E0214]: graph 'Wiring' has a cycle
 *       --> net.dnw:7:11
 *        |
 *      7 |     h[i] -> h[j]
 *        |     ^^^^^^^^^^^^
 *     note: h[0] -> h[1] -> h[0]
 *       --> net.dnw:5:9 ... (a note with a span prints its own line the same way)
 *     help: add a condition that orders the nodes: where i < j
 * A message whose span is SPAN_NONE has no place lines. An empty line stands between two messages. Bytes of a
 * message that are no UTF-8 text, and control characters, are shown as U+FFFD.
 */
#ifndef DNW_DIAG_H
#define DNW_DIAG_H
#include "base/source.h"
#include <stdio.h>

typedef enum DiagCode {
#define DIAG(code, name, level, title, page) name,
#include "base/diag.def"
#undef DIAG
    DIAG_COUNT
} DiagCode;

typedef struct Diags Diags;
typedef struct Diag Diag;

Diags *diags_new(Arena *perm, const Sources *sources);

/* The note and help functions do nothing for a NULL diag.
 * Adds a message; the code decides whether it is an error or a warning. The returned Diag takes notes and a
 * help. */
Diag *diag_add(Diags *d, DiagCode code, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_note(Diag *diag, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A note without a place. */
void diag_note_plain(Diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));
void diag_help(Diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A help that can be put in place: `text` instead of the bytes of `place`. It is printed as `before`, the
 * text without blanks around it, `after`; a help in words that was given first is kept for diag_unfix. */
void diag_fix(Diag *diag, Span place, const char *text, const char *before, const char *after);
void diag_unfix(Diag *diag);
/* What a message says, for those who try out what it suggests. `fix` is NULL when nothing can be put in
 * place. */
typedef struct DiagView {
    DiagCode code;
    bool error;
    Span span;
    const char *text, *help, *fix;
    Span place;
} DiagView;
/* Another place than where it was found, which becomes a note. */
void diag_move(Diag *diag, Span span, const char *note);
int diags_count(const Diags *d);
Diag *diags_at(const Diags *d, int i); /* in the order in which they were added */
DiagView diag_view(const Diag *diag);

int diags_errors(const Diags *d); /* errors so far, warnings not counted */
int diags_warnings(const Diags *d);
/* Prints all messages sorted by place; colour only when asked. Identical messages at one place appear once.
 */
void diags_print(const Diags *d, FILE *out, bool colour);
/* The same table as JSON (jansson):
 * [{"code","level","message","file","line","column","end_line","end_column", "notes":[...],"help","fix"}],
 * sorted, all of them. "fix" is null or the "text" that can stand instead of what is between four place keys.
 * The end is the first place behind the span; a note is an object with "message" and, when it has a place,
 * the same five place keys; "help" is null when there is none, and so are the place keys of a message without
 * a place. Caller owns the reference. */
struct json_t *diags_json(const Diags *d);

/* `dnw explain E0214`: prints the page of a code; false when there is no such code. */
bool diag_explain(const char *code, FILE *out);
const char *diag_code_text(DiagCode code); /* "E0214" */

/* The name nearest to `wrong` among `count` names, or NULL when none is near (edit distance <= 1 + length/4,
 * case ignored for ties). Used for every "did you mean". */
const char *diag_nearest(const char *wrong, const char *const *names, int count);

/* A compiler bug: prints file, line and text, then aborts. No input may reach one. */
#define BUG(...) diag_bug(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void diag_bug(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#endif
