/* rt_blas.c: see rt_blas.h. */
#define _GNU_SOURCE
#include "rt_blas.h"
#include <dlfcn.h>
#include <stdlib.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 }; /* cblas.h */

typedef void Sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float,
                   float *, int);
typedef void Dgemm(int, int, int, int, int, int, double, const double *, int, const double *, int, double,
                   double *, int);

static Sgemm *sgemm;
static Dgemm *dgemm;
static char *(*core_name)(void);

static void choose_kernels(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
#endif
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
}

bool blas_open(RtError *e)
{
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
    if (sgemm) return true;
    choose_kernels();
    void *library = NULL;
    for (int i = 0; i < 2 && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        rt_fail(e, RT_SYSTEM, "OpenBLAS is not installed: %s", dlerror());
        return rt_help(e, "apt install libopenblas0-pthread");
    }
    *(void **)&sgemm = dlsym(library, "cblas_sgemm");
    *(void **)&dgemm = dlsym(library, "cblas_dgemm");
    *(void **)&core_name = dlsym(library, "openblas_get_corename");
    if (sgemm && dgemm) return true;
    sgemm = NULL;
    return rt_fail(e, RT_SYSTEM, "the installed OpenBLAS has no cblas_sgemm");
}

void blas_sgemm_nt(int rows, int columns, int inner, const float *a, int lda, const float *b, int ldb,
                   int add, float *c, int ldc)
{
    sgemm(ROW_MAJOR, NO_TRANS, TRANS, rows, columns, inner, 1, a, lda, b, ldb, (float)add, c, ldc);
}

void blas_dgemm_nt(int rows, int columns, int inner, const double *a, int lda, const double *b, int ldb,
                   int add, double *c, int ldc)
{
    dgemm(ROW_MAJOR, NO_TRANS, TRANS, rows, columns, inner, 1, a, lda, b, ldb, add, c, ldc);
}

const char *blas_kernels(void)
{
    return core_name ? core_name() : "none";
}
