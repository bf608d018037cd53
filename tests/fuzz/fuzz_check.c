/* fuzz_check.c: any bytes through all passes before code generation, and through the report and the messages.
 */
#include "check/check.h"
#include "driver/compile.h"
#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    limits = (Limits){.nodes = 20000, .pairs = 200000};
    if (size > 1 << 14) return 0;
    Compilation *c = compilation_new();
    c->options.out = nowhere;
    c->options.dump = "plan";
    if (compile_text(c, "fuzz.dnw", (const char *)data, size)) {
        compile_report(c, nowhere);
        json_decref(compile_report_json(c));
    }
    diags_print(c->diags, nowhere, false);
    json_decref(diags_json(c->diags));
    compilation_free(c);
    return 0;
}
