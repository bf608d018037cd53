/* test_front.c: bytes -> Ast -> canonical text.
 *
 * What trees look like is in tests/stage/x.ast, what messages say in tests/diag/syntax_x.err. Here: values of
 * tokens, how many mistakes are found and which, that nothing crashes (every token deleted, doubled or
 * replaced; endless nesting; any bytes), and that fmt is stable and keeps the tree and every comment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "front/fmt.h"
#include "front/parse.h"

typedef struct Front {
    Arena *arena;
    Sources *sources;
    Diags *diags;
    Ast *ast;
} Front;

static Front front_bytes(const char *text, size_t length)
{
    Front f = {arena_new(), NULL, NULL, NULL};
    f.sources = sources_new(f.arena);
    f.diags = diags_new(f.arena, f.sources);
    int file = sources_add(f.sources, "t.dnw", text, length);
    assert_int_equal(file, 0);
    f.ast = parse(f.arena, f.sources, 0, f.diags);
    assert_non_null(f.ast);
    return f;
}

static Front front(const char *text)
{
    return front_bytes(text, strlen(text));
}

static char *dump(const Front *f)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    ast_dump(f->ast, out);
    fclose(out);
    return text;
}

/* "E0101@2:5 E0102@3:1": codes and places of all messages. */
static char *summary(const Front *f)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_t *all = diags_json(f->diags), *one;
    size_t i;
    json_array_foreach(all, i, one)
    {
        fprintf(out, "%s%s@%d:%d", i ? " " : "", json_string_value(json_object_get(one, "code")),
                (int)json_integer_value(json_object_get(one, "line")),
                (int)json_integer_value(json_object_get(one, "column")));
    }
    json_decref(all);
    fclose(out);
    return text;
}

static void assert_mistakes(const char *text, const char *expected)
{
    Front f = front(text);
    char *found = summary(&f);
    if (strcmp(found, expected) != 0) fail_msg("for\n%s\nfound %s, wanted %s", text, found, expected);
    free(found);
    arena_free(f.arena);
}

static const char *const samples[] = {
    "## One\n## two\n\n# not a doc\nimport \"a \\\"b\\\".dnw\" as cells ## no doc: behind\n"
    "import \"c.dnw\"\n"
    "option width = 64 in 1 .. 4k \"units\" # why\n"
    "option small=false\noption mode = flow(0,1, rk4)\n"
    "option depth = -2^2 \"d\"\n",

    "fn f[n, m](a, b = 1) = a|>g(b, rate=0.1)\n"
    "fn empty() = 1\nfn none = 2\n"
    "fn small_world(i, j, n, k, p) =\n"
    "  if ring(i, j, n, k) then not chance(p)\n  else i != j and (chance(p * k / (n - 1 - k)) or i mod 2 == "
    "-1)\n"
    "fn F(z, keep = 3) { weight k[3, 3] ~ kaiming; shared weight s in 0 .. 10 = 1;state v[2] = 0\n"
    "  v' = (z - v) # derivative\n\n\n  # own line\n  next v=v.x[0, 1](1)((2))\n"
    "  u = [1, 2, (3, 4)]\n  [ ]\n  # last in block\n}\n# last in file",

    "graph Liquid[features](motors, x[2, 3]) {\n"
    "  time = steps(5)\n  own = 3\n"
    "  input s[features] # held\n"
    "  nodes inter[a: side, b: side] at (a / side, b / side) : cells.Neuron(2)\n"
    "  nodes one : F\n"
    "  output motor[motors] : Neuron\n\n"
    "  edges { # list\n"
    "    s[_] -> inter[_, _]\n"
    "    inter[i, j] -> inter[k, l]\n      where i < k and j == l via Synapse\n"
    "    # between\n"
    "    one -> motor; motor[a] -> one # all\n"
    "  }\n"
    "  via Synapse\n"
    "  # before keep\n"
    "  keep 30% by g using rigl(every = 100, per = graph)\n"
    "  edges inter[_, _] -> motor[_] keep any\n"
    "  edges inter -> motor sample fan_in(8)\n"
    "  edges inter -> motor via S keep all\n"
    "  edges inter -> motor\n"
    "}\n"
    "graph Empty { }\n",

    "model Tiny(image[1, 28, 28])\n{\n"
    "  image |> conv2d(16, 3, stride = 2, keep = 10%) |> batch_norm |> relu # one\n"
    "    |> depthwise(3, # inside\n"
    "         # own line inside\n"
    "         stride = 2,\n"
    "    bias = [\n      1,\n      2\n    ]) |>\n"
    "    linear(10)\n"
    "}\n"
    "model Long(x) = x |> a |> b |> c # all on one line\n"
    "model Res(x) = x + (x |> f |> g)\n"
    "  |> h(x |> k,\n    y\n    |> l)\n",

    "train Tiny { data = csv(\"g.csv\", window=32, target = \"label\"); loss = cross_entropy # c\n"
    "  optim = adam(lr = cosine(1e-3), decay=41M)\n  report = [accuracy, top(5)] }\n"
    "test \"title\" { gradcheck(F, steps = 4) < 1e-6\n\n  edge_count(Ring(p = 0), \"h\", \"h\") == 64 * 8\n"
    "  shape(M) == [10]; not acyclic(G) }\n",
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static void test_samples_parse(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) assert_mistakes(samples[i], "");
    assert_mistakes("", "");
    assert_mistakes("\n\n;;\r\n", "");
    assert_mistakes("# only a comment", "");
}

