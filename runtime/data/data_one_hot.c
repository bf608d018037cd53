/* data_one_hot.c: one_hot(data): a data set of classes, for losses that compare numbers (data_is_one_hot). */
#include "data/data_kind.h"

static bool has_classes(const Data *d, RtError *e)
{
    return d->classes > 0 ||
           rt_fail(e, RT_BAD_INPUT,
                   "one_hot makes vectors of classes; the target of '%s' is numbers\nhelp: leave out one_hot",
                   d->name);
}

bool data_one_hot_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    return data_peek_inner(args, c, d, e) && has_classes(d, e);
}

bool data_one_hot_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    return data_load_inner(args, c, d, e) && has_classes(d, e);
}
