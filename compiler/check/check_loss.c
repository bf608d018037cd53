/* check_loss.c: what training makes small: a loss of predictions and targets, or an expression of losses,
 * costs and schedules.
 *
 * Such an expression is evaluated like any other, with tensors; a description in it, cross_entropy or
 * ramp(0, 1), gets its value where arithmetic needs one (loss_term). Evaluation after an epoch leaves out the
 * terms of the sum that have costs or schedules: they say nothing about predictions.
 */
#include "check/check.h"
#include "front/parse.h"
#include "common/plural.h"
#include "ir/op.h"
#include <math.h>

/* The loss that is built. */
typedef struct LossBuild {
    Value *prediction, *target; /* target NULL: no loss of predictions was met yet */
    Value *there;               /* 1 at positions that the sample has, else 0; NULL: all have a target */
    const Val *first;           /* of these */
} LossBuild;

static Value *arg(Check *k, int index, Shape shape, Span span)
{
    Value *v = func_add(k->func, IR_ARG, span, 0, NULL);
    v->index = index, v->shape = shape;
    return v;
}

static Value *sum(Func *f, Value *v)
{
    return reduce(f, IR_REDUCE_SUM, v, 0, v->shape.rank);
}

static Value *numbered(Func *f, Shape shape, Span span)
{
    Value *v = func_add(f, IR_POSITION, span, 0, NULL);
    v->shape = shape;
    return v;
}

/* Outputs of a class each: all of them, or those of a position. */
static int64_t class_outputs(Shape prediction, Shape target)
{
    return shape_size(prediction) / shape_size(target);
}

/* A number for each target, at all outputs that are compared with it. */
static Value *at_outputs(Func *f, Value *x, const Value *p)
{
    return x->shape.rank == 0 || x->shape.rank == p->shape.rank ? x
                                                                : broadcast(f, x, p->shape, x->shape.rank);
}

/* Over the outputs that are compared with one target. */
static Value *over_outputs(Func *f, OpCode op, Value *x, const Value *t)
{
    return reduce(f, op, x, t->shape.rank, x->shape.rank - t->shape.rank);
}

/* For each output `yes` where it is that of class t, `no` where not: t [], or [positions] for outputs
 * [positions, classes]. */
static Value *by_class(Func *f, const Value *p, Value *t, double yes, double no)
{
    Value *position = numbered(f, p->shape, p->span), *which = t;
    if (t->shape.rank > 0) {
        Value *outputs = func_const(f, (double)class_outputs(p->shape, t->shape));
        Value *first = func_binary(f, IR_MUL, numbered(f, t->shape, p->span), outputs);
        which = at_outputs(f, func_binary(f, IR_ADD, first, t), p);
    }
    Value *here = func_binary(f, IR_EQ, position, which), *y = func_const(f, yes), *n = func_const(f, no);
    return func_add(f, IR_SELECT, p->span, 3, (Value *[]){here, y, n});
}

/* log sum exp(p - max p) - sum q (p - max p), q = (1 - s) [i = target] + s / n; for each target */
static Value *cross_entropy(Func *f, Value *p, Value *t, double smoothing)
{
    double n = (double)class_outputs(p->shape, t->shape);
    Value *z = func_binary(f, IR_SUB, p, at_outputs(f, over_outputs(f, IR_REDUCE_MAX, p, t), p));
    Value *lse = func_unary(f, IR_LOG, over_outputs(f, IR_REDUCE_SUM, func_unary(f, IR_EXP, z), t));
    Value *q = by_class(f, p, t, 1 - smoothing + smoothing / n, smoothing / n);
    return func_binary(f, IR_SUB, lse, over_outputs(f, IR_REDUCE_SUM, func_binary(f, IR_MUL, q, z), t));
}

/* Over the positions that a sample has, and the numbers at each. */
static Value *mean_of_positions(Func *f, Value *v, Value *there)
{
    Value *here = func_binary(f, IR_LT, func_const(f, 0.5), at_outputs(f, there, v));
    Value *kept = func_add(f, IR_SELECT, v->span, 3, (Value *[]){here, v, func_const(f, 0)});
    Value *each = func_const(f, (double)(shape_size(v->shape) / shape_size(there->shape)));
    return func_binary(f, IR_DIV, sum(f, kept), func_binary(f, IR_MUL, sum(f, there), each));
}

