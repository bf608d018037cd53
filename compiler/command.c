/* command.c: the sub-commands of dnw.
 *
 * Each handler is a few calls of the compiler library; compile, link and the cache do the work. Files are
 * written under a temporary name beside their place and renamed, so that a reader never sees half of one.
 */
#include "command.h"
#include "cache.h"
#include "fmt.h"
#include "link.h"
#include "new_template.h"
#include "parse.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bound of `dnw gradcheck`: gradients and central differences are both in double. */
static const double gradcheck_bound = 1e-6;

int command_fail(int code, const char *help, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    if (help) fprintf(stderr, "help: %s\n", help);
    return code;
}

static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR");
    return isatty(STDERR_FILENO) && !(no && *no);
}

static Compilation *open_compilation(const CommandArgs *a)
{
    Compilation *c = compilation_new();
    for (int i = 0; i < a->defines.count; i++) vec_push(c->perm, &c->options.defines, a->defines.at[i]);
    c->options.cpu = a->cpu;
    c->options.dump = a->dump;
    c->options.data_directory = a->data;
    c->options.optimize = a->unoptimized ? 0 : 3;
    c->options.out = stdout;
    return c;
}

/* Prints the messages, frees the compilation and turns the outcome into an exit code. */
static int close_compilation(Compilation *c, bool ok)
{
    fflush(stdout);
    diags_print(c->diags, stderr, wants_colour());
    ok = ok && !diags_errors(c->diags);
    compilation_free(c);
    return ok ? EXIT_DONE : EXIT_ERRORS;
}

