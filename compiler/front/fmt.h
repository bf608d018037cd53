/* fmt.h: prints an Ast as canonical source text, comments kept (`dnw fmt`).
 *
 * fmt(parse(fmt(parse(x)))) == fmt(parse(x)); the Ast of the result equals the Ast of the input (spans
 * aside); every comment of the input is in the result. A file with syntax errors is not formatted.
 */
#ifndef DNW_FMT_H
#define DNW_FMT_H
#include "front/ast.h"

/* The formatted text, 0-ended, in `perm`. */
char *fmt(Arena *perm, const Sources *sources, const Ast *ast);
#endif
