/* choice.c: see choice.h. */
#include "common/choice.h"
#include <math.h>
#include <string.h>

#define TEXT(name, text) text,
static const char *const forms[] = {KEEP_FORMS(TEXT)};
static const char *const rules[] = {EDGE_RULES(TEXT)};
#undef TEXT

static int named(const char *const *texts, int count, const char *text)
{
    int i = 0;
    while (i < count && strcmp(texts[i], text) != 0) i++;
    return i;
}

const char *keep_form_text(KeepForm form)
{
    return forms[form];
}

const char *rule_kind_text(RuleKind kind)
{
    return rules[kind];
}

KeepForm keep_form_named(const char *text)
{
    return (KeepForm)named(forms, KEEP_FORM_COUNT, text);
}

RuleKind rule_kind_named(const char *text)
{
    return (RuleKind)named(rules, RULE_KIND_COUNT, text);
}

int64_t anneal_count(int64_t start, int64_t keep, double epochs, double epoch)
{
    double part = epoch >= epochs ? 1 : epoch / epochs;
    return start + (int64_t)floor((double)(keep - start) * part + 0.5);
}

int64_t budget_now(const EdgeBudget *b, int64_t candidates, double epoch)
{
    if (b->form == KEEP_ALL) return candidates;
    return b->form == KEEP_ANNEAL ? anneal_count(b->start, b->keep, b->epochs, epoch) : b->keep;
}
