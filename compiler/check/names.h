/* names.h: the names that a file can use; each has one meaning. Checked before anything is evaluated. */
#ifndef DNW_NAMES_H
#define DNW_NAMES_H
#include "check/val.h"
#include "model/rule.h"

/* names_import.c */
/* Loads a file's imports, theirs, and so on; each file once. */
Module *load_module(Check *k, Ast *ast);
Module *load_library(Check *k); /* lib/rules.dnw */
/* A declaration that can be named in module m: its own, or one of an import without `as`; *where is its
 * module. */
const Decl *find_decl(Module *m, const char *name, Module **where);
/* Is it, or may it be, the name of something with a syntax error? Then nothing is said about it. */
bool is_lost(const Module *m, const char *name);
/* The file imported `as` name, or NULL. */
Module *find_import(Module *m, const char *name);

/* names_train.c */
const char *train_setting_name(int setting);
/* The setting of this name; else SETTING_COUNT, and the one that may be meant in *near, NULL: none. */
TrainSetting train_setting(const char *name, const char **near);

/* names_rule.c */
bool rule_reads_name(const char *name);
const char *rule_name_meant(const char *wrong); /* grad: gradient; NULL: none */
/* A line `name = WORD` of a rule that is a choice and no name of one's own. */
typedef enum RuleChoice { CHOICE_GRADIENT, CHOICE_START, RULE_CHOICES } RuleChoice;
typedef struct RuleSetting {
    const char *name, *words[2]; /* the first one without the line */
    const char *help;
} RuleSetting;
extern const RuleSetting rule_settings[RULE_CHOICES];
int rule_setting(const RuleItem *item);                     /* RuleChoice; -1: it is none */
int rule_setting_word(const RuleSetting *s, const Expr *e); /* 0, 1; -1: neither word */
/* names_cost.c */
#define LOSS_SAMPLES "samples"               /* in a loss: samples of the training set */
bool names_cost(Check *k, const char *name); /* is it a cost that some function has? */
/* names.c */
void check_names(Check *k, Module *m);
/* Messages so far and mistakes met again: unchanged when everything in between was right. */
int mistakes(const Check *k);
/* Reports a name once. */
void unknown_name(Check *k, const Scope *scope, const char *name, Span span);
Module *scope_module(const Scope *scope);
/* What `lib.thing` names: NULL after a message. */
const Decl *member_decl(Check *k, const Scope *scope, const Expr *e, Module **where);
#endif
