/* options.c: see options.h. getopt_long splits the words; tables say what they mean. */
#define _GNU_SOURCE
#include "app/options.h"
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *help;
} commands[COMMAND_COUNT] = {
    [COMMAND_NONE] = {"", ""},
    [COMMAND_TRAIN] = {"train", "train the network, with a log and checkpoints"},
    [COMMAND_EVAL] = {"eval", "loss and accuracy of saved weights on the test split"},
    [COMMAND_PREDICT] = {"predict", "outputs of the network for a .npy file of inputs, or for pictures"},
    [COMMAND_GRADCHECK] = {"gradcheck", "compare gradients with finite differences, in double precision"},
    [COMMAND_INFO] = {"info", "what this program is: shapes, parameters, edges, settings"},
    [COMMAND_EDGES] = {"edges", "which edges are in use, as a table in a file, and a summary"},
    [COMMAND_BENCH] = {"bench", "time of one step, data in memory"},
};

typedef enum OptionKind { KIND_FLAG, KIND_WHOLE, KIND_RATE, KIND_TEXT } OptionKind;

typedef struct OptionRow {
    const char *name, *value; /* value: its name in the help, or NULL */
    OptionKind kind;
    size_t field;
    int64_t low, high;          /* of whole numbers */
    unsigned allowed, required; /* sets of commands */
    const char *help;
} OptionRow;

#define ON(c)     (1u << COMMAND_##c)
#define EVERY     (~0u)
#define FIELD(f)  offsetof(Options, f)
#define WITH_DATA (ON(TRAIN) | ON(EVAL) | ON(GRADCHECK) | ON(BENCH))
#define RUNS_NET  (ON(TRAIN) | ON(EVAL) | ON(PREDICT) | ON(BENCH) | ON(GRADCHECK))