static void assert_value(const char *expression, const char *expected)
{
    Arena *a = arena_new();
    Front f = front(arena_printf(a, "option x = %s", expression));
    char *text = dump(&f), *wanted = arena_printf(a, "option x\n  = %s\n", expected);
    assert_string_equal(text, wanted);
    free(text);
    arena_free(f.arena);
    arena_free(a);
}

static void test_precedence(void **state)
{
    (void)state;
    assert_value("a + b * c ^ d ^ e", "(+ a (* b (^ c (^ d e))))");
    assert_value("-a ^ 2 * b", "(* (neg (^ a 2)) b)");
    assert_value("2 ^ -1", "(^ 2 (neg 1))");
    assert_value("a - b - c mod d", "(- (- a b) (mod c d))");
    assert_value("a or b and not c == d + 1", "(or a (and b (not (== c (+ d 1)))))");
    assert_value("x |> f |> g(1)", "(|> (|> x f) (call g 1))");
    assert_value("if a then b else c |> d", "(if a b (|> c d))");
    assert_value("1 + if a then b else c + 2", "(+ 1 (if a b (+ c 2)))");
    assert_value("a.b[1, 2](x = 3).c", "(. (call (index (. a b) 1 2) x=3) c)");
    assert_value("(1, (2))", "(tuple 1 2)");
    assert_value("f(keep = 1, per = graph).state", "(. (call f keep=1 per=graph) state)");
    assert_value("\"a\\n\\\"\\\\\"", "\"a\\n\\\"\\\\\"");
}

