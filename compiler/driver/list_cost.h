/* list_cost.h: what a list of edges costs in training: bytes, and work at the events of its rule. */
#ifndef DNW_LIST_COST_H
#define DNW_LIST_COST_H
#include "model/model.h"

/* How the model trains, as far as memory depends on it. */
typedef struct ListTraining {
    bool trains;
    bool gradients; /* all are stored */
    int slots;      /* numbers of the optimiser for each weight */
} ListTraining;

/* By the settings. `gradients`: where a rule reads them, or the optimiser needs all of them before any weight
 * moves; that they may be stored because they are few is not known before tiles are planned. */
ListTraining list_training(const Model *m);
EdgeBytes list_bytes(const Graph *g, int list, ListTraining t);
/* "0.125 bytes per candidate in training, 57 more per edge in use" */
const char *list_bytes_text(Arena *a, const Graph *g, int list, ListTraining t);
/* What an event of a declared rule goes through, and which gradients it needs. */
const char *list_event_text(Arena *a, const Graph *g, int list, int event);
#endif
