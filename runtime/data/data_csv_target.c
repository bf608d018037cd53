/* data_csv_target.c: the target columns of a table, and splits of tables (contract in
 * data_csv.h, rules in data_csv.c).
 */
#include "data/data_csv.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASS_NUMBERS = 1000 };

/* 0 .. 999 in digits only, or -1. */
static int class_number(const Cell *cell)
{
    int n = 0;

    if (cell->size < 1 || cell->size > 3) return -1;
    for (int64_t i = 0; i < cell->size; i++) {
        if (!isdigit((unsigned char)cell->text[i])) return -1;
        n = n * 10 + (cell->text[i] - '0');
    }
    return n;
}

static int compare_cells(const void *left, const void *right)
{
    const Cell *a = left, *b = right;
    int64_t n = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->text, b->text, (size_t)n);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Sorts the texts and removes repeats. */
static bool collect_texts(const Csv *t, Target *target, RtError *e)
{
    int64_t n = 0;
    Cell *texts = data_memory(t->samples, sizeof *texts, e);

    if (!texts) return false;
    target->texts = texts;
    memcpy(texts, t->values, (size_t)t->samples * sizeof *texts);
    qsort(texts, (size_t)t->samples, sizeof *texts, compare_cells);
    for (int64_t i = 0; i < t->samples; i++)
        if (i == 0 || compare_cells(&texts[i], &texts[n - 1]) != 0) texts[n++] = texts[i];
    target->classes = (int)n;
    if (n <= CLASS_NUMBERS) return true;
    return rt_fail(e, RT_BAD_INPUT,
                   "%s: column %d, the target, has %lld different texts; classes are %d at most",
                   t->file.path, t->target[0] + 1, (long long)n, CLASS_NUMBERS);
}

static bool check_numbers(const Csv *t, RtError *e)
{
    float x;

    for (int64_t i = 0; i < t->samples * t->targets; i++)
        if (!csv_number(t, &t->values[i], t->target[i % t->targets], &x, e)) return false;
    return true;
}

bool csv_target(const Csv *t, Target *target, RtError *e)
{
    const Cell *text = NULL, *fraction = NULL;
    int largest = 0;

    *target = (Target){.kind = TARGET_NUMBER};
    if (t->targets > 1) return check_numbers(t, e);
    for (int64_t i = 0; i < t->samples; i++) {
        const Cell *cell = &t->values[i];
        int number = class_number(cell);
        if (number > largest) largest = number;
        if (number < 0 && csv_is_decimal(cell, t->form.decimal)) fraction = cell;
        else if (number < 0 && !text) text = cell;
    }
    if (text && fraction)
        return csv_fail(t, text, t->target[0], e, "is not a number, as others of this column are");
    if (fraction) return check_numbers(t, e);
    *target = (Target){.kind = TARGET_CLASS_NUMBER, .classes = largest + 1};
    if (!text) return true;
    target->kind = TARGET_TEXT;
    return collect_texts(t, target, e);
}

int csv_class(const Target *target, const Cell *cell)
{
    if (target->kind == TARGET_CLASS_NUMBER) {
        int number = class_number(cell);
        return number < target->classes ? number : -1;
    }
    const Cell *found = bsearch(cell, target->texts, (size_t)target->classes, sizeof *cell, compare_cells);
    return found ? (int)(found - target->texts) : -1;
}

static bool unknown_class(const Csv *t, const Target *target, const Cell *cell, RtError *e)
{
    char problem[80];

    if (target->kind == TARGET_TEXT)
        return csv_fail(t, cell, t->target[0], e, "is no class of the training file");
    snprintf(problem, sizeof problem, "is not a class, 0 .. %d in the training file", target->classes - 1);
    return csv_fail(t, cell, t->target[0], e, problem);
}

static bool take_labels(const Csv *t, const Target *target, DataSplit *s, RtError *e)
{
    s->labels = data_memory(t->samples, sizeof(int32_t), e);
    for (int64_t i = 0; s->labels && i < t->samples; i++) {
        s->labels[i] = csv_class(target, &t->values[i]);
        if (s->labels[i] < 0) return unknown_class(t, target, &t->values[i], e);
    }
    return s->labels != NULL;
}

static bool take_numbers(const Csv *t, DataSplit *s, RtError *e)
{
    s->targets = data_memory(t->samples * t->targets, sizeof(float), e);
    for (int64_t i = 0; s->targets && i < t->samples * t->targets; i++)
        if (!csv_number(t, &t->values[i], t->target[i % t->targets], &s->targets[i], e)) return false;
    return s->targets != NULL;
}

bool csv_split(Csv *t, const Target *target, const Data *d, DataSplit *s, RtError *e)
{
    s->samples = t->samples;
    s->floats = t->numbers;
    t->numbers = NULL;
    return d->classes ? take_labels(t, target, s, e) : take_numbers(t, s, e);
}
