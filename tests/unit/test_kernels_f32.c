/* test_kernels_f32.c: the kernels that programs run. */
#define DNW_REAL          float
#define DNW_SUFFIX        f32
#define SOFTPLUS_ABSOLUTE 1.2e-7 /* log(1 + e) of a small e: the rounding of 1 + e */
#include "kernels_test.h"
