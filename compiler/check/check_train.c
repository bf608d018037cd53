/* check_train.c: the settings of a train block, and the shape of its data. */
#include "check/check.h"
#include "check/data_look.h"
#include "front/parse.h"
#include "common/plural.h"
#include "ir/op.h"
#include <math.h>

#define MOST_SEED 9007199254740991.0 /* every whole number up to here is exact */
enum { DEFAULT_BATCH = 64, BELOW_ALL = -1 };

typedef struct SettingRow {
    BuiltinKind kind; /* of the description wanted */
    const char *wanted;
    double low, high; /* whole numbers; high 0: not a number, BELOW_ALL: a share */
} SettingRow;

static const SettingRow settings[SETTING_COUNT] = {
    [SETTING_DATA] = {KIND_DATA, "a data set, such as fashion_mnist", 0, 0},
    [SETTING_BATCH] = {KIND_WORD, "a whole number of samples", 1, 1e6},
    [SETTING_LOSS] = {KIND_LOSS, "a loss, such as cross_entropy, or a fn(prediction, target)", 0, 0},
    [SETTING_OPTIM] = {KIND_OPTIM, "an optimiser, such as sgd(0.1)", 0, 0},
    [SETTING_EPOCHS] = {KIND_WORD, "a whole number of epochs", 1, 1e6},
    [SETTING_SEED] = {KIND_WORD, "a whole number", 0, MOST_SEED},
    [SETTING_REPORT] = {KIND_METRIC, "a list of measures, such as [accuracy]", 0, 0},
    [SETTING_AUGMENT] = {KIND_AUGMENT, "a list of changes of pictures, such as [pad_crop(4), flip]", 0, 0},
    [SETTING_VALIDATION] = {KIND_WORD, "a share of the training samples from 0, below 1, such as 10%", 0,
                            BELOW_ALL},
    [SETTING_SNAPSHOTS] = {KIND_WORD, "a whole number of snapshots of the wiring in an epoch", 0, 1000},
};
/* SETTING_COUNT after a message. */
static TrainSetting find_setting_row(Check *k, const Setting *s)
{
    const char *list = "", *near;
    const TrainSetting row = train_setting(s->name.text, &near);
    if (row < SETTING_COUNT) return row;
    for (int i = 0; i < SETTING_COUNT; i++)
        list = arena_printf(k->perm, "%s%s%s", list, i ? ", " : "", train_setting_name(i));
    Diag *d = diag_add(k->diags, E_SETTING, s->name.span, "train has no setting '%s'", s->name.text);
    bool rate = strcmp(s->name.text, "lr") == 0 || strcmp(s->name.text, "learning_rate") == 0;
    if (rate) diag_help(d, "the rate is an argument of the optimiser: optim = sgd(0.1)");
    else if (near) diag_fix(d, s->name.span, near, "did you mean '", "'?");
    else diag_help(d, "the settings are: %s", list);
    return row;
}

static void wrong_setting(Check *k, const SettingRow *row, const Setting *s, const Val *v)
{
    if (val_is_poison(v)) return;
    Diag *d = diag_add(k->diags, E_SETTING, s->value->span, "'%s' needs %s; this is %s", s->name.text,
                       row->wanted, val_text(k, v));
    const bool one = (row->kind == KIND_METRIC || row->kind == KIND_AUGMENT) && v->kind == VAL_CALL &&
                     v->builtin->kind == row->kind;
    const Builtin *quoted = v->kind == VAL_STRING ? builtin_find(v->text) : NULL;
    if (row->kind == KIND_LOSS && counts_model(v))
        diag_fix(
            d, s->value->span,
            arena_printf(k->perm, "cross_entropy + %s / 1M", expr_text(k->perm, k->c->sources, s->value)),
            "it is added to a loss of predictions, in a unit of your own: ", "");
    if (one)
        diag_fix(d, s->value->span,
                 arena_printf(k->perm, "[%s]", expr_text(k->perm, k->c->sources, s->value)),
                 arena_printf(k->perm, "%s = ", s->name.text), "");
    if (quoted && quoted->kind == row->kind) diag_fix(d, s->value->span, quoted->name, "write ", "");
    if (row->high == BELOW_ALL) {
        const bool count = v->kind == VAL_NUMBER && v->number >= 1 && v->number < 100;
        const char *share = count ? arena_printf(k->perm, "%.6g%%", v->number) : "10%";
        diag_fix(d, s->value->span, share, "write ", " for a share of the training samples");
    }
    if (row->high > 0) diag_help(d, "it must be in %.16g .. %.16g", row->low, row->high);
}