static const OptionRow rows[] = {
    {"epochs", "N", KIND_WHOLE, FIELD(epochs), 1, 1000000, ON(TRAIN), 0, "passes over the training split"},
    {"batch", "N", KIND_WHOLE, FIELD(batch), 1, 1000000, ON(TRAIN) | ON(EVAL) | ON(PREDICT) | ON(BENCH), 0,
     "samples in one step"},
    {"lr", "X", KIND_RATE, FIELD(lr), 0, 0, ON(TRAIN), 0,
     "peak of the learning rate; its schedule keeps its shape"},
    {"seed", "N", KIND_WHOLE, FIELD(seed), 0, INT64_MAX, ON(TRAIN) | ON(GRADCHECK), 0,
     "of initial weights, the order of samples and all other random numbers"},
    {"threads", "N", KIND_WHOLE, FIELD(threads), 1, 1024, RUNS_NET, 0,
     "threads (default: all processors); results do not depend on it"},
    {"data", "DIR", KIND_TEXT, FIELD(data), 0, 0, WITH_DATA, 0, "directory of the data set"},
    {"out", "DIR", KIND_TEXT, FIELD(out), 0, 0, ON(TRAIN), 0,
     "directory of the log and checkpoints (default: runs/NAME)"},
    {"resume", NULL, KIND_FLAG, FIELD(resume), 0, 0, ON(TRAIN), 0, "continue the run in that directory"},
    {"force", NULL, KIND_FLAG, FIELD(force), 0, 0, ON(TRAIN), 0,
     "start a new run that replaces the one in that directory"},
    {"init", "FILE", KIND_TEXT, FIELD(init), 0, 0, ON(TRAIN), 0,
     "start from the weights in this .safetensors file, tensor by tensor where names and shapes are the "
     "same"},
    {"quiet", NULL, KIND_FLAG, FIELD(quiet), 0, 0, ON(TRAIN), 0, "print nothing but errors"},
    {"weights", "FILE", KIND_TEXT, FIELD(weights), 0, 0, ON(EVAL) | ON(PREDICT) | ON(INFO) | ON(EDGES),
     ON(EVAL) | ON(PREDICT), "a .safetensors file that train wrote"},
    {"input", "X.npy", KIND_TEXT, FIELD(input), 0, 0, ON(PREDICT), ON(PREDICT),
     "array (samples, input shape), not scaled; or a picture, or a folder of pictures"},
    {"output", "FILE", KIND_TEXT, FIELD(output), 0, 0, ON(PREDICT) | ON(EDGES), ON(PREDICT),
     "what to write, also -o: predict an array Y.npy (float32; samples, output shape), edges a table .csv, "
     ".npy or "
     ".graphml"},
    {"candidates", NULL, KIND_FLAG, FIELD(candidates), 0, 0, ON(EDGES), 0,
     "also write the candidates that are not in use"},
    {"steps", "N", KIND_WHOLE, FIELD(steps), 1, 1000000, ON(BENCH), 0, "steps to time (default: 20)"},
    {"infer", NULL, KIND_FLAG, FIELD(infer), 0, 0, ON(BENCH), 0, "time the forward pass only"},
    {"profile", NULL, KIND_FLAG, FIELD(profile), 0, 0, ON(BENCH), 0,
     "also print the time spent in each stage"},
    {"json", NULL, KIND_FLAG, FIELD(json), 0, 0, ON(EVAL) | ON(GRADCHECK) | ON(INFO) | ON(EDGES) | ON(BENCH),
     0, "print one JSON object"},
    {"help", NULL, KIND_FLAG, FIELD(help), 0, 0, EVERY, 0, "print this help"},
    {"version", NULL, KIND_FLAG, FIELD(version), 0, 0, EVERY, 0, "print the version"},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

/* --- suggestions --- */

/* Edits that turn a into b: insert, delete, replace, swap neighbours. Long words are never close. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t n = strlen(a), m = strlen(b), d[3][LONGEST + 1];
    if (n > LONGEST || m > LONGEST) return SIZE_MAX;
    for (size_t j = 0; j <= m; j++) d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = d[i % 3], *last = d[(i + 2) % 3], *before = d[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return d[n % 3][m];
}

void options_offer(Nearest *n, const char *name)
{
    size_t length = strlen(n->word), distance = edit_distance(n->word, name);
    bool begins = length >= 2 && (!strncmp(n->word, name, length) || !strncmp(n->word, name, strlen(name)));
    size_t limit = length < 4 ? 1 : length / 3 + 1;
    if (distance > limit && !begins) return;
    if (n->best && n->distance <= distance) return;
    n->best = name;
    n->distance = distance;
}

void options_quote(const char *text, char *out, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=+,:@%";
    if (*text && strspn(text, plain) == strlen(text)) {
        snprintf(out, size, "%s", text);
        return;
    }
    size_t used = 0;
    if (used + 1 < size) out[used++] = '\'';
    for (const char *c = text; *c && used + 6 < size; c++) {
        if (*c == '\'') used += (size_t)snprintf(out + used, size - used, "'\\''");
        else out[used++] = *c;
    }
    if (used + 1 < size) out[used++] = '\'';
    if (size) out[used] = 0;
}

void options_call(const Options *o, Command command, char *out, size_t size)
{
    if (o->call) {
        if (command == COMMAND_NONE) command = o->command;
        const char *end = strchr(o->call, '\n');
        snprintf(out, size, "%.*s %s %s", (int)(end - o->call), o->call, commands[command].name, end + 1);
        return;
    }
    options_quote(o->program, out, size);
    size_t used = strlen(out);
    if (command != COMMAND_NONE) snprintf(out + used, size - used, " %s", commands[command].name);
}

/* --- options of the file, which a built program cannot change --- */

/* What was asked: " -D a=1 -D 'b=f(2)'", and the first name. */
typedef struct Rebuild {
    char first[128];
    char flags[1024];
} Rebuild;

static void rebuild_add(Rebuild *r, const ProgramOption *option, const char *value)
{
    const char *name = option->name;
    char setting[512], quoted[600];
    snprintf(setting, sizeof setting, "%s=%s", name, value ? value : option->value);
    options_quote(setting, quoted, sizeof quoted);
    if (!r->first[0]) snprintf(r->first, sizeof r->first, "%s", name);
    size_t used = strlen(r->flags);
    snprintf(r->flags + used, sizeof r->flags - used, " -D %s", quoted);
}

void options_source(const Program *p, char *out, size_t size)
{
    char path[1024];
    const char *slash = strrchr(p->head.source, '/');
    snprintf(path, sizeof path, "%s/%s", p->head.directory, slash ? slash + 1 : p->head.source);
    bool elsewhere = access(p->head.source, R_OK) && !access(path, R_OK);
    options_quote(elsewhere ? path : p->head.source, out, size);
}

/* Options that the program was built with ("given" in the manifest) stay as they are. */
static void keep_given(Rebuild *r, const Program *p)
{
    for (int i = 0; i < p->head.option_count; i++) {
        const ProgramOption *option = &p->head.options[i];
        char plain[160], quoted[160];
        snprintf(plain, sizeof plain, " -D %s=", option->name);
        snprintf(quoted, sizeof quoted, " -D '%s=", option->name);
        if (!option->given) continue;
        if (!strstr(r->flags, plain) && !strstr(r->flags, quoted)) rebuild_add(r, option, NULL);
    }
}

void options_given(const Program *p, char *out, size_t size)
{
    Rebuild r = {0};
    keep_given(&r, p);
    snprintf(out, size, "%s", r.flags);
}

/* The command that makes the program as it was asked for, as help. */
static bool rebuild_help(Rebuild *r, const Program *p, const Options *o, RtError *e)
{
    char source[1024], program[1024];
    if (o->call) {
        options_call(o, o->command, program, sizeof program);
        return rt_help(e, "%s%s", program, r->flags);
    }
    keep_given(r, p);
    options_source(p, source, sizeof source);
    options_quote(o->program, program, sizeof program);
    return rt_help(e, "dnw build %s%s -o %s", source, r->flags, program);
}

static bool rebuild_fail(Rebuild *r, const Program *p, const Options *o, RtError *e)
{
    rt_fail(e, RT_USAGE, "option '%s' shapes the program and is set when it is built", r->first);
    return rebuild_help(r, p, o, e);
}

static void offer_options(Nearest *nearest, const Program *p)
{
    for (int i = 0; i < p->head.option_count; i++) options_offer(nearest, p->head.options[i].name);
}

static bool unknown_option(const Program *p, const char *name, RtError *e)
{
    Nearest nearest = {.word = name};
    offer_options(&nearest, p);
    rt_fail(e, RT_USAGE, "'%s' has no option '%s'", p->head.source, name);
    if (nearest.best) return rt_help(e, "help: did you mean '%s'?", nearest.best);
    if (p->head.option_count) return rt_help(e, "help: '%s --help' lists its options", p->head.program);
    return false;
}

/* NAME=VALUE after -D or --D. */
static bool take_setting(const Program *p, const char *text, Rebuild *r, RtError *e)
{
    char name[128];
    size_t length = strcspn(text, "=");
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), text);
    const ProgramOption *option = program_option(p, name);
    if (!option) return unknown_option(p, name, e);
    rebuild_add(r, option, text[length] ? text + length + 1 : NULL);
    return true;
}

