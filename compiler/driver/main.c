/* main.c: the command line of dnw: which command, which flags, which exit code.
 *
 * One level: dnw COMMAND [FLAGS] FILE [FLAGS]. A command is a row of `commands`, a flag a row of `flags`;
 * help, checks and suggestions come from the two tables. The commands that run a built program (train, eval,
 * ...) take only dnw's own flags before FILE; after FILE, other flags go to the program unchanged.
 * "--" ends the flags; a FILE that begins with - comes after it.
 *
 * Exit codes: 0 done, 1 the program or its data has errors, 2 usage, 3 the system failed.
 */
#define _GNU_SOURCE
#include "driver/command.h"
#include "kernels/kernel.h"
#include "common/log.h"
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef enum FlagId {
    FLAG_DEFINE,
    FLAG_OUTPUT,
    FLAG_CPU,
    FLAG_LANES,
    FLAG_O0,
    FLAG_DUMP,
    FLAG_EMIT,
    FLAG_PROFILE,
    FLAG_EXPLAIN_SPEED,
    FLAG_FREEZE,
    FLAG_WEIGHTS,
    FLAG_JSON,
    FLAG_CHECK,
    FLAG_DATA,
    FLAG_HELP,
    FLAG_COUNT
} FlagId;

typedef struct Flag {
    const char *name, *value, *help; /* value: what the help calls it, NULL when the flag takes none */
} Flag;

static const Flag flags[FLAG_COUNT] = {
    [FLAG_DEFINE] = {"-D", "NAME=VALUE", "set an option of the file"},
    [FLAG_OUTPUT] = {"-o", "NAME", "name of the program (default: FILE without .dnw)"},
    [FLAG_CPU] = {"--cpu", "CPU", "processor: native (default), x86-64-v2, x86-64-v3, x86-64-v4, aarch64"},
    [FLAG_LANES] = {"--lanes", "N", "samples computed together: 1, 8, 16 or 64 (default: by the model)"},
    [FLAG_O0] = {"-O0", NULL, "do not optimise"},
    [FLAG_DUMP] = {"--dump", "STAGE", "print a stage and stop: ast model ir grad fuse plan llvm asm"},
    [FLAG_EXPLAIN_SPEED] = {"--explain-speed", NULL,
                            "print the kernels of each graph and why, what is slow, operations and memory"},
    [FLAG_PROFILE] = {"--profile", NULL, "add time measurement: bench shows the time of each line of FILE"},
    [FLAG_EMIT] = {"--emit", "KIND",
                   "obj: the object file; of --freeze lib, header or lib,header: NAME.a, NAME.h"},
    [FLAG_FREEZE] = {"--freeze", NULL, "for inference only: weights and wiring become part of the program"},
    [FLAG_WEIGHTS] = {"--weights", "FILE", "weights to freeze: a .safetensors file that training wrote"},
    [FLAG_JSON] = {"--json", NULL, "print JSON"},
    [FLAG_CHECK] = {"--check", NULL, "change nothing; print the files that are not formatted"},
    [FLAG_DATA] = {"--data", "DIR", "directory of the data"},
    [FLAG_HELP] = {"--help", NULL, "print this"},
};
static const char *const stages[] = {"ast", "model", "ir", "grad", "fuse", "plan", "llvm", "asm"};
static const char *const emits[] = {"obj", "lib", "header", "lib,header"};
#define TEXT(lanes) #lanes,
static const char *const lanes[] = {TILE_LANES(TEXT)};
#undef TEXT

#define F(id)     (1u << FLAG_##id)
#define F_COMPILE (F(DEFINE) | F(DATA) | F(HELP))
#define F_BUILD   (F_COMPILE | F(CPU) | F(O0))

typedef struct Command {
    const char *name, *usage, *help;
    CommandHandler *run;
    unsigned flags; /* F(...) that it takes */
    int most;       /* files, names or codes; at least one where any */
    bool passes;    /* flags after FILE that are not flags of dnw go to the program */
} Command;