static Value *mean(Check *k, Value *v)
{
    Func *f = k->func;
    if (v->shape.rank == 0) return v;
    if (k->loss->there) return mean_of_positions(f, v, k->loss->there);
    Value *part = func_const(
        f, 1.0 / (double)shape_size(v->shape)); /* C leaves the order of arguments open; values have one */
    return func_binary(f, IR_MUL, sum(f, v), part);
}

static Value *described_loss(Check *k, const Val *loss, Value *p, Value *t)
{
    Func *f = k->func;
    if (val_is(loss, BUILTIN_cross_entropy))
        return mean(k, cross_entropy(f, p, t, loss->items.at[0]->number));
    if (val_is(loss, BUILTIN_binary_cross_entropy)) { /* of a logit: softplus(p) - t p */
        Value *product = func_binary(f, IR_MUL, t, p);
        return mean(k, func_binary(f, IR_SUB, func_unary(f, IR_SOFTPLUS, p), product));
    }
    Value *d = func_binary(f, IR_SUB, p, t);
    return mean(k, val_is(loss, BUILTIN_mse) ? func_binary(f, IR_MUL, d, d) : func_unary(f, IR_ABS, d));
}

/* Targets at positions need outputs at these, and a class of a sample one output for each class. */
static bool positions_fit(Check *k, const Val *loss)
{
    const Model *m = k->model;
    const Shape out = m->output;
    const bool sequence = out.rank == 2 && (m->positions || out.dim[0] > 1),
               ce = val_is(loss, BUILTIN_cross_entropy);
    if (m->positions ? sequence && out.dim[0] == m->positions : !(ce && sequence && m->target_size))
        return true;
    Diag *d =
        m->positions
            ? diag_add(k->diags, E_SHAPE, loss->span,
                       "the data has a target at each of %lld position%s and the model the output %s",
                       (long long)m->positions, plural(m->positions, "s"), shape_text(k->perm, out))
            : diag_add(k->diags, E_SHAPE, loss->span,
                       "the data has one class a sample and the model outputs at each of %lld position%s",
                       (long long)out.dim[0], plural(out.dim[0], "s"));
    diag_note(d, m->body->results.at[0]->span, "the outputs come from here");
    if (m->positions)
        diag_help(d, "the output must be [%lld, n]: that of scan, without last", (long long)m->positions);
    else
        diag_help(d,
                  "add |> last or |> mean_time; data with a class at each position is csv(..., each = true), "
                  "or npy with y of shape [samples, positions]");
    return false;
}

static bool loss_fits(Check *k, const Val *loss)
{
    Model *m = k->model;
    if (!positions_fit(k, loss)) return false;
    const int64_t targets = m->positions ? m->positions : 1, out = shape_size(m->output) / targets;
    const char *where = m->positions ? " at each position" : "";
    bool ce = val_is(loss, BUILTIN_cross_entropy), bce = val_is(loss, BUILTIN_binary_cross_entropy);
    const int64_t numbers = m->one_hot ? m->classes : m->target_size / targets;
    if (ce && m->target_size > 0 && !m->classes) {
        Diag *d = diag_add(k->diags, E_SETTING, loss->span,
                           "cross_entropy compares classes; this data has numbers to predict");
        diag_help(d, "loss = mse");
    } else if (ce && m->classes > out) {
        Diag *d =
            diag_add(k->diags, E_SHAPE, loss->span, "the data has %d classes%s and the model %lld output%s",
                     m->classes, where, (long long)out, plural(out, "s"));
        diag_note(d, m->body->results.at[0]->span, "the outputs come from here");
        if (m->first_class)
            diag_help(d,
                      "no label is 0: labels seem to start at %d; subtract it from them, or give the model "
                      "%d outputs",
                      m->first_class, m->classes);
        else diag_help(d, "give the model %d outputs", m->classes);
    } else if (bce && m->classes > 2 && !m->one_hot) {
        Diag *d =
            diag_add(k->diags, E_SETTING, loss->span,
                     "binary_cross_entropy compares with 0 and 1; the data has the labels %s", m->labels);
        diag_help(
            d, "write 0 and 1 into the data, or give the model one output per class and use cross_entropy");
    } else if (ce && (loss->items.at[0]->kind != VAL_NUMBER || loss->items.at[0]->number < 0 ||
                      loss->items.at[0]->number >= 1)) {
        diag_add(k->diags, E_RANGE, loss->span, "smoothing must be a number from 0, below 1");
    } else if ((val_is(loss, BUILTIN_mse) || val_is(loss, BUILTIN_mae)) && m->classes && !m->one_hot) {
        Diag *d = diag_add(k->diags, E_SETTING, loss->span, "%s compares numbers; this data has classes",
                           loss->builtin->name);
        diag_help(d,
                  "loss = cross_entropy; or a function of the number of the class: fn squared(p, t) = (p - "
                  "t) ^ 2; or vectors of the classes: data = one_hot(...)");
    } else if (!ce && numbers != out && numbers != 0) {
        diag_add(k->diags, E_SHAPE, loss->span,
                 "the data has %lld number%s to predict%s and the model %lld output%s", (long long)numbers,
                 plural(numbers, "s"), where, (long long)out, plural(out, "s"));
    } else {
        return true;
    }
    return false;
}