/* --- values --- */

static bool take_whole(const OptionRow *row, const char *text, int64_t *value, RtError *e)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool whole = end != text && !*end;
    if (whole && !errno && number >= row->low && number <= row->high) {
        *value = number;
        return true;
    }
    return rt_fail(e, RT_USAGE, "--%s takes a whole number from %lld to %lld, not '%s'", row->name,
                   (long long)row->low, (long long)row->high, text);
}

static bool take_rate(const OptionRow *row, const char *text, double *value, RtError *e)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number) || number <= 0)
        return rt_fail(e, RT_USAGE, "--%s takes a finite number above 0, not '%s'", row->name, text);
    *value = number;
    return true;
}

static bool take_value(const OptionRow *row, const char *text, Options *o, RtError *e)
{
    void *field = (char *)o + row->field;
    switch (row->kind) {
    case KIND_FLAG: *(bool *)field = true; return true;
    case KIND_WHOLE: return take_whole(row, text, field, e);
    case KIND_RATE: return take_rate(row, text, field, e);
    case KIND_TEXT:
        if (!*text) return rt_fail(e, RT_USAGE, "--%s is empty", row->name);
        *(const char **)field = text;
        return true;
    }
    return false;
}

/* --- parsing --- */

/* `value` is what stands behind it, or NULL. */
static bool unknown_flag(const Options *o, const Program *p, const char *word, const char *value, RtError *e)
{
    char name[128];
    const char *bare = word + strspn(word, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(bare, "="), bare);
    Nearest nearest = {.word = name};
    for (int i = 0; i < ROW_COUNT; i++)
        if (rows[i].allowed & (1u << o->command)) options_offer(&nearest, rows[i].name);
    const char *flag = nearest.best;
    offer_options(&nearest, p);
    char call[1024];
    options_call(o, o->command, call, sizeof call);
    rt_fail(e, RT_USAGE, "unknown flag '%s'", word);
    if (nearest.best != flag) { /* an option of the file is nearer */
        Rebuild r = {0};
        rebuild_add(&r, program_option(p, nearest.best), value);
        return rebuild_help(&r, p, o, e);
    }
    if (nearest.best) return rt_help(e, "help: did you mean '--%s'?", nearest.best);
    return rt_help(e, "help: '%s --help' lists the flags", call);
}

