/* blas.c: see blas.h.
 *
 * OpenBLAS takes a buffer for each thread that multiplies beside others, keeps it for the next one, asks the
 * system for it again and again until it gets it, and so never returns when there is no memory. That is why
 * it takes all of them before the first step, where there is room.
 */
#define _GNU_SOURCE
#include "net/blas.h"
#include "net/cpu.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 }; /* cblas.h */
enum { LIBRARY = 96 << 20 }; /* bytes of OpenBLAS and what it loads, and some to spare */

typedef void Sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float,
                   float *, int);
typedef void Dgemm(int, int, int, int, int, int, double, const double *, int, const double *, int, double,
                   double *, int);

static Sgemm *sgemm;
static Dgemm *dgemm;
static char *(*core_name)(void);
static void *(*take_buffer)(int);
static void (*give_buffer)(void *);

static void choose_kernels(void)
{
    if (cpu_has_avx512()) setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
}

/* Could so many bytes be had now? */
static bool has_room(int64_t bytes, RtError *e)
{
    void *room = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room != MAP_FAILED) return munmap(room, (size_t)bytes) == 0;
    rt_fail(e, RT_SYSTEM,
            "not enough memory: OpenBLAS needs room for %lld MiB, and the system has not so much",
            (long long)(bytes >> 20));
    return rt_help(e, "fewer --threads need less; a limit may be set (ulimit -v)");
}

/* The first of the names that is there; why not: what the linker said of the first one that could be found.
 */
static void *open_library(const char **why)
{
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
    static char said[300];
    *why = NULL;
    for (int i = 0; i < 2; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
        snprintf(said, sizeof said, "%s", dlerror());
        if (strstr(said, names[i]) == said && strstr(said, strerror(ENOENT))) continue;
        *why = said;
        break;
    }
    return NULL;
}

bool blas_open(RtError *e)
{
    const char *why;
    if (sgemm) return true;
    choose_kernels();
    if (!has_room(LIBRARY + BLAS_BUFFER, e)) return false;
    void *library = open_library(&why);
    if (!library && why) return rt_fail(e, RT_SYSTEM, "OpenBLAS cannot be loaded: %s", why);
    if (!library) {
        rt_fail(e, RT_SYSTEM, "OpenBLAS is not installed");
        return rt_help(e, "apt install libopenblas0-pthread");
    }
    *(void **)&sgemm = dlsym(library, "cblas_sgemm");
    *(void **)&dgemm = dlsym(library, "cblas_dgemm");
    *(void **)&core_name = dlsym(library, "openblas_get_corename");
    *(void **)&take_buffer = dlsym(library, "blas_memory_alloc");
    *(void **)&give_buffer = dlsym(library, "blas_memory_free");
    if (sgemm && dgemm) return true;
    sgemm = NULL;
    return rt_fail(e, RT_SYSTEM, "the installed OpenBLAS has no cblas_sgemm");
}

bool blas_reserve(int threads, RtError *e)
{
    const int64_t spare = 16 << 20; /* for what steps take beside it */
    if (!has_room(spare + (int64_t)threads * BLAS_BUFFER, e)) return false;
    if (!take_buffer || !give_buffer) return true;
    void **taken = calloc((size_t)threads, sizeof *taken);
    if (!taken) return rt_fail(e, RT_SYSTEM, "not enough memory to start");
    for (int i = 0; i < threads; i++) taken[i] = take_buffer(0);
    for (int i = 0; i < threads; i++)
        if (taken[i]) give_buffer(taken[i]);
    free(taken);
    return true;
}

void blas_sgemm_nt(const BlasProduct *p, const float *a, const float *b, float *c)
{
    sgemm(ROW_MAJOR, NO_TRANS, TRANS, p->rows, p->columns, p->inner, 1, a, p->a_step, b, p->b_step,
          (float)p->add, c, p->c_step);
}

void blas_dgemm_nt(const BlasProduct *p, const double *a, const double *b, double *c)
{
    dgemm(ROW_MAJOR, NO_TRANS, TRANS, p->rows, p->columns, p->inner, 1, a, p->a_step, b, p->b_step, p->add, c,
          p->c_step);
}

const char *blas_kernels(void)
{
    return core_name ? core_name() : "none";
}
