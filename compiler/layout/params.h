/* params.h: where the numbers of tensors stand in a program.
 *
 * A program keeps as many as the interpreter, but for lines of edges whose rule asks for numbers of edges in
 * use alone (runtime/net/slots.h).
 */
#ifndef DNW_PARAMS_H
#define DNW_PARAMS_H
#include "model/model.h"

/* Numbers that a program keeps of a line, where its rule asks for those of edges in use alone: as many as its
 * budget allows at most. 0: there is one for each candidate. */
int64_t edges_slots(const Graph *g, const Bundle *u);
/* Tensor.stored and place, Model.stored_total; after the graphs are placed. */
void layout_params(Model *m);
#endif
