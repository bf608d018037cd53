/* main.c: main of every compiled program: the command line, the commands, messages and exit codes.
 *
 * The only file that ends the process and the only one that knows the real network (net_calls). Messages have
 * the compiler's form on stderr; results go to stdout, and a result that could not be written is a failure.
 */
#include "net/cpu.h"
#include "app/frozen.h"
#include "common/log.h"
#include "app/session.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>

static const NetCalls net_calls = {
    .create = net_new,
    .free = net_free,
    .tensor_count = net_tensor_count,
    .tensor = net_tensor,
    .reload = net_reload,
    .take_edges = net_take_edges,
    .start_from = net_start_from,
    .train_step = net_train_step,
    .idle = net_idle,
    .events = net_events,
    .costs = net_costs,
    .wiring = net_wiring,
    .train_next = net_train_next,
    .eval_step = net_eval_step,
    .confusion = net_confusion,
    .predict = net_predict,
    .choose = net_choose,
    .above_budget = net_above_budget,
    .never_comes = net_never_comes,
    .gradcheck = net_gradcheck,
    .graph_count = net_graph_count,
    .graph = net_graph,
    .graph_lists = net_graph_lists,
    .line = net_line,
    .line_edges = net_line_edges,
    .parameters = net_parameters,
    .outputs = net_outputs,
    .profile = net_profile,
};

static bool (*const commands[COMMAND_COUNT])(Session *s, RtError *e) = {
    [COMMAND_TRAIN] = train_command,     [COMMAND_EVAL] = eval_command,
    [COMMAND_PREDICT] = predict_command, [COMMAND_GRADCHECK] = gradcheck_command,
    [COMMAND_INFO] = info_command,       [COMMAND_EDGES] = edges_command,
    [COMMAND_BENCH] = bench_command,
};

/* Prints what there is to say and returns the exit code. An interruption is no error. */
static int report(const RtError *e)
{
    fflush(stdout);
    fprintf(stderr, "%s%s\n", e->code == RT_INTERRUPTED ? "" : "error: ", e->text);
    return e->code ? e->code : RT_BAD_INPUT;
}

static int run_command(const Program *program, const Options *options)
{
    RtError e = {0};
    Session s = {.program = program, .options = options};
    s.calls = program->code->frozen ? &frozen_calls : &net_calls;
    bool ok = commands[options->command](&s, &e);
    session_close(&s);
    return ok ? RT_OK : report(&e);
}

/* stdout is written out; what cannot be (disk full) is a failure of the system. */
static int finish(int code)
{
    RtError e = {0};
    if (!fflush(stdout) && !ferror(stdout)) return code;
    rt_fail(&e, RT_SYSTEM, "cannot write to standard output: %s", strerror(errno));
    return code == RT_OK ? report(&e) : code;
}

static int run(const Program *program, int argc, char **argv)
{
    RtError e = {0};
    Options o;
    if (!options_parse(argc, argv, program, &o, &e)) return report(&e);
    if (o.version) {
        printf("%s (compiled by dnw %s for %s)\n", program->head.program, program->head.version,
               program->head.cpu);
        return RT_OK;
    }
    if (o.help || o.command == COMMAND_NONE) {
        options_help(o.help ? stdout : stderr, program, &o, o.command);
        return o.help ? RT_OK : RT_USAGE;
    }
    return run_command(program, &o);
}

int dnwrt_main(const DnwrtProgram *program, int argc, char **argv)
{
    RtError e = {0};
    Program p;
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit is then an error of write, like a full disk */
    log_standard_files();
    if (!program_open(&p, program, &e)) return report(&e);
    if (!cpu_check(&p, cpu_has, &e)) return program_close(&p), report(&e);
    bool training = argc > 1 && !strcmp(argv[1], "train");
    if (training) signal(SIGPIPE, SIG_IGN); /* training outlives who watches it: its result is in files */
    int code = run(&p, argc, argv);
    program_close(&p);
    return training ? code : finish(code);
}

int main(int argc, char **argv)
{
    return dnwrt_main(&dnw_program, argc, argv);
}
