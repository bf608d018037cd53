/* command.c: the sub-commands of dnw.
 *
 * Each handler is a few calls of the compiler library; compile, link and the cache do the work. Files are
 * written under a temporary name beside their place and renamed, so that a reader never sees half of one.
 */
#include "driver/command.h"
#include "common/plural.h"
#include "front/library.h"
#include "driver/cache.h"
#include "driver/explain_speed.h"
#include "front/fmt.h"
#include "freeze/freeze.h"
#include "target/header.h"
#include "target/link.h"
#include "driver/new_template.h"
#include "front/parse.h"
#include "app/options.h"
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
    c->options.lanes = a->lanes;
    c->options.dump = a->dump;
    c->options.data_directory = a->data;
    c->options.optimize = a->unoptimized ? 0 : 3;
    c->options.profile = a->profile;
    c->options.plan = a->explain_speed;
    c->options.out = stdout;
    return c;
}

/* Was there a message of this code? */
static bool said(const Compilation *c, DiagCode code)
{
    json_t *all = diags_json(c->diags), *one;
    size_t i;
    bool found = false;
    json_array_foreach(all, i, one)
    {
        const char *text = json_string_value(json_object_get(one, "code"));
        found = found || (text && !strcmp(text, diag_code_text(code)));
    }
    json_decref(all);
    return found;
}

/* Prints the messages, frees the compilation and turns the outcome into an exit code. */
static int close_compilation(Compilation *c, bool ok)
{
    fflush(stdout);
    diags_print(c->diags, stderr, wants_colour());
    ok = ok && !diags_errors(c->diags);
    int code = ok ? EXIT_DONE : said(c, E_WRITE) ? EXIT_SYSTEM : EXIT_ERRORS;
    compilation_free(c);
    return code;
}

int command_check(const CommandArgs *a)
{
    Compilation *c = open_compilation(a);
    bool ok = compile_file(c, a->files.at[0]);
    if (!a->json) {
        if (ok) compile_report(c, stdout);
        if (ok && a->explain_speed) explain_speed(c, stdout);
        return close_compilation(c, ok);
    }
    json_t *report = ok ? compile_report_json(c) : json_object();
    if (ok && a->explain_speed) json_object_set_new(report, "speed", explain_speed_json(c));
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

/* Something that is no file: a program would take the place of it. */
static bool is_device(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode);
}

static bool is_directory(const char *path)
{
    struct stat s;
    return !stat(path, &s) && S_ISDIR(s.st_mode);
}

/* Compiles and links `path` into the program `output`; false with diagnostics in c. */
static bool build_program(Compilation *c, const char *path, const char *output)
{
    CompileOptions *o = &c->options;
    o->object = arena_printf(c->perm, "%s.%ld.o", output, (long)getpid());
    if (!o->freeze) o->object_f64 = arena_printf(c->perm, "%s.%ld.f64.o", output, (long)getpid());
    bool ok = compile_file(c, path) && link_program(c, output);
    unlink(o->object);
    if (o->object_f64) unlink(o->object_f64);
    return ok;
}

/* Paths become part of the program, whose description is JSON. */
static int check_path(const char *path)
{
    char *real = realpath(path, NULL);
    json_t *texts = json_pack("[s, s]", path, real ? real : path);
    free(real);
    if (texts) return json_decref(texts), EXIT_DONE;
    return command_fail(EXIT_ERRORS, "rename it", "the path of '%s' is not UTF-8 text", path);
}

/* Can `output` be made from `path`? Asked before compiling, since files are written under other names. */
static int check_output(const CommandArgs *a, const char *path, const char *output)
{
    static const char help[] = "name the program with -o NAME";
    const char *slash = strrchr(output, '/');
    const char *place = slash ? arena_text(a->arena, output, (size_t)(slash - output) + 1) : ".";
    if (same_file(path, output))
        return command_fail(EXIT_WRONG_USAGE, help, "the program would overwrite its own source '%s'", path);
    if (is_directory(output)) return command_fail(EXIT_WRONG_USAGE, help, "'%s' is a directory", output);
    if (is_device(output)) return command_fail(EXIT_WRONG_USAGE, help, "'%s' is not a file", output);
    if (access(place, W_OK | X_OK))
        return command_fail(EXIT_SYSTEM, help, "cannot write '%s': %s", output, strerror(errno));
    return EXIT_DONE;
}

/* Do the flags of build go together? */
static int check_flags(const CommandArgs *a)
{
    bool library = a->emit && strcmp(a->emit, "obj");
    if (a->freeze && !a->weights)
        return command_fail(EXIT_WRONG_USAGE, "write --weights FILE, such as runs/NAME/best.safetensors",
                            "--freeze needs the weights to freeze");
    if (!a->freeze && a->weights)
        return command_fail(EXIT_WRONG_USAGE, "with --freeze they become part of the program",
                            "--weights belongs to --freeze");
    if (!a->freeze && library)
        return command_fail(EXIT_WRONG_USAGE, "write --freeze --weights FILE",
                            "--emit=%s belongs to --freeze", a->emit);
    if (a->freeze && a->emit && !library)
        return command_fail(EXIT_WRONG_USAGE, "--emit=lib,header writes a library",
                            "--emit=obj and --freeze do not go together");
    if (a->freeze && a->profile)
        return command_fail(EXIT_WRONG_USAGE, "leave one of them out",
                            "--profile and --freeze do not go together");
    if (a->freeze && a->dump)
        return command_fail(EXIT_WRONG_USAGE, "leave one of them out",
                            "--dump and --freeze do not go together");
    return EXIT_DONE;
}

