/* test_kernels_f32.c: the kernels that programs run. */
#define DNW_REAL          float
#define DNW_SUFFIX        f32
#define SOFTPLUS_ABSOLUTE FLT_MIN
#include "kernels_test.h"