/* A flag of some other command. */
static bool misplaced_flag(const OptionRow *row, const Options *o, RtError *e)
{
    char list[256] = "";
    for (int c = 1; c < COMMAND_COUNT; c++) {
        size_t used = strlen(list);
        if (row->allowed & (1u << c))
            snprintf(list + used, sizeof list - used, "%s'%s'", used ? ", " : "", commands[c].name);
    }
    if (o->command == COMMAND_NONE)
        return rt_fail(e, RT_USAGE, "--%s needs a command before it\nhelp: it belongs to %s", row->name,
                       list);
    return rt_fail(e, RT_USAGE, "'%s' has no flag --%s\nhelp: it belongs to %s", commands[o->command].name,
                   row->name, list);
}

/* Why a frozen program does not take a flag; NULL: it does. */
static const char *not_frozen(const Program *p, const OptionRow *row)
{
    if (!p->code->frozen) return NULL;
    if (row->field == FIELD(weights)) return "the weights of a frozen program are part of it";
    if (row->field == FIELD(profile)) return "a frozen program is one stage";
    return NULL;
}

static const OptionRow *find_row(const char *word)
{
    if (strncmp(word, "--", 2)) return NULL;
    size_t length = strcspn(word + 2, "=");
    for (int i = 0; i < ROW_COUNT; i++)
        if (strlen(rows[i].name) == length && !strncmp(rows[i].name, word + 2, length)) return &rows[i];
    return NULL;
}

/* A word that is no flag of ours may be an option of the file: --width=8, --width 8, --D width=8. Sets *at
 * past it. */
static bool take_foreign(char **argv, int *at, const Program *p, const Options *o, Rebuild *r, RtError *e)
{
    const char *word = argv[*at], *bare = word + strspn(word, "-"), *equals = strchr(bare, '=');
    const char *next = argv[*at + 1] && argv[*at + 1][0] != '-' ? argv[*at + 1] : NULL;
    ++*at;
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(bare, "="), bare);
    if (!strcmp(name, "D")) {
        const char *text = equals ? equals + 1 : next;
        if (!text) return rt_fail(e, RT_USAGE, "-D takes NAME=VALUE");
        if (!equals) ++*at;
        return take_setting(p, text, r, e);
    }
    const ProgramOption *option = program_option(p, name);
    if (!option) return unknown_flag(o, p, word, equals ? equals + 1 : next, e);
    if (!equals && next) ++*at;
    rebuild_add(r, option, equals ? equals + 1 : next);
    return true;
}

/* The flag that getopt has just found at argv[at]. */
static bool take_flag(int found, const char *word, Options *o, Rebuild *r, const Program *p, RtError *e)
{
    if (found == 'h') return o->help = true;
    if (found == 'D') return take_setting(p, optarg, r, e);
    if (found == 'o' || (found == ':' && optopt == 'o')) word = "--output";
    const OptionRow *row = find_row(word);
    if (row && !(row->allowed & (1u << o->command))) return misplaced_flag(row, o, e);
    if (row && not_frozen(p, row)) return rt_fail(e, RT_USAGE, "--%s: %s", row->name, not_frozen(p, row));
    if (row && found == ':')
        return rt_fail(e, RT_USAGE, "--%s takes a value: --%s %s", row->name, row->name, row->value);
    if (row && found == '?') return rt_fail(e, RT_USAGE, "--%s takes no value", row->name);
    if (row) return take_value(row, optarg, o, e);
    if (found == ':') return rt_fail(e, RT_USAGE, "-D takes NAME=VALUE");
    return unknown_flag(o, p, word, NULL, e);
}

