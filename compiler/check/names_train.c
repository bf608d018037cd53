/* names_train.c: names of settings of a train block. */
#include "check/names.h"

const char *train_setting_name(int setting)
{
    return contract_text(CONTRACT_TrainSetting, setting);
}

static const char *setting_meant(const char *wrong)
{
    static const char *const others[][2] = {
        {"optimizer", "optim"}, {"optimiser", "optim"},      {"batch_size", "batch"},
        {"batchsize", "batch"}, {"metrics", "report"},       {"dataset", "data"},
        {"criterion", "loss"},  {"num_epochs", "epochs"},    {"n_epochs", "epochs"},
        {"val", "validation"},  {"augmentation", "augment"}, {"validation_split", "validation"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i][0], wrong) == 0) return others[i][1];
    const char *names[SETTING_COUNT];
    for (int i = 0; i < SETTING_COUNT; i++) names[i] = train_setting_name(i);
    return diag_nearest(wrong, names, SETTING_COUNT);
}

TrainSetting train_setting(const char *name, const char **near)
{
    int i = 0;
    while (i < SETTING_COUNT && strcmp(train_setting_name(i), name)) i++;
    *near = i < SETTING_COUNT ? NULL : setting_meant(name);
    return (TrainSetting)i;
}
