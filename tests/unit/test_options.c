/* test_options.c: the command line of a compiled program: values, ranges, and messages whose suggestions are
 * valid.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fake_net.h"

static Program program;

enum { WORDS = 32 };

/* "a b c" cut at blanks; a word may be written with ~ for a blank. */
static bool parse(const char *line, Options *o, RtError *e)
{
    static char text[512]; /* options point into it */
    char *argv[WORDS + 1] = {NULL};
    int argc = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word && argc < WORDS; word = strtok(NULL, " ")) {
        for (char *c = word; *c; c++)
            if (*c == '~') *c = ' ';
        argv[argc++] = word;
    }
    *e = (RtError){0};
    return options_parse(argc, argv, &program, o, e);
}

static void test_values(void **state)
{
    Options o;
    RtError e;
    (void)state;
    if (!parse("./toy train --epochs 3 --batch=64 --lr 1e-3 --seed 9223372036854775807 --threads 2 --data "
               "my~dir --out r "
               "--resume --quiet",
               &o, &e))
        fail_msg("%s", e.text);
    assert_int_equal(o.command, COMMAND_TRAIN);
    assert_int_equal(o.epochs, 3);
    assert_int_equal(o.batch, 64);
    assert_true(o.lr == 1e-3);
    assert_true(o.seed == INT64_MAX);
    assert_int_equal(o.threads, 2);
    assert_string_equal(o.data, "my dir");
    assert_string_equal(o.out, "r");
    assert_true(o.resume && o.quiet && !o.force && !o.help);
}

static void test_defaults(void **state)
{
    Options o;
    RtError e;
    (void)state;
    assert_true(parse("./toy train", &o, &e));
    assert_int_equal(o.epochs, -1);
    assert_int_equal(o.seed, -1);
    assert_true(o.lr == -1 && !o.data && !o.out);
    assert_in_range(o.threads, 1, 1024);
    assert_true(parse("./toy", &o, &e));
    assert_int_equal(o.command, COMMAND_NONE);
    assert_true(parse("./toy --help", &o, &e) && o.help);
    assert_true(parse("./toy --version", &o, &e) && o.version);
    assert_true(parse("./toy eval -h", &o, &e) && o.help); /* without --weights */
    assert_true(parse("./toy predict --version", &o, &e) && o.version);
    assert_true(parse("./toy bench --steps 5 --infer --json --profile", &o, &e));
    assert_int_equal(o.steps, 5); /* a flag here, though the file has an option of that name */
}

