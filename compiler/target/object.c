/* object.c: everything that knows LLVM's passes (targets: target.c).
 *
 * The kernels arrive as bitcode without a processor of their own; every function gets the processor of the
 * program, is made private, and is optimised together with the generated code. Code in float and in double
 * goes this way at the same time, in two threads.
 */
#include "target/object.h"
#include "gen/gen_frozen.h"
#include "target/kernels_bc.h"
#include "target/manifest.h"
#include "target/target.h"
#include <errno.h>
#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/BitWriter.h>
#include <llvm-c/Linker.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <pthread.h>

/* Adds the module that `code` holds, which is freed. */
static void link_bitcode(LLVMModuleRef module, LLVMMemoryBufferRef code)
{
    LLVMModuleRef other;
    if (LLVMParseBitcodeInContext2(LLVMGetModuleContext(module), code, &other))
        BUG("a module is not readable bitcode");
    LLVMDisposeMemoryBuffer(code);
    LLVMSetTarget(other, LLVMGetTarget(module)); /* kernels are plain C: the same for every architecture */
    LLVMSetDataLayout(other, LLVMGetDataLayoutStr(module));
    if (LLVMLinkModules2(module, other)) BUG("modules do not link");
}

static void link_kernels(LLVMModuleRef module, Bitcode code)
{
    link_bitcode(
        module, LLVMCreateMemoryBufferWithMemoryRange((const char *)code.bytes, code.size, "kernels", false));
}

/* What kernels ask about the processor is known here. */
static void tell_kernels(LLVMModuleRef module, const Target *m)
{
    LLVMValueRef bytes = LLVMGetNamedGlobal(module, "cpu_piece_bytes");
    if (!bytes) return;
    LLVMTypeRef type = LLVMInt64TypeInContext(LLVMGetModuleContext(module));
    LLVMSetInitializer(bytes, LLVMConstInt(type, (unsigned long long)m->piece_bytes, false));
    LLVMSetGlobalConstant(bytes, true);
    LLVMSetLinkage(bytes, LLVMInternalLinkage);
}

static void set_attribute(LLVMContextRef context, LLVMValueRef f, const char *key, const char *value)
{
    LLVMAttributeRef a =
        LLVMCreateStringAttribute(context, key, (unsigned)strlen(key), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, a);
}

static void retarget(LLVMModuleRef module, const Target *m)
{
    LLVMContextRef context = LLVMGetModuleContext(module);
    tell_kernels(module, m);
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

static const char unoptimised[] = "default<O0>,globaldce",
                  optimised[] = "globaldce,always-inline,default<O2>";

static void add_attribute(LLVMModuleRef module, LLVMValueRef f, const char *name)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAttributeRef a = LLVMCreateEnumAttribute(LLVMGetModuleContext(module), kind, 0);
    LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, a);
}

/* A step that is called once goes to its caller. The others stay functions, of which LLVM makes no copies for
 * single callers (noduplicate). */
static void mark_steps(LLVMModuleRef module)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        if (!LLVMGetStringAttributeAtIndex(f, LLVMAttributeFunctionIndex, EMIT_STEP, strlen(EMIT_STEP)))
            continue;
        if (LLVMGetNextUse(LLVMGetFirstUse(f))) {
            add_attribute(module, f, "noinline");
            add_attribute(module, f, "noduplicate");
        } else {
            add_attribute(module, f, "alwaysinline");
        }
    }
}

/* Stages in double serve gradcheck alone: kernels are not made for the sizes of the program, only shortest
 * loops are unrolled, and each pass runs once: instcombine, too, which otherwise stops LLVM 19 where a second
 * run would find more. They still have vectors: those that kernels are written in. */
static const char cheap[] =
    "globaldce,always-inline,"
    "function(sroa,early-cse,simplifycfg,loop-simplify,lcssa,loop-mssa(loop-rotate,licm),loop(indvars),"
    "loop-unroll<O2;no-partial;no-runtime;no-peeling;full-unroll-max=4>,sroa,gvn,"
    "instcombine<no-verify-fixpoint>,simplifycfg),"
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

static LLVMMemoryBufferRef code_of(LLVMModuleRef module, const Target *m, LLVMCodeGenFileType type)
{
    char *error = NULL;
    LLVMMemoryBufferRef code;
    if (LLVMTargetMachineEmitToMemoryBuffer(m->machine, module, type, &error, &code)) BUG("code: %s", error);
    return code;
}

static bool write_code(Compilation *c, const char *path, LLVMMemoryBufferRef code)
{
    bool ok = write_file(path, LLVMGetBufferStart(code), LLVMGetBufferSize(code));
    if (!ok) diag_add(c->diags, E_WRITE, SPAN_NONE, "cannot write '%s': %s", path, strerror(errno));
    LLVMDisposeMemoryBuffer(code);
    return ok;
}

