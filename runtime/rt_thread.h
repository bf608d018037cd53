/* rt_thread.h: which of the threads of a parallel region this is, from 0. */
#ifndef RT_THREAD_H
#define RT_THREAD_H

static inline int thread_number(void)
{
#ifdef _OPENMP
    extern int omp_get_thread_num(void);
    return omp_get_thread_num();
#else
    return 0;
#endif
}
#endif