static const Command commands[] = {
    {"check", "FILE", "check a file; print candidates, kept edges, parameters, multiply-adds", command_check,
     F_COMPILE | F(JSON) | F(EXPLAIN_SPEED), 1, false},
    {"build", "FILE -o NAME", "compile a file to a standalone program", command_build,
     F_BUILD | F(LANES) | F(OUTPUT) | F(DUMP) | F(EMIT) | F(PROFILE) | F(FREEZE) | F(WEIGHTS), 1, false},
    {"train", "FILE [PROGRAM FLAGS]", "build into the cache and train", command_run, F_BUILD, 1, true},
    {"eval", "FILE --weights W", "build into the cache and measure loss and accuracy", command_run, F_BUILD,
     1, true},
    {"predict", "FILE --weights W --input X.npy --output Y.npy", "build into the cache and predict",
     command_run, F_BUILD, 1, true},
    {"export", "FILE", "write other formats", command_absent, F(HELP), 1, true},
    {"show", "FILE", "draw the wiring", command_absent, F(HELP), 1, true},
    {"info", "FILE [--json]", "build into the cache and describe the program", command_run, F_BUILD, 1, true},
    {"edges", "FILE --weights W -o edges.csv", "build into the cache and write its edges as a table",
     command_run, F_BUILD, 1, true},
    {"report", "RUN... -o report.html", "curves and wiring of runs, such as runs/net, as one HTML page",
     command_report, F(OUTPUT) | F(HELP), 64, false},
    {"gradcheck", "FILE", "compare gradients with finite differences", command_gradcheck, F_COMPILE, 1,
     false},
    {"test", "FILE", "run the test blocks of a file", command_test, F_COMPILE, 1, false},
    {"bench", "FILE [PROGRAM FLAGS]", "build into the cache and measure speed", command_run,
     F_BUILD | F(PROFILE), 1, true},
    {"fmt", "FILE...", "format files in place; - formats stdin to stdout", command_fmt, F(CHECK) | F(HELP),
     1 << 20, false},
    {"doc", "FILE", "write documentation", command_absent, F(HELP), 1, true},
    {"explain", "CODE",
     "explain a message, with a wrong and a right example; or a rule: explain rigl, explain rules",
     command_explain, F(HELP), 1, false},
    {"lsp", "", "serve an editor", command_absent, F(HELP), 1, true},
    {"new", "NAME", "write NAME.dnw, a small program to start from", command_new, F(HELP), 1, false},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static int print_help(void)
{
    puts("dnw compiles networks whose wiring is learned to native programs.\n\n"
         "usage: dnw COMMAND FILE [-D NAME=VALUE]... [FLAGS]\n\ncommands:");
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (commands[i].run != command_absent) printf("  %-10s %s\n", commands[i].name, commands[i].help);
    puts("\nto start:\n"
         "  dnw new net             write net.dnw, a small program to change\n"
         "  dnw train net.dnw       train it; log and weights go to runs/net\n"
         "  dnw eval net.dnw --weights runs/net/best.safetensors\n"
         "\n'dnw COMMAND --help' prints the flags of a command, 'dnw --version' the version.");
    return EXIT_DONE;
}

static void print_usage(const Command *c, FILE *out)
{
    fprintf(out, "usage: dnw %s %s\n", c->name, c->usage);
}

static int print_command_help(const Command *c)
{
    print_usage(c, stdout);
    printf("%s\n\nflags:\n", c->help);
    for (int i = 0; i < FLAG_COUNT; i++) {
        if (!(c->flags & 1u << i)) continue;
        char left[40];
        snprintf(left, sizeof left, "%s%s%s", flags[i].name, flags[i].value ? " " : "",
                 flags[i].value ? flags[i].value : "");
        printf("  %-14s  %s\n", left, flags[i].help);
    }
    if (c->passes)
        printf("\nOther flags after FILE go to the program: dnw %s FILE --help prints them.\n", c->name);
    return EXIT_DONE;
}

/* "did you mean 'x'?" with the nearest of the names, or the list of all. */
static const char *suggest(Arena *a, const char *wrong, const char *const *names, int count)
{
    const char *near = diag_nearest(wrong, names, count);
    if (near) return arena_printf(a, "did you mean '%s'?", near);
    const char *list = names[0];
    for (int i = 1; i < count; i++) list = arena_printf(a, "%s, %s", list, names[i]);
    return arena_printf(a, "one of: %s", list);
}

static const Command *find_command(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (!strcmp(commands[i].name, name)) return &commands[i];
    return NULL;
}

static int unknown_command(Arena *a, const char *name)
{
    const char *names[COMMAND_COUNT];
    int count = 0;
    if (access(name, F_OK) == 0)
        return command_fail(EXIT_WRONG_USAGE, arena_printf(a, "dnw check %s, or dnw train %s", name, name),
                            "'%s' is a file; a command comes before it", name);
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (commands[i].run != command_absent) names[count++] = commands[i].name;
    return command_fail(EXIT_WRONG_USAGE, suggest(a, name, names, count), "there is no command '%s'", name);
}

static int unknown_flag(const Command *c, Arena *a, const char *flag)
{
    const char *names[FLAG_COUNT];
    int count = 0;
    for (int i = 0; i < FLAG_COUNT; i++)
        if (c->flags & 1u << i) names[count++] = flags[i].name;
    const char *help = suggest(a, arena_text(a, flag, strcspn(flag, "=")), names, count);
    if (c->passes) help = arena_printf(a, "%s (flags of the program are written after FILE)", help);
    return command_fail(EXIT_WRONG_USAGE, help, "'dnw %s' has no flag '%s'", c->name, flag);
}

/* Which of the command's flags is `arg`? Values may be attached: -DNAME=V, -oNAME, --cpu=X. -1: none. */
static int find_flag(const Command *c, const char *arg, const char **attached)
{
    if (!strcmp(arg, "-h")) arg = "--help";
    for (int i = 0; i < FLAG_COUNT; i++) {
        size_t length = strlen(flags[i].name);
        if (!(c->flags & 1u << i) || strncmp(arg, flags[i].name, length)) continue;
        *attached = NULL;
        if (!arg[length]) return i;
        if (!flags[i].value) continue;
        bool is_long = flags[i].name[1] == '-';
        if (is_long && arg[length] != '=') continue;
        *attached = arg + length + is_long;
        return i;
    }
    return -1;
}

static int set_define(CommandArgs *args, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return command_fail(EXIT_WRONG_USAGE, "write -D NAME=VALUE", "'-D %s' gives no value", text);
    Define d = {arena_text(args->arena, text, (size_t)(equals - text)), equals + 1};
    vec_push(args->arena, &args->defines, d);
    return EXIT_DONE;
}

static int set_choice(CommandArgs *args, const char *flag, const char *value, const char *const *names,
                      int count)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], value)) return EXIT_DONE;
    return command_fail(EXIT_WRONG_USAGE, suggest(args->arena, value, names, count), "%s cannot be '%s'",
                        flag, value);
}

