/* link.c: runs the C compiler driver to make a program from an object file.
 *
 * GNU ld takes 30 ms for a program and was as fast as lld when tried, so no linker is asked for by name. What
 * the driver writes to stderr is read through a pipe and becomes a note of the diagnostic.
 */
#define _GNU_SOURCE
#include "target/link.h"
#include "target/target.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef Vec(const char *) Words;

static bool readable(const char *path)
{
    return access(path, R_OK) == 0;
}

const char *link_runtime(Arena *a)
{
    const char *chosen = getenv("DNW_RUNTIME");
    if (chosen && *chosen) return chosen;
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length > 0) {
        self[length] = 0;
        char *slash = strrchr(self, '/');
        if (slash) *slash = 0;
        const char *installed = arena_printf(a, "%s/../lib/dnw/libdnwrt.a", self);
        if (readable(installed)) return installed;
    }
    return DNW_RUNTIME_FILE;
}

/* lib`name`.a beside the runtime, else where the build found it, else -l`name`. */
static const char *static_library(Arena *a, const char *runtime, const char *name)
{
    const char *file = arena_printf(a, "/lib%s.a", name), *slash = strrchr(runtime, '/');
    const char *beside = slash ? arena_printf(a, "%.*s%s", (int)(slash - runtime), runtime, file) : file + 1;
    if (readable(beside)) return beside;
    for (const char *at = DNW_STATIC_LIBRARIES; *at;) {
        size_t length = strcspn(at, ":");
        const char *path = arena_text(a, at, length);
        const char *base = strrchr(path, '/');
        if (base && !strcmp(base, file) && readable(path)) return path;
        at += length + (at[length] == ':');
    }
    return arena_printf(a, "-l%s", name);
}

static Words arguments(Arena *a, const char *runtime, const CompileOptions *o, const char *output)
{
    Words w = {0};
    vec_push(a, &w, NULL); /* the driver's name */
    if (*DNW_LINK_FLAGS) vec_push(a, &w, DNW_LINK_FLAGS);
    vec_push(a, &w, "-o");
    vec_push(a, &w, output);
    vec_push(a, &w, o->object);
    if (o->object_f64) vec_push(a, &w, o->object_f64);
    vec_push(a, &w, runtime);
    vec_push(a, &w, static_library(a, runtime, "jansson"));
    vec_push(a, &w, static_library(a, runtime, "z"));
    static const char *const rest[] = {"-static-libgcc", "-lm", "-ldl", "-lpthread"};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) vec_push(a, &w, rest[i]);
    vec_push(a, &w, NULL);
    return w;
}

/* This process' environment, with messages in English: link_failed looks for words. */
static char *const *plain_environment(Arena *a)
{
    Words w = {0};
    vec_push(a, &w, "LC_ALL=C");
    for (char **at = environ; *at; at++)
        if (strncmp(*at, "LC_ALL=", 7)) vec_push(a, &w, *at);
    vec_push(a, &w, NULL);
    return (char *const *)w.at;
}

/* Starts words[0]; its stdout and stderr go to *from. Returns 0 or an errno. */
static int start(Arena *a, const Words *words, pid_t *child, int *from)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return errno;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    int error =
        posix_spawnp(child, words->at[0], &actions, NULL, (char *const *)words->at, plain_environment(a));
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error) close(ends[0]);
    *from = ends[0];
    return error;
}

/* The first bytes of what the child says, then its exit: true when it was 0. */
static bool finish(pid_t child, int from, char *said, size_t size)
{
    size_t length = 0;
    char bytes[4096];
    for (;;) {
        ssize_t got = read(from, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        size_t room = size - 1 - length, kept = (size_t)got < room ? (size_t)got : room;
        memcpy(said + length, bytes, kept);
        length += kept;
    }
    said[length] = 0;
    close(from);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Starts the first driver that exists; NULL when there is none. */
static const char *start_driver(Arena *a, Words *words, pid_t *child, int *from)
{
    const char *drivers[] = {getenv("DNW_CC"), DNW_LINK_DRIVER, "gcc", "cc", "clang-19"};
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        if (!drivers[i] || !*drivers[i]) continue;
        words->at[0] = drivers[i];
        if (start(a, words, child, from) == 0) return drivers[i];
        if (i == 0) break; /* what the user asked for by name is not replaced silently */
    }
    return NULL;
}

/* Was it the system that failed: no room on the disk or in memory, a linker that was killed? */
static bool system_failed(const char *said)
{
    static const int errors[] = {ENOSPC, EDQUOT, EFBIG, EIO, EROFS, ENOMEM};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strstr(said, strerror(errors[i]))) return true;
    return strstr(said, "memory exhausted") || strstr(said, "terminated with signal") ||
           strstr(said, "signal terminated") || strstr(said, "failed due to signal"); /* gcc, clang */
}

