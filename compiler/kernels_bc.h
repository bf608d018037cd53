/* kernels_bc.h: the hot kernels as LLVM bitcode, carried inside dnw.
 *
 * The files of runtime/kernels compiled without optimisation, once with DNW_REAL = float and once with double
 * (CMakeLists.txt, "kernels"). Names in the two modules end in _f32 and _f64. object.c links them into each
 * program's module, so that they are optimised for the user's processor and the program's own sizes.
 */
#ifndef DNW_KERNELS_BC_H
#define DNW_KERNELS_BC_H
#include <stddef.h>

extern const unsigned char kernels_f32_bc[], kernels_f64_bc[];
extern const size_t kernels_f32_bc_size, kernels_f64_bc_size;
#endif
