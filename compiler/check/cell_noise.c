/* cell_noise.c: noise(x) in functions of nodes: normal numbers, one for each node and sample of a step.
 *
 * They come from outside, as the sums do: the model draws them for all nodes at once (graph.c), and the
 * function takes those of its node as an argument. In inference there are none, and the argument is 0.
 */
#include "check/cell.h"
#include "ir/op.h"

Val *cell_noise(Check *k, Val **a, Span span)
{
    double deviation;
    Value *x = val_is_poison(a[0]) ? NULL : val_value(k, a[0], "what noise is added to");
    if (!x || !number_between(k, a[1], "the standard deviation of noise", 0, 1e6, &deviation))
        return val_poison(k);
    NodeSet *s = k->cell->set;
    if (k->cell->of_edge) {
        Diag *d =
            diag_add(k->diags, E_LATER, span, "noise of each edge and sample is not part of this release");
        diag_help(
            d, "the noise of independent edges adds up: let them add their variance to a port of the node, "
               "fn Noisy(mean, variance) = mean + sqrt(variance) * noise(mean)");
        return val_poison(k);
    }
    if (s->noises == MAX_NOISES) {
        diag_add(k->diags, E_RANGE, span, "a node function reads noise at most %d times", MAX_NOISES);
        return val_poison(k);
    }
    Value *noise = func_add(k->func, IR_ARG, span, 0, NULL);
    noise->index = SLOT_NOISE + s->noises, noise->shape = x->shape;
    s->noise[s->noises++] = x->shape;
    k->made.effects++; /* each call has numbers of its own */
    Val *v = val_runtime(k, noise, span);
    return deviation == 1 ? v : pointwise(k, IR_MUL, span, 2, (Val *[]){v, val_number(k, deviation, span)});
}

bool reads_noise(Check *k, const Func *f, const char *what)
{
    const bool *read = func_follow(f, f->results.count, f->results.at);
    for (int i = 0; i < MAX_NOISES; i++) {
        const Value *v = func_argument(f, SLOT_NOISE + i);
        if (!v || !read[v->id]) continue;
        Diag *d = diag_add(k->diags, E_LATER, v->span,
                           "in time noise is read where a state moves; this is what a node %s", what);
        diag_help(d, "such as: state s = 0; next s = z + noise(z); s");
        return true;
    }
    return false;
}
