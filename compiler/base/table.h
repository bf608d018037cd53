/* table.h: hash tables in an arena: from bytes (a name, a pointer, a key of several numbers) to numbers from
 * 0, such as places in a Vec. A zeroed Table is empty and valid.
 */
#ifndef DNW_TABLE_H
#define DNW_TABLE_H
#include "base/arena.h"

typedef struct Table {
    struct TableSlot *slots;
    int count, capacity;
} Table;

/* The number of a key; -1: it is not in the table. */
int table_find(const Table *t, const void *key, size_t length);
/* The place of its number, which is -1 when the key is new; valid until the next call. The key is copied. */
int *table_place(Arena *a, Table *t, const void *key, size_t length);
/* `base`, or base_2, base_3, ...: the first of these that is not in the table. It is put there. */
const char *table_new_name(Arena *a, Table *t, const char *base);
Table table_copy(Arena *a, const Table *t);
#endif
