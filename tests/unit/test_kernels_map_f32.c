/* test_kernels_map_f32.c: kernels on maps in float. */
#include "kernels_map_test.h"
