/* thread.c: every item is done once, by threads whose numbers are below the limit, and together. */
#include "common/thread.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

enum { MOST = 1000 };

typedef struct Count {
    _Atomic int done[MOST];
    int limit;
    _Atomic int wrong; /* numbers of threads that are not below the limit */
} Count;

static void count_item(void *job, int64_t i)
{
    Count *c = job;
    c->done[i]++;
    if (thread_number() < 0 || thread_number() >= c->limit) c->wrong++;
}

static void check_counts(int threads, int64_t items)
{
    static Count c;
    for (int64_t i = 0; i < MOST; i++) c.done[i] = 0;
    c.limit = threads;
    thread_share(threads, items, count_item, &c);
    for (int64_t i = 0; i < MOST; i++) assert_int_equal(c.done[i], i < items);
    assert_int_equal(c.wrong, 0);
}

/* One job after the other, without a pause: threads come late, and come to the next one. */
static void test_each_item_once(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) check_counts(1 + round % 5, round % 7);
    for (int round = 0; round < 200; round++) check_counts(1 + round % 5, MOST - round);
}

/* The same where threads fall asleep between the jobs. */
static void test_after_a_pause(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        nanosleep(&(struct timespec){0, 500000}, NULL);
        check_counts(3, 1 + round % 5);
    }
}

typedef struct Meeting {
    _Atomic int there;
    _Atomic bool met;
} Meeting;

/* Ends when two threads are at it at once, or after ten seconds. */
static void meet(void *job, int64_t item)
{
    Meeting *m = job;
    (void)item;
    m->there++;
    for (int i = 0; i < 100000 && m->there < 2; i++) nanosleep(&(struct timespec){0, 100000}, NULL);
    if (m->there == 2) m->met = true;
}

static void test_threads_work_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        Meeting m = {0};
        thread_share(2, 2, meet, &m);
        assert_true(m.met);
    }
}

typedef struct Nest {
    int outer[64];
    _Atomic int inner, strange;
} Nest;

static void inner_item(void *job, int64_t i)
{
    Nest *n = job;
    (void)i;
    n->inner++;
}

/* An item that shares out: it does all of that itself. */
static void outer_item(void *job, int64_t i)
{
    Nest *n = job;
    int number = thread_number();
    thread_share(4, 8, inner_item, job);
    n->outer[i]++;
    if (number != thread_number()) n->strange++;
}

static void test_items_that_share(void **state)
{
    (void)state;
    Nest n = {{0}, 0, 0};
    thread_share(4, 64, outer_item, &n);
    for (int i = 0; i < 64; i++) assert_int_equal(n.outer[i], 1);
    assert_int_equal(n.inner, 64 * 8);
    assert_int_equal(n.strange, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_item_once),
        cmocka_unit_test(test_after_a_pause),
        cmocka_unit_test(test_threads_work_at_once),
        cmocka_unit_test(test_items_that_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
