/* ceiling.c: how many fused multiply-adds in float one core does a second, from registers: the most that any
 * arithmetic in float can reach. Prints GFLOP/s, the best of a few tries. */
#include <stdio.h>
#include <time.h>

#if defined __AVX512F__
enum { BYTES = 64 };
#elif defined __AVX__
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
typedef float Vector __attribute__((vector_size(BYTES))); /* a register */
enum { CHAINS = 12, LANES = BYTES / 4, ROUNDS = 4000000 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double rate(float x)
{
    Vector sum[CHAINS], a, b;
    for (int i = 0; i < LANES; i++) a[i] = 1.0f - x, b[i] = x; /* x: not known when compiling */
    for (int i = 0; i < CHAINS; i++) sum[i] = b * (float)i;
    double start = seconds();
    for (long r = 0; r < ROUNDS; r++)
        for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * a + b;
    double time = seconds() - start, total = 0;
    for (int i = 0; i < CHAINS; i++) total += (double)sum[i][0];
    fprintf(stderr, "%g\n", total);
    return 2.0 * LANES * CHAINS * ROUNDS / time * 1e-9;
}

int main(int argc, char **argv)
{
    double best = 0;
    (void)argv;
    for (int i = 0; i < 5; i++) {
        double now = rate(1e-7f * (float)argc);
        best = now > best ? now : best;
    }
    printf("%.1f\n", best);
    return 0;
}
