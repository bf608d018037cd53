/* contract.h: the records that the compiler writes into a program and the runtime reads (contract.def): their
 * structs, and what writes and reads any. */
#ifndef RT_CONTRACT_H
#define RT_CONTRACT_H
#include "common/error.h"
#include <stddef.h>
#include <stdint.h>

struct json_t;
typedef const char *String; /* as read: a part of the JSON value, which must outlive it */
enum { WIRING_RANK = 4, MAX_TIME_STAGES = 7 };
enum { MAX_NORMS = 8 }; /* of one function of nodes or edges */

/* clang-format off */
#define WORDS(type) typedef enum type {
#define WORD(value, text) value,
#define END_WORDS(type, count) count } type;
#include "common/contract.def"
#define RECORD(name) typedef struct name {
#define ONE(type, field) type field;
#define LIST(type, fields, count) type *fields; int count;
#define FIXED(type, fields, sizes) type fields sizes;
#define MAYBE(type, field) type *field;
#define OWN(type, field) type field;
#define END(name) } name;
#include "common/contract.def"
typedef enum ContractType {
    CONTRACT_int, CONTRACT_int64_t, CONTRACT_double, CONTRACT_bool, CONTRACT_String,
#define WORDS(type) CONTRACT_##type,
#define RECORD(name) CONTRACT_##name,
#include "common/contract.def"
} ContractType;
/* clang-format on */

/* The text of a value of an enum. */
const char *contract_text(ContractType type, int value);
/* The record as a JSON object. */
struct json_t *contract_write(ContractType type, const void *record);
/* Fills the record, which need not be empty; false and *e: a key is missing or of another type, or memory ran
 * out. contract_free it in either case. */
bool contract_read(ContractType type, const struct json_t *json, void *record, RtError *e);
/* Frees what contract_read took. */
void contract_free(ContractType type, void *record);
#endif