static bool is_loss(const Val *v)
{
    if (v->kind == VAL_CALL) return v->builtin->kind == KIND_LOSS;
    return v->kind == VAL_FUNCTION && !v->builtin && v->decl->kind == DECL_FN;
}

/* What targets are, from the first loss that compares with them. */
static void read_target(Check *k, LossBuild *l, const Val *loss)
{
    Model *m = k->model;
    const bool ce = val_is(loss, BUILTIN_cross_entropy), one_class = ce || m->classes || m->one_hot;
    if (m->target_size == 0) { /* the data is not there yet */
        if (one_class && m->output.rank == 2) m->positions = m->output.dim[0];
        m->target_size = !one_class ? shape_size(m->output) : m->positions ? m->positions : 1;
    }
    const Shape classes = m->positions ? shape_vector(m->positions) : (Shape){0};
    if ((ce || m->one_hot) && !m->classes) m->classes = (int)class_outputs(m->output, classes);
    Shape target = one_class                                 ? classes
                   : shape_size(m->output) == m->target_size ? m->output
                                                             : shape_vector(m->target_size);
    l->target = arg(k, LOSS_TARGET, target, loss->span), l->first = loss;
    if (m->there && m->positions) l->there = arg(k, LOSS_THERE, classes, loss->span);
}

/* Numbers of classes at positions [positions] as the outputs [positions, 1] that are compared with them. */
static Value *like(Func *f, Value *t, Shape shape)
{
    if (t->shape.rank == 0 || shape_equal(t->shape, shape)) return t;
    Value *v = func_unary(f, IR_RESHAPE, t);
    v->shape = shape;
    return v;
}

/* Of one sample; NULL after a message. */
static Value *loss_value(Check *k, const Val *loss)
{
    LossBuild *l = k->loss;
    if (!loss_fits(k, loss)) return NULL;
    if (!l->target) read_target(k, l, loss);
    Value *p = l->prediction, *t = l->target;
    if (k->model->one_hot && !val_is(loss, BUILTIN_cross_entropy)) t = by_class(k->func, p, t, 1, 0);
    else if (loss->kind != VAL_CALL || !val_is(loss, BUILTIN_cross_entropy)) t = like(k->func, t, p->shape);
    if (loss->kind == VAL_CALL) return described_loss(k, loss, p, t);
    Val *bound = function_with(k, loss, NULL);
    vec_push(k->perm, &bound->bound, (BoundArg){{0}, val_runtime(k, t, loss->span)});
    Val *v = apply_fn(k, bound, val_runtime(k, p, loss->span), loss->span);
    Value *value = val_is_poison(v) ? NULL : val_value(k, v, "a loss");
    if (!value || !value->is_bool) return value ? mean(k, value) : NULL;
    diag_add(k->diags, E_KIND, loss->span, "a loss is a number; this function gives a condition");
    return NULL;
}

static Value *factor(Check *k, json_t *what, Span span)
{
    Value *v = func_add(k->func, IR_FACTOR, span, 0, NULL);
    if (!k->model->factors) k->model->factors = json_array();
    v->index = (int64_t)json_array_size(k->model->factors);
    json_array_append_new(k->model->factors, what);
    return v;
}

