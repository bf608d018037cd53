/* cache.c: where built programs are stored, and when they are still valid.
 *
 * Keys are 64-bit FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv). Sources are compared by their bytes, since a
 * time can stay the same over an edit; dnw and libdnwrt, large and rarely changed, by size and time. The
 * first line of the list is the stamp of dnw and libdnwrt, the second the hash of the program. Each other one
 * is the hash of what the compiler learned from data and the setting 'data' as JSON, or the hash of a source
 * and its path. The hash finds damage; that nobody else can have written a program
 * follows from the owners and modes of the directories.
 */
#define _GNU_SOURCE
#include "driver/cache.h"
#include "check/data_look.h"
#include "common/hash.h"
#include "target/link.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* With the final 0, so that "ab","c" and "a","bc" differ. */
static uint64_t hash_text(uint64_t h, const char *text)
{
    return hash_bytes(h, text ? text : "", text ? strlen(text) + 1 : 1);
}

static uint64_t hash_stamp(uint64_t h, const char *path)
{
    struct stat s;
    if (stat(path, &s)) return hash_text(h, path);
    int64_t stamp[] = {s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
    return hash_bytes(h, stamp, sizeof stamp);
}

/* A home directory can be shared by machines with different processors. */
static uint64_t hash_processor(uint64_t h)
{
    char line[8192];
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return h;
    while (fgets(line, sizeof line, f) && line[0] != '\n')
        if (!strncmp(line, "model name", 10) || !strncmp(line, "flags", 5)) h = hash_text(h, line);
    fclose(f);
    return h;
}

static uint64_t hash_path(uint64_t h, const char *path)
{
    char *real = path ? realpath(path, NULL) : NULL;
    h = hash_text(h, real ? real : path);
    free(real);
    return h;
}

/* Names the directory of the program. */
static uint64_t place_key(const char *path, const CompileOptions *o)
{
    uint64_t h = hash_path(hash_path(hash_start, path), o->data_directory);
    for (int i = 0; i < o->defines.count; i++)
        h = hash_text(hash_text(h, o->defines.at[i].name), o->defines.at[i].value);
    h = hash_bytes(hash_text(h, o->cpu), &o->optimize, sizeof o->optimize);
    h = hash_bytes(h, &o->profile, sizeof o->profile);
    return hash_processor(h);
}

/* Makes the directory and those above it. */
static bool make_directories(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        *at = '/';
        if (!ok) return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* Can nobody but this user (and root) have written what is there? NULL: yes. */
static const char *not_own(Arena *a, const char *path, mode_t kind)
{
    struct stat s;
    if (stat(path, &s)) return arena_printf(a, "cannot read '%s': %s", path, strerror(errno));
    if ((s.st_mode & S_IFMT) != kind) return arena_printf(a, "'%s' is no directory", path);
    if (s.st_uid != geteuid())
        return arena_printf(a, "'%s' belongs to another user, so programs in it are not run", path);
    if (s.st_mode & (S_IWGRP | S_IWOTH))
        return arena_printf(a, "'%s' can be written by others, so programs in it are not run", path);
    return NULL;
}

bool cache_open(Arena *a, const char *path, const char *name, const CompileOptions *options,
                CacheEntry *entry, const char **why)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (!cache || *cache != '/') cache = home && *home == '/' ? arena_printf(a, "%s/.cache", home) : NULL;
    *why = "there is no directory for built programs: neither XDG_CACHE_HOME nor HOME is set";
    if (!cache) return false;
    char *all = arena_printf(a, "%s/dnw", cache);
    char *directory = arena_printf(a, "%s/%016" PRIx64, all, place_key(path, options));
    if (!make_directories(directory)) {
        *why = arena_printf(a, "cannot make the directory '%s': %s", directory, strerror(errno));
        return false;
    }
    *why = not_own(a, all, S_IFDIR);
    if (!*why) *why = not_own(a, directory, S_IFDIR);
    entry->program = arena_printf(a, "%s/%s", directory, name);
    entry->inputs = arena_printf(a, "%s/.inputs", directory);
    entry->source = arena_text(a, path, strlen(path));
    return !*why;
}

static uint64_t tool_stamp(Arena *a)
{
    return hash_stamp(hash_stamp(hash_start, "/proc/self/exe"), link_runtime(a));
}

/* Of the bytes of a file; 0 when it cannot be read. */
static uint64_t hash_file(const char *path)
{
    unsigned char bytes[1 << 16];
    uint64_t h = hash_start;
    size_t got;
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    while ((got = fread(bytes, 1, sizeof bytes, f)) > 0) h = hash_bytes(h, bytes, got);
    if (ferror(f)) h = 0;
    fclose(f);
    return h;
}

/* One line of the list: has what it names the same bytes, does data tell the same? */
static bool unchanged(Compilation *c, const CacheEntry *entry, int number, const char *line)
{
    char *what;
    const uint64_t hash = strtoull(line, &what, 16);
    what += *what == ' ';
    if (number == 0) return hash == tool_stamp(c->perm);
    if (*what != '{') return hash != 0 && hash == hash_file(number == 1 ? entry->program : what);
    const DataPlace place = {entry->source, c->options.data_directory, 0};
    const char *learned = data_look_again(c->perm, place, what);
    return learned && hash == hash_text(hash_start, learned);
}

bool cache_fresh(Compilation *c, const CacheEntry *entry)
{
    Arena *a = c->perm;
    char *line = NULL;
    size_t room = 0;
    int lines = 0, sources = 0;
    bool ok = !not_own(a, entry->program, S_IFREG) && !not_own(a, entry->inputs, S_IFREG) &&
              access(entry->program, X_OK) == 0;
    FILE *f = ok ? fopen(entry->inputs, "r") : NULL;
    if (!f) return false;
    while (ok && getline(&line, &room, f) > 0) {
        line[strcspn(line, "\n")] = 0;
        ok = unchanged(c, entry, lines++, line);
        const char *what = strchr(line, ' ');
        sources += what && what[1] == '/';
    }
    free(line);
    fclose(f);
    return ok && sources > 0;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *walk)
{
    (void)s, (void)kind, (void)walk;
    return remove(path);
}

/* A directory in its place could not be replaced, so it goes with what is in it. */
void cache_forget(const CacheEntry *entry)
{
    nftw(entry->inputs, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    nftw(entry->program, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_list(const Compilation *c, const CacheEntry *entry, FILE *f)
{
    fprintf(f, "%016" PRIx64 "\n%016" PRIx64 "\n", tool_stamp(c->perm), hash_file(entry->program));
    for (int i = 0; i < c->looks.count; i++)
        fprintf(f, "%016" PRIx64 " %s\n", hash_text(hash_start, c->looks.at[i].learned),
                c->looks.at[i].setting);
    const SourceFile *source;
    for (uint32_t i = 0; (source = sources_file(c->sources, i)); i++) {
        char *real = realpath(source->path, NULL);
        uint64_t hash = hash_bytes(hash_start, source->text, source->length);
        if (real)
            fprintf(f, "%016" PRIx64 " %s\n", hash, real); /* the text of a -D is a source too, but no file */
        free(real);
    }
}

bool cache_keep(Compilation *c, const CacheEntry *entry)
{
    const char *temporary = arena_printf(c->perm, "%s.%ld.tmp", entry->inputs, (long)getpid());
    FILE *f = fopen(temporary, "w");
    if (!f) return false;
    write_list(c, entry, f);
    bool ok = !ferror(f);
    ok = fclose(f) == 0 && ok && link_place(temporary, entry->inputs);
    if (!ok) unlink(temporary);
    return ok;
}