static int set_flag(CommandArgs *args, FlagId id, const char *value)
{
    switch (id) {
    case FLAG_DEFINE: return set_define(args, value);
    case FLAG_OUTPUT: args->output = value; break;
    case FLAG_CPU: args->cpu = value; break;
    case FLAG_DATA: args->data = value; break;
    case FLAG_LANES:
        args->lanes = atoi(value);
        return set_choice(args, "--lanes", value, lanes, sizeof lanes / sizeof *lanes);
    case FLAG_O0: args->unoptimized = true; break;
    case FLAG_EXPLAIN_SPEED: args->explain_speed = true; break;
    case FLAG_PROFILE: args->profile = true; break;
    case FLAG_JSON: args->json = true; break;
    case FLAG_CHECK: args->check = true; break;
    case FLAG_DUMP:
        args->dump = value;
        return set_choice(args, "--dump", value, stages, sizeof stages / sizeof *stages);
    case FLAG_FREEZE: args->freeze = true; break;
    case FLAG_WEIGHTS: args->weights = value; break;
    case FLAG_EMIT:
        args->emit = value;
        return set_choice(args, "--emit", value, emits, sizeof emits / sizeof *emits);
    case FLAG_HELP:
    case FLAG_COUNT: break;
    }
    return EXIT_DONE;
}

/* A name that begins like a flag (behind --) gets its directory, so that it can be handed on. */
static int add_file(const Command *c, CommandArgs *args, const char *file)
{
    if (file[0] == '-' && file[1]) file = arena_printf(args->arena, "./%s", file);
    vec_push(args->arena, &args->files, file);
    if (args->files.count <= c->most) return EXIT_DONE;
    return command_fail(EXIT_WRONG_USAGE, arena_printf(args->arena, "usage: dnw %s %s", c->name, c->usage),
                        "'%s' is one too many", file);
}

/* Sets *help when --help was given. Returns an exit code. */
static int read_arguments(const Command *c, CommandArgs *args, int argc, char **argv, bool *help)
{
    bool ended = false; /* "--" was there: no flags of dnw follow */
    for (int i = 2; i < argc; i++) {
        const char *arg = argv[i], *value = NULL;
        bool behind = c->passes && args->files.count > 0;
        int id = ended ? -1 : find_flag(c, arg, &value), code = EXIT_DONE;
        if (behind && (id < 0 || id == FLAG_HELP)) {
            vec_push(args->arena, &args->rest, arg);
        } else if (!ended && !strcmp(arg, "--")) {
            ended = true;
        } else if (id == FLAG_HELP) {
            *help = true;
            return EXIT_DONE;
        } else if (id >= 0) {
            if (flags[id].value && !value && ++i < argc) value = argv[i];
            if (flags[id].value && (!value || !*value))
                return command_fail(EXIT_WRONG_USAGE,
                                    arena_printf(args->arena, "write %s %s", arg, flags[id].value),
                                    "%s needs a value", arg);
            code = set_flag(args, (FlagId)id, value);
        } else if (!ended && arg[0] == '-' && arg[1]) {
            code = unknown_flag(c, args->arena, arg);
        } else {
            code = add_file(c, args, arg);
        }
        if (code) return code;
    }
    return EXIT_DONE;
}

