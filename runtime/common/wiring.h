/* wiring.h: candidate edges from predicates, and the order in which the nodes of a graph run.
 *
 * One builder with two users: the compiler counts, proves and reports with interpreted predicates; a program
 * builds the same structure at its start with compiled ones, so that no edge is ever part of the code.
 *
 * The candidates of a bundle (all edges from node set `from` to `to` that one line of the language allows)
 * are numbered target by target, sources ascending. Three forms, chosen by the candidates:
 *
 *   DENSE     every pair; nothing is stored
 *   SEGMENTS  each target takes a few runs of consecutive sources
 *   LIST      each candidate names its source
 */
#ifndef RT_WIRING_H
#define RT_WIRING_H
#include "common/contract.h"

typedef bool WiringPredicate(void *context, const int64_t *target_index, const int64_t *source_index,
                             int64_t target, int64_t source);

/* The same for source index `dim` in first .. last, and any of those behind it that are WIRING_ANY: 1
 * certainly true, 0 certainly false, -1 not known. */
enum { WIRING_ANY = -1 };
typedef int WiringRange(void *context, const int64_t *target_index, const int64_t *source_index, int dim,
                        int64_t first, int64_t last);

struct Candidates;
typedef struct WiringLine {
    int from, to;
    const struct Candidates *given; /* LIST: the pairs that are asked about; NULL: all */
    WiringPredicate *predicate;     /* NULL: every pair */
    WiringRange *range;             /* or NULL: every pair is evaluated */
    void *context;
    uint32_t uses_to, uses_from; /* bit i: the predicate depends on index i; others are not varied */
    bool pairwise;               /* depends on the node numbers themselves (chance): nothing may be skipped */
    /* The answer stays when target index `shift` and the last source index that is read both grow by one;
     * `shift` is the last target index that is read. Then one row tells all that differ in it. */
    bool shifts;
    int shift;
} WiringLine;

typedef enum CandidateForm { CANDIDATES_DENSE, CANDIDATES_SEGMENTS, CANDIDATES_LIST } CandidateForm;
typedef struct Candidates {
    CandidateForm form;
    int64_t targets, sources, count;
    int64_t *row;     /* targets + 1: first candidate of each target; NULL when DENSE */
    int64_t *segment; /* targets + 1: first segment of each target; SEGMENTS */
    uint32_t *start;  /* first source of each segment */
    uint32_t *length;
    uint32_t *source; /* LIST */
} Candidates;

/* Builds the candidates of one line. False: out of memory (everything is freed). */
bool candidates_build(const WiringSet *from, const WiringSet *to, const WiringLine *line, Candidates *out);
void candidates_free(Candidates *c);
int64_t candidates_bytes(const Candidates *c);

static inline int64_t candidates_row(const Candidates *c, int64_t target)
{
    return c->form == CANDIDATES_DENSE ? target * c->sources : c->row[target];
}
/* Source of candidate `number`, which belongs to `target`. */
int64_t candidates_source(const Candidates *c, int64_t target, int64_t number);
/* The candidate from `source` to `target`; -1: there is none. */
int64_t candidates_number(const Candidates *c, int64_t target, int64_t source);
/* The target of a candidate (binary search). */
int64_t candidates_target(const Candidates *c, int64_t number);

#define SLOTS_WRONG "'%s': the edges of the file are not candidates of this program"
/* Is `some`, a LIST from outside with room for `most` sources, a part of `all`, in the same order? */
bool candidates_contain(const Candidates *all, const Candidates *some, int64_t most);

/* A run of consecutive sources of one target. For each run of `target`: candidates_run(c, target, n, &run)
 * for n = 0, 1, ... until it returns false. `first` is the candidate number of the run's first source. */
typedef struct CandidateRun {
    int64_t first, source, length;
} CandidateRun;
bool candidates_run(const Candidates *c, int64_t target, int64_t n, CandidateRun *run);

/* Nodes in an order in which every source comes before its targets: by longest path from the inputs, then by
 * set, then by number. A phase is a range of nodes of one set and one rank. Held sets do not appear. */
typedef struct WiringPhase {
    int set;
    int64_t first, count; /* in `nodes` */
} WiringPhase;
typedef struct WiringOrder {
    int phase_count;
    WiringPhase *phases;
    uint32_t *nodes; /* node number within its set */
    int64_t node_count;
    int64_t ranks;
} WiringOrder;

typedef struct WiringCycle {
    int length; /* nodes listed, the first repeated at the end */
    int set[34];
    int64_t node[34];
    bool shortened; /* the cycle is longer than what is listed */
} WiringCycle;

/* The sets of a graph, its lines of edges (of which the ends matter) and the candidates of each. */
typedef struct WiringGraph {
    int set_count, line_count;
    const WiringSet *sets;
    const WiringLine *lines;
    const Candidates *const *candidates;
} WiringGraph;
/* False: the candidates have a cycle (described in *cycle) or memory ran out (cycle->length 0). */
bool wiring_order(const WiringGraph *g, WiringOrder *order, WiringCycle *cycle);
void wiring_order_free(WiringOrder *order);
#endif
