/* profile.c: see profile.h. The clock is the processor's counter, read in some ten nanoseconds; how
 * fast it runs is found at the end, by comparing it with the system's clock. */
#define _GNU_SOURCE
#include "net/profile.h"
#include "common/log.h"
#include "common/thread.h"
#include <stdlib.h>
#include <time.h>

typedef struct Row {
    uint64_t ticks;
    int64_t calls;
} Row;

/* One program runs in a process, and generated code cannot pass a table along. */
static struct {
    const json_t *profile;
    int64_t rows, edges, stride; /* stride: rows of a thread, and room between threads */
    int threads;
    Row *row;  /* (threads, stride); in the last one the thread's clock, and the row of its last lap */
    Row *wait; /* by the row that was done last: time of threads without work */
    uint64_t ticks;
    double seconds, cost; /* when the table was opened; ticks of one lap */
} table;

static uint64_t ticks(void)
{
#if defined __x86_64__
    return __builtin_ia32_rdtsc();
#elif defined __aarch64__
    uint64_t t;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

void dnwrt_lap(int64_t row)
{
    int thread = thread_number();
    if (!table.row || thread >= table.threads) return;
    Row *mine = table.row + thread * table.stride;
    uint64_t now = ticks(), *last = &mine[table.rows].ticks;
    if (row >= 0) mine[row].ticks += now - *last, mine[row].calls++;
    *last = now, mine[table.rows].calls = row;
}

uint64_t profile_clock(void)
{
    return table.row ? ticks() : 0;
}

/* The clock of a thread: its last lap, and the row of it. */
static const Row *clock_of(int thread)
{
    return &table.row[thread * table.stride + table.rows];
}

void profile_waited(uint64_t start)
{
    const uint64_t now = ticks();
    const Row *end = NULL;
    for (int t = 0; table.row && t < table.threads; t++)
        if (clock_of(t)->ticks > start && (!end || clock_of(t)->ticks > end->ticks)) end = clock_of(t);
    if (!end || end->calls < 0) return;
    Row *wait = &table.wait[end->calls];
    for (int t = 0; t < table.threads; t++)
        wait->ticks += now - (clock_of(t)->ticks > start ? clock_of(t)->ticks : start);
    wait->calls++;
}

void profile_part(int64_t row, double part)
{
    int thread = thread_number();
    if (!table.row || thread >= table.threads) return;
    Row *mine = table.row + thread * table.stride;
    uint64_t *last = &mine[table.rows].ticks, time = (uint64_t)((double)(ticks() - *last) * part);
    mine[row].ticks += time, mine[row].calls++;
    *last += time, mine[table.rows].calls = row;
}

/* Ticks of a lap, the smallest mean of a few tries. */
static double lap_cost(void)
{
    enum { TRIES = 8, LAPS = 512 };
    double least = 1e300;
    for (int i = 0; i < TRIES; i++) {
        uint64_t start = ticks();
        for (int k = 0; k < LAPS; k++) dnwrt_lap(0);
        double mean = (double)(ticks() - start) / LAPS;
        least = mean < least ? mean : least;
    }
    table.row[0] = (Row){0};
    return least;
}

bool profile_open(const json_t *profile, int threads)
{
    const int64_t own = 3, gap = 8; /* of the runtime's own work; a thread's clock and a cache line */
    profile_close();
    table.profile = profile, table.threads = threads;
    table.edges = (int64_t)json_array_size(json_object_get(profile, "rows"));
    table.rows = table.edges + (int64_t)json_array_size(json_object_get(profile, "edges")) + own;
    table.stride = table.rows + gap;
    table.row = calloc((size_t)(table.stride * threads), sizeof *table.row);
    table.wait = calloc((size_t)table.rows + 1, sizeof *table.wait);
    if (!table.row || !table.wait) return profile_close(), false;
    table.cost = lap_cost();
    table.ticks = ticks(), table.seconds = log_clock();
    return true;
}

void profile_close(void)
{
    free(table.row), free(table.wait);
    table.row = table.wait = NULL;
}

bool profile_is_open(void)
{
    return table.row != NULL;
}

int64_t profile_edges(int bundle)
{
    return table.edges + bundle;
}
int64_t profile_ahead(void)
{
    return table.rows - 3;
}
int64_t profile_fill(void)
{
    return table.rows - 2;
}
int64_t profile_right(void)
{
    return table.rows - 1;
}
int64_t profile_rows(void)
{
    return table.row ? table.rows : 0;
}

/* Seconds of a tick, over the time since the table was opened. */
static double tick(void)
{
    return (log_clock() - table.seconds) / (double)(ticks() - table.ticks);
}

static Row total(int64_t row)
{
    Row sum = {0};
    for (int t = 0; t < table.threads; t++) {
        const Row *r = &table.row[t * table.stride + row];
        sum.ticks += r->ticks, sum.calls += r->calls;
    }
    return sum;
}

static double cost_ticks(Row r)
{
    double cost = (double)r.calls * table.cost;
    return cost < (double)r.ticks ? cost : (double)r.ticks;
}

double profile_clock_cost(int64_t row)
{
    return cost_ticks(total(row)) * tick();
}

/* Where a row stands in the file, and what it does. */
static json_t *described(int64_t row)
{
    static const char *const own[] = {"samples of the next step", "samples into tiles",
                                      "which samples are right"};
    if (row >= profile_ahead())
        return json_pack("{s:s, s:s}", "what", own[row - profile_ahead()], "when", "once");
    const bool edges = row >= table.edges;
    const json_t *rows = json_object_get(table.profile, edges ? "edges" : "rows");
    return json_copy(json_array_get(rows, (size_t)(edges ? row - table.edges : row)));
}

json_t *profile_line(int64_t row)
{
    Row r = total(row);
    if (!r.calls) return NULL;
    json_t *line = described(row);
    json_object_set_new(line, "seconds", json_real(((double)r.ticks - cost_ticks(r)) * tick()));
    json_object_set_new(line, "calls", json_integer(r.calls));
    return line;
}

json_t *profile_wait_line(int64_t row)
{
    const Row r = table.wait[row];
    if (!r.calls || table.threads == 1) return NULL;
    json_t *line = described(row);
    const char *what = json_string_value(json_object_get(line, "what"));
    json_object_set_new(line, "what", json_sprintf("threads wait for the end of: %s", what));
    json_object_set_new(line, "seconds", json_real((double)r.ticks * tick()));
    json_object_set_new(line, "calls", json_integer(r.calls));
    return line;
}