/* What was removed from a frozen program. */
static void print_frozen(const Compilation *c)
{
    const Frozen *f = c->frozen;
    printf("removed %lld of %lld node%s and %lld of %lld edge%s in use that are on no path from the input to "
           "the output\n",
           (long long)f->nodes_gone, (long long)f->nodes, plural(f->nodes, "s"), (long long)f->edges_gone,
           (long long)f->edges, plural(f->edges, "s"));
    if (f->sizes)
        printf("cut to the learned sizes: %lld multiply-adds, %lld parameters\n", (long long)f->macs,
               (long long)f->parameters);
}

/* NAME.a and NAME.h, or one of them. */
static bool build_library(Compilation *c, const CommandArgs *a, const char *path, const char *output)
{
    const char *folder = arena_printf(c->perm, "%s.%ld.tmp", output, (long)getpid());
    c->options.library = header_prefix(c->perm, output);
    c->options.object =
        arena_printf(c->perm, "%s/%s.o", folder, c->options.library); /* named in the library */
    mkdir(folder, 0700);
    bool ok = compile_file(c, path);
    if (ok && strstr(a->emit, "lib"))
        ok = link_archive(c, c->options.object, arena_printf(c->perm, "%s.a", output));
    unlink(c->options.object), rmdir(folder);
    return ok && (!strstr(a->emit, "header") || header_write(c, arena_printf(c->perm, "%s.h", output)));
}

static int build_frozen(const CommandArgs *a, const char *path, const char *output)
{
    Compilation *c = open_compilation(a);
    c->options.freeze = a->weights;
    bool ok = a->emit ? build_library(c, a, path, output) : build_program(c, path, output);
    if (ok) print_frozen(c);
    int code = close_compilation(c, ok);
    if (!code && a->emit)
        printf("wrote %s%s%s%s%s\n", strstr(a->emit, "lib") ? output : "", strstr(a->emit, "lib") ? ".a" : "",
               strchr(a->emit, ',') ? " and " : "", strstr(a->emit, "header") ? output : "",
               strstr(a->emit, "header") ? ".h" : "");
    else if (!code)
        printf("wrote %s; its commands: %s%s --help\n", output, strchr(output, '/') ? "" : "./", output);
    return code;
}

/* What is written. Other programs are handed it, so it does not begin like one of their options. */
static const char *output_of(const CommandArgs *a, bool object_only)
{
    const char *output = a->output;
    if (!output)
        output = arena_printf(a->arena, "%s%s", stem(a->arena, a->files.at[0]), object_only ? ".o" : "");
    return strchr("-@", *output) ? arena_printf(a->arena, "./%s", output) : output;
}

