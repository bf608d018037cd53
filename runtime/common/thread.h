/* thread.h: work that several threads share.
 *
 * One pool of threads for the process, made when it is first asked for. What is shared out is cut into items
 * that each give the same numbers on whichever thread, so results do not depend on how many there are.
 */
#ifndef RT_THREAD_H
#define RT_THREAD_H
#include <stdint.h>

typedef void ThreadWork(void *job, int64_t item);

/* Calls work(job, i) once for each i in 0 .. count - 1, on this thread and up to threads - 1 others, and
 * returns when all calls have. Items begin in ascending order. Within an item it calls one after the other.
 * Only one thread of the program may call it from outside of an item. Fewer threads work where the system
 * has no more. */
void thread_share(int threads, int64_t count, ThreadWork *work, void *job);
/* Makes them before they are needed. */
void thread_start(int threads);
/* Which of the threads that share this item this is, from 0. */
int thread_number(void);
#endif
