/* list_cost.h: what a list of edges costs in training: bytes, and work at the events of its rule. */
#ifndef DNW_LIST_COST_H
#define DNW_LIST_COST_H
#include "common/optim.h"
#include "layout/plan.h"

/* How the model trains, as far as memory depends on it. */
typedef struct ListTraining {
    bool trains;
    bool gradients; /* of all candidates are stored: */
    bool read;      /* a rule reads them, */
    bool functions; /* edges have functions, */
    bool few;       /* or they are fewer than the values they are computed from; or the optimiser clips */
    Optim optim;
} ListTraining;

/* By the settings. `train` NULL: tiles are not planned, and whether gradients are few is not known. */
ListTraining list_training(const Model *m, const Plan *train);
EdgeBytes list_bytes(const Graph *g, int list, const ListTraining *t);
/* "0.125 bytes per candidate in training, 57 more per edge in use" */
const char *list_bytes_text(Arena *a, const Graph *g, int list, const ListTraining *t);
/* The numbers of each candidate, or edge in use, that a rule chooses among: "w, momentum, changed". */
const char *list_numbers_text(Arena *a, const Graph *g, int list, const ListTraining *t);
/* What an event of a declared rule goes through, and which gradients it needs. */
const char *list_event_text(Arena *a, const Graph *g, int list, int event);
#endif