/* macs(Net), params(Net): a cost where sizes are learned, else a number. */
static Val *model_size(Check *k, const Val *v)
{
    const Model *m = k->model;
    const Decl *of = v->items.at[0]->kind == VAL_FUNCTION ? v->items.at[0]->decl : NULL;
    if (!of || of->kind != DECL_MODEL || strcmp(of->name.text, m->name) != 0) {
        Diag *d = diag_add(k->diags, E_SETTING, v->span,
                           "in a loss, %s is of the model that is trained, '%s'", v->builtin->name, m->name);
        diag_fix(d, v->span, arena_printf(k->perm, "%s(%s)", v->builtin->name, m->name), "write ", "");
        return val_poison(k);
    }
    for (int i = 0; i < m->costs.count; i++)
        if (strcmp(m->costs.at[i].name, v->builtin->name) == 0)
            return val_runtime(k, arg(k, LOSS_COSTS + i, (Shape){0}, v->span), v->span);
    return k->c->question(k, v->builtin, v->items.at, v->span);
}

/* A built-in function by its bare name: perhaps a cost was meant. */
static Val *no_term(Check *k, const Val *v)
{
    const char **names = NEW_ARRAY(k->perm, const char *, (size_t)k->model->costs.count + 1);
    for (int i = 0; i < k->model->costs.count; i++) names[i] = k->model->costs.at[i].name;
    const char *near = diag_nearest(v->builtin->name, names, k->model->costs.count);
    Diag *d = diag_add(k->diags, E_KIND, v->span, "'%s' is a built-in function, and no cost or loss",
                       v->builtin->name);
    if (near) diag_fix(d, v->span, near, "did you mean '", "'?");
    else diag_help(d, "a loss is a sum of losses and costs, such as: loss = cross_entropy + 0.01 * size");
    return val_poison(k);
}

Val *loss_term(Check *k, Val *v)
{
    Value *value = NULL;
    v = described(k, v);
    if (v->kind == VAL_CALL && v->builtin->kind == KIND_SCHEDULE)
        value = schedule_ok(k, v, 0) ? factor(k, val_json(v), v->span) : NULL;
    else if (val_is(v, BUILTIN_macs) || val_is(v, BUILTIN_params)) return model_size(k, v);
    else if (is_loss(v)) value = loss_value(k, v);
    else if (v->kind == VAL_FUNCTION && v->builtin) return no_term(k, v);
    else return v;
    return value ? val_runtime(k, value, v->span) : val_poison(k);
}

/* ---- terms of the sum ---- */

/* Does it follow from a cost or a schedule, the number of samples, or from predictions? */
typedef struct Reads {
    bool costs, samples, predictions;
} Reads;

static bool is_samples(const Check *k, const Value *v)
{
    const char *name = json_string_value(json_array_get(k->model->factors, (size_t)v->index));
    return name && strcmp(name, LOSS_SAMPLES) == 0;
}

static Reads reads_of(const Check *k, Value *term)
{
    const Func *f = k->func;
    Reads r = {0};
    const bool *read = func_follow(f, 1, &term);
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        if (!read[i]) continue;
        if (v->op == IR_FACTOR && is_samples(k, v)) r.samples = true;
        if (v->op == IR_FACTOR || (v->op == IR_ARG && v->index >= LOSS_COSTS)) r.costs = true;
        if (v->op == IR_ARG && v->index == LOSS_PREDICTION) r.predictions = true;
    }
    return r;
}

typedef struct Terms {
    Scope *scope;
    Value *all, *data;   /* sums of all terms, and of those without costs and schedules; NULL: none so far */
    const Expr *divided; /* a term of predictions and the number of samples; NULL: none */
    bool wrong;
} Terms;

static Value *joined(Func *f, Value *sum, Value *term, bool minus)
{
    if (sum) return func_binary(f, minus ? IR_SUB : IR_ADD, sum, term);
    return minus ? func_unary(f, IR_NEG, term) : term;
}

static void not_a_loss(Check *k, const Val *v, Span span)
{
    if (val_is_poison(v)) return;
    Diag *d = diag_add(k->diags, E_SETTING, span,
                       "'loss' needs a loss, such as cross_entropy, or a fn(prediction, target); this is %s",
                       val_text(k, v));
    const Builtin *quoted = v->kind == VAL_STRING ? builtin_find(v->text) : NULL;
    if (quoted && quoted->kind == KIND_LOSS) diag_fix(d, span, quoted->name, "write ", "");
}

