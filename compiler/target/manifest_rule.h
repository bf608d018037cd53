/* manifest_rule.h: a declared rule as a record of the manifest. */
#ifndef DNW_MANIFEST_RULE_H
#define DNW_MANIFEST_RULE_H
#include "model/model.h"
#include "model/rule.h"

Declared *manifest_rule(Arena *perm, const Rule *r, int64_t total);
/* Which lists of the model share out their budgets. */
void manifest_groups(const Model *m, NetList *lists);
#endif
