/* layer.h: the layers of models, on tensors. */
#ifndef DNW_LAYER_H
#define DNW_LAYER_H
#include "check/graph.h"

/* layer.c */
Val *apply_layer(Check *k, const Builtin *b, Val **args, Span span);

/* layer_graph.c */
/* One use of a node function on a tensor: a node an element, or a channel of maps; no edges. */
Graph *cell_graph(Check *k, Val *function, Shape shape, Span span);
/* For Above. */
Val *apply_tensor(Check *k, Val *function, Val *x, Span span);
/* The same of a function with states, as a graph that runs one step at each position; NULL after a message.
 */
Graph *cell_in_time(Check *k, Val *function, Shape shape, Span span);
/* A filter and a bias for each channel of x. */
typedef struct FilterLayer {
    Window window;
    LearnedSize *size; /* of the filter; NULL: that of the window */
    bool bias;
} FilterLayer;
Val *depthwise_layer(Check *k, Val *x, const FilterLayer *l, Span span);
/* linear and conv2d: every input of a group leads to every output of it. */
typedef struct DenseLayer {
    SizeOfLayer out;
    int64_t groups;
    Shape weight; /* of the tensor of all edges, output by output */
    bool bias;
} DenseLayer;
Val *dense_layer(Check *k, const char *name, Value *x, const DenseLayer *d, Val *keep, Span span);

/* layer_embed.c */
/* Notes that v holds numbers of the data as they are. */
void set_given(Check *k, const Value *v);
bool is_given(const Check *k, const Value *v);
/* For each number of a list, a whole one in 0 .. values - 1, a list of `out` learned numbers. */
Val *embed_layer(Check *k, Val *x, Val *const *args, Span span);

/* layer_scan.c */
/* A function along the first index of x: applied to the part at each position, or, where it has states, with
 * these going on from one position to the next. */
Val *scan_function(Check *k, Val *function, Val *x, const Val *truncate, Span span);

/* layer_positions.c */
/* k->func has `result`, which was made of `part`, what stands at one position of `whole`: the same for all
 * positions, [positions, ...]. NULL: it does not follow from `part`. *most: numbers of the largest value on
 * the way. */
Value *all_positions(Check *k, Value *whole, const Value *part, Value *result, int64_t *most);
#endif
