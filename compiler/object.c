/* object.c: everything that knows LLVM's passes (targets: target.c).
 *
 * The kernels arrive as bitcode without a processor of their own; every function gets the processor of the
 * program, is made private, and is optimised together with the generated code.
 */
#include "object.h"
#include "gen_frozen.h"
#include "kernels_bc.h"
#include "manifest.h"
#include "target.h"
#include <errno.h>
#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/Linker.h>
#include <llvm-c/Transforms/PassBuilder.h>

static void link_kernels(LLVMContextRef context, LLVMModuleRef module, Bitcode code)
{
    LLVMModuleRef kernels;
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRange((const char *)code.bytes, code.size, "kernels", false);
    if (LLVMParseBitcodeInContext2(context, buffer, &kernels)) BUG("the kernels are not readable bitcode");
    LLVMDisposeMemoryBuffer(buffer);
    LLVMSetTarget(kernels, LLVMGetTarget(module)); /* plain C: the same for every architecture */
    LLVMSetDataLayout(kernels, LLVMGetDataLayoutStr(module));
    if (LLVMLinkModules2(module, kernels)) BUG("the kernels do not link");
}

static void set_attribute(LLVMContextRef context, LLVMValueRef f, const char *key, const char *value)
{
    LLVMAttributeRef a =
        LLVMCreateStringAttribute(context, key, (unsigned)strlen(key), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, a);
}

static void retarget(LLVMContextRef context, LLVMModuleRef module, const Target *m, bool optimize)
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

static void run_passes(LLVMModuleRef module, const Target *m, bool optimize)
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

static bool write_result(Compilation *c, LLVMModuleRef module, const Target *m)
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

static LLVMModuleRef new_module(const Model *model, LLVMContextRef context, const Target *m)
{
    LLVMModuleRef module = LLVMModuleCreateWithNameInContext(model->program, context);
    char *triple = LLVMGetTargetMachineTriple(m->machine);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(m->machine);
    LLVMSetTarget(module, triple);
    LLVMSetModuleDataLayout(module, layout);
    LLVMDisposeTargetData(layout);
    LLVMDisposeMessage(triple);
    return module;
}

bool object(Compilation *c, const Ir *ir)
{
    Target m = {0};
    if (!target_open(c, &m)) return false;
    bool ok = true;
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = new_module(ir->model, context, &m);
    Stages *stages = gen(ir, context, module);
    gen_table(ir->model, manifest(ir, stages, &m), context, module);
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
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
    target_close(&m);
    return ok;
}

static void make_public(LLVMModuleRef module, const char *name)
{
    LLVMValueRef f = LLVMGetNamedFunction(module, name);
    if (f) LLVMSetLinkage(f, LLVMExternalLinkage);
}

bool object_frozen(Compilation *c, Frozen *f)
{
    Target m = {0};
    if (!target_open(c, &m)) return false;
    const char *name = c->options.library;
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = new_module(f->model, context, &m);
    int64_t parts = gen_frozen(f, context, module, manifest_frozen(f, &m), name);
    verify(module);
    link_kernels(context, module, kernels_bc(false, f->model->lanes));
    if (parts > 1) link_kernels(context, module, kernels_bc(false, 1));
    retarget(context, module, &m, c->options.optimize > 0);
    if (name) make_public(module, arena_printf(c->perm, "%s_workspace", name));
    if (name) make_public(module, arena_printf(c->perm, "%s_forward", name));
    run_passes(module, &m, c->options.optimize > 0);
    bool ok = write_result(c, module, &m);
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
    target_close(&m);
    return ok;
}
