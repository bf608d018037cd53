/* ceiling.c: how many fused multiply-adds in float one core does a second, from registers: the most that any
 * arithmetic in float can reach. Prints GFLOP/s. */
#include <stdio.h>
#include <time.h>

typedef float Vector __attribute__((vector_size(64)));
enum { CHAINS = 20, ROUNDS = 20000000 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    (void)argv;
    Vector sum[CHAINS], a, b;
    for (int i = 0; i < 16; i++)
        a[i] = 1.0f - 1e-7f * (float)argc, b[i] = 1e-7f * (float)argc; /* not known when compiling */
    for (int i = 0; i < CHAINS; i++) sum[i] = b * (float)i;
    double start = seconds();
    for (long r = 0; r < ROUNDS; r++)
        for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * a + b;
    double time = seconds() - start, total = 0;
    for (int i = 0; i < CHAINS; i++) total += (double)sum[i][0];
    fprintf(stderr, "%g\n", total);
    printf("%.1f\n", 2.0 * 16 * CHAINS * ROUNDS / time * 1e-9);
    return 0;
}
