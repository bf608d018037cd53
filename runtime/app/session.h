/* session.h: data and network of a program, opened as the command line requests, shared by all
 * commands.
 *
 * Commands reach the network through NetCalls, the functions of net.h as a table, so that tests can run
 * them on a toy network. Order of use: fill program, options and calls; session_data or session_any_data;
 * session_net.
 */
#ifndef RT_SESSION_H
#define RT_SESSION_H
#include "net/net.h"
#include "net/lines.h"
#include "app/options.h"
#include "net/program.h"

/* Same contracts as the net_* functions. */
typedef struct NetCalls {
    Net *(*create)(const DnwrtProgram *p, const json_t *manifest, const NetOptions *o, RtError *e);
    void (*free)(Net *n);
    int (*tensor_count)(const Net *n);
    const NetTensor *(*tensor)(const Net *n, int i);
    bool (*reload)(Net *n, bool kept_given, RtError *e);
    bool (*take_edges)(Net *n, const char *line, const NetEdges *edges);
    bool (*start_from)(Net *n, int list, const bool *taken, char *note, size_t size);
    NetStep (*train_step)(Net *n, NetSamples samples, NetPosition at);
    NetIdle (*idle)(const Net *n, int64_t samples);
    int (*events)(const Net *n, const NetEvent **events);
    int (*costs)(Net *n, const NetCost **costs);
    json_t *(*wiring)(const Net *n, int64_t done);
    void (*train_next)(Net *n, const int64_t *order, int64_t count);
    NetStep (*eval_step)(Net *n, const Data *data, const DataSplit *split, int64_t first, int64_t count);
    void (*confusion)(const Net *n, const Data *data, const DataSplit *split, NetRange samples,
                      int64_t *table);
    bool (*predict)(Net *n, const float *input, int64_t count, float *output, RtError *e);
    void (*choose)(Net *n, double epoch);
    bool (*never_comes)(const Net *n, int number, char *text, size_t size);
    const char *(*above_budget)(const Net *n, double epoch);
    double (*gradcheck)(Net *n, NetSamples samples, int entries, char *worst, size_t worst_size,
                        NetStep *failed);
    int (*graph_count)(const Net *n);
    NetGraphInfo (*graph)(const Net *n, int i);
    json_t *(*graph_lists)(const Net *n, int i);
    bool (*line)(const Net *n, int number, NetLine *out);
    bool (*line_edges)(const Net *n, int number, bool all, NetEdgeVisit *visit, void *context);
    int64_t (*parameters)(const Net *n);
    int64_t (*outputs)(const Net *n);
    json_t *(*profile)(const Net *n);
} NetCalls;

typedef struct Session {
    const Program *program;
    const Options *options;
    const NetCalls *calls;
    Data *data;
    bool made; /* data is random numbers of the right shape */
    Optim optim;
    Net *net;
    const NetTensor **tensors; /* (tensor_count), of net */
    int tensor_count;
} Session;

/* The data set of the train block, checked against the shapes of the program. */
bool session_data(Session *s, RtError *e);
/* The same, or `samples` random ones where that cannot be had or is smaller (bench, gradcheck). */
bool session_any_data(Session *s, int64_t samples, RtError *e);
/* The network. In *o only batch, training, f64 and seed count. */
bool session_net(Session *s, const NetOptions *o, RtError *e);
/* The weights of --weights into the network. */
bool session_weights(Session *s, RtError *e);
/* --batch, or the batch of the train block, or 64; at most the samples of the larger split when data is open.
 */
int64_t session_batch(const Session *s);
/* Can steps of `batch` out of `samples` be made: is no batch_norm left with a single number? */
bool session_steps(const Session *s, int64_t samples, int64_t batch, RtError *e);
/* Where step `step` of an epoch begins. Steps have `batch` samples each and the last one what is left; where
 * that is one sample, and a batch_norm would be left with a single number, the last two share theirs. */
int64_t session_step_start(const Session *s, int64_t samples, int64_t batch, int64_t step);
/* What to tell where this program was made for larger batches, whose tiles this one fills badly; "": nothing.
 */
void session_batch_note(const Session *s, int64_t batch, char *out, size_t size);
void session_close(Session *s);

/* The commands; false and *e when they fail. */
bool train_command(Session *s, RtError *e);
bool eval_command(Session *s, RtError *e);
bool predict_command(Session *s, RtError *e);
bool gradcheck_command(Session *s, RtError *e);
bool info_command(Session *s, RtError *e);
bool edges_command(Session *s, RtError *e);
bool bench_command(Session *s, RtError *e);
#endif
