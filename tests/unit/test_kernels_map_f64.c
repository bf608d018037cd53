/* test_kernels_map_f64.c: kernels on maps in double. */
#define DNW_REAL           double
#define DNW_SUFFIX         f64
#define DNW_REAL_IS_DOUBLE 1
#include "kernels_map_test.h"
