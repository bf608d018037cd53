/* page.c: the page of `dnw report`: files of report/, in the binary as they are, and the data. See page.h. */
#define _GNU_SOURCE
#include "driver/page.h"
#include "common/output.h"
#include "driver/command.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The bytes of report/NAME, which the assembler includes. */
#define PART(symbol, file)                                                                                   \
    extern const char symbol[], symbol##_end[];                                                              \
    __asm__(".pushsection .rodata\n" #symbol ":\n.incbin \"" REPORT file "\"\n" #symbol                      \
            "_end:\n.popsection\n");
PART(page_html, "page.html")
PART(page_css, "page.css")
PART(page_plot_licence, "uPlot.LICENSE")
PART(page_plot_css, "uPlot.min.css")
PART(page_plot, "uPlot.iife.min.js")
PART(page_data, "data.js")
PART(page_curves, "curves.js")
PART(page_layout, "layout.js")
PART(page_picture, "wiring.js")
PART(page_script, "page.js")

typedef struct Part {
    const char *text, *end;
} Part;
static const Part licences[] = {{page_plot_licence, page_plot_licence_end}};
static const Part styles[] = {{page_plot_css, page_plot_css_end}, {page_css, page_css_end}};
static const Part scripts[] = {{page_plot, page_plot_end},       {page_data, page_data_end},
                               {page_curves, page_curves_end},   {page_layout, page_layout_end},
                               {page_picture, page_picture_end}, {page_script, page_script_end}};

bool page_fail(PageError *e, Arena *a, int code, const char *help, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *e = (PageError){code, arena_printf(a, "%s", text), help};
    return false;
}

char *page_read(Arena *a, const char *path, size_t *length)
{
    FILE *f = fopen(path, "rbe");
    struct stat s;
    if (!f) return NULL;
    char *text = NULL;
    if (fstat(fileno(f), &s) || !S_ISREG(s.st_mode)) errno = S_ISDIR(s.st_mode) ? EISDIR : EINVAL;
    else {
        text = arena_alloc(a, (size_t)s.st_size + 1, 1);
        *length = fread(text, 1, (size_t)s.st_size, f);
        text[*length] = 0;
        if (ferror(f)) text = NULL;
    }
    fclose(f);
    return text;
}

static void write_parts(FILE *f, const Part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fwrite(parts[i].text, 1, (size_t)(parts[i].end - parts[i].text), f);
        fputc('\n', f);
    }
}

/* Up to `mark`, which is left out; what follows it. */
static const char *write_until(FILE *f, const char *at, const char *mark)
{
    const size_t size = (size_t)(page_html_end - at);
    const char *found = memmem(at, size, mark, strlen(mark));
    fwrite(at, 1, (size_t)((found ? found : page_html_end) - at), f);
    return found ? found + strlen(mark) : page_html_end;
}

static void write_page(FILE *f, const json_t *data)
{
    const char *at = write_until(f, page_html, "/* STYLE */");
    fputs("/* uPlot:\n", f);
    write_parts(f, licences, sizeof licences / sizeof *licences);
    fputs("*/\n", f);
    write_parts(f, styles, sizeof styles / sizeof *styles);
    at = write_until(f, at, "/* DATA */");
    json_dumpf(data, f, JSON_COMPACT | JSON_ESCAPE_SLASH | JSON_REAL_PRECISION(6)); /* no </script> in it */
    at = write_until(f, at, "/* SCRIPT */");
    write_parts(f, scripts, sizeof scripts / sizeof *scripts);
    fwrite(at, 1, (size_t)(page_html_end - at), f);
}

bool page_write(Arena *a, const char *path, const json_t *data, PageError *e)
{
    Output o;
    if (output_begin(&o, path)) write_page(o.file, data);
    if (output_end(&o, true)) return true;
    return page_fail(e, a, EXIT_SYSTEM, NULL, "cannot write '%s': %s", path, strerror(errno));
}