static void test_numbers(void **state)
{
    (void)state;
    const struct {
        const char *text;
        ExprKind kind;
        double value;
    } cases[] = {{"12", EXPR_NUMBER, 12},    {"0.05", EXPR_NUMBER, 0.05}, {"1e-3", EXPR_NUMBER, 1e-3},
                 {"5%", EXPR_PERCENT, 5},    {"0.1%", EXPR_PERCENT, 0.1}, {"41M", EXPR_NUMBER, 41e6},
                 {"40k", EXPR_NUMBER, 40e3}, {"2G", EXPR_NUMBER, 2e9},    {"1.5k", EXPR_NUMBER, 1500},
                 {"2E+2", EXPR_NUMBER, 200}, {"007", EXPR_NUMBER, 7},     {"1e-999", EXPR_NUMBER, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *a = arena_new();
        Front f = front(arena_printf(a, "option x = %s", cases[i].text));
        assert_int_equal(f.ast->decls.count, 1);
        const Expr *e = f.ast->decls.at[0]->value;
        assert_int_equal(e->kind, cases[i].kind);
        assert_true(e->number == cases[i].value);
        assert_string_equal(e->written, cases[i].text);
        arena_free(f.arena);
        arena_free(a);
    }
}

static void test_spans(void **state)
{
    (void)state;
    const char *text = "option x = f( a,\n  b = # why\n  \"#\" ) + (c)";
    Front f = front(text);
    const Expr *sum = f.ast->decls.at[0]->value, *call = sum->left;
    assert_int_equal(f.ast->decls.at[0]->span.start, 0);
    assert_int_equal(sum->span.start, 11);
    assert_int_equal(sum->span.end, strlen(text));
    assert_int_equal(sum->op_span.end - sum->op_span.start, 1);
    assert_int_equal(call->op_span.start, 12);
    assert_true(sum->right->parenthesised && sum->right->span.end - sum->right->span.start == 3);
    assert_string_equal(expr_text(f.arena, f.sources, sum), "f( a, b = \"#\" ) + (c)");
    arena_free(f.arena);
}

static void test_docs(void **state)
{
    (void)state;
    Front f =
        front("## a\n##  b\n# c\n\n##\noption x = 1 ## behind\noption y = 2\nfn g(z) {\n  ## inside\n  z\n}\n"
              "## last\nfn h(z) = z\n## nothing follows\n");
    assert_int_equal(f.ast->decls.count, 4);
    assert_string_equal(f.ast->decls.at[0]->doc, "a\n b\n");
    assert_null(f.ast->decls.at[1]->doc);
    assert_null(f.ast->decls.at[2]->doc);
    assert_string_equal(f.ast->decls.at[3]->doc, "last");
    assert_int_equal(f.ast->comments.count, 8);
    arena_free(f.arena);
}

static void test_line_ends(void **state)
{
    (void)state;
    Front f =
        front("fn F(z) {\n  a = z +\n    1\n  b = a\n  -b\n  f(a)\n  (b)\n  c = b\n    and a\n  [c]\n}\n");
    assert_int_equal(diags_errors(f.diags), 0);
    assert_int_equal(f.ast->decls.at[0]->body.count, 7);
    arena_free(f.arena);
    f = front("option a = 1; option b = 2;; option c = 3\r\noption d = 4");
    assert_int_equal(f.ast->decls.count, 4);
    arena_free(f.arena);
}

/* Independent mistakes: each is found, at its place, and only they. */
static void test_recovery(void **state)
{
    (void)state;
    assert_mistakes(
        "option width = 64 in 1 .. 4096 \"units\"\nfn Unit(z) {\n  weight b 0\n  relu(z + b\n}\n"
        "graph Wiring {\n  input x[784]\n  node  h[4, width] : Unit\n  output y[10]\n  edges {\n"
        "    x[_] -> h[_, _]\n    h[l, _] > h[m, _] where l < m\n  } keep 5%\n}\n"
        "train Net {\n  data = fashion_mnist(\"data\", batch = 128)\n  epochs : 20\n  seed = 1\n}\n",
        "E0109@3:12 E0102@4:7 E0112@8:3 E0111@12:13 E0109@17:10");
    assert_mistakes("fn f(a b) {\n  = 3\n  a\n}\nfn g(a) = = a\noption n = 4\noption = 3\n",
                    "E0101@1:8 E0101@5:11 E0101@7:8");
    assert_mistakes(
        "graph G {\n  edges {\n    x -> y\n  } budget\n  input 3\n}\nfn f(z) = z +\nfn g(z) = z z\n",
        "E0101@4:5 E0101@5:9 E0101@7:13 E0101@8:13");
    assert_mistakes("graph G {\n  edges\n    x[_] -> y[_]\n    y[_] -> z[_]\n  } keep 3\n}\noption n = = 1\n",
                    "E0103@2:8 E0101@7:12");
    assert_mistakes("train N\n  epochs = 3\n  seed = 1\n}\nfn f(z)\n  z\n}\n", "E0103@1:8 E0103@5:8");
    assert_mistakes("fn f(z) { {\n  z\n}\n}}\n", "E0101@1:11 E0103@4:2");
}

/* A declaration with mistakes keeps what was understood. */
static void test_partial_tree(void **state)
{
    (void)state;
    Front f = front("fn f(z) {\n  a = 1\n  b = = 2\n  c = 3\n}\noption = 2\nfn g(z) = z\n");
    assert_int_equal(f.ast->decls.count, 2);
    assert_int_equal(f.ast->decls.at[0]->body.count, 2);
    assert_string_equal(f.ast->decls.at[0]->body.at[1]->name.text, "c");
    arena_free(f.arena);
}

/* `before`, `count` times `unit`, `after`. */
static char *repeated(Arena *a, const char *before, const char *unit, int count, const char *after)
{
    size_t length = strlen(unit), at = strlen(before);
    char *text = arena_alloc(a, at + length * (size_t)count + strlen(after) + 1, 1);
    memcpy(text, before, at);
    for (int i = 0; i < count; i++, at += length) memcpy(text + at, unit, length);
    strcpy(text + at, after);
    return text;
}

static void test_nesting(void **state)
{
    (void)state;
    Arena *a = arena_new();
    const char *const units[] = {"(",    "[",   "f(",  "-",   "not ", "x^", "x+", "if x then x else ",
                                 "x[1]", "x()", "x.y", "(-[", "{",    "}",  ")",  "|>"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        for (int count = 100; count <= 100000; count *= 10) {
            Front f = front(repeated(a, "fn f(x) = ", units[i], count, "x\nfn g(x) = x\n"));
            char *text = dump(&f);
            if (count > 1000) assert_true(diags_errors(f.diags) >= 1);
            free(text);
            arena_free(f.arena);
        }
    assert_mistakes(repeated(a, "fn f(x) = ", "(", 199, repeated(a, "x", ")", 199, "")), "");
    assert_mistakes(repeated(a, "fn f(x) = ", "(", 300, repeated(a, "x", ")", 300, "\nfn g(x) = = 1")),
                    "E0104@1:211 E0101@2:11");
    assert_mistakes(repeated(a, "fn f(x) = x", "+x", 999, ""), "");
    arena_free(a);
}

static void test_bytes(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t length;
    } cases[] = {{"fn f(x) = x\0y", 13},
                 {"# caf\xE9\n", 7},
                 {"\xC0\x80", 2},
                 {"\xED\xA0\x80", 3},
                 {"\xF4\x90\x80\x80", 4},
                 {"option \x1B", 8},
                 {"\"\xE2\x82", 3},
                 {"x\x7F", 2},
                 {"\xFF\xFE"
                  "f\0",
                  4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Front f = front_bytes(cases[i].bytes, cases[i].length);
        char *found = summary(&f);
        assert_true(strncmp(found, "E0115@1:", 8) == 0 && !strchr(found, ' '));
        free(found);
        arena_free(f.arena);
    }
    assert_mistakes("\xEF\xBB\xBFoption n = = 1\n", "E0101@1:12");
}

/* Formatting. */

static char *formatted(const char *text)
{
    Front f = front(text);
    char *found = summary(&f);
    if (*found) fail_msg("for\n%s\nfound %s", text, found);
    free(found);
    char *result = strdup(fmt(f.arena, f.sources, f.ast));
    arena_free(f.arena);
    return result;
}

static bool same_tree(const char *a, const char *b)
{
    Front fa = front(a), fb = front(b);
    char *da = dump(&fa), *db = dump(&fb);
    bool same = strcmp(da, db) == 0;
    same = same && fa.ast->comments.count == fb.ast->comments.count;
    for (int i = 0; same && i < fa.ast->comments.count; i++) {
        Span sa = fa.ast->comments.at[i].span, sb = fb.ast->comments.at[i].span;
        same = sa.end - sa.start == sb.end - sb.start;
        const char *ta = sources_file(fa.sources, 0)->text + sa.start;
        const char *tb = sources_file(fb.sources, 0)->text + sb.start;
        same = same && memcmp(ta, tb, sa.end - sa.start) == 0;
    }
    free(da);
    free(db);
    arena_free(fa.arena);
    arena_free(fb.arena);
    return same;
}

static void assert_stable(const char *text)
{
    char *once = formatted(text), *twice = formatted(once);
    if (strcmp(once, twice) != 0) fail_msg("not stable:\n%s\n----\n%s", once, twice);
    if (!same_tree(text, once)) fail_msg("another tree or other comments:\n%s\n----\n%s", text, once);
    free(once);
    free(twice);
}

static void assert_formatted(const char *text, const char *expected)
{
    char *found = formatted(text);
    assert_string_equal(found, expected);
    free(found);
    assert_stable(text);
}

static void test_fmt_layout(void **state)
{
    (void)state;
    assert_formatted("", "");
    assert_formatted("\n\n# a\n\n\n#  b\n\n", "# a\n\n#  b\n");
    assert_formatted(
        "option a=1\noption long = -2 \"h\" # c\n\n\n\noption x=f( 1,[ 2 ],a [0] )^-2;option y = not  a\n",
        "option a    = 1\noption long = -2 \"h\"  # c\n\noption x = f(1, [2], a[0])^-2\noption y = not a\n");
    assert_formatted("fn F(z){weight b=0;s'=z;relu(z-b)*-1}# end\n",
                     "fn F(z) {\n  weight b = 0\n  s' = z\n  relu(z - b) * -1\n}  # end\n");
    assert_formatted("fn F(z) # why\n# more\n{\n  z # v\n\n  # last\n\n}\n",
                     "fn F(z) {  # why\n  # more\n  z  # v\n\n  # last\n}\n");
    assert_formatted(
        "graph G{\ninput x[a:2] : F\nnodes  hidden[n]\noutput y[1]:F\nedges{\nx[i]->y[j] where i<j\n"
        "hidden->y where i==j\n}\nkeep 5%\n}",
        "graph G {\n  input  x[a: 2] : F\n  nodes  hidden[n]\n  output y[1] : F\n  edges {\n"
        "    x[i]   -> y[j] where i < j\n    hidden -> y    where i == j\n  } keep 5%\n}\n");
}

/* A verb is no function: a blank stands before what it takes. */
static void test_fmt_rules(void **state)
{
    (void)state;
    assert_formatted(
        "rule r {\non every(steps=1){ drop(if step<5 then 2 else 1)by abs(w);grow(1-x)*kept by f (w) }\n"
        "next s = max (s, 1)\n}\n",
        "rule r {\n  on every(steps = 1) {\n    drop (if step < 5 then 2 else 1) by abs(w)\n"
        "    grow (1 - x) * kept by f(w)\n  }\n  next s = max(s, 1)\n}\n");
}

static void test_fmt_breaks(void **state)
{
    (void)state;
    assert_formatted("model M(x) = x |> a |> b\n", "model M(x) = x |> a |> b\n");
    assert_formatted("model M(x) = x |> a |>\n b |> f(x |> c, 1)\n",
                     "model M(x) = x\n  |> a\n  |> b\n  |> f(x |> c, 1)\n");
    assert_formatted("option o = [\n1, # one\n     2\n]\n", "option o = [\n  1,  # one\n  2\n]\n");
    assert_formatted("model M(x) {\n x\n |> f(a,\n b = g(\n 2\n ))\n}\n",
                     "model M(x) {\n  x\n    |> f(a,\n      b = g(\n        2\n      ))\n}\n");
    assert_formatted("fn f(a) =\nif a\nthen 1 # c\nelse 2\n", "fn f(a) =\n  if a\n  then 1  # c\n  else 2\n");
    assert_formatted("graph G {\nedges { x -> y } # c\nkeep 5%\n}\n",
                     "graph G {\n  edges {\n    x -> y\n  }  # c\n    keep 5%\n}\n");
}

static void test_fmt_samples(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) assert_stable(samples[i]);
}

/* All .dnw files of a folder must be stable; how many there are. */
static int check_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;
    if (!dir) return 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name);
        if (length < 4 || strcmp(entry->d_name + length - 4, ".dnw") != 0) continue;
        Arena *a = arena_new();
        Sources *sources = sources_new(a);
        const char *why = "";
        int file = sources_read(sources, arena_printf(a, "%s/%s", folder, entry->d_name), &why);
        if (file < 0) fail_msg("%s: %s", entry->d_name, why);
        print_message("%s\n", entry->d_name);
        assert_stable(sources_file(sources, (uint32_t)file)->text);
        arena_free(a);
        count++;
    }
    closedir(dir);
    return count;
}