int command_check(const CommandArgs *a)
{
    Compilation *c = open_compilation(a);
    bool ok = compile_file(c, a->files.at[0]);
    if (!a->json) {
        if (ok) compile_report(c, stdout);
        return close_compilation(c, ok);
    }
    json_t *report = ok ? compile_report_json(c) : json_object();
    if (!json_object_get(report, "diagnostics"))
        json_object_set_new(report, "diagnostics", diags_json(c->diags));
    json_dumpf(report, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(report);
    compilation_free(c);
    return ok ? EXIT_DONE : EXIT_ERRORS;
}

/* "dir/net.dnw" -> "net": the name of a program made from the file. */
static char *stem(Arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t length = strlen(base);
    if (length > 4 && !strcmp(base + length - 4, ".dnw")) length -= 4;
    return arena_text(a, base, length);
}

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;
    return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static bool is_directory(const char *path)
{
    struct stat s;
    return !stat(path, &s) && S_ISDIR(s.st_mode);
}

/* Compiles and links `path` into the program `output`; false with diagnostics in c. */
static bool build_program(Compilation *c, const char *path, const char *output)
{
    const char *object = arena_printf(c->perm, "%s.%ld.o", output, (long)getpid());
    c->options.object = object;
    bool ok = compile_file(c, path) && link_program(c, object, output);
    unlink(object);
    return ok;
}

int command_build(const CommandArgs *a)
{
    const char *path = a->files.at[0], *output = a->output;
    if (!output) output = arena_printf(a->arena, "%s%s", stem(a->arena, path), a->object_only ? ".o" : "");
    if (!a->dump && same_file(path, output))
        return command_fail(EXIT_WRONG_USAGE, "name the program with -o NAME",
                            "the program would overwrite its own source '%s'", path);
    if (!a->dump && is_directory(output))
        return command_fail(EXIT_WRONG_USAGE, "name the program with -o NAME", "'%s' is a directory", output);
    Compilation *c = open_compilation(a);
    if (a->dump) return close_compilation(c, compile_file(c, path));
    if (!a->object_only) return close_compilation(c, build_program(c, path, output));
    c->options.object = output;
    return close_compilation(c, compile_file(c, path));
}

int command_gradcheck(const CommandArgs *a)
{
    Compilation *c = open_compilation(a);
    bool ok = compile_file(c, a->files.at[0]);
    if (ok) ok = compile_gradcheck(c, stdout) < gradcheck_bound; /* NaN fails */
    return close_compilation(c, ok);
}

int command_test(const CommandArgs *a)
{
    Compilation *c = open_compilation(a);
    bool ok = compile_file(c, a->files.at[0]) && compile_run_tests(c, stdout) == 0;
    return close_compilation(c, ok);
}

/* Becomes `program COMMAND rest...`; returns only when that fails. */
static int become(const CommandArgs *a, const char *program, const char *name)
{
    const char **argv = NEW_ARRAY(a->arena, const char *, (size_t)a->rest.count + 3);
    argv[0] = name;
    argv[1] = a->command;
    for (int i = 0; i < a->rest.count; i++) argv[i + 2] = a->rest.at[i];
    execv(program, (char *const *)argv);
    return command_fail(EXIT_SYSTEM, NULL, "cannot start '%s': %s", program, strerror(errno));
}

int command_run(const CommandArgs *a)
{
    const char *path = a->files.at[0], *name = stem(a->arena, path), *why = NULL;
    Compilation *c = open_compilation(a);
    CacheEntry entry;
    if (!cache_open(a->arena, path, name, &c->options, &entry, &why)) {
        compilation_free(c);
        return command_fail(EXIT_SYSTEM, "set XDG_CACHE_HOME to a directory that can be written", "%s", why);
    }
    int code = EXIT_DONE;
    if (cache_fresh(a->arena, &entry)) {
        compilation_free(c);
    } else {
        cache_forget(&entry);
        bool ok = build_program(c, path, entry.program);
        if (ok)
            cache_keep(a->arena, &entry, c->sources); /* when this fails, the next start only builds again */
        code = close_compilation(c, ok);
    }
    return code == EXIT_DONE ? become(a, entry.program, name) : code;
}

/* All of stdin. */
static char *read_stdin(Arena *a, size_t *length)
{
    size_t capacity = 1 << 16, got;
    char *text = arena_alloc(a, capacity, 1);
    for (*length = 0; (got = fread(text + *length, 1, capacity - *length, stdin)) > 0;) {
        *length += got;
        if (*length < capacity) continue;
        char *larger = arena_alloc(a, capacity * 2, 1);
        memcpy(larger, text, *length);
        text = larger;
        capacity *= 2;
    }
    return text;
}

/* Replaces the bytes of `path`, following links and keeping its permissions. */
static bool replace_file(Arena *a, const char *path, const char *text, size_t length)
{
    char *real = realpath(path, NULL);
    const char *target = arena_printf(a, "%s", real ? real : path);
    free(real);
    const char *temporary = arena_printf(a, "%s.%ld.tmp", target, (long)getpid());
    struct stat s;
    mode_t mode = stat(target, &s) ? 0666 : s.st_mode & 07777;
    FILE *f = fopen(temporary, "wx");
    if (!f) return false;
    bool ok = fwrite(text, 1, length, f) == length;
    ok = fchmod(fileno(f), mode) == 0 && ok;
    ok = fclose(f) == 0 && ok;
    ok = ok && rename(temporary, target) == 0;
    if (!ok) unlink(temporary);
    return ok;
}

/* Reads the file of one `fmt` into the sources; -1 after a message. */
static int read_for_fmt(Arena *perm, Sources *sources, const char *path)
{
    const char *why = "";
    size_t length;
    if (!strcmp(path, "-")) {
        const char *text = read_stdin(perm, &length);
        return sources_add(sources, "<stdin>", text, length);
    }
    int file = sources_read(sources, path, &why);
    if (file < 0) command_fail(EXIT_ERRORS, NULL, "cannot read '%s': %s", path, why);
    return file;
}

/* What `fmt` does with the result: prints it, compares it or puts it in place. */
static int finish_fmt(Arena *a, const CommandArgs *args, const char *path, const SourceFile *source,
                      const char *text)
{
    size_t length = strlen(text);
    bool same = length == source->length && !memcmp(text, source->text, length);
    if (args->check) {
        if (!same) printf("%s\n", source->path);
        return same ? EXIT_DONE : EXIT_ERRORS;
    }
    if (!strcmp(path, "-")) return fwrite(text, 1, length, stdout), EXIT_DONE;
    if (same || replace_file(a, path, text, length)) return EXIT_DONE;
    return command_fail(EXIT_SYSTEM, NULL, "cannot write '%s': %s", path, strerror(errno));
}

static int fmt_one(const CommandArgs *args, const char *path)
{
    Arena *perm = arena_new();
    Sources *sources = sources_new(perm);
    Diags *diags = diags_new(perm, sources);
    int code = EXIT_ERRORS, file = read_for_fmt(perm, sources, path);
    if (file >= 0) {
        const Ast *ast = parse(perm, sources, (uint32_t)file, diags);
        if (!diags_errors(diags))
            code =
                finish_fmt(perm, args, path, sources_file(sources, (uint32_t)file), fmt(perm, sources, ast));
        diags_print(diags, stderr, wants_colour());
    }
    arena_free(perm);
    return code;
}

int command_fmt(const CommandArgs *a)
{
    int worst = EXIT_DONE;
    for (int i = 0; i < a->files.count; i++) {
        int code = fmt_one(a, a->files.at[i]);
        if (code > worst) worst = code;
    }
    return worst;
}

int command_explain(const CommandArgs *a)
{
    const char *code = a->files.at[0], *codes[DIAG_COUNT];
    if (diag_explain(code, stdout)) return EXIT_DONE;
    for (int i = 0; i < DIAG_COUNT; i++) codes[i] = diag_code_text((DiagCode)i);
    const char *near = diag_nearest(code, codes, DIAG_COUNT);
    return command_fail(EXIT_WRONG_USAGE, arena_printf(a->arena, "dnw explain %s", near ? near : codes[0]),
                        "there is no message with the code '%s'", code);
}

int command_new(const CommandArgs *a)
{
    const char *name = a->files.at[0], *base = stem(a->arena, name);
    size_t length = strlen(name);
    bool suffixed = length > 4 && !strcmp(name + length - 4, ".dnw");
    const char *path = suffixed ? name : arena_printf(a->arena, "%s.dnw", name);
    if (!*base) return command_fail(EXIT_WRONG_USAGE, "dnw new net", "'%s' is not the name of a file", name);
    FILE *f = fopen(path, "wx");
    if (!f && errno == EEXIST)
        return command_fail(EXIT_ERRORS, "choose another name; nothing was written", "'%s' exists", path);
    if (!f) return command_fail(EXIT_SYSTEM, NULL, "cannot write '%s': %s", path, strerror(errno));
    bool ok = fprintf(f, new_template, base, path) > 0;
    ok = fclose(f) == 0 && ok;
    if (!ok) return command_fail(EXIT_SYSTEM, NULL, "cannot write '%s': %s", path, strerror(errno));
    printf("wrote %s; start with: dnw train %s\n", path, path);
    return EXIT_DONE;
}

int command_absent(const CommandArgs *a)
{
    return command_fail(EXIT_ERRORS, NULL, "'dnw %s' is not in this release", a->command);
}