static bool is_described(const Val *v, BuiltinKind kind)
{
    return v->kind == VAL_CALL && v->builtin->kind == kind;
}

/* Infinity and NaN have no place in a setting. */
static bool finite_arguments(Check *k, const Val *v)
{
    if ((v->kind == VAL_NUMBER || v->kind == VAL_PERCENT) && !isfinite(v->number)) {
        diag_add(k->diags, E_RANGE, v->span, "a setting must be a finite number; this is %s", val_text(k, v));
        return false;
    }
    for (int i = 0; i < v->items.count; i++)
        if (!finite_arguments(k, v->items.at[i])) return false;
    return true;
}

static bool number_in(const Val *v, double low, double high)
{
    return v->kind == VAL_NUMBER && v->number >= low && v->number <= high;
}

/* `epochs` of a schedule: those of drops, or the two between which a ramp runs. */
static bool epochs_ok(const Val *schedule, const Val *list)
{
    const bool ramp = val_is(schedule, BUILTIN_ramp);
    bool ok = list->kind == VAL_LIST && (!ramp || list->items.count == 2);
    for (int i = 0; ok && i < list->items.count; i++) ok = number_in(list->items.at[i], 0, 1e9);
    if (ok && ramp) ok = list->items.at[0]->number < list->items.at[1]->number;
    return ok || (ramp && list->kind == VAL_NONE);
}

bool schedule_ok(Check *k, const Val *v, double least)
{
    for (int i = 0; i < v->items.count; i++) {
        const Val *a = v->items.at[i];
        const char *name = v->builtin->params[i].name;
        const bool list = strcmp(name, "epochs") == 0;
        if (list ? epochs_ok(v, a) : number_in(a, i == 0 ? least : 0, 1e9)) continue;
        diag_add(k->diags, E_RANGE, a->span, "%s of %s must be %s; this is %s", name, v->builtin->name,
                 list && val_is(v, BUILTIN_ramp) ? "its first and last epoch, such as [3, 10]"
                 : list                          ? "a list of epochs, such as [80, 120]"
                 : i == 0 && least > 0           ? "a number above 0"
                                                 : "a number from 0",
                 val_text(k, a));
        return false;
    }
    return true;
}

static bool rate_ok(Check *k, const Val *v)
{
    if (v->kind == VAL_NUMBER && v->number > 0 && isfinite(v->number)) return true;
    if (is_described(v, KIND_SCHEDULE)) return schedule_ok(k, v, 1e-30);
    if (val_is_poison(v)) return false;
    Diag *d = diag_add(k->diags, E_SETTING, v->span,
                       "a learning rate is a number above 0 or a schedule; this is %s", val_text(k, v));
    diag_help(d, "such as 0.1 or cosine(0.1)");
    return false;
}

static bool nesterov_ok(Check *k, const Val *v)
{
    if (!val_is(v, BUILTIN_sgd)) return true;
    const Val *momentum = v->items.at[1], *nesterov = v->items.at[2];
    if (nesterov->kind != VAL_BOOL)
        diag_add(k->diags, E_KIND, nesterov->span, "nesterov is true or false; this is %s",
                 val_text(k, nesterov));
    else if (nesterov->number != 0 && number_in(momentum, 0, 0)) {
        Diag *d = diag_add(k->diags, E_SETTING, nesterov->span, "nesterov needs a momentum above 0");
        diag_help(d, "add momentum = 0.9");
    } else return true;
    return false;
}

/* Every argument but the rate and nesterov is a plain number in its range. */
static bool optim_ok(Check *k, const Val *v)
{
    static const struct {
        const char *name;
        double low, high;
    } range[] = {{"momentum", 0, 0.999999}, {"beta1", 0, 0.999999}, {"beta2", 0, 0.99999999},
                 {"rho", 0, 0.999999},      {"eps", 1e-30, 1},      {"decay", 0, 1},
                 {"clip", 0, 1e9}};
    bool ok = rate_ok(k, v->items.at[0]) && nesterov_ok(k, v);
    for (int i = 1; i < v->items.count; i++)
        for (size_t r = 0; r < sizeof range / sizeof *range; r++) {
            Val *a = v->items.at[i];
            if (strcmp(range[r].name, v->builtin->params[i].name) != 0 ||
                number_in(a, range[r].low, range[r].high))
                continue;
            diag_add(k->diags, E_RANGE, a->span, "%s of %s must be in %g .. %g; this is %s", range[r].name,
                     v->builtin->name, range[r].low, range[r].high, val_text(k, a));
            ok = false;
        }
    return ok;
}

