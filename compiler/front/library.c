/* library.c: the text of lib/rules.dnw as read-only bytes; the assembler includes the file. */
#include "front/library.h"

extern const char library_rules[], library_rules_end[];
__asm__(".pushsection .rodata\n"
        "library_rules:\n"
        ".incbin \"" LIBRARY "\"\n"
        "library_rules_end:\n"
        ".popsection\n");

const char *library_text(size_t *length)
{
    *length = (size_t)(library_rules_end - library_rules);
    return library_rules;
}
