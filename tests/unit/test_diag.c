/* test_diag.c: arenas, source places, messages: text form, JSON, pages of `dnw explain`, nearest names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "front/parse.h"

typedef struct Fixture {
    Arena *arena;
    Sources *sources;
    Diags *diags;
} Fixture;

static Fixture begin(const char *path, const char *text)
{
    Fixture f = {arena_new(), NULL, NULL};
    f.sources = sources_new(f.arena);
    f.diags = diags_new(f.arena, f.sources);
    if (text) assert_int_equal(sources_add(f.sources, path, text, strlen(text)), 0);
    return f;
}

static Span at(uint32_t start, uint32_t end)
{
    return (Span){0, start, end};
}

static void assert_printed(const Fixture *f, const char *expected)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    diags_print(f->diags, out, false);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void test_arena(void **state)
{
    (void)state;
    Arena *a = arena_new();
    const size_t sizes[] = {1, 3, 8, 100, 70000, 0, 20000, 65536, 5, 1000000};
    char *blocks[10];
    for (int i = 0; i < 10; i++) {
        blocks[i] = arena_alloc(a, 1, sizes[i]);
        assert_true((uintptr_t)blocks[i] % _Alignof(max_align_t) == 0);
        for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(blocks[i][k], 0);
        memset(blocks[i], i + 1, sizes[i]);
    }
    for (int i = 0; i < 10; i++)
        for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(blocks[i][k], i + 1);
    assert_string_equal(arena_text(a, "abcdef", 3), "abc");
    assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
    Vec(int) v = {0};
    for (int i = 0; i < 1000; i++) vec_push(a, &v, i);
    for (int i = 0; i < 1000; i++) assert_int_equal(v.at[i], i);
    arena_free(a);
}

static void test_places(void **state)
{
    (void)state;
    Fixture f = begin("a.dnw", "one\r\ntwö x\n\nlast");
    const struct {
        uint32_t offset;
        int line, column, length;
    } cases[] = {{0, 1, 1, 3}, {3, 1, 4, 3},  {5, 2, 1, 6},  {7, 2, 3, 6},
                 {9, 2, 4, 6}, {12, 3, 1, 0}, {13, 4, 1, 4}, {17, 4, 5, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Place p = source_place(f.sources, 0, cases[i].offset);
        assert_int_equal(p.line, cases[i].line);
        assert_int_equal(p.column, cases[i].column);
        assert_int_equal(p.line_length, cases[i].length);
    }
    arena_free(f.arena);
}

static void test_files(void **state)
{
    (void)state;
    Fixture f = begin(NULL, NULL);
    const char *why = NULL;
    assert_int_equal(sources_read(f.sources, "/nowhere/x.dnw", &why), -1);
    assert_string_equal(why, "No such file or directory");
    assert_int_equal(sources_read(f.sources, "/tmp", &why), -1);
    assert_string_equal(why, "is a directory");
    assert_null(sources_file(f.sources, 0));
    char path[] = "/tmp/dnw_test_XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "\xEF\xBB\xBFx\0y", 6), 6);
    close(fd);
    assert_int_equal(sources_read(f.sources, path, &why), 0);
    unlink(path);
    assert_int_equal(sources_file(f.sources, 0)->length, 3); /* without the byte-order mark */
    assert_memory_equal(sources_file(f.sources, 0)->text, "x\0y", 4);
    arena_free(f.arena);
}

static void test_text_form(void **state)
{
    (void)state;
    Fixture f = begin("net.dnw", "graph G {\n\th[i] -> hö[j]  # é\n}\n");
    Diag *d = diag_add(f.diags, E_SYNTAX, at(19, 22), "second");
    diag_note(d, at(0, 30), "the graph is %s", "here");
    diag_note_plain(d, "no place");
    diag_help(d, "do %s", "that");
    diag_add(f.diags, E_SYNTAX, at(11, 15), "first");
    diag_add(f.diags, E_SYNTAX, at(11, 15), "first"); /* printed once */
    diag_add(f.diags, E_READ, SPAN_NONE, "no \x1B[31mplace");
    assert_int_equal(diags_errors(f.diags), 4);
    assert_printed(&f, "error[E0001]: no \xEF\xBF\xBD[31mplace\n"
                       "\n"
                       "error[E0101]: first\n"
                       "  --> net.dnw:2:2\n"
                       "   |\n"
                       " 2 | \th[i] -> hö[j]  # é\n"
                       "   | \t^^^^\n"
                       "\n"
                       "error[E0101]: second\n"
                       "  --> net.dnw:2:10\n"
                       "   |\n"
                       " 2 | \th[i] -> hö[j]  # é\n"
                       "   | \t        ^^\n"
                       "note: the graph is here\n"
                       "  --> net.dnw:1:1\n"
                       "   |\n"
                       " 1 | graph G {\n"
                       "   | ^^^^^^^^^\n"
                       "note: no place\n"
                       "help: do that\n");
    arena_free(f.arena);
}