static void test_fmt_folders(void **state)
{
    (void)state;
    const char *source = getenv("DNW_SOURCE");
    if (!source) source = "../..";
    Arena *a = arena_new();
    int count = check_folder(arena_printf(a, "%s/examples", source));
    count += check_folder(arena_printf(a, "%s/tests/stage", source));
    if (!count) print_message("no programs below %s\n", source);
    arena_free(a);
}

/* Fuzzing with small changes. */

/* Words and marks of a text: what is between blanks, cut where letters meet other characters. */
static size_t word_length(const char *at)
{
    size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.");
    return n ? n : 1;
}

static void try(const char *before, size_t length, const char *middle, const char *after)
{
    char *text = malloc(length + strlen(middle) + strlen(after) + 1);
    memcpy(text, before, length);
    strcpy(stpcpy(text + length, middle), after);
    Front f = front(text);
    free(dump(&f));
    free(summary(&f));
    if (diags_errors(f.diags) == 0) assert_stable(text);
    arena_free(f.arena);
    free(text);
}

static void test_changed_tokens(void **state)
{
    (void)state;
    static const char *const other[] = {"",   "{",           "}",     "(",  ")",    "=", "x",
                                        "\n", "fn f(a) {\n", "# c\n", "|>", "keep", ","};
    for (int i = 0; i < SAMPLES; i++)
        for (const char *at = samples[i]; *at; at += word_length(at))
            for (size_t k = 0; k < sizeof other / sizeof *other; k++)
                try(samples[i], (size_t)(at - samples[i]), other[k], at + word_length(at));
}