/* pixels of pad_crop: a whole number; least of resized_crop: a share. */
static bool augment_argument_ok(Check *k, const Val *a)
{
    const Val *v = a->items.count ? a->items.at[0] : NULL;
    const bool pixels = val_is(a, BUILTIN_pad_crop);
    if (!v || (pixels && number_in(v, 1, 1e6) && floor(v->number) == v->number)) return true;
    const double share = v->kind == VAL_PERCENT ? v->number / 100 : v->number;
    if (!pixels && (v->kind == VAL_NUMBER || v->kind == VAL_PERCENT) && share > 0 && share <= 1) return true;
    diag_add(k->diags, E_RANGE, v->span, "%s of %s must be %s; this is %s", a->builtin->params[0].name,
             a->builtin->name, pixels ? "a whole number from 1" : "above 0 and at most 1", val_text(k, v));
    return false;
}

/* Each change once, resized_crop before the others. */
static bool augment_ok(Check *k, const Val *v)
{
    for (int i = 0; i < v->items.count; i++) {
        const Val *a = v->items.at[i];
        for (int b = 0; b < i; b++) {
            if (v->items.at[b]->builtin != a->builtin) continue;
            Diag *d = diag_add(k->diags, E_SETTING, a->span, "'%s' is given twice", a->builtin->name);
            diag_note(d, v->items.at[b]->span, "the first is here");
            return false;
        }
        if (!augment_argument_ok(k, a)) return false;
        if (i == 0 || !val_is(a, BUILTIN_resized_crop)) continue;
        Diag *d =
            diag_add(k->diags, E_SETTING, a->span, "'%s' comes before the other changes", a->builtin->name);
        diag_help(d, "write it first in the list");
        return false;
    }
    return true;
}

static bool setting_ok(Check *k, const SettingRow *row, const Setting *s, Val *v)
{
    if (val_is_poison(v)) return false;
    for (int i = 0; i < v->items.count; i++)
        if (val_is_poison(v->items.at[i])) return false;
    if (row->high == BELOW_ALL) {
        const double share = v->kind == VAL_PERCENT ? v->number / 100 : v->number;
        if ((v->kind == VAL_NUMBER || v->kind == VAL_PERCENT) && share >= 0 && share < 1) return true;
    } else if (row->high > 0) {
        if (v->kind == VAL_NUMBER && v->number >= row->low && v->number <= row->high &&
            floor(v->number) == v->number)
            return true;
    } else if (row->kind == KIND_METRIC || row->kind == KIND_AUGMENT) {
        bool ok = v->kind == VAL_LIST;
        for (int i = 0; ok && i < v->items.count; i++) ok = is_described(v->items.at[i], row->kind);
        if (ok) return row->kind == KIND_METRIC || augment_ok(k, v);
    } else if (is_described(v, row->kind)) {
        return row->kind == KIND_OPTIM ? optim_ok(k, v) : finite_arguments(k, v);
    } else if (row->kind == KIND_LOSS && v->kind == VAL_FUNCTION && !v->builtin && v->decl->kind == DECL_FN) {
        return true;
    }
    wrong_setting(k, row, s, v);
    return false;
}

static Val *setting_value(Check *k, const Setting *s, Module *m)
{
    Scope scope = {.module = m};
    k->mode = MODE_CONST;
    Val *v = described(k, check_expr(k, &scope, s->value));
    for (int i = 0; v->kind == VAL_LIST && i < v->items.count; i++)
        v->items.at[i] = described(k, v->items.at[i]);
    return v;
}

const Setting *find_setting(const Decl *d, const char *name)
{
    for (int i = 0; i < d->settings.count; i++)
        if (strcmp(d->settings.at[i]->name.text, name) == 0) return d->settings.at[i];
    return NULL;
}

/* Is one of the settings a mistyped `name`? It has its message. */
static bool mistypes(const Decl *d, const char *name)
{
    for (int i = 0; i < d->settings.count; i++) {
        const char *meant;
        train_setting(d->settings.at[i]->name.text, &meant);
        if (meant && strcmp(meant, name) == 0) return true;
    }
    return false;
}

