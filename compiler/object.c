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

static void retarget(LLVMContextRef context, LLVMModuleRef module, const Target *m)
{
    static const char *const old[] = {"target-cpu", "target-features", "tune-cpu"};
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f)) continue;
        for (int i = 0; i < 3; i++)
            LLVMRemoveStringAttributeAtIndex(f, LLVMAttributeFunctionIndex, old[i], (unsigned)strlen(old[i]));
        set_attribute(context, f, "target-cpu", m->cpu);
        set_attribute(context, f, "target-features", m->features);
        set_attribute(context, f, "prefer-vector-width", "512");
        LLVMSetLinkage(f, LLVMInternalLinkage);
    }
}

static void run_passes(LLVMModuleRef module, const Target *m, const char *passes)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(module, passes, m->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (error) BUG("passes: %s", LLVMGetErrorMessage(error));
}

static const char unoptimised[] = "default<O0>,globaldce", optimised[] = "globaldce,default<O3>";

/* Stages in double serve gradcheck alone: kernels are not made for the sizes of the program, only shortest
 * loops are unrolled, and each pass runs once. They still have vectors: those that kernels are written in. */
static const char cheap[] =
    "globaldce,always-inline,"
    "function(sroa,early-cse,simplifycfg,loop-simplify,lcssa,loop-mssa(loop-rotate,licm),loop(indvars),"
    "loop-unroll<O2;no-partial;no-runtime;no-peeling;full-unroll-max=4>,sroa,gvn,instcombine,simplifycfg),"
    "globaldce";

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

static void print_module(const Compilation *c, LLVMModuleRef module)
{
    char *text = LLVMPrintModuleToString(module);
    fputs(text, c->options.out);
    LLVMDisposeMessage(text);
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

/* Kernels that want to be inlined are called. */
static void call_kernels(LLVMModuleRef module)
{
    unsigned always = LLVMGetEnumAttributeKindForName("alwaysinline", 12);
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        size_t length;
        if (strncmp(LLVMGetValueName2(f, &length), "dnwk_", 5) == 0)
            LLVMRemoveEnumAttributeAtIndex(f, LLVMAttributeFunctionIndex, always);
    }
}

/* The modules of both types, each with its kernels and its passes, as one. */
static void join(Compilation *c, const Model *model, LLVMModuleRef module, LLVMModuleRef twin,
                 const Target *m)
{
    LLVMContextRef context = LLVMGetModuleContext(module);
    bool optimize = c->options.optimize > 0;
    link_kernels(context, module, kernels_bc(false, model->lanes));
    link_kernels(context, twin, kernels_bc(true, model->lanes));
    retarget(context, module, m);
    retarget(context, twin, m);
    call_kernels(twin);
    run_passes(module, m, optimize ? optimised : unoptimised);
    run_passes(twin, m, optimize ? cheap : unoptimised);
    if (LLVMLinkModules2(module, twin)) BUG("the modules in float and double do not link");
}

static void hide_tables(LLVMModuleRef module)
{
    static const char *const tables[] = {"stages_f32", "stages_f64", "predicates"};
    for (int i = 0; i < 3; i++) LLVMSetLinkage(LLVMGetNamedGlobal(module, tables[i]), LLVMInternalLinkage);
}

bool object(Compilation *c, const Ir *ir)
{
    Target m = {0};
    if (!target_open(c, &m)) return false;
    bool ok = true;
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = new_module(ir->model, context, &m), twin = new_module(ir->model, context, &m);
    gen(ir, context, twin, true);
    gen_table(ir->model, manifest(ir, gen(ir, context, module, false), &m), context, module);
    verify(module);
    verify(twin);
    if (is_dump(c, "llvm")) {
        print_module(c, module);
        print_module(c, twin);
        LLVMDisposeModule(twin);
    } else {
        join(c, ir->model, module, twin, &m);
        hide_tables(module);
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
    retarget(context, module, &m);
    if (name) make_public(module, arena_printf(c->perm, "%s_workspace", name));
    if (name) make_public(module, arena_printf(c->perm, "%s_forward", name));
    run_passes(module, &m, c->options.optimize > 0 ? optimised : unoptimised);
    bool ok = write_result(c, module, &m);
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
    target_close(&m);
    return ok;
}
