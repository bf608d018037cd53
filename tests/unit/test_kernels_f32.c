/* test_kernels_f32.c: the kernels that programs run. */
#define SOFTPLUS_ABSOLUTE FLT_MIN
#include "kernels_test.h"
