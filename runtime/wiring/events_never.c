/* events_never.c: events of declared rules that do not come in this training, and when they would come; and
 * those that come too late (contract in net/net.h).
 */
#include "common/plural.h"
#include "wiring/moment.h"
#include <math.h>
#include <stdio.h>

static double in_epochs(DeclaredTime t, double epochs)
{
    return t.share ? t.at * epochs : t.at;
}

/* Does it come in so many epochs, once or every `every` epochs? */
static bool comes(const DeclaredEvent *e, double every, double epochs)
{
    const double from = in_epochs(e->from, epochs), slack = 1e-9;
    if (every == 0) return from <= epochs;
    const double first = every * fmax(ceil(from / every - slack), 1);
    return first <= epochs + slack && first < in_epochs(e->until, epochs);
}

/* "every(steps = 100, from = 5, until = 75%)" */
static void event_text(const DeclaredEvent *e, char *text, size_t size)
{
    const DeclaredTime times[2] = {e->from, e->until};
    const bool again = e->steps || e->epochs > 0;
    const bool shown[2] = {!again || e->from.at > 0, again && !(e->until.share && e->until.at == 1)};
    const char *names[2] = {again ? ", from" : "at", ", until"};
    int n = snprintf(text, size, "once(");
    if (again)
        n = snprintf(text, size, "every(%s = %.6g", e->steps ? "steps" : "epochs",
                     e->steps ? (double)e->steps : e->epochs);
    for (int i = 0; i < 2; i++)
        if (shown[i] && n >= 0 && (size_t)n < size)
            n += snprintf(text + n, size - (size_t)n, times[i].share ? "%s = %.6g%%" : "%s = %.6g", names[i],
                          times[i].share ? 100 * times[i].at : times[i].at);
    if (n >= 0 && (size_t)n < size) snprintf(text + n, size - (size_t)n, ")");
}

/* What makes it come: more epochs, or another event. */
static void remedy_text(const DeclaredEvent *e, double every, double epochs, double length, char *text,
                        size_t size)
{
    enum { LONGEST = 100000 };
    double enough = floor(epochs) + 1, often = e->steps ? floor((double)e->steps / 2) : e->epochs / 2;
    while (enough < LONGEST && !comes(e, every, enough)) enough++;
    const double unit = e->steps ? 1 / length : 1;
    while (often >= 1 && !comes(e, often * unit, epochs)) often = floor(often / 2);
    char more[64] = "";
    if (enough < LONGEST) snprintf(more, sizeof more, "train for %.6g epochs or more, or ", enough);
    const char *unit_name = *e->argument ? e->argument : e->steps ? "steps" : "epochs";
    if (every > 0 && often >= 1) snprintf(text, size, "%swrite %s = %.6g", more, unit_name, floor(often));
    else if (every > 0) snprintf(text, size, "%swrite from = 50%% and no until", more);
    else if (*e->argument) snprintf(text, size, "%swrite %s = 50%%", more, e->argument);
    else snprintf(text, size, "%swrite once(at = 50%%)", more);
}

/* Edges that come into use at the very end are not trained. */
static bool ends_untrained(const DeclaredEvent *e, double epochs)
{
    bool brings = false;
    for (int i = 0; i < e->action_count; i++)
        brings = brings || e->actions[i].verb == VERB_CHOOSE || e->actions[i].verb == VERB_GROW;
    return brings && !e->steps && !(e->epochs > 0) && in_epochs(e->from, epochs) >= epochs;
}

bool net_never_comes(const Net *n, int number, char *text, size_t size)
{
    const double epochs = n->options.epochs, length = (double)n->options.epoch_steps;
    char event[128], remedy[128];
    for (int i = 0; i < n->list_count && length > 0; i++) {
        const Declared *d = n->lists[i].declared;
        for (int k = 0; d && d->group == i && k < d->event_count;
             k++) { /* once for lists with the same rule */
            const DeclaredEvent *e = &d->events[k];
            const double every = e->steps ? (double)e->steps / length : e->epochs;
            const bool late = ends_untrained(e, epochs);
            if ((comes(e, every, epochs) && !late) || number-- > 0) continue;
            event_text(e, event, sizeof event);
            if (late) {
                snprintf(text, size,
                         "%s: %s of rule %s comes at the end of %.6g epoch%s, and its edges are not trained",
                         e->place, event, d->text, epochs, epochs == 1 ? "" : "s");
                return true;
            }
            remedy_text(e, every, epochs, length, remedy, sizeof remedy);
            snprintf(text, size, "%s: %s of rule %s never comes in %.6g epoch%s of %.6g step%s: %s", e->place,
                     event, d->text, epochs, epochs == 1 ? "" : "s", length,
                     plural(n->options.epoch_steps, "s"), remedy);
            return true;
        }
    }
    return false;
}
