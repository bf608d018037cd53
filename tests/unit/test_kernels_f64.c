/* test_kernels_f64.c: the kernels of gradcheck. */
#define SOFTPLUS_ABSOLUTE FLT_MIN
#include "kernels_test.h"
