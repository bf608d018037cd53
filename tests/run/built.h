/* built.h: for tests: a .dnw file compiled, linked as a shared object and loaded; random batches; the
 * reference interpreter on the weights of a net; and how far two results are apart.
 */
#ifndef BUILT_H
#define BUILT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "driver/compile.h"
#include "eval/ir_eval.h"
#include "net/net_private.h"

typedef struct Built {
    Compilation *compilation; /* the compiler's view: model, Ir */
    void *library;
    const DnwrtProgram *code;
    json_t *manifest;
    Optim optim;
} Built;

/* Says why on stderr and returns false when anything fails. */
bool built_open(Built *b, const char *path, int optimize);
/* The same with options as -D gives them. */
bool built_open_defined(Built *b, const char *path, int optimize, int count, const Define *defines);
/* The same with so many lanes a tile. */
bool built_open_lanes(Built *b, const char *path, int optimize, int lanes);
/* The same with the Ir changed before code is made of it. */
bool built_open_altered(Built *b, const char *path, int optimize, void (*alter)(Ir *));
/* Frozen with these weights, as a library whose functions begin with "net"; only compilation and library are
 * set. */
bool built_open_frozen(Built *b, const char *path, const char *weights, int lanes, int optimize);
void built_close(Built *b);
/* A net that trains; fails the test when there is none. */
Net *built_net(const Built *b, bool f64, int64_t batch, int threads, uint64_t seed);
/* Paths of all *.dnw of a folder, sorted, NULL-terminated, in *a; `count` may be NULL. */
const char **built_programs(Arena *a, const char *folder, int *count);
bool built_says(const char *path, const char *words); /* are the words in the file? */
/* Runs the tests as one group: all, or those that the first argument of the program selects: a part of their
 * names, or K/N, of N shares the K-th (every N-th test), for ctest to run shares at the same time. Fails when
 * none is selected. The exit status. */
int built_main(const char *group, const struct CMUnitTest *tests, int count, int argc, char **argv);

/* `samples` random samples in the shapes of the model; bytes instead of floats when it has three indices. */
Data *built_data(Arena *a, const Model *m, int64_t samples, uint64_t seed);
/* Moves learned weights off the constants that they start with and chooses edges anew. */
void built_shake(Net *n, double epoch);

/* What one pass over a batch gives, by name; numbers in double. `values` of a gradient: every element of the
 * tensor. */
typedef struct Result {
    const char *name; /* "loss", "output", "infer loss", "infer output", "d NAME", "set NAME" */
    int64_t size;
    double *values;
} Result;
typedef struct Results {
    Vec(Result) all;
    int64_t correct; /* samples whose largest output is the label */
} Results;

enum { BUILT_STEP = 7, BUILT_EPOCH = 1 }; /* of the passes: key dropout and augmentation */
Results *built_run(Arena *a, Net *n, const Data *d, const int64_t *order, int64_t count);
/* The same of a new net on random samples, two threads; lives as long as the arena. */
Results *built_once(Arena *a, const Built *b, bool f64, int64_t samples);
Results *built_reference(Arena *a, const Net *n, const Built *b, const Data *d, const int64_t *order,
                         int64_t count, double epoch);
/* Fills in, from the reference, what the net leaves out: gradients of candidates not in use, of lines that
 * have those of edges in use alone. One that is not 0 becomes NaN. */
bool built_learns(const Net *n, const NetBundle *b, int64_t candidate); /* has it a gradient in each step? */
Results *built_fill_unused(Arena *a, const Net *n, Results *r, const Results *reference);
/* The number of a candidate that has a weight, among all of its line. */
int64_t built_number(const NetBundle *b, int64_t candidate);
/* 1 for each candidate of a line that is in use, of all that there are. */
uint8_t *built_marks(Arena *a, const NetBundle *b);
/* Which element of the interpreter's parameter is this one of a program? They differ where edges in use
 * alone have weights. -1: none, no edge is there. */
int64_t built_element(const Net *n, int param, int64_t element);
/* An EvalContext on the weights of the net, edges chosen by eval_choose. */
EvalContext built_context(Arena *a, const Net *n, const Built *b, double epoch);
/* Largest difference, relative to the largest number of the same result (of gradients: at least 1/100 of the
 * largest gradient); infinite when a name is missing or a number is not finite. `worst` names the result. */
double built_distance(const Results *x, const Results *reference, const char **worst);
#endif