/* Is this word for getopt? Else it names an option of the file, or nothing. */
static bool is_ours(const char *word, const Options *o, const Program *p)
{
    const OptionRow *row = find_row(word);
    if (row && !(row->allowed & (1u << o->command)) && program_option(p, row->name)) return false;
    return row || !strcmp(word, "-h") || !strncmp(word, "-D", 2) || !strncmp(word, "-o", 2);
}

static bool unexpected(const Options *o, const char *word, RtError *e)
{
    char call[1024];
    options_call(o, COMMAND_NONE, call, sizeof call);
    return rt_fail(e, RT_USAGE, "unexpected argument '%s'\nhelp: '%s --help' shows how to call it", word,
                   call);
}

/* Flags from argv[at] on. getopt starts afresh for each, so that words of others can be skipped between. */
static bool take_flags(int argc, char **argv, int at, Options *o, Rebuild *r, const Program *p, RtError *e)
{
    struct option table[ROW_COUNT + 1] = {0};
    for (int i = 0; i < ROW_COUNT; i++)
        table[i] = (struct option){rows[i].name, rows[i].kind == KIND_FLAG ? no_argument : required_argument,
                                   NULL, 0};
    opterr = 0;
    while (at < argc) {
        const char *word = argv[at];
        if (word[0] != '-' || !word[1]) return unexpected(o, word, e);
        if (!is_ours(word, o, p)) {
            if (!take_foreign(argv, &at, p, o, r, e)) return false;
            continue;
        }
        optind = 0;
        int found = getopt_long(argc - at + 1, argv + at - 1, "+:hD:o:", table, NULL);
        if (!take_flag(found, word, o, r, p, e)) return false;
        at += optind - 1;
    }
    return true;
}

/* A frozen program has weights of its own and changes nothing. */
enum { FROZEN = ON(NONE) | ON(PREDICT) | ON(INFO) | ON(BENCH) };

static bool has_command(const Program *p, Command c)
{
    return !p->code->frozen || FROZEN & 1u << c;
}

static bool frozen_refuses(const Program *p, const Options *o, const char *what, RtError *e)
{
    char source[1024];
    options_source(p, source, sizeof source);
    (void)o;
    rt_fail(e, RT_USAGE, "%s: this program is frozen and has predict, bench --infer and info", what);
    return rt_help(e, "one that trains: dnw build %s", source);
}

static bool take_command(const char *word, const Program *p, Options *o, RtError *e)
{
    Nearest nearest = {.word = word};
    for (int c = 1; c < COMMAND_COUNT; c++) {
        options_offer(&nearest, commands[c].name);
        if (strcmp(word, commands[c].name)) continue;
        o->command = (Command)c;
        return has_command(p, (Command)c) || frozen_refuses(p, o, word, e);
    }
    rt_fail(e, RT_USAGE, "unknown command '%s'", word);
    if (nearest.best) return rt_help(e, "help: did you mean '%s'?", nearest.best);
    return rt_help(e, "help: '%s --help' lists the commands", o->program);
}

bool options_trained(const Program *program, char *out, size_t size)
{
    static const char *const files[] = {"best", "last"};
    for (int i = 0; i < 2; i++) {
        snprintf(out, size, "runs/%s/%s.safetensors", program->head.program, files[i]);
        if (!access(out, R_OK)) return true;
    }
    return false;
}

/* A required flag is missing; the help is what could be typed instead. */
static bool missing_flag(const OptionRow *row, const Options *o, const Program *p, RtError *e)
{
    char call[1024], trained[512], quoted[600];
    options_call(o, o->command, call, sizeof call);
    rt_fail(e, RT_USAGE, "'%s' needs --%s %s", commands[o->command].name, row->name, row->value);
    if (strcmp(row->name, "weights") || !options_trained(p, trained, sizeof trained)) return false;
    options_quote(trained, quoted, sizeof quoted);
    return rt_help(e, "%s --weights %s", call, quoted);
}

