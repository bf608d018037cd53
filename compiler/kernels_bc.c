/* kernels_bc.c: the bitcode files of the kernels as read-only bytes.
 *
 * The assembler includes the files whose paths the build passes in; a byte array written as C text would be
 * slower to compile and no clearer.
 */
#include "kernels_bc.h"

#define EMBED(name, file)                                                                                    \
    __asm__(".pushsection .rodata\n"                                                                         \
            ".balign 16\n"                                                                                   \
            ".global " #name "\n" #name ":\n"                                                                \
            ".incbin \"" file "\"\n" #name "_end:\n"                                                         \
            ".balign 8\n"                                                                                    \
            ".global " #name "_size\n" #name "_size:\n"                                                      \
            ".quad " #name "_end - " #name "\n"                                                              \
            ".popsection\n")

EMBED(kernels_f32_bc, KERNELS_F32_FILE);
EMBED(kernels_f64_bc, KERNELS_F64_FILE);