static int run_command(const Command *c, Arena *arena, int argc, char **argv)
{
    CommandArgs args = {.arena = arena, .dnw = argv[0], .command = c->name};
    bool help = false;
    if (c->run == command_absent) return command_absent(&args);
    int code = read_arguments(c, &args, argc, argv, &help);
    if (code) return code;
    if (help) return print_command_help(c);
    if (!args.files.count) {
        print_usage(c, stderr);
        return EXIT_WRONG_USAGE;
    }
    return c->run(&args);
}

static int help_on(Arena *arena, const char *name)
{
    const Command *c = find_command(name);
    return c ? print_command_help(c) : unknown_command(arena, name);
}

static int run(Arena *arena, int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: dnw COMMAND FILE [-D NAME=VALUE]... ('dnw --help' lists the commands)\n", stderr);
        return EXIT_WRONG_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) return print_help();
    if (!strcmp(argv[1], "help") && argc == 2) return print_help();
    if (!strcmp(argv[1], "help")) return help_on(arena, argv[2]);
    if (!strcmp(argv[1], "--version")) {
        puts("dnw " DNW_VERSION " (LLVM " DNW_LLVM_VERSION ")");
        return EXIT_DONE;
    }
    const Command *c = find_command(argv[1]);
    return c ? run_command(c, arena, argc, argv) : unknown_command(arena, argv[1]);
}

/* A reader that leaves must not stop a build half way. A handler, unlike SIG_IGN, ends at exec. */
static volatile sig_atomic_t reader_left;
static void on_broken_pipe(int signal_number)
{
    (void)signal_number;
    reader_left = 1;
}

/* A file over the limit is then an error of write, like a full disk. */
static void on_file_limit(int signal_number)
{
    (void)signal_number;
}

/* Of several threads one says it. */
static _Noreturn void out_of_memory(void)
{
    static const char text[] = "error: out of memory\n";
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&said))
        for (;;) pause();
    if (write(STDERR_FILENO, text, sizeof text - 1) > 0) _exit(EXIT_SYSTEM);
    _exit(EXIT_SYSTEM);
}

static void on_bad_alloc(void *data, const char *reason, bool dump)
{
    (void)data, (void)reason, (void)dump;
    out_of_memory();
}

/* LLVM is C++, which has words of its own for memory that is used up. There is no C interface to its two
 * handlers, set_new_handler and llvm::install_bad_alloc_error_handler, so they are found by name. */
static void watch_memory(void)
{
    typedef void NewHandler(void);
    typedef void BadAllocHandler(void *data, const char *reason, bool dump);
    NewHandler *(*on_new)(NewHandler *);
    void (*on_llvm)(BadAllocHandler *, void *data);
    *(void **)&on_new = dlsym(RTLD_DEFAULT, "_ZSt15set_new_handlerPFvvE");
    *(void **)&on_llvm = dlsym(RTLD_DEFAULT, "_ZN4llvm31install_bad_alloc_error_handlerEPFvPvPKcbES0_");
    if (on_new) on_new(out_of_memory);
    if (on_llvm) on_llvm(on_bad_alloc, NULL);
}

/* Other ways of LLVM end with abort() when memory is used up. Anything else that does so is a bug and stays
 * one: when this returns, abort() ends the process as always. */
static void on_abort(int signal_number)
{
    const size_t some = (size_t)1 << 26;
    (void)signal_number;
    void *room = mmap(NULL, some, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) out_of_memory();
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, on_broken_pipe);
    signal(SIGXFSZ, on_file_limit);
    signal(SIGABRT, on_abort);
    watch_memory();
    log_standard_files();
    Arena *arena = arena_new();
    int code = run(arena, argc, argv);
    arena_free(arena);
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (failed && !reader_left) return command_fail(EXIT_SYSTEM, NULL, "cannot write to stdout");
    return code;
}