static bool check_required(const Options *o, const Program *p, RtError *e)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        const char *text;
        if (!(rows[i].required & (1u << o->command)) || not_frozen(p, &rows[i])) continue;
        memcpy(&text, (const char *)o + rows[i].field, sizeof text);
        if (!text) return missing_flag(&rows[i], o, p, e);
    }
    if (p->code->frozen && o->command == COMMAND_BENCH && !o->infer)
        return frozen_refuses(p, o, "bench of training", e);
    if (o->resume && o->force)
        return rt_fail(e, RT_USAGE, "--resume continues a run and --force replaces it: give one of them");
    if (o->resume && o->init)
        return rt_fail(e, RT_USAGE,
                       "--resume continues a run with its own weights and --init starts one with those of a "
                       "file: give one of them");
    return true;
}

int options_threads(void)
{
    cpu_set_t set;
    long count = sched_getaffinity(0, sizeof set, &set) ? sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&set);
    return count < 1 ? 1 : count > 1024 ? 1024 : (int)count;
}

bool options_parse(int argc, char **argv, const Program *program, Options *o, RtError *e)
{
    const char *call = getenv("DNW_CALL");
    *o = (Options){.program = argc > 0 ? argv[0] : program->head.program,
                   .call = call && strchr(call, '\n') ? call : NULL,
                   .epochs = -1,
                   .batch = -1,
                   .seed = -1,
                   .threads = -1,
                   .steps = -1,
                   .lr = -1};
    int first = 1;
    if (argc > 1 && argv[1][0] != '-') {
        if (!take_command(argv[1], program, o, e)) return false;
        first = 2;
    }
    Rebuild rebuild = {0};
    if (!take_flags(argc, argv, first, o, &rebuild, program, e)) return false;
    if (o->threads < 0) o->threads = options_threads();
    if (rebuild.first[0]) return rebuild_fail(&rebuild, program, o, e);
    if (o->help || o->version || o->command == COMMAND_NONE) return true;
    return check_required(o, program, e);
}

/* --- help --- */

static void help_flags(FILE *out, const Program *p, Command command)
{
    fprintf(out, "\nFlags:\n");
    for (int i = 0; i < ROW_COUNT; i++) {
        if (!(rows[i].allowed & (1u << command)) || not_frozen(p, &rows[i])) continue;
        char left[64];
        const char *value = rows[i].value ? rows[i].value : "";
        snprintf(left, sizeof left, "--%s%s%s", rows[i].name, *value ? " " : "", value);
        fprintf(out, "  %-16s  %s%s\n", left, rows[i].help,
                rows[i].required & (1u << command) ? " (required)" : "");
    }
}

static void help_options(FILE *out, const Program *p)
{
    if (!p->head.option_count) return;
    char source[1024];
    options_quote(p->head.source, source, sizeof source);
    fprintf(out, "\nOptions of %s, set when it is built (dnw build %s -D NAME=VALUE -o %s):\n",
            p->head.source, source, p->head.program);
    for (int i = 0; i < p->head.option_count; i++) {
        const ProgramOption *o = &p->head.options[i];
        char left[256];
        snprintf(left, sizeof left, "%s = %s", o->name, o->value);
        fprintf(out, "  %-16s  %s\n", left, o->help);
    }
}

void options_help(FILE *out, const Program *program, const Options *o, Command command)
{
    if (command != COMMAND_NONE) {
        char call[1024];
        options_call(o, command, call, sizeof call);
        fprintf(out, "%s %s: %s\n\nUsage: %s [FLAG]...\n", program->head.program, commands[command].name,
                commands[command].help, call);
        help_flags(out, program, command);
        return;
    }
    fprintf(out, "%s: the network '%s' of %s, compiled by dnw\n\nUsage: %s COMMAND [FLAG]...\n\nCommands:\n",
            program->head.program, program->head.model, program->head.source, o->program);
    for (int c = 1; c < COMMAND_COUNT; c++)
        if (has_command(program, (Command)c))
            fprintf(out, "  %-16s  %s\n", commands[c].name, commands[c].help);
    help_flags(out, program, COMMAND_NONE);
    help_options(out, program);
    fprintf(out, "\n'%s COMMAND --help' lists the flags of a command.\n", o->program);
}
