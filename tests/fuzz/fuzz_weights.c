/* fuzz_weights.c: any bytes as a .safetensors file, parsed and offered to a small network's tensors.
 *
 * Whatever the bytes are: no crash, a message when they are refused, and tensors untouched by a refused file.
 */
#include <stdlib.h>
#include <string.h>
#include "app/checkpoint.h"
#include "app/train.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static float w[6], mean[3], momentum[6];
static uint8_t kept[5];
static const NetTensor tensors[] = {
    {"G.w", NET_WEIGHT, 2, {2, 3}, 6, w},
    {"G.mean", NET_RUNNING, 1, {3}, 3, mean},
    {"G.edges.0.kept", NET_KEPT, 1, {5}, 5, kept},
    {"G.w.momentum", NET_SLOT, 2, {2, 3}, 6, momentum},
};
enum { COUNT = sizeof tensors / sizeof *tensors };

static void offer(const Checkpoint *c, CheckpointUse use, int count)
{
    const NetTensor *list[COUNT];
    bool given;
    RtError e = {0};
    for (int i = 0; i < COUNT; i++) list[i] = &tensors[i];
    memset(w, 0, sizeof w);
    if (checkpoint_load(c, list, count, use, &given, &e)) return;
    for (int i = 0; i < 6; i++)
        if (w[i] != 0) abort();
    if (!e.code || !e.text[0]) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Checkpoint c;
    TrainState t;
    RtError e = {0};
    if (!checkpoint_read_bytes(&c, data, size, "fuzz", &e)) {
        if (!e.code || !e.text[0]) abort();
        return 0;
    }
    offer(&c, CHECKPOINT_WEIGHTS, COUNT - 1);
    offer(&c, CHECKPOINT_RESUME, COUNT);
    train_unpack(&t, &c, &e);
    checkpoint_close(&c);
    return 0;
}
