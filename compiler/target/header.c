/* header.c: NAME.h of a frozen library: sizes, and the two functions of gen_frozen.c. */
#include "target/header.h"
#include "common/output.h"
#include "freeze/freeze.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

const char *header_prefix(Arena *a, const char *output)
{
    const char *slash = strrchr(output, '/'), *base = slash ? slash + 1 : output;
    char *name = arena_printf(a, "%s%s", isdigit((unsigned char)*base) ? "_" : "", base);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) || (unsigned char)*c > 127) *c = '_';
    return name;
}

static const char *upper(Arena *a, const char *name)
{
    char *text = arena_text(a, name, strlen(name));
    for (char *c = text; *c; c++) *c = (char)toupper((unsigned char)*c);
    return text;
}

/* Without what would end a comment. */
static const char *quotable(Arena *a, const char *path)
{
    char *text = arena_text(a, path, strlen(path));
    for (char *c = text; *c; c++)
        if (*c == '/' && c > text && c[-1] == '*') *c = '_';
        else if ((unsigned char)*c < 32) *c = '?';
    return text;
}

static void write_text(const Compilation *c, FILE *f)
{
    const Model *m = c->model;
    Arena *a = c->perm;
    const char *name = c->options.library, *big = upper(a, name);
    fprintf(f,
            "/* %s.h: the network '%s' of %s, made by dnw %s.\n"
            " *\n"
            " * A sample is %s_INPUT floats of shape %s, as the network sees them; its result is %s_OUTPUT "
            "floats of\n"
            " * shape %s. Link %s.a and -lm.\n"
            " */\n",
            name, m->name, quotable(a, m->source), DNW_VERSION, big, shape_text(a, m->input), big,
            shape_text(a, m->output), name);
    fprintf(f,
            "#ifndef %s_H\n#define %s_H\n#include <stddef.h>\n#include <stdint.h>\n"
            "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
            "enum { %s_INPUT = %lld, %s_OUTPUT = %lld };\n\n",
            big, big, big, (long long)shape_size(m->input), big, (long long)shape_size(m->output));
    fprintf(f,
            "/* Bytes of a workspace. Threads that run at once have one each. */\n"
            "size_t %s_workspace(void);\n\n"
            "/* output[i] = the network of input[i], for `count` samples, 0 or more. Keeps nothing, prints "
            "nothing,\n"
            " * allocates nothing. Returns 0; 1 when a solver that chooses its steps could not go on. */\n"
            "int %s_forward(const float *input, int64_t count, float *output, void *workspace);\n\n"
            "#ifdef __cplusplus\n}\n#endif\n#endif\n",
            name, name);
}

bool header_write(Compilation *c, const char *path)
{
    Output o;
    if (output_begin(&o, path)) write_text(c, o.file);
    const bool ok = output_end(&o, true);
    if (!ok) diag_add(c->diags, E_WRITE, SPAN_NONE, "cannot write '%s': %s", path, strerror(errno));
    return ok;
}