/* What the data source says; a missing file may still come, anything else is an error. *missing names it. */
static DataState peek(Check *k, const Setting *s, const Val *v, Data *data, const char **missing)
{
    const char *learned;
    RtError e = {0};
    json_t *setting = val_json(v);
    k->model->one_hot = data_is_one_hot(setting);
    const DataPlace place = {k->whole->source, k->c->options.data_directory, k->model->whole};
    bool ok = data_look(k->perm, place, setting, data, &e, &learned);
    data_look_keep(k->c, setting, learned);
    const bool scaled = data_is_scaled(setting);
    json_decref(setting);
    if (ok) return DATA_KNOWN;
    char *help = strstr(e.text, "\nhelp: ");
    if (help) *help = 0;
    *missing = arena_text(k->perm, e.text, strlen(e.text));
    if (e.code == RT_OK && !scaled) return DATA_ABSENT;
    Diag *g = diag_add(k->diags, E_DATA, s->value->span, "%s%s", e.text,
                       e.code == RT_OK ? "; its mean and deviation become part of the program (scale)" : "");
    if (help) diag_help(g, "%s", help + 7);
    return DATA_WRONG;
}

static const double *arena_copy(Check *k, const double *from, int count)
{
    double *to = NEW_ARRAY(k->perm, double, (size_t)count + 1);
    memcpy(to, from, (size_t)count * sizeof *to);
    return to;
}

DataState data_shape(Check *k, const Decl *d, Module *m, Shape *input)
{
    const Setting *s = find_setting(d, "data");
    Val *v = s ? setting_value(k, s, m) : NULL;
    if (!s || !is_described(v, KIND_DATA) || !finite_arguments(k, v)) return DATA_WRONG;
    Data data = {0};
    DataState state = peek(k, s, v, &data, &k->train.missing_data);
    if (state != DATA_KNOWN) return state;
    *input = (Shape){.rank = data.rank};
    for (int i = 0; i < data.rank; i++) input->dim[i] = data.shape[i];
    k->model->classes = data.classes, k->model->target_size = data.target_size;
    k->model->positions = data.positions, k->model->padded = data.padded;
    k->model->scaled = data.scale.columns;
    k->model->mean = arena_copy(k, data.scale.mean, data.scale.columns);
    k->model->deviation = arena_copy(k, data.scale.deviation, data.scale.columns);
    char labels[100];
    data_seen(&data.labels, labels, sizeof labels);
    k->model->first_class = (int)data.labels.least;
    k->model->labels = arena_text(k->perm, labels, strlen(labels));
    k->model->data_warnings = arena_text(k->perm, data.warnings, strlen(data.warnings));
    return state;
}

/* A whole number of a train block as far as it is a good one (check_train says when it is not). */
static double whole_setting(Check *k, const Decl *d, Module *m, const char *name, double otherwise)
{
    const Setting *s = find_setting(d, name);
    Val *v = s ? setting_value(k, s, m) : NULL;
    if (!v || v->kind != VAL_NUMBER || !(v->number >= 0 && v->number <= MOST_SEED))
        return otherwise; /* NaN, too */
    return floor(v->number);
}

double train_seed(Check *k, const Decl *d, Module *m)
{
    return whole_setting(k, d, m, "seed", 0);
}

int64_t train_batch(Check *k, const Decl *d, Module *m)
{
    return (int64_t)whole_setting(k, d, m, "batch", DEFAULT_BATCH);
}

/* embed takes whole numbers: files are read again, now that it is known which. */
static bool numbers_fit(Check *k, const Setting *s, const Val *data_value)
{
    Data data = {0};
    const char *missing;
    return !k->model->whole || peek(k, s, data_value, &data, &missing) != DATA_WRONG;
}

/* Changes of pictures need pictures, and more of them than of the padding. Data that is not there yet is
 * looked at by the program. */
static bool augment_fits(Check *k, const Setting *s, const Val *data_value, const Val *augment)
{
    Data data = {0};
    const char *missing;
    if (!augment || augment->items.count == 0 || peek(k, s, data_value, &data, &missing) != DATA_KNOWN)
        return true;
    const Val *first = augment->items.at[0];
    if (!data.image) {
        Diag *d = diag_add(k->diags, E_SETTING, first->span,
                           "%s changes pictures; the samples of %s are not pictures", first->builtin->name,
                           data.name);
        diag_note(d, s->value->span, "the data is named here");
        diag_help(d, "remove augment; pictures are [height, width] or [channels, height, width]");
        return false;
    }
    int64_t height = data.shape[data.rank - 2], width = data.shape[data.rank - 1],
            least = height < width ? height : width;
    for (int i = 0; i < augment->items.count; i++) {
        const Val *a = augment->items.at[i], *pixels = a->items.count ? a->items.at[0] : NULL;
        if (!pixels || !val_is(a, BUILTIN_pad_crop) || pixels->number < (double)least) continue;
        Diag *d = diag_add(k->diags, E_RANGE, pixels->span,
                           "%s by %.15g may leave nothing of a picture of %lld x %lld", a->builtin->name,
                           pixels->number, (long long)height, (long long)width);
        diag_help(d, "it must be in 1 .. %lld", (long long)least - 1);
        return false;
    }
    return true;
}

