/* object.c: everything that knows LLVM's targets and passes.
 *
 * The kernels arrive as bitcode without a processor of their own; every function gets the processor of the
 * program, is made private, and is optimised together with the generated code.
 */
#include "object.h"
#include "kernels_bc.h"
#include "manifest.h"
#include <errno.h>
#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/Linker.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

typedef struct Machine {
    LLVMTargetMachineRef machine;
    char *cpu, *features;
} Machine;

static bool known_cpu(const char *cpu)
{
    static const char *const names[] = {"native", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], cpu) == 0) return true;
    return false;
}

static bool open_machine(Compilation *c, Machine *m)
{
    const char *cpu = c->options.cpu ? c->options.cpu : "native";
    LLVMTargetRef target;
    char *triple = LLVMGetDefaultTargetTriple(), *error = NULL;
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    if (!known_cpu(cpu)) {
        Diag *d = diag_add(c->diags, E_CODE, SPAN_NONE, "--cpu does not know '%s'", cpu);
        diag_help(d, "it takes native, x86-64-v2, x86-64-v3 or x86-64-v4");
    } else if (LLVMGetTargetFromTriple(triple, &target, &error)) {
        diag_add(c->diags, E_CODE, SPAN_NONE, "no code for %s: %s", triple, error);
        LLVMDisposeMessage(error);
    } else {
        bool native = strcmp(cpu, "native") == 0;
        m->cpu = native ? LLVMGetHostCPUName() : LLVMCreateMessage(cpu);
        m->features = native ? LLVMGetHostCPUFeatures() : LLVMCreateMessage("");
        m->machine =
            LLVMCreateTargetMachine(target, triple, m->cpu, m->features,
                                    c->options.optimize ? LLVMCodeGenLevelDefault : LLVMCodeGenLevelNone,
                                    LLVMRelocPIC, LLVMCodeModelDefault);
    }
    LLVMDisposeMessage(triple);
    return m->machine != NULL;
}

static void close_machine(Machine *m)
{
    LLVMDisposeTargetMachine(m->machine);
    LLVMDisposeMessage(m->cpu);
    LLVMDisposeMessage(m->features);
}

static void link_kernels(LLVMContextRef context, LLVMModuleRef module, Bitcode code)
{
    LLVMModuleRef kernels;
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRange((const char *)code.bytes, code.size, "kernels", false);
    if (LLVMParseBitcodeInContext2(context, buffer, &kernels)) BUG("the kernels are not readable bitcode");
    LLVMDisposeMemoryBuffer(buffer);
    if (LLVMLinkModules2(module, kernels)) BUG("the kernels do not link");
}

static void set_attribute(LLVMContextRef context, LLVMValueRef f, const char *key, const char *value)
{
    LLVMAttributeRef a =
        LLVMCreateStringAttribute(context, key, (unsigned)strlen(key), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, a);
}

static void retarget(LLVMContextRef context, LLVMModuleRef module, const Machine *m, bool optimize)
{
    static const char *const old[] = {"target-cpu", "target-features", "tune-cpu"};
    unsigned optnone = LLVMGetEnumAttributeKindForName("optnone", 7),
             noinline_ = LLVMGetEnumAttributeKindForName("noinline", 8);
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f)) continue;
        for (int i = 0; i < 3; i++)
            LLVMRemoveStringAttributeAtIndex(f, LLVMAttributeFunctionIndex, old[i], (unsigned)strlen(old[i]));
        set_attribute(context, f, "target-cpu", m->cpu);
        set_attribute(context, f, "target-features", m->features);
        set_attribute(context, f, "prefer-vector-width", "512");
        LLVMSetLinkage(f, LLVMInternalLinkage);
        if (optimize) {
            LLVMRemoveEnumAttributeAtIndex(f, LLVMAttributeFunctionIndex, optnone);
            LLVMRemoveEnumAttributeAtIndex(f, LLVMAttributeFunctionIndex, noinline_);
        }
    }
}

static void run_passes(LLVMModuleRef module, const Machine *m, bool optimize)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error =
        LLVMRunPasses(module, optimize ? "default<O3>" : "default<O0>,globaldce", m->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (error) BUG("passes: %s", LLVMGetErrorMessage(error));
}

static void verify(LLVMModuleRef module)
{
    char *message = NULL;
    if (LLVMVerifyModule(module, LLVMReturnStatusAction, &message))
        BUG("generated code is not valid: %s", message);
    LLVMDisposeMessage(message);
}

static bool is_dump(const Compilation *c, const char *stage)
{
    return c->options.dump && strcmp(c->options.dump, stage) == 0;
}

static bool write_file(const char *path, const char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!f) return false;
    bool ok = fwrite(bytes, 1, size, f) == size;
    return (fclose(f) == 0) && ok;
}

static bool write_result(Compilation *c, LLVMModuleRef module, const Machine *m)
{
    char *error = NULL;
    if (is_dump(c, "asm")) {
        LLVMMemoryBufferRef text;
        if (LLVMTargetMachineEmitToMemoryBuffer(m->machine, module, LLVMAssemblyFile, &error, &text))
            BUG("assembly: %s", error);
        fwrite(LLVMGetBufferStart(text), 1, LLVMGetBufferSize(text), c->options.out);
        LLVMDisposeMemoryBuffer(text);
        return true;
    }
    LLVMMemoryBufferRef bytes;
    if (LLVMTargetMachineEmitToMemoryBuffer(m->machine, module, LLVMObjectFile, &error, &bytes))
        BUG("object: %s", error);
    bool ok = write_file(c->options.object, LLVMGetBufferStart(bytes), LLVMGetBufferSize(bytes));
    if (!ok)
        diag_add(c->diags, E_WRITE, SPAN_NONE, "cannot write '%s': %s", c->options.object, strerror(errno));
    LLVMDisposeMemoryBuffer(bytes);
    return ok;
}

bool object(Compilation *c, const Ir *ir)
{
    Machine m = {0};
    if (!open_machine(c, &m)) return false;
    bool ok = true;
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = LLVMModuleCreateWithNameInContext(ir->model->program, context);
    char *triple = LLVMGetTargetMachineTriple(m.machine);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(m.machine);
    LLVMSetTarget(module, triple);
    LLVMSetModuleDataLayout(module, layout);
    Stages *stages = gen(ir, context, module);
    gen_table(ir->model, manifest(ir, stages, m.cpu), context, module);
    verify(module);
    if (is_dump(c, "llvm")) {
        char *text = LLVMPrintModuleToString(module);
        fputs(text, c->options.out);
        LLVMDisposeMessage(text);
    } else {
        link_kernels(context, module, kernels_bc(false, ir->model->lanes));
        link_kernels(context, module, kernels_bc(true, ir->model->lanes));
        retarget(context, module, &m, c->options.optimize > 0);
        run_passes(module, &m, c->options.optimize > 0);
        ok = write_result(c, module, &m);
    }
    LLVMDisposeTargetData(layout);
    LLVMDisposeMessage(triple);
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
    close_machine(&m);
    return ok;
}
