/* expr_choose.c: list[index]: an element of a list.
 *
 * A known index picks one. In a condition of edges an index of the edge may choose from a list, too: then it
 * becomes a tree of choices, and is tried for all nodes, so that none asks for an element that is not there.
 */
#include "check/expr.h"
#include "ir/predicate.h"
#include <math.h>

enum { MOST_ELEMENTS = 4096, MOST_TRIES = 20000000 };

static Val *no_element(Check *k, const Val *list, const Val *index, const char *number)
{
    int count = list->items.count;
    if (!count) return diag_add(k->diags, E_INDEX, index->span, "this list has no element"), val_poison(k);
    Diag *d = diag_add(k->diags, E_INDEX, index->span,
                       "there is no element %s: this list has %d, counted from 0", number, count);
    if (index->kind == VAL_RUNTIME) {
        diag_note_plain(d, "the index must be valid for all nodes, whatever the rest of the condition says");
        diag_help(d, "keep it within the list, such as [i mod %d] or [min(i, %d)]", count, count - 1);
    }
    return val_poison(k);
}

static Val *not_known(Check *k, const Val *index)
{
    Diag *d =
        diag_add(k->diags, E_KIND, index->span,
                 "an element is selected by a number known at compile time; this is %s", val_text(k, index));
    if (index->kind == VAL_RUNTIME)
        diag_help(d, "only in a condition of edges may an index choose; here: if x < 0.5 then a else b");
    return val_poison(k);
}

/* ---- an index of the edge ---- */

/* Marks the arguments that the last value of f depends on. */
static void mark_arguments(const Func *f, bool *used)
{
    int last = f->values.count - 1;
    const bool *needed = func_follow(f, 1, &f->values.at[last]);
    for (int i = 0; i <= last; i++)
        if (needed[i] && f->values.at[i]->op == IR_ARG) used[f->values.at[i]->index] = true;
}

/* The next indices among those used; false when all have been. */
static bool next_indices(const Check *k, const bool *used, double *args)
{
    for (int i = 0; i < 2 * MAX_RANK; i++) {
        if (!used[i]) continue;
        if (++args[i] < (double)k->index_size[i]) return true;
        args[i] = 0;
    }
    return false;
}

/* Is the index a whole number in 0 .. count - 1 for all nodes? Else a message. */
static bool fits_list(Check *k, const Val *list, const Val *index)
{
    bool used[2 * MAX_RANK] = {false};
    double args[2 * MAX_RANK] = {0}, tries = 1;
    Func f = *k->func;
    f.values.count = index->value->id + 1;
    f.results.at = (Value *[]){index->value}, f.results.count = 1;
    mark_arguments(&f, used);
    for (int i = 0; i < 2 * MAX_RANK; i++) tries *= used[i] ? (double)k->index_size[i] : 1;
    if (tries == 0) return true; /* no node, no edge */
    if (tries * (double)f.values.count > MOST_TRIES || func_has(&f, IR_CHANCE)) {
        diag_add(k->diags, E_INDEX, index->span,
                 "this index must be that of few nodes and without chance(...), since it is tried for all of "
                 "them");
        return false;
    }
    double *scratch = NEW_ARRAY(k->perm, double, (size_t)f.values.count);
    do {
        double at = predicate_eval(&f, args, &(Chance){0}, scratch);
        if (at >= 0 && at < list->items.count && floor(at) == at) continue;
        no_element(k, list, index, arena_printf(k->perm, "%.6g", at));
        return false;
    } while (next_indices(k, used, args));
    return true;
}

/* One of the elements first .. last: halves of the list, as deep as its logarithm. */
static Val *chosen(Check *k, const Val *list, Val *index, int first, int last)
{
    if (first == last) return list->items.at[first];
    int middle = (first + last + 1) / 2;
    Val *ends[2] = {index, val_number(k, middle, index->span)};
    Val *below = pointwise(k, IR_LT, index->span, 2, ends);
    Val *low = chosen(k, list, index, first, middle - 1), *high = chosen(k, list, index, middle, last);
    if (val_is_poison(below) || val_is_poison(low) || val_is_poison(high)) return val_poison(k);
    return pointwise(k, IR_SELECT, index->span, 3, (Val *[]){below, low, high});
}

Val *choose_element(Check *k, const Val *list, Val *index)
{
    int count = list->items.count;
    bool known = index->kind == VAL_NUMBER;
    if (known && floor(index->number) == index->number && index->number >= 0 && index->number < count)
        return list->items.at[(int)index->number];
    if (known || count == 0) return no_element(k, list, index, known ? val_text(k, index) : "");
    if (index->kind != VAL_RUNTIME || index->value->is_bool || k->mode != MODE_PREDICATE)
        return not_known(k, index);
    if (count > MOST_ELEMENTS) {
        diag_add(k->diags, E_INDEX, index->span,
                 "an index of an edge chooses from at most %d elements; this list has %d", MOST_ELEMENTS,
                 count);
        return val_poison(k);
    }
    return fits_list(k, list, index) ? chosen(k, list, index, 0, count - 1) : val_poison(k);
}