/* One note a line of the linker's words, ten at most. */
static bool link_failed(Compilation *c, const char *driver, char *said)
{
    DiagCode code = system_failed(said) ? E_WRITE : E_LINK;
    Diag *d = diag_add(c->diags, code, SPAN_NONE, "'%s' could not link the program", driver);
    char *state = NULL, *line = strtok_r(said, "\n", &state);
    for (int i = 0; line && i < 10; i++, line = strtok_r(NULL, "\n", &state)) diag_note_plain(d, "%s", line);
    return false;
}

static bool fail(Compilation *c, const char *help, const char *message)
{
    Diag *d = diag_add(c->diags, E_LINK, SPAN_NONE, "%s", message);
    diag_help(d, "%s", help);
    return false;
}

/* A program of another architecture needs a compiler and a runtime library of that architecture. */
static bool can_link(Compilation *c, const char *output)
{
    const char *foreign = target_foreign(c->options.cpu), *driver = getenv("DNW_CC"),
               *runtime = getenv("DNW_RUNTIME");
    if (!foreign || (driver && *driver && runtime && *runtime)) return true;
    return fail(
        c,
        arena_printf(c->perm,
                     "write the object file alone: --emit=obj -o %s.o; or set DNW_CC to a C compiler for %s "
                     "and DNW_RUNTIME to a libdnwrt.a for it",
                     output, foreign),
        arena_printf(c->perm, "a program for %s cannot be linked here", foreign));
}

bool link_place(const char *temporary, const char *path)
{
    int file = open(temporary, O_RDONLY | O_CLOEXEC);
    bool ok = file >= 0 && (fsync(file) == 0 || errno == EINVAL);
    if (file >= 0) close(file);
    return ok && rename(temporary, path) == 0;
}

/* The same with a message. */
static bool put(Compilation *c, const char *temporary, const char *output)
{
    if (link_place(temporary, output)) return true;
    diag_add(c->diags, E_WRITE, SPAN_NONE, "cannot write '%s': %s", output, strerror(errno));
    unlink(temporary);
    return false;
}

bool link_program(Compilation *c, const char *output)
{
    Arena *a = c->perm;
    if (!can_link(c, output)) return false;
    const char *runtime = link_runtime(a), *temporary = arena_printf(a, "%s.%ld.tmp", output, (long)getpid());
    if (!readable(runtime))
        return fail(c, "set DNW_RUNTIME to the path of libdnwrt.a",
                    arena_printf(a, "the runtime library '%s' cannot be read", runtime));
    Words words = arguments(a, runtime, &c->options, temporary);
    pid_t child = -1;
    int from = -1;
    const char *driver = start_driver(a, &words, &child, &from);
    if (!driver)
        return fail(
            c, "install gcc, or set DNW_CC to a C compiler",
            arena_printf(a, "cannot start a C compiler to link the program with (tried %s)", words.at[0]));
    char said[4096];
    if (!finish(child, from, said, sizeof said)) {
        unlink(temporary);
        return link_failed(c, driver, said);
    }
    return put(c, temporary, output);
}

/* Without times and owners, so that the same object gives the same bytes. */
bool link_archive(Compilation *c, const char *object, const char *output)
{
    const char *temporary = arena_printf(c->perm, "%s.%ld.tmp", output, (long)getpid());
    const char *words[] = {"ar", "rcsD", temporary, object, NULL};
    Words w = {(const char **)words, 5, 5};
    pid_t child = -1;
    int from = -1;
    char said[4096];
    unlink(temporary);
    if (start(c->perm, &w, &child, &from))
        return fail(c, "install binutils", "cannot start 'ar' to make the library with");
    if (!finish(child, from, said, sizeof said)) {
        unlink(temporary);
        return link_failed(c, "ar", said);
    }
    return put(c, temporary, output);
}