static void add_terms(Check *k, Terms *t, const Expr *e, bool minus)
{
    if (e->kind == EXPR_BINARY && (e->op == OP_ADD || e->op == OP_SUB)) {
        add_terms(k, t, e->left, minus);
        add_terms(k, t, e->right, minus != (e->op == OP_SUB));
        return;
    }
    Val *v = check_expr(k, t->scope, e), *term = val_is_poison(v) ? v : loss_term(k, v);
    Value *value =
        term->kind == VAL_RUNTIME || term->kind == VAL_NUMBER ? val_value(k, term, "a loss") : NULL;
    if (!value || value->is_bool || value->shape.rank) {
        if (!val_is_poison(term)) not_a_loss(k, term, e->span);
        t->wrong = true;
        return;
    }
    t->all = joined(k->func, t->all, value, minus);
    const Reads r = reads_of(k, value);
    if (r.samples && r.predictions && !t->divided) t->divided = e;
    if (!r.costs) t->data = joined(k->func, t->data, value, minus);
}

/* Costs that the model has, by name; the others, which no function that it uses adds to, get no value. */
static void bind_costs(Check *k, Scope *scope, Span span)
{
    for (int i = 0; i < k->model->costs.count; i++) {
        const Name name = {.text = k->model->costs.at[i].name, .span = k->model->costs.at[i].span};
        if (builtin_find(name.text)) continue; /* macs(M), params(M) */
        scope_add(k, scope, name, val_runtime(k, arg(k, LOSS_COSTS + i, (Shape){0}, span), span));
    }
    const Name samples = {.text = LOSS_SAMPLES, .span = span};
    scope_add(k, scope, samples, val_runtime(k, factor(k, json_string(LOSS_SAMPLES), span), span));
}

static bool loss_ends(Check *k, const Terms *t, const LossBuild *l, Span span)
{
    if (t->wrong) return false;
    if (l->first && t->data && reads_of(k, t->data).predictions) return true;
    if (t->divided) {
        Diag *d = diag_add(k->diags, E_SETTING, t->divided->span,
                           "a loss that compares predictions is a mean over samples already; costs alone are "
                           "divided by '%s'",
                           LOSS_SAMPLES);
        diag_help(d, "such as: loss = cross_entropy + size / %s", LOSS_SAMPLES);
        return false;
    }
    Diag *d =
        diag_add(k->diags, E_SETTING, span,
                 l->first ? "each term of this loss has a cost or a schedule, so nothing is left to measure "
                            "predictions by"
                          : "this loss does not compare predictions with targets");
    diag_help(d, "a loss stands in the sum by itself, such as: loss = cross_entropy + 0.01 * size");
    return false;
}

static Func *loss_open(Check *k, LossBuild *l, Span span)
{
    Func *saved = k->func;
    k->func = func_new(k->perm, "loss"), k->mode = MODE_MODEL, k->loss = l;
    l->prediction = arg(k, LOSS_PREDICTION, k->model->output, span);
    return saved;
}

/* The loss that is built; NULL: without. */
static void loss_close(Check *k, Func *saved, Value *all, Value *data)
{
    Func *f = k->func;
    k->func = saved, k->mode = MODE_CONST, k->loss = NULL;
    if (!all) return;
    func_result(f, "loss", all);
    if (data != all) func_result(f, "data", data);
    func_prune(f);
    k->model->loss = f;
}

void build_loss(Check *k, const Val *loss)
{
    LossBuild l = {0};
    Func *saved = loss_open(k, &l, loss->span);
    Value *value = loss_value(k, loss);
    loss_close(k, saved, value, value);
}

const Val *check_loss(Check *k, const Expr *e, Module *m)
{
    LossBuild l = {0};
    Scope file = {.module = m}, costs = {.outer = &file};
    Func *saved = loss_open(k, &l, e->span);
    Terms t = {.scope = &costs};
    bind_costs(k, &costs, e->span);
    add_terms(k, &t, e, false);
    const bool ok = loss_ends(k, &t, &l, e->span);
    loss_close(k, saved, ok ? t.all : NULL, t.data);
    return ok ? l.first : NULL;
}
