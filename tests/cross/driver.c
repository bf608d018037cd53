/* driver.c: runs the stage of a program that has no graphs on one tile, without the runtime library, so that
 * an object file for another architecture can be tried in an emulator. Without arguments: prints the
 * manifest. */
#include "common/dnwrt.h"
#include "kernels/kernel.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    int64_t n[6];
    if (argc < 7) return puts(dnw_program.manifest), 0;
    for (int i = 0; i < 6; i++)
        n[i] = atoll(argv[1 + i]); /* stage, elements, rows of input and output, their numbers */
    int64_t lanes = dnw_program.lanes;
    float *tile = aligned_alloc(64, (size_t)(n[1] * 4 + 63) / 64 * 64), *in = tile + n[2] * lanes,
          *out = tile + n[4] * lanes;
    DnwrtContext context = {.tiles = tile, .tile_stride = n[1], .count = lanes, .seed = 1};
    for (int64_t i = 0; i < n[3] * lanes; i++) in[i] = (float)((i * 7919) % 1000) / 250 - 2;
    dnw_program.f32[n[0]].code(&context, 0, dnw_program.f32[n[0]].addresses);
    for (int64_t i = 0; i < n[5] * lanes; i++) printf("%.9g\n", (double)out[i]);
    free(tile);
    return 0;
}