/* A command line and the whole message. */
static const struct Mistake {
    const char *line, *message;
} mistakes[] = {
    {"./toy tran", "unknown command 'tran'\nhelp: did you mean 'train'?"},
    {"./toy training", "unknown command 'training'\nhelp: did you mean 'train'?"},
    {"./toy grdacheck", "unknown command 'grdacheck'\nhelp: did you mean 'gradcheck'?"},
    {"./toy zzzzz", "unknown command 'zzzzz'\nhelp: './toy --help' lists the commands"},
    {"./toy train --epoch 3", "unknown flag '--epoch'\nhelp: did you mean '--epochs'?"},
    {"./toy train --sede=3", "unknown flag '--sede=3'\nhelp: did you mean '--seed'?"},
    {"./toy train -epochs 3", "unknown flag '-epochs'\nhelp: did you mean '--epochs'?"},
    {"./toy train --zzzzzzz", "unknown flag '--zzzzzzz'\nhelp: './toy train --help' lists the flags"},
    {"./toy train -x", "unknown flag '-x'\nhelp: './toy train --help' lists the flags"},
    {"./toy train -hx", "unknown flag '-hx'\nhelp: './toy train --help' lists the flags"},
    {"./toy train x", "unexpected argument 'x'\nhelp: './toy --help' shows how to call it"},
    {"./toy train --quiet -", "unexpected argument '-'\nhelp: './toy --help' shows how to call it"},
    {"./toy train --epochs", "--epochs takes a value: --epochs N"},
    {"./toy train --quiet=1", "--quiet takes no value"},
    {"./toy train --epochs 0", "--epochs takes a whole number from 1 to 1000000, not '0'"},
    {"./toy train --epochs 1000001", "--epochs takes a whole number from 1 to 1000000, not '1000001'"},
    {"./toy train --epochs 1e3", "--epochs takes a whole number from 1 to 1000000, not '1e3'"},
    {"./toy train --batch -5", "--batch takes a whole number from 1 to 1000000, not '-5'"},
    {"./toy train --threads 1025", "--threads takes a whole number from 1 to 1024, not '1025'"},
    {"./toy train --seed -1", "--seed takes a whole number from 0 to 9223372036854775807, not '-1'"},
    {"./toy train --seed 9223372036854775808",
     "--seed takes a whole number from 0 to 9223372036854775807, not '9223372036854775808'"},
    {"./toy train --seed --quiet",
     "--seed takes a whole number from 0 to 9223372036854775807, not '--quiet'"},
    {"./toy train --lr 0", "--lr takes a finite number above 0, not '0'"},
    {"./toy train --lr nan", "--lr takes a finite number above 0, not 'nan'"},
    {"./toy train --lr 1e999", "--lr takes a finite number above 0, not '1e999'"},
    {"./toy train --lr 0.1x", "--lr takes a finite number above 0, not '0.1x'"},
    {"./toy train --out=", "--out is empty"},
    {"./toy train --resume --force", "--resume continues a run and --force replaces it: give one of them"},
    {"./toy train --resume --init w",
     "--resume continues a run with its own weights and --init starts one with "
     "those of a file: give one of them"},
    {"./toy train --init", "--init takes a value: --init FILE"},
    {"./toy eval", "'eval' needs --weights FILE"},
    {"./toy predict --weights w", "'predict' needs --input X.npy"},
    {"./toy info --epochs 3", "'info' has no flag --epochs\nhelp: it belongs to 'train'"},
    {"./toy eval --lr 3 --weights w", "'eval' has no flag --lr\nhelp: it belongs to 'train'"},
    {"./toy --json",
     "--json needs a command before it\nhelp: it belongs to 'eval', 'gradcheck', 'info', 'edges', 'bench'"},
    {"./toy train --width 8", "option 'width' shapes the program and is set when it is built\n"
                              "help: dnw build 'my nets/toy.dnw' -D width=8 -o ./toy"},
    {"./toy train --width=8 --quiet --mode flow(0,~1)",
     "option 'width' shapes the program and is set when it is built\n"
     "help: dnw build 'my nets/toy.dnw' -D width=8 -D 'mode=flow(0, 1)' -o ./toy"},
    {"./toy train --mode", "option 'mode' shapes the program and is set when it is built\n"
                           "help: dnw build 'my nets/toy.dnw' -D 'mode=steps(5)' -o ./toy"},
    {"./toy train -D width=8", "option 'width' shapes the program and is set when it is built\n"
                               "help: dnw build 'my nets/toy.dnw' -D width=8 -o ./toy"},
    {"./toy -Dwidth=8", "option 'width' shapes the program and is set when it is built\n"
                        "help: dnw build 'my nets/toy.dnw' -D width=8 -o ./toy"},
    {"./toy train --D width=8", "option 'width' shapes the program and is set when it is built\n"
                                "help: dnw build 'my nets/toy.dnw' -D width=8 -o ./toy"},
    {"./toy train --D=width=8", "option 'width' shapes the program and is set when it is built\n"
                                "help: dnw build 'my nets/toy.dnw' -D width=8 -o ./toy"},
    {"./toy train --steps 8", "option 'steps' shapes the program and is set when it is built\n"
                              "help: dnw build 'my nets/toy.dnw' -D steps=8 -o ./toy"},
    {"./toy train -D widht=8", "'my nets/toy.dnw' has no option 'widht'\nhelp: did you mean 'width'?"},
    {"./toy train -D zzzzzzz=8",
     "'my nets/toy.dnw' has no option 'zzzzzzz'\nhelp: 'toy --help' lists its options"},
    {"./toy train -D", "-D takes NAME=VALUE"},
    {"./toy train --D", "-D takes NAME=VALUE"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        Options o;
        RtError e;
        if (parse(mistakes[i].line, &o, &e)) fail_msg("accepted: %s", mistakes[i].line);
        if (strcmp(e.text, mistakes[i].message)) fail_msg("%s\n  says: %s", mistakes[i].line, e.text);
        assert_int_equal(e.code, RT_USAGE);
    }
}

/* Every flag in the help of a command is one that it takes. */
static void test_help(void **state)
{
    (void)state;
    for (Command c = COMMAND_NONE; c < COMMAND_COUNT; c++) {
        char *text = NULL;
        size_t size;
        Options o = {.program = "./toy"};
        FILE *f = open_memstream(&text, &size);
        options_help(f, &program, &o, c);
        fclose(f);
        assert_non_null(strstr(text, "Usage: ./toy"));
        assert_non_null(strstr(text, "--help"));
        assert_int_equal(strstr(text, "--epochs") != NULL, c == COMMAND_TRAIN);
        if (c == COMMAND_NONE) assert_non_null(strstr(text, "width = 6"));
        if (c == COMMAND_EVAL) assert_non_null(strstr(text, "(required)"));
        free(text);
    }
}

static void test_quote(void **state)
{
    char out[32];
    (void)state;
    options_quote("a/b-c.dnw", out, sizeof out);
    assert_string_equal(out, "a/b-c.dnw");
    options_quote("it's", out, sizeof out);
    assert_string_equal(out, "'it'\\''s'");
    options_quote("", out, sizeof out);
    assert_string_equal(out, "''");
    for (size_t size = 1; size < sizeof out; size++) { /* never beyond the end, always ended */
        memset(out, 'x', sizeof out);
        options_quote("''''''''", out, size);
        assert_non_null(memchr(out, 0, size));
    }
}

static int set_up(void **state)
{
    RtError e;
    (void)state;
    return program_open(&program, &fake_program, &e) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    program_close(&program);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_defaults), cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_help),   cmocka_unit_test(test_quote),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
