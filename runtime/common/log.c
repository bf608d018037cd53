/* log.c: the log file and the progress line (contract in log.h). */
#define _GNU_SOURCE
#include "common/log.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static bool fail(Log *l, const char *what, RtError *e)
{
    return rt_fail(e, RT_SYSTEM, "%s: cannot %s: %s", l->path, what, strerror(errno));
}

/* Bytes up to and including the last line end among the first `size`, or -1. */
static int64_t whole_lines(int fd, int64_t size)
{
    char block[4096];
    while (size > 0) {
        int64_t start = size > (int64_t)sizeof block ? size - (int64_t)sizeof block : 0;
        ssize_t got = pread(fd, block, (size_t)(size - start), start);
        if (got != size - start) return -1;
        const char *end = memrchr(block, '\n', (size_t)got);
        if (end) return start + (end - block) + 1;
        size = start;
    }
    return 0;
}

bool log_cut(Log *l, int64_t keep, RtError *e)
{
    int64_t size = lseek(l->fd, 0, SEEK_END);
    if (size < 0) return fail(l, "read", e);
    l->bytes = whole_lines(l->fd, size < keep ? size : keep);
    if (l->bytes < 0) return fail(l, "read", e);
    if (ftruncate(l->fd, l->bytes)) return fail(l, "write", e);
    return true;
}

bool log_open(Log *l, const char *path, int64_t keep, RtError *e)
{
    *l = (Log){.fd = -1, .path = strdup(path)};
    if (!l->path) return rt_fail(e, RT_SYSTEM, "out of memory");
    l->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    bool ok = l->fd >= 0 || fail(l, "write", e);
    if (ok && flock(l->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        ok = rt_fail(
            e, RT_USAGE,
            "%s: another process is training into this directory\nhelp: choose another with --out DIR", path);
    ok = ok && (keep < 0 || log_cut(l, keep, e));
    if (!ok) log_close(l);
    return ok;
}

/* All of `text`, or false with errno. */
static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, text, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        text += done;
        size -= (size_t)done;
    }
    return true;
}

bool log_event(Log *l, json_t *event, RtError *e)
{
    char *text = event ? json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(event);
    if (!text) return rt_fail(e, RT_SYSTEM, "out of memory");
    size_t length = strlen(text);
    text[length] = '\n'; /* takes the place of the end mark: written by length */
    bool ok = write_all(l->fd, text, length + 1);
    if (ok) l->bytes += (int64_t)length + 1;
    else fail(l, "write", e);
    free(text);
    if (!ok && ftruncate(l->fd, l->bytes)) return false;
    return ok;
}

bool log_sync(Log *l, RtError *e)
{
    if (fdatasync(l->fd) && errno != EINVAL && errno != ENOTSUP) return fail(l, "write", e);
    return true;
}

void log_close(Log *l)
{
    if (l->fd >= 0) close(l->fd);
    free(l->path);
    *l = (Log){.fd = -1};
}

json_t *log_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* --- console --- */

void log_standard_files(void)
{
    int fd;
    do fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

double log_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void log_duration(double seconds, char *out, size_t size)
{
    if (!(seconds >= 0 && seconds < 1e9)) {
        snprintf(out, size, "?");
        return;
    }
    long s = lround(seconds);
    if (s < 60) snprintf(out, size, "%ld s", s);
    else if (s < 3600) snprintf(out, size, "%ld min %02ld s", s / 60, s % 60);
    else snprintf(out, size, "%ld h %02ld min", s / 3600, s / 60 % 60);
}

void log_console(LogConsole *c, FILE *out, bool quiet)
{
    *c = (LogConsole){.out = out, .quiet = quiet, .terminal = isatty(fileno(out)) == 1};
}

static int console_width(const LogConsole *c)
{
    struct winsize size;
    return ioctl(fileno(c->out), TIOCGWINSZ, &size) || size.ws_col < 20 ? 80 : size.ws_col;
}

void log_progress(LogConsole *c, const LogProgress *p)
{
    if (c->quiet || !c->terminal || log_clock() < c->next_draw) return;
    c->next_draw = log_clock() + 0.2;
    char left[32], accuracy[32] = "", line[256];
    log_duration(p->seconds_left, left, sizeof left);
    if (isfinite(p->accuracy)) snprintf(accuracy, sizeof accuracy, "  acc %.1f%%", 100 * p->accuracy);
    snprintf(line, sizeof line, "epoch %lld/%lld %2.0f%%  loss %.4f%s  %.0f/s  %s left  %lld swapped",
             (long long)p->epoch, (long long)p->epochs, 100 * p->done, p->loss, accuracy, p->samples_per_s,
             left, (long long)p->swapped);
    fprintf(c->out, "\r%.*s\033[K", console_width(c) - 1, line);
    fflush(c->out);
    c->drawn = true;
}

void log_clear(LogConsole *c)
{
    if (c->drawn) fprintf(c->out, "\r\033[K");
    c->drawn = false;
    fflush(c->out);
}

void log_line(LogConsole *c, const char *format, ...)
{
    if (c->quiet) return;
    log_clear(c);
    va_list args;
    va_start(args, format);
    vfprintf(c->out, format, args);
    va_end(args);
    fputc('\n', c->out);
    fflush(c->out);
}
