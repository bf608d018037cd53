/* test_kernels_map_f64.c: kernels on maps in double. */
#include "kernels_map_test.h"
