/* test_kernels_map_f32.c: kernels on maps in float. */
#define DNW_REAL   float
#define DNW_SUFFIX f32
#include "kernels_map_test.h"
