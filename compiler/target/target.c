/* target.c: names of processors, and what their code needs. See target.h. */
#include "target/target.h"
#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <string.h>

typedef struct Cpu {
    const char *name, *architecture, *triple; /* triple: where another architecture has none of its own */
    const char *llvm;
    int level; /* of x86-64; 0: none */
} Cpu;

static const Cpu cpus[] = {
    {"native", NULL, NULL, NULL, 0},
    {"x86-64-v2", "x86_64", "x86_64-pc-linux-gnu", "x86-64-v2", 2},
    {"x86-64-v3", "x86_64", "x86_64-pc-linux-gnu", "x86-64-v3", 3},
    {"x86-64-v4", "x86_64", "x86_64-pc-linux-gnu", "x86-64-v4", 4},
    {"aarch64", "aarch64", "aarch64-unknown-linux-gnu", "generic", 0},
};
enum { CPU_COUNT = sizeof cpus / sizeof *cpus };

#if defined __aarch64__
static const char host[] = "aarch64";
#elif defined __x86_64__
static const char host[] = "x86_64";
#else
static const char host[] = "";
#endif

static const Cpu *find_cpu(const char *name)
{
    for (int i = 0; i < CPU_COUNT; i++)
        if (strcmp(cpus[i].name, name) == 0) return &cpus[i];
    return NULL;
}

static bool is_host(const Cpu *cpu)
{
    return !cpu->architecture || strcmp(cpu->architecture, host) == 0;
}

const char *target_foreign(const char *cpu)
{
    const Cpu *found = cpu ? find_cpu(cpu) : NULL;
    return found && !is_host(found) ? found->architecture : NULL;
}

static bool unknown_cpu(Compilation *c, const char *name)
{
    const char *names[CPU_COUNT], *list = cpus[0].name;
    for (int i = 0; i < CPU_COUNT; i++) names[i] = cpus[i].name;
    for (int i = 1; i < CPU_COUNT; i++) list = arena_printf(c->perm, "%s, %s", list, names[i]);
    Diag *d = diag_add(c->diags, E_CODE, SPAN_NONE, "--cpu does not know '%s'", name);
    const char *near = diag_nearest(name, names, CPU_COUNT);
    if (near) diag_help(d, "did you mean '%s'? It takes %s", near, list);
    else diag_help(d, "it takes %s", list);
    return false;
}

/* Is "+name" among LLVM's "+a,-b,+c"? */
static bool has_feature(const char *features, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = features; *at; at += strcspn(at, ","), at += *at == ',')
        if (*at == '+' && strcspn(at + 1, ",") == length && !strncmp(at + 1, name, length)) return true;
    return false;
}

bool target_is_wide(const char *cpu)
{
    const Cpu *found = find_cpu(cpu ? cpu : cpus[0].name);
    if (!found || found->architecture) return found && found->level >= 4;
    char *features = LLVMGetHostCPUFeatures();
    bool wide = has_feature(features, "avx512f");
    LLVMDisposeMessage(features);
    return wide;
}

/* Eight registers; of the thirty-two small ones of ARM sixteen. */
static int64_t piece_bytes(const Target *t, bool x86)
{
    int64_t bytes = x86 ? 128 : 256;
    for (int i = 0; i < t->needs.count; i++) {
        if (!strcmp(t->needs.at[i], "avx2") && bytes < 256) bytes = 256;
        if (!strcmp(t->needs.at[i], "avx512f")) bytes = 512;
    }
    return bytes;
}

static void list_needs(Compilation *c, Target *t, const Cpu *cpu)
{
    bool native = !cpu->architecture,
         x86 = native ? !strcmp(host, "x86_64") : !strcmp(cpu->architecture, "x86_64");
#define X86_FEATURE(name, least, word, bit, width)                                                           \
    if (x86 && (native ? has_feature(t->features, name) : least && least <= cpu->level))                     \
        vec_push(c->perm, &t->needs, name);
#define ARM_FEATURE(name, word, bit)                                                                         \
    if (!x86 && native && has_feature(t->features, name)) vec_push(c->perm, &t->needs, name);
#include "common/cpu.def"
    t->piece_bytes = piece_bytes(t, x86);
}

static LLVMTargetMachineRef make_machine(const Compilation *c, LLVMTargetRef target, const char *triple,
                                         const Target *t)
{
    return LLVMCreateTargetMachine(target, triple, t->cpu, t->features,
                                   c->options.optimize ? LLVMCodeGenLevelDefault : LLVMCodeGenLevelNone,
                                   LLVMRelocPIC, LLVMCodeModelDefault);
}

bool target_open(Compilation *c, Target *t)
{
    const char *name = c->options.cpu ? c->options.cpu : cpus[0].name;
    const Cpu *cpu = find_cpu(name);
    LLVMTargetRef target;
    char *error = NULL;
    if (!cpu) return unknown_cpu(c, name);
    if (is_host(cpu)) {
        LLVMInitializeNativeTarget();
        LLVMInitializeNativeAsmPrinter();
    } else {
        LLVMInitializeAllTargetInfos();
        LLVMInitializeAllTargets();
        LLVMInitializeAllTargetMCs();
        LLVMInitializeAllAsmPrinters();
    }
    char *triple = is_host(cpu) ? LLVMGetDefaultTargetTriple() : LLVMCreateMessage(cpu->triple);
    if (LLVMGetTargetFromTriple(triple, &target, &error)) {
        diag_add(c->diags, E_CODE, SPAN_NONE, "no code for %s: %s", triple, error);
        LLVMDisposeMessage(error);
    } else {
        t->cpu = cpu->llvm ? LLVMCreateMessage(cpu->llvm) : LLVMGetHostCPUName();
        t->features = cpu->llvm ? LLVMCreateMessage("") : LLVMGetHostCPUFeatures();
        t->machine = make_machine(c, target, triple, t);
        list_needs(c, t, cpu);
    }
    LLVMDisposeMessage(triple);
    return t->machine != NULL;
}

void target_close(Target *t)
{
    LLVMDisposeTargetMachine(t->machine);
    LLVMDisposeMessage(t->cpu);
    LLVMDisposeMessage(t->features);
}
