/* kernels_bc.c: the bitcode files of the kernels as read-only bytes.
 *
 * The assembler includes the files, whose folder the build passes in; a byte array written as C text would be
 * slower to compile and no clearer.
 */
#include "kernels_bc.h"

#define EMBED(variant)                                                                                       \
    extern const unsigned char variant[], variant##_end[];                                                   \
    __asm__(".pushsection .rodata\n"                                                                         \
            ".balign 16\n" #variant ":\n"                                                                    \
            ".incbin \"" KERNELS #variant ".bc\"\n" #variant "_end:\n"                                       \
            ".popsection\n")

EMBED(f32x1);
EMBED(f32x8);
EMBED(f32x16);
EMBED(f32x64);
EMBED(f64x1);
EMBED(f64x8);
EMBED(f64x16);
EMBED(f64x64);

#define BITCODE(variant) ((Bitcode){variant, (size_t)(variant##_end - variant)})

Bitcode kernels_bc(bool f64, int lanes)
{
    switch (lanes) {
    case 1: return f64 ? BITCODE(f64x1) : BITCODE(f32x1);
    case 8: return f64 ? BITCODE(f64x8) : BITCODE(f32x8);
    case 16: return f64 ? BITCODE(f64x16) : BITCODE(f32x16);
    default: return f64 ? BITCODE(f64x64) : BITCODE(f32x64);
    }
}
