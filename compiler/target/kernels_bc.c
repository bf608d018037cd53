/* kernels_bc.c: the bitcode files of the kernels as read-only bytes.
 *
 * The assembler includes the files, whose folder the build passes in; a byte array written as C text would be
 * slower to compile and no clearer.
 */
#include "target/kernels_bc.h"
#include "base/diag.h"
#include "kernels/kernel.h"

#define EMBED(variant)                                                                                       \
    extern const unsigned char variant[], variant##_end[];                                                   \
    __asm__(".pushsection .rodata\n"                                                                         \
            ".balign 16\n" #variant ":\n"                                                                    \
            ".incbin \"" KERNELS #variant ".bc\"\n" #variant "_end:\n"                                       \
            ".popsection\n");
#define EMBED_BOTH(lanes) EMBED(f32x##lanes) EMBED(f64x##lanes)
TILE_LANES(EMBED_BOTH)

#define BITCODE(variant) ((Bitcode){variant, (size_t)(variant##_end - variant)})
#define CASE(lanes)                                                                                          \
    case lanes: return f64 ? BITCODE(f64x##lanes) : BITCODE(f32x##lanes);

Bitcode kernels_bc(bool f64, int lanes)
{
    switch (lanes) {
        TILE_LANES(CASE)
    }
    BUG("no kernels for tiles of %d samples", lanes);
}
