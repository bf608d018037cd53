/* test_kernels_f64.c: the kernels of gradcheck. */
#define DNW_REAL           double
#define DNW_REAL_IS_DOUBLE 1
#define DNW_SUFFIX         f64
#define SOFTPLUS_ABSOLUTE  FLT_MIN
#include "kernels_test.h"