/* ---- the block ---- */

static Val *default_value(Check *k, BuiltinId id, Span span)
{
    return described(k, val_function(k, builtin_at(id), NULL, NULL, span));
}

static void set_defaults(Check *k, const Decl *d, Val **value)
{
    Model *m = k->model;
    if (!value[SETTING_BATCH]) value[SETTING_BATCH] = val_number(k, DEFAULT_BATCH, d->span);
    if (!value[SETTING_LOSS])
        value[SETTING_LOSS] = default_value(
            k, m->one_hot || (m->target_size && !m->classes) ? BUILTIN_mse : BUILTIN_cross_entropy,
            d->name.span);
    if (!value[SETTING_OPTIM]) value[SETTING_OPTIM] = default_value(k, BUILTIN_adam, d->name.span);
    if (!value[SETTING_EPOCHS]) value[SETTING_EPOCHS] = val_number(k, 10, d->span);
    if (!value[SETTING_SEED]) value[SETTING_SEED] = val_number(k, 0, d->span);
    if (!value[SETTING_REPORT]) value[SETTING_REPORT] = val_new(k, VAL_LIST, d->span);
}

static void warn_of_data(Check *k, const Setting *s)
{
    const char *line = k->model->data_warnings ? k->model->data_warnings : "";
    for (; *line; line += strcspn(line, "\n"), line += *line == '\n')
        diag_add(k->diags, W_DATA, s->value->span, "%.*s", (int)strcspn(line, "\n"), line);
}

/* Is it more than one description? Then its value is known once the model is (check_loss.c). */
static bool is_sum(Check *k, const Expr *e)
{
    if (e->kind == EXPR_NAME) return names_cost(k, e->name);
    return e->kind == EXPR_BINARY || e->kind == EXPR_UNARY;
}

static json_t *loss_json(const Val *loss)
{
    return loss->kind == VAL_FUNCTION ? json_string(loss->decl->name.text) : val_json(loss);
}

void check_train(Check *k, const Decl *d, Module *m)
{
    const Expr *sum = NULL;
    Val *value[SETTING_COUNT] = {0};
    Span given[SETTING_COUNT] = {{0}};
    bool ok = true;
    for (int i = 0; i < d->settings.count; i++) {
        const Setting *s = d->settings.at[i];
        const TrainSetting n = find_setting_row(k, s);
        if (n == SETTING_COUNT) {
            ok = false;
            continue;
        }
        if (n == SETTING_LOSS && !sum && is_sum(k, s->value)) {
            sum = s->value, given[n] = s->name.span;
            continue;
        }
        if (value[n]) {
            Diag *g = diag_add(k->diags, E_TWICE, s->name.span, "setting '%s' is given twice", s->name.text);
            diag_note(g, given[n], "the first is here");
            diag_help(g, "remove one of the two");
        }
        Val *v = setting_value(k, s, m);
        if (!setting_ok(k, &settings[n], s, v)) ok = false;
        value[n] = v, given[n] = s->name.span;
    }
    if (!value[SETTING_DATA] && !mistypes(d, "data")) {
        Diag *g = diag_add(k->diags, E_SETTING, d->name.span, "train needs its setting 'data'");
        diag_help(g, "add a line such as: data = spirals(2000)");
    }
    if (!ok || !value[SETTING_DATA] || !k->model->body ||
        !numbers_fit(k, find_setting(d, "data"), value[SETTING_DATA]) ||
        !augment_fits(k, find_setting(d, "data"), value[SETTING_DATA], value[SETTING_AUGMENT]))
        return;
    set_defaults(k, d, value);
    const Val *loss = value[SETTING_LOSS];
    json_t *j = k->model->settings = json_object();
    for (int i = 0; i < SETTING_COUNT; i++)
        if (value[i]) json_object_set_new(j, train_setting_name(i), val_json(value[i]));
    if (sum) loss = check_loss(k, sum, m);
    else build_loss(k, loss);
    if (!k->model->loss) return;
    json_object_set_new(j, train_setting_name(SETTING_LOSS), loss_json(loss));
    k->model->trained = k->model->loss != NULL;
    if (k->model->trained) warn_of_data(k, find_setting(d, "data"));
}
