/* kernels_bc.h: the hot kernels as LLVM bitcode, carried inside dnw.
 *
 * The files of runtime/kernels, simplified but not yet optimised, for each real type and number of lanes
 * (CMakeLists.txt, "kernels"). Names end in that variant: _f32x64. object.c links those that a program needs
 * into its module, so that they are optimised for the user's processor and the program's own sizes.
 */
#ifndef DNW_KERNELS_BC_H
#define DNW_KERNELS_BC_H
#include <stdbool.h>
#include <stddef.h>

typedef struct Bitcode {
    const unsigned char *bytes;
    size_t size;
} Bitcode;

Bitcode kernels_bc(bool f64, int lanes);
#endif