static bool write_result(Compilation *c, LLVMModuleRef module, const Target *m)
{
    if (!is_dump(c, "asm")) return write_code(c, c->options.object, code_of(module, m, LLVMObjectFile));
    LLVMMemoryBufferRef text = code_of(module, m, LLVMAssemblyFile);
    fwrite(LLVMGetBufferStart(text), 1, LLVMGetBufferSize(text), c->options.out);
    LLVMDisposeMemoryBuffer(text);
    return true;
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

/* The code of one real type, and all that is used to make it: threads share none of it. */
typedef struct Job {
    LLVMContextRef context;
    LLVMModuleRef module;
    Target target;
    Bitcode kernels;
    const char *passes;
    bool f64, emits;
    LLVMMemoryBufferRef code; /* of an object file, where it `emits` one */
} Job;

static bool open_job(Compilation *c, const Model *model, bool f64, Job *j)
{
    bool optimize = c->options.optimize > 0;
    *j = (Job){.f64 = f64, .emits = c->options.object_f64 != NULL};
    if (!target_open(c, &j->target)) return false;
    j->context = LLVMContextCreate();
    j->module = new_module(model, j->context, &j->target);
    j->kernels = kernels_bc(f64, model->lanes);
    j->passes = !optimize ? unoptimised : f64 ? cheap : optimised;
    return true;
}

static void close_job(Job *j)
{
    LLVMDisposeModule(j->module);
    LLVMContextDispose(j->context);
    target_close(&j->target);
}

static void *run_job(void *job)
{
    Job *j = job;
    if (j->passes != unoptimised) mark_steps(j->module);
    link_kernels(j->module, j->kernels);
    retarget(j->module, &j->target);
    if (j->f64) call_kernels(j->module);
    run_passes(j->module, &j->target, j->passes);
    if (j->emits) j->code = code_of(j->module, &j->target, LLVMObjectFile);
    return NULL;
}

/* Both at the same time; one after the other where the system has no second thread to give. */
static void run_jobs(Job *here, Job *there)
{
    enum { STACK = 64 << 20 }; /* passes recur deeply; only what is used takes memory */
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    bool started = pthread_create(&thread, &attributes, run_job, there) == 0;
    pthread_attr_destroy(&attributes);
    run_job(here);
    if (started) pthread_join(thread, NULL);
    else run_job(there);
}

static void hide_tables(LLVMModuleRef module)
{
    static const char *const tables[] = {"stages_f32", "stages_f64", "predicates"};
    for (int i = 0; i < 3; i++) LLVMSetLinkage(LLVMGetNamedGlobal(module, tables[i]), LLVMInternalLinkage);
}

/* Optimised code in a file for each type, or all in one. */
static bool write_jobs(Compilation *c, Job *f32, Job *f64)
{
    const CompileOptions *o = &c->options;
    run_jobs(f32, f64);
    if (o->object_f64) {
        if (write_code(c, o->object, f32->code)) return write_code(c, o->object_f64, f64->code);
        LLVMDisposeMemoryBuffer(f64->code); /* one cause, one message */
        return false;
    }
    link_bitcode(f32->module, LLVMWriteBitcodeToMemoryBuffer(f64->module));
    hide_tables(f32->module);
    return write_result(c, f32->module, &f32->target);
}

bool object(Compilation *c, const Ir *ir)
{
    Job f32, f64;
    if (!open_job(c, ir->model, false, &f32)) return false;
    if (!open_job(c, ir->model, true, &f64)) return close_job(&f32), false;
    bool ok = true;
    gen(ir, f64.context, f64.module, true);
    const char *text = manifest(ir, gen(ir, f32.context, f32.module, false), &f32.target);
    gen_table(ir->model, text, f32.context, f32.module);
    verify(f32.module);
    verify(f64.module);
    if (is_dump(c, "llvm")) {
        print_module(c, f32.module);
        print_module(c, f64.module);
    } else {
        ok = write_jobs(c, &f32, &f64);
    }
    close_job(&f32);
    close_job(&f64);
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
    if (c->options.optimize > 0) mark_steps(module);
    link_kernels(module, kernels_bc(false, f->model->lanes));
    if (parts > 1) link_kernels(module, kernels_bc(false, 1));
    retarget(module, &m);
    if (name) make_public(module, arena_printf(c->perm, "%s_workspace", name));
    if (name) make_public(module, arena_printf(c->perm, "%s_forward", name));
    run_passes(module, &m, c->options.optimize > 0 ? optimised : unoptimised);
    bool ok = write_result(c, module, &m);
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
    target_close(&m);
    return ok;
}