int command_build(const CommandArgs *a)
{
    bool object_only = a->emit && !strcmp(a->emit, "obj");
    const char *path = a->files.at[0], *output = output_of(a, object_only);
    bool writes = !a->dump && !is_directory(path);
    int code = check_flags(a);
    if (!code) code = check_path(path);
    if (!code && writes) code = check_output(a, path, output);
    if (code) return code;
    if (a->freeze) return build_frozen(a, path, output);
    Compilation *c = open_compilation(a);
    if (object_only) c->options.object = output;
    bool links = writes && !object_only;
    code = close_compilation(c, links ? build_program(c, path, output) : compile_file(c, path));
    if (links && !code)
        printf("wrote %s; its commands: %s%s --help\n", output, strchr(output, '/') ? "" : "./", output);
    return code;
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

/* `text` as one word of a shell command. */
static const char *quoted(Arena *a, const char *text)
{
    size_t size = 4 * strlen(text) + 8;
    char *out = arena_alloc(a, size, 1);
    options_quote(text, out, size);
    return out;
}

/* What the user typed before and after the command, for the suggestions of the program (options_call). */
static const char *call_text(const CommandArgs *a)
{
    Arena *arena = a->arena;
    const char *text = arena_printf(arena, "%s\n%s", quoted(arena, a->dnw), quoted(arena, a->files.at[0]));
    for (int i = 0; i < a->defines.count; i++) {
        const char *setting = arena_printf(arena, "%s=%s", a->defines.at[i].name, a->defines.at[i].value);
        text = arena_printf(arena, "%s -D %s", text, quoted(arena, setting));
    }
    if (a->cpu) text = arena_printf(arena, "%s --cpu %s", text, quoted(arena, a->cpu));
    return a->unoptimized ? arena_printf(arena, "%s -O0", text) : text;
}

/* The data shapes the program when it is built; these commands open it again. */
static bool opens_data(const char *command)
{
    return !strcmp(command, "train") || !strcmp(command, "eval") || !strcmp(command, "bench");
}

/* Becomes `program COMMAND rest...`; returns only when that fails. */
static int become(const CommandArgs *a, const char *program, const char *name)
{
    const char **argv = NEW_ARRAY(a->arena, const char *, (size_t)a->rest.count + 6);
    int count = 0;
    argv[count++] = name;
    argv[count++] = a->command;
    if (a->data && opens_data(a->command)) {
        argv[count++] = "--data";
        argv[count++] = a->data;
    }
    if (a->profile) argv[count++] = "--profile";
    for (int i = 0; i < a->rest.count; i++) argv[count++] = a->rest.at[i];
    if (setenv("DNW_CALL", call_text(a), 1)) return command_fail(EXIT_SYSTEM, NULL, "out of memory");
    execv(program, (char *const *)argv);
    return command_fail(EXIT_SYSTEM, NULL, "cannot start '%s': %s", program, strerror(errno));
}

int command_run(const CommandArgs *a)
{
    const char *path = a->files.at[0], *name = stem(a->arena, path), *why = NULL;
    int code = check_path(path);
    if (code) return code;
    Compilation *c = open_compilation(a);
    CacheEntry entry;
    if (!cache_open(a->arena, path, name, &c->options, &entry, &why)) {
        compilation_free(c);
        return command_fail(EXIT_SYSTEM, "set XDG_CACHE_HOME to a directory of your own", "%s", why);
    }
    if (cache_fresh(c, &entry)) {
        compilation_free(c);
    } else {
        cache_forget(&entry);
        bool shows = isatty(STDERR_FILENO);
        if (shows) fprintf(stderr, "building %s ...", path);
        bool ok = build_program(c, path, entry.program);
        if (ok) cache_keep(c, &entry); /* when this fails, the next start only builds again */
        if (shows) fputs("\r\033[K", stderr);
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

typedef Vec(const char *) Names;

/* The one rule that is no declaration, as the library would show it. */
static const char dnw_rule[] =
    "## After each step the candidates with the largest abs(w) are in use, and all of them learn. The rule "
    "of\n"
    "## lists that name no other. \"Discovering Neural Wirings\", Wortsman, Farhadi, Rastegari 2019, section "
    "3.\n"
    "rule dnw(refresh = 1, positions = 1, bf16 = false)   # built in; docs/language.md, section 9\n";

static void print_rule(const Decl *d, const char *text)
{
    for (const char *line = d->doc; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
        printf("## %.*s\n", (int)strcspn(line, "\n"), line);
    printf("%.*s\n", (int)(d->span.end - d->span.start), text + d->span.start);
}

/* The first sentence of the comment, on one line. */
static void print_sentence(Arena *perm, const char *name, const char *doc)
{
    char *line = arena_text(perm, doc, strlen(doc));
    const size_t end = strcspn(line, ".:;");
    for (char *c = line; *c; c++) *c = *c == '\n' ? ' ' : *c;
    printf("%-16s %.*s\n", name, (int)end, line);
}

/* `dnw explain rigl`: the declaration in the library, with the comment above it. `rules`: their names.
 * False with the names of all rules in `names`. */
static bool explain_rule(Arena *perm, const char *name, Names *names)
{
    size_t length;
    const char *text = library_text(&length);
    Sources *sources = sources_new(perm);
    const Ast *ast = parse(perm, sources, (uint32_t)sources_add(sources, LIBRARY_PATH, text, length),
                           diags_new(perm, sources));
    const bool all = strcmp(name, "rules") == 0;
    bool found = all;
    vec_push(perm, names, "dnw");
    if (all) print_sentence(perm, "dnw", dnw_rule + strlen("## "));
    if (strcmp(name, "dnw") == 0) return fputs(dnw_rule, stdout), true;
    for (int i = 0; i < ast->decls.count; i++) {
        const Decl *d = ast->decls.at[i];
        vec_push(perm, names, d->name.text);
        if (all) print_sentence(perm, d->name.text, d->doc ? d->doc : "");
        if (strcmp(d->name.text, name) == 0) print_rule(d, text), found = true;
    }
    return found;
}

int command_explain(const CommandArgs *a)
{
    const char *code = a->files.at[0];
    Names names = {0};
    if (diag_explain(code, stdout) || explain_rule(a->arena, code, &names)) return EXIT_DONE;
    for (int i = 0; i < DIAG_COUNT; i++) vec_push(a->arena, &names, diag_code_text((DiagCode)i));
    const char *near = diag_nearest(code, names.at, names.count);
    return command_fail(EXIT_WRONG_USAGE,
                        arena_printf(a->arena, "dnw explain %s",
                                     near                          ? near
                                     : strpbrk(code, "0123456789") ? diag_code_text((DiagCode)0)
                                                                   : "rules"),
                        "there is no message with the code '%s', and no rule of that name", code);
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
