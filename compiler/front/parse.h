/* parse.h: bytes -> Ast.
 *
 * Syntax errors go to `diags`; the parser resynchronises at line ends and `}`, so independent mistakes give
 * one message each. Always returns an Ast, holding what was understood. Never crashes on any bytes.
 */
#ifndef DNW_PARSE_H
#define DNW_PARSE_H
#include "front/ast.h"
#include "base/diag.h"

Ast *parse(Arena *perm, const Sources *sources, uint32_t file, Diags *diags);
/* The source text of the expression, for messages and manifests: as written, blanks squeezed. */
const char *expr_text(Arena *a, const Sources *sources, const Expr *e);
const char *span_text(Arena *a, const Sources *sources, Span span);
#endif
