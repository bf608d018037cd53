/* dnwrt.h: the contract between a generated program and libdnwrt.
 *
 * A program is one object file with the symbol `dnw_program`; libdnwrt has main(). What the program is stands
 * in its manifest (JSON, docs/runtime.md); its computation is in stage functions, once in float and once
 * in double (gradcheck). A stage function handles one tile: `lanes` samples, the innermost index of every
 * batched value. How many they are is a property of the program.
 */
#ifndef DNWRT_H
#define DNWRT_H
#include <stdint.h>

enum { DNWRT_ABI = 22 };

struct DnwrtContext; /* runtime/kernels/kernel.h */
/* Code, and the numbers that tell where its values stand: equal blocks of a network have the same code. */
typedef void DnwrtCode(struct DnwrtContext *context, int64_t tile, const int64_t *addresses);
typedef struct DnwrtStage {
    DnwrtCode *code;
    const int64_t *addresses;
} DnwrtStage;
/* Is (target indices, source indices) a candidate? Indices as the language has them, in declaration order.
 * `seed` keys chance(p); target and source are the row-major node numbers. */
typedef int DnwrtPredicate(const int64_t *target_index, const int64_t *source_index, int64_t target,
                           int64_t source, uint64_t seed);

/* What a declared rule computes of candidates 0 .. count - 1: out[i] from args[..][i], arrays by RuleTerm
 * (choice.h), then by state of the rule. count is a multiple of RULE_WIDTH. */
enum { RULE_WIDTH = 64 };
typedef void DnwrtRule(const float *const *args, int64_t count, float *out);
typedef void DnwrtRuleF64(const double *const *args, int64_t count, double *out);

/* Candidates that are listed: those of target t are row[t] .. row[t + 1] - 1, sources ascending. */
typedef struct DnwrtGiven {
    const int64_t *row;
    const uint32_t *source;
    const float *weight; /* at the start, by candidate; NULL: drawn */
} DnwrtGiven;

typedef struct DnwrtProgram {
    uint32_t abi;          /* DNWRT_ABI */
    uint32_t lanes;        /* 1, 8, 16 or 64 */
    const char *manifest;  /* JSON text */
    const DnwrtStage *f32; /* by number in the manifest */
    const DnwrtStage *f64;
    DnwrtPredicate *const *predicates;
    DnwrtRule *const *rules;        /* by number in the manifest */
    DnwrtRuleF64 *const *rules_f64; /* the same; NULL: of one that forward and backward passes do not ask */
    const DnwrtGiven *const
        *given; /* by line of edges; NULL: of one whose candidates follow from a condition */
    const struct DnwrtFrozen *frozen; /* runtime/kernels/frozen.h; NULL: a program that trains */
} DnwrtProgram;

extern const DnwrtProgram dnw_program;
int dnwrt_main(const DnwrtProgram *program, int argc, char **argv);
#endif