/* One missing token is one mistake, or none. */
static void test_deleted_tokens_give_one_mistake(void **state)
{
    (void)state;
    const char *text = "fn F(z) {\n  weight k[3, 3] ~ kaiming\n  conv(relu(z), k)\n}\n\n"
                       "graph G(n) {\n  time = steps(n)\n  input x[3] : F\n  output y[4]\n  edges {\n"
                       "    x[i] -> y[j] where i < j\n    y[_] -> y[_]\n  } keep 5% by k\n}\n\n"
                       "train M {\n  data = spirals(200)\n  report = [accuracy, nfe]\n}\n";
    for (const char *at = text; *at; at += word_length(at)) {
        Arena *a = arena_new();
        Front f = front(arena_printf(a, "%.*s%s", (int)(at - text), text, at + word_length(at)));
        char *found = summary(&f);
        if (diags_errors(f.diags) > 1) fail_msg("without '%.*s': %s", (int)word_length(at), at, found);
        free(found);
        arena_free(f.arena);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_parse),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_docs),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_partial_tree),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_fmt_layout),
        cmocka_unit_test(test_fmt_rules),
        cmocka_unit_test(test_fmt_breaks),
        cmocka_unit_test(test_fmt_samples),
        cmocka_unit_test(test_fmt_folders),
        cmocka_unit_test(test_changed_tokens),
        cmocka_unit_test(test_deleted_tokens_give_one_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
