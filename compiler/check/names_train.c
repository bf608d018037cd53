/* names_train.c: names of settings of a train block. */
#include "check/names.h"

const char *const train_settings[SETTING_COUNT] = {
    [SETTING_DATA] = "data",     [SETTING_BATCH] = "batch",     [SETTING_LOSS] = "loss",
    [SETTING_OPTIM] = "optim",   [SETTING_EPOCHS] = "epochs",   [SETTING_SEED] = "seed",
    [SETTING_REPORT] = "report", [SETTING_AUGMENT] = "augment", [SETTING_VALIDATION] = "validation"};

static const char *setting_meant(const char *wrong)
{
    static const char *const others[][2] = {
        {"optimizer", "optim"}, {"optimiser", "optim"},      {"batch_size", "batch"},
        {"batchsize", "batch"}, {"metrics", "report"},       {"dataset", "data"},
        {"criterion", "loss"},  {"num_epochs", "epochs"},    {"n_epochs", "epochs"},
        {"val", "validation"},  {"augmentation", "augment"}, {"validation_split", "validation"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i][0], wrong) == 0) return others[i][1];
    return diag_nearest(wrong, train_settings, SETTING_COUNT);
}

TrainSetting train_setting(const char *name, const char **near)
{
    int i = 0;
    while (i < SETTING_COUNT && strcmp(train_settings[i], name)) i++;
    *near = i < SETTING_COUNT ? NULL : setting_meant(name);
    return (TrainSetting)i;
}
