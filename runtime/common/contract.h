/* contract.h: the records that the compiler writes into a program and the runtime reads (contract.def): their
 * structs, and what writes and reads any of them. */
#ifndef RT_CONTRACT_H
#define RT_CONTRACT_H
#include "common/error.h"
#include <stddef.h>
#include <stdint.h>

struct json_t;

/* clang-format off */
#define RECORD(name) typedef struct name {
#define ONE(type, field) type field;
#define LIST(type, field) type *field##s; int field##_count;
#define MAYBE(type, field) type *field;
#define END(name) } name;
#include "common/contract.def"
/* clang-format on */

typedef struct ContractType ContractType;
#define RECORD(name) extern const ContractType contract_##name;
#include "common/contract.def"

/* The record as a JSON object. */
struct json_t *contract_write(const ContractType *type, const void *record);
/* Fills the record, which need not be empty; false and *e: a key is missing or of another type, or there is not
 * enough memory. contract_free it in either case. */
bool contract_read(const ContractType *type, const struct json_t *json, void *record, RtError *e);
/* Frees what contract_read took. */
void contract_free(const ContractType *type, void *record);
#endif
