/* thread.c: see thread.h.
 *
 * Who is free takes the next item. The caller works, too, and waits only for items that another thread has
 * begun: where other programs keep the processors busy, it does itself what a sleeping thread has not come
 * to. A thread that waits looks for some microseconds, about as long as it takes to be woken, then sleeps.
 *
 * `ticket` holds the number of the present job and how many of its items nobody has taken. Only who counts
 * these down by one has an item, and a job is replaced when none is left: so a thread that wakes late takes
 * no item of another job than the one it has read.
 */
#include "common/thread.h"
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { LOOKS = 1 << 11 }; /* before a thread sleeps */

static struct {
    alignas(64) _Atomic uint64_t ticket; /* job << 32 | items that are left */
    alignas(64) _Atomic int64_t done;    /* items */
    alignas(64) _Atomic(ThreadWork *) work;
    _Atomic(void *) job;
    _Atomic int64_t count;
    _Atomic int limit;  /* threads that may help */
    _Atomic int asleep; /* threads without work, or about to sleep */
    _Atomic bool waits; /* the caller sleeps, or is about to */
    int threads;        /* that there are, the caller with them */
    bool full;          /* the system has no more of them */
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
} pool = {.threads = 1,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .begun = PTHREAD_COND_INITIALIZER,
          .ended = PTHREAD_COND_INITIALIZER};

static _Thread_local int number;
static _Thread_local bool within; /* an item */

int thread_number(void)
{
    return number;
}

static void look(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

static uint32_t job_number(void)
{
    return (uint32_t)(pool.ticket >> 32);
}

/* Does items of a job until none is left; returns how many it has done. */
static int64_t take_items(uint32_t job)
{
    ThreadWork *work = pool.work;
    void *data = pool.job;
    int64_t count = pool.count, mine = 0;
    uint64_t ticket = pool.ticket;
    within = true;
    while (ticket >> 32 == job && (uint32_t)ticket > 0) {
        if (!atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket - 1)) continue;
        work(data, count - (uint32_t)ticket), mine++;
        ticket = pool.ticket;
    }
    within = false;
    return mine;
}

static void await_job(uint32_t last)
{
    for (int i = 0; i < LOOKS && job_number() == last; i++) look();
    if (job_number() != last) return;
    pthread_mutex_lock(&pool.lock);
    pool.asleep++;
    while (job_number() == last) pthread_cond_wait(&pool.begun, &pool.lock);
    pool.asleep--;
    pthread_mutex_unlock(&pool.lock);
}

static void *help(void *start)
{
    uint32_t job = 0; /* a thread is made before the first job that it may help with */
    number = (int)(intptr_t)start;
    for (;;) {
        await_job(job);
        job = job_number();
        int64_t count = pool.count, mine = number < pool.limit ? take_items(job) : 0;
        if (mine == 0 || atomic_fetch_add(&pool.done, mine) + mine < count || !pool.waits) continue;
        pthread_mutex_lock(&pool.lock);
        pthread_cond_signal(&pool.ended);
        pthread_mutex_unlock(&pool.lock);
    }
    return NULL;
}

/* Threads up to `threads`, as far as the system has them. They leave signals to the first one. */
void thread_start(int threads)
{
    sigset_t all, before;
    if (pool.threads >= threads || pool.full) return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.threads < threads && !pool.full) {
        pthread_t thread;
        pool.full = pthread_create(&thread, NULL, help, (void *)(intptr_t)pool.threads) != 0;
        if (pool.full) continue;
        pthread_detach(thread);
        pool.threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Not more than have something to do: to be woken takes longer than many an item. */
static void wake(int limit, int64_t count)
{
    int sleepers = pool.asleep;
    if (sleepers == 0) return;
    pthread_mutex_lock(&pool.lock);
    if (limit < pool.threads || count > sleepers) pthread_cond_broadcast(&pool.begun);
    else
        for (int64_t i = 1; i < count; i++) pthread_cond_signal(&pool.begun);
    pthread_mutex_unlock(&pool.lock);
}

static void await_items(int64_t count)
{
    for (int i = 0; i < LOOKS && pool.done < count; i++) look();
    if (pool.done == count) return;
    pthread_mutex_lock(&pool.lock);
    pool.waits = true;
    while (pool.done < count) pthread_cond_wait(&pool.ended, &pool.lock);
    pool.waits = false;
    pthread_mutex_unlock(&pool.lock);
}

void thread_share(int threads, int64_t count, ThreadWork *work, void *job)
{
    if (threads > 1 && count > 1 && !within) thread_start(threads);
    if (threads <= 1 || count <= 1 || within || pool.threads == 1) {
        for (int64_t i = 0; i < count; i++) work(job, i);
        return;
    }
    uint32_t next = job_number() + 1;
    pool.work = work;
    pool.job = job;
    pool.count = count;
    pool.limit = threads;
    pool.done = 0;
    pool.ticket = (uint64_t)next << 32 | (uint64_t)count;
    wake(threads, count);
    pool.done += take_items(next);
    await_items(count);
}
