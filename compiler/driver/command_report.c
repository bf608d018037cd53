/* command_report.c: `dnw report RUN... -o report.html`. */
#include "driver/command.h"
#include "driver/page.h"
#include "common/plural.h"
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* Runs whose names are listed once. */
static json_t *runs_of(const CommandArgs *a, PageError *e)
{
    json_t *runs = json_array();
    for (int i = 0; i < a->files.count; i++) {
        json_t *run = page_run(a->arena, a->files.at[i], e);
        if (!run) {
            json_decref(runs);
            return NULL;
        }
        if (!json_object_get(run, "wiring"))
            fprintf(stderr, "note: '%s' has no snapshots of its wiring: the page has its curves alone\n",
                    a->files.at[i]);
        json_array_append_new(runs, run);
    }
    return json_pack("{s:o}", "runs", runs);
}

/* The page must not take the place of a program or a log by mistake. */
static bool is_page(const char *path)
{
    struct stat s;
    const char *dot = strrchr(path, '.');
    if (stat(path, &s) == 0 && !S_ISREG(s.st_mode)) return true; /* a device or pipe, which stays */
    return dot && (!strcasecmp(dot, ".html") || !strcasecmp(dot, ".htm"));
}

int command_report(const CommandArgs *a)
{
    const char *output = a->output ? a->output : "report.html";
    if (!is_page(output))
        return command_fail(EXIT_WRONG_USAGE, "such as -o report.html", "'%s': a report is written as .html",
                            output);
    PageError e = {0};
    json_t *data = runs_of(a, &e);
    const bool ok = data && page_write(a->arena, output, data, &e);
    const size_t runs = data ? json_array_size(json_object_get(data, "runs")) : 0;
    json_decref(data);
    if (!ok) return command_fail(e.code, e.help, "%s", e.text);
    printf("wrote %s: %zu run%s\n", output, runs, plural((int64_t)runs, "s"));
    return EXIT_DONE;
}
