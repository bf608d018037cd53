/* fuzz_parse.c: any bytes through the parser, its dump and its messages; a file without errors also through
 * fmt, whose result must parse without errors and be formatted already. */
#include "front/fmt.h"
#include "front/parse.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *nowhere(void)
{
    static FILE *out;
    if (!out) out = fopen("/dev/null", "w");
    return out;
}

/* The formatted text of the bytes, or NULL when they have syntax errors. */
static const char *format(Arena *perm, const char *text, size_t size)
{
    Sources *sources = sources_new(perm);
    Diags *diags = diags_new(perm, sources);
    int file = sources_add(sources, "fuzz.dnw", text, size);
    if (file < 0) return NULL;
    Ast *ast = parse(perm, sources, (uint32_t)file, diags);
    ast_dump(ast, nowhere());
    diags_print(diags, nowhere(), false);
    return diags_errors(diags) ? NULL : fmt(perm, sources, ast);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 16) return 0;
    Arena *perm = arena_new();
    const char *once = format(perm, (const char *)data, size);
    if (once) {
        const char *twice = format(perm, once, strlen(once));
        if (!twice || strcmp(once, twice)) {
            fprintf(stderr, "fmt is not stable:\n%s\n---\n%s\n", once, twice ? twice : "(syntax errors)");
            abort();
        }
    }
    arena_free(perm);
    return 0;
}
