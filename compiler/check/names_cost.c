/* names_cost.c: names of costs, which the loss reads, and what it reads beside them. */
#include "check/names_private.h"

static void add_costs(Check *k, const Module *m, Scope *scope)
{
    for (int i = 0; i < m->ast->decls.count; i++) {
        const Decl *d = m->ast->decls.at[i];
        for (int n = 0; n < d->body.count; n++)
            if (d->body.at[n]->kind == STMT_COST) scope_add(k, scope, d->body.at[n]->name, NULL);
    }
}

/* The costs of all functions, of imported files, too. */
static void cost_names(Check *k, Scope *scope)
{
    for (int i = 0; i < k->files.all.count; i++) add_costs(k, k->files.all.at[i], scope);
}

bool names_cost(Check *k, const char *name)
{
    Scope costs = {0};
    cost_names(k, &costs);
    return scope_binds(&costs, name);
}

void names_cost_unknown(Check *k, const char *name, Span span)
{
    Diag *d;
    if (k->loss && diags_errors(k->diags)) return (void)k->said.silent++; /* it may be in what failed */
    if (k->loss) {
        d = diag_add(k->diags, E_UNKNOWN_NAME, span, "no function that the model uses has a cost '%s'", name);
        diag_help(d, "use the function that has it in the model, or remove it from the loss");
    } else {
        d = diag_add(k->diags, E_UNKNOWN_NAME, span, "'%s' is a cost, which only a loss can read", name);
        diag_help(d, "such as: loss = cross_entropy + 0.01 * %s", name);
    }
}

bool names_cost_lost(const Check *k, const Scope *scope)
{
    bool lost = false;
    for (int i = 0; i < k->files.all.count; i++) lost = lost || k->files.all.at[i]->ast->lost.count;
    return lost && scope_binds(scope, LOSS_SAMPLES);
}

void names_cost_line(Check *k, Name name)
{
    if (strcmp(name.text, LOSS_SAMPLES) != 0) {
        names_bind(k, &(Scope){0}, name);
        return;
    }
    Diag *d =
        diag_add(k->diags, E_SHADOW, name.span,
                 "'%s' is the number of training samples in a loss, and no name of a cost", LOSS_SAMPLES);
    diag_help(d, "choose another name, such as %s_", LOSS_SAMPLES);
}

void names_setting(Check *k, const Scope *scope, const Setting *s)
{
    Scope costs = {.outer = (Scope *)scope, .module = scope->module};
    const char *near;
    const TrainSetting setting = train_setting(s->name.text, &near);
    if (setting == SETTING_COUNT && !near) return; /* there is none like it: that has a message */
    if (setting == SETTING_LOSS) {
        cost_names(k, &costs);
        scope_add(k, &costs, (Name){.text = LOSS_SAMPLES, .span = s->name.span}, NULL);
    }
    names_use(k, &costs, s->value);
}