static void test_long_line_and_end(void **state)
{
    (void)state;
    char text[401];
    memset(text, 'x', 400);
    text[400] = 0;
    Fixture f = begin("l.dnw", text);
    diag_add(f.diags, E_SYNTAX, at(200, 202), "middle");
    diag_add(f.diags, E_SYNTAX, at(400, 400), "end");
    char *printed = NULL;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    diags_print(f.diags, out, false);
    fclose(out);
    assert_non_null(strstr(printed, " 1 | ...xxxx"));
    assert_non_null(strstr(printed, "xxxx...\n   |    "));
    assert_non_null(strstr(printed, "l.dnw:1:401"));
    free(printed);
    arena_free(f.arena);
}

static void test_many(void **state)
{
    (void)state;
    Fixture f = begin("m.dnw", "abcdefghijklmnopqrstuvwxyz");
    for (uint32_t i = 26; i-- > 0;) diag_add(f.diags, E_SYNTAX, at(i, i + 1), "message %u", i);
    char *printed = NULL;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    diags_print(f.diags, out, false);
    fclose(out);
    assert_non_null(strstr(printed, "message 19\n"));
    assert_null(strstr(printed, "message 20\n"));
    assert_non_null(strstr(printed, "\n6 more errors\n"));
    free(printed);
    arena_free(f.arena);
}

static void test_json(void **state)
{
    (void)state;
    Fixture f = begin("a\xFF.dnw", "one\ntwo\n");
    Diag *d = diag_add(f.diags, E_SYNTAX, at(4, 7), "bad %s", "\xC3");
    diag_note(d, at(0, 3), "there");
    diag_help(d, "words");
    diag_fix(d, at(4, 6), " help ", "", "");
    json_t *all = diags_json(f.diags);
    json_t *expected = json_pack(
        "[{s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:[{s:s,s:s,s:i,s:i,s:i,s:i}],s:s,s:{s:i,s:i,s:i,s:i,s:s}}]",
        "code", "E0101", "level", "error", "message", "bad \xEF\xBF\xBD", "file", "a\xEF\xBF\xBD.dnw", "line",
        2, "column", 1, "end_line", 2, "end_column", 4, "notes", "message", "there", "file",
        "a\xEF\xBF\xBD.dnw", "line", 1, "column", 1, "end_line", 1, "end_column", 4, "help", "help", "fix",
        "line", 2, "column", 1, "end_line", 2, "end_column", 3, "text", " help ");
    assert_true(json_equal(all, expected));
    diag_unfix(d);
    assert_string_equal(diag_view(d).help, "words");
    assert_null(diag_view(d).fix);
    json_decref(all);
    json_decref(expected);
    arena_free(f.arena);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"relu", "leaky_relu", "sigmoid", "h", "kaiming", "Channel"};
    const struct {
        const char *wrong, *nearest;
    } cases[] = {{"rleu", "relu"},       {"sigmod", "sigmoid"}, {"RELU", "relu"},      {"x", NULL},
                 {"channel", "Channel"}, {"tanh", NULL},        {"kaming", "kaiming"}, {"", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = diag_nearest(cases[i].wrong, names, 6);
        if (cases[i].nearest) assert_string_equal(found, cases[i].nearest);
        else assert_null(found);
    }
    char longest[300];
    memset(longest, 'a', 299);
    longest[299] = 0;
    assert_null(diag_nearest(longest, names, 6));
}

/* The example behind `heading` of a page, without its indent; NULL when there is none. */
static char *example(Arena *a, const char *page, const char *heading)
{
    const char *from = strstr(page, heading);
    if (!from) return NULL;
    from += strlen(heading);
    char *text = arena_alloc(a, strlen(from) + 1, 1);
    for (; strncmp(from, "    ", 4) == 0; from = strchr(from, '\n') + 1)
        strncat(text, from + 4, (size_t)(strchr(from, '\n') + 1 - (from + 4)));
    return text;
}

static bool gives(const char *text, const char *code)
{
    Fixture f = begin("page.dnw", text);
    parse(f.arena, f.sources, 0, f.diags);
    json_t *all = diags_json(f.diags);
    bool given = json_array_size(all) == 1 &&
                 strcmp(json_string_value(json_object_get(json_array_get(all, 0), "code")), code) == 0;
    bool none = json_array_size(all) == 0;
    json_decref(all);
    arena_free(f.arena);
    return *code ? given : none;
}

/* The examples of every page about syntax: the wrong one gives just its code, the right one nothing. */
static void test_pages(void **state)
{
    (void)state;
    Arena *a = arena_new();
    int tested = 0;
    for (int i = 0; i < DIAG_COUNT; i++) {
        const char *code = diag_code_text((DiagCode)i);
        char *page = NULL;
        size_t size;
        FILE *out = open_memstream(&page, &size);
        assert_true(diag_explain(code, out));
        fclose(out);
        char *wrong = example(a, page, "Wrong:\n"), *right = example(a, page, "Right:\n");
        assert_true(!wrong == !right);
        if (strncmp(code, "E01", 3) == 0 && wrong) {
            if (!gives(wrong, code)) fail_msg("the wrong example of %s does not give it", code);
            if (!gives(right, "")) fail_msg("the right example of %s gives messages", code);
            tested++;
        }
        free(page);
    }
    assert_true(tested >= 10);
    assert_false(diag_explain("E9999", stderr));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_text_form),
        cmocka_unit_test(test_long_line_and_end),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
