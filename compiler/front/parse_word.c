/* parse_word.c: lines that begin with a wrong word: of another place, of another language, or mistyped. */
#include "front/parse_mistake.h"

#define NO_LOOPS                                                                                             \
    "there are no loops; what repeats is a node set, [f(i) for i in 0 .. 3], repeat(5, F), scan or: time = " \
    "steps(5)"

/* Where a word that begins or continues a statement belongs; in a rule, where that differs. */
static const struct Place_of_word {
    int kind;
    const char *help, *in_rule;
} places[] = {
    {T_WEIGHT, "a weight is declared in a function: fn F(z) { weight w = 1; w * z }",
     "a weight of a rule is declared outside of its events: weight s = 1"},
    {T_SHARED, "a weight is declared in a function: fn F(z) { shared weight w = 1; w * z }",
     "a state of a rule is declared outside of its events: shared state s = 0"},
    {T_STATE, "a state is declared in a function: fn F(z) { state s = 0; s' = z; s }",
     "a state of a rule is declared outside of its events: state s = 0"},
    {T_NEXT, "a state moves in a function: fn F(z) { state s = 0; next s = z; s }",
     "a state is set at an event by reset: reset s = 0; `next` stands outside of events"},
    {T_COST, "a cost is declared in a function: fn F(z) { weight w = 1; cost size = w^2; w * z }", NULL},
    {T_SIZE, "a size is declared in a function of layers or in a model: size n in 4 .. 64 = 32", NULL},
    {T_INPUT, "node sets are declared in a graph: graph G { input x[4] }", NULL},
    {T_NODES, "node sets are declared in a graph: graph G { nodes h[4] }", NULL},
    {T_OUTPUT, "node sets are declared in a graph: graph G { output y[4] }", NULL},
    {T_EDGES, "edges are written in a graph: graph G { edges x[_] -> y[_] }", NULL},
    {T_WHERE, "a condition is written after an edge: x[i] -> y[j] where i < j", NULL},
    {T_VIA, "an edge function is written after an edge: edges x[_] -> y[_] via F", NULL},
    {T_KEEP, "a budget is written after its edges: edges x[_] -> y[_] keep 5%",
     "the budget stands at the edges; choose by abs(w) keeps as many as it says"},
    {T_SAMPLE, "a budget is written after its edges: edges x[_] -> y[_] sample 5%", NULL},
    {T_OF, "groups of edges are named behind the budget: keep 50% of j by norm(w)", NULL},
    {T_TIED, "`tied` is written after its edges: edges x[i] -> y[j] tied (i, j)", NULL},
    {T_BY, "a score is written after its budget: keep 5% by w", NULL},
    {T_USING, "a rule is written after its budget: keep 5% using rigl", NULL},
    {T_AT, "coordinates are written after a node set: nodes h[i: 4] at (i, 0)", NULL},
    {T_FOR, NO_LOOPS, NULL},
    {T_ON, "an event is written in a rule: on every(epochs = 1) { drop 30% by abs(w); grow by random }",
     "an event is no part of another one: close the one before with '}'"},
};

const char *parse_block_name(BlockKind block)
{
    static const char *const names[] = {"a file",        "a function", "a graph",  "a list of edges",
                                        "a train block", "a rule",     "an event", "a test"};
    return names[block];
}

bool parse_misplaced_word(const Mistake *m)
{
    if (!parse_is_first(m)) return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (places[i].kind != m->found.kind) continue;
        Diag *d = parse_complain(m->p, E_LINE, m->found.span, "'%s' cannot begin a line of %s",
                                 parse_text_of(m, m->found), parse_block_name(m->block));
        const bool rule = places[i].in_rule && parse_is_inside(m->p, BLOCK_RULE);
        diag_help(d, "%s", rule ? places[i].in_rule : places[i].help);
        return true;
    }
    return false;
}

#define SET_ALONE  "a name is set by '=' alone: u = 2"
#define ONE_CHOICE "a choice is one expression: if a then b else if c then d else e"
#define A_FUNCTION "a function is written: fn f(z) = 2 * z, or with its lines in { }"
#define A_NETWORK  "a network is a graph or a model: model Net(x[2]) = x |> linear(1)"
#define NO_TYPES   "numbers have no types; a setting of the file is an option: option n = 3"
enum { BLOCK_ANY = -1 };

/* First words of lines in other languages: the word that is meant, and what to say where that alone is not
 * enough. */
static const struct Foreign_word {
    int block;
    const char *wrong, *right, *help;
} foreign_words[] = {
    {BLOCK_NONE, "def", "fn", A_FUNCTION},
    {BLOCK_NONE, "func", "fn", A_FUNCTION},
    {BLOCK_NONE, "fun", "fn", A_FUNCTION},
    {BLOCK_NONE, "function", "fn", A_FUNCTION},
    {BLOCK_NONE, "network", "graph", A_NETWORK},
    {BLOCK_NONE, "net", "graph", A_NETWORK},
    {BLOCK_NONE, "class", NULL, A_NETWORK},
    {BLOCK_NONE, "struct", NULL, A_NETWORK},
    {BLOCK_NONE, "module", NULL, A_NETWORK},
    {BLOCK_NONE, "include", "import", "a file is imported by its path: import \"cells.dnw\" as cells"},
    {BLOCK_NONE, "use", "import", "a file is imported by its path: import \"cells.dnw\" as cells"},
    {BLOCK_NONE, "from", NULL, "a file is imported by its path: import \"cells.dnw\" as cells"},
    {BLOCK_NONE, "let", "option", NO_TYPES},
    {BLOCK_NONE, "var", "option", NO_TYPES},
    {BLOCK_NONE, "const", "option", NO_TYPES},
    {BLOCK_NONE, "param", "option", NO_TYPES},
    {BLOCK_NONE, "int", "option", NO_TYPES},
    {BLOCK_NONE, "float", "option", NO_TYPES},
    {BLOCK_NONE, "double", "option", NO_TYPES},
    {BLOCK_NONE, "void", "fn", A_FUNCTION},
    {BLOCK_GRAPH, "hidden", "nodes", NULL},
    {BLOCK_GRAPH, "layer", "nodes", NULL},
    {BLOCK_GRAPH, "neurons", "nodes", NULL},
    {BLOCK_GRAPH, "edge", "edges", NULL},
    {BLOCK_GRAPH, "connect", "edges", NULL},
    {BLOCK_BODY, "param", "weight", NULL},
    {BLOCK_BODY, "bias", "weight", NULL},
    {BLOCK_TEST, "assert", NULL, "each line of a test is a condition: kept(Net) == 3"},
    {BLOCK_TEST, "expect", NULL, "each line of a test is a condition: kept(Net) == 3"},
    {BLOCK_RULE, "when", "on", NULL},
    {BLOCK_RULE, "event", "on", NULL},
    {BLOCK_ANY, "let", "", SET_ALONE},
    {BLOCK_ANY, "var", "", SET_ALONE},
    {BLOCK_ANY, "const", "", SET_ALONE},
    {BLOCK_ANY, "int", "", SET_ALONE},
    {BLOCK_ANY, "float", "", SET_ALONE},
    {BLOCK_ANY, "double", "", SET_ALONE},
    {BLOCK_ANY, "return", NULL,
     "the last line of a function is its value, without a word before it: fn f(z) { 2 * z }"},
    {BLOCK_ANY, "while", NULL, NO_LOOPS},
    {BLOCK_ANY, "elif", NULL, ONE_CHOICE},
    {BLOCK_ANY, "elseif", NULL, ONE_CHOICE},
    {BLOCK_ANY, "switch", NULL, ONE_CHOICE},
    {BLOCK_ANY, "end", NULL, "a block is enclosed in { }"},
    {BLOCK_ANY, "begin", NULL, "a block is enclosed in { }"},
    {BLOCK_ANY, "pass", NULL, "a block is enclosed in { } and may be empty"},
    {BLOCK_ANY, "print", NULL, "values are looked at in a test: test \"values\" { tanh(0) == 0 }"},
};

static const struct Foreign_word *foreign_word(BlockKind block, const char *wrong)
{
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++) {
        const struct Foreign_word *w = &foreign_words[i];
        bool here = w->block == (int)block || (w->block == BLOCK_ANY && block != BLOCK_NONE) ||
                    (w->block == BLOCK_ANY && !w->right);
        if (here && strcmp(wrong, w->wrong) == 0) return w;
    }
    return NULL;
}

const char *parse_near_word(BlockKind block, const char *wrong)
{
    const struct Foreign_word *foreign = foreign_word(block, wrong);
    static const char *const file[] = {"import", "option", "fn", "graph", "model", "rule", "train", "test"};
    static const char *const graph[] = {"input", "nodes", "output", "edges"};
    static const char *const body[] = {"weight", "state", "shared", "next", "cost", "size"};
    static const char *const rule[] = {"state", "weight", "shared", "next", "on"};
    if (foreign) return foreign->right;
    switch (block) {
    case BLOCK_NONE: return diag_nearest(wrong, file, 8);
    case BLOCK_GRAPH: return diag_nearest(wrong, graph, 4);
    case BLOCK_BODY: return diag_nearest(wrong, body, 6);
    case BLOCK_RULE: return diag_nearest(wrong, rule, 5);
    default: return NULL;
    }
}

/* A line that begins with a name where a word of the language was meant. */
bool parse_unknown_word(const Mistake *m)
{
    int found = m->found.kind;
    bool second = m->p->statement_length == 2 && found != T_NL && found != '=';
    bool alone = parse_is_first(m) && m->block == BLOCK_NONE;
    if (m->p->first.kind != T_NAME) return false;
    const char *wrong = parse_text_of(m, m->p->first);
    const struct Foreign_word *foreign = foreign_word(m->block, wrong);
    bool set = m->p->statement_length == 2 && found == '='; /* `end = 3` is a name */
    if (!second && !alone && !(foreign && foreign->block == BLOCK_ANY && !set)) return false;
    /* `x -> y`, `epochs: 20` and `2 x` are better explained by others. */
    if (second && !foreign && !is_operand(found) && !is_keyword(found)) return false;
    const char *right = parse_near_word(m->block, wrong);
    if (!right && !foreign && m->block != BLOCK_NONE) return false;
    Diag *d = parse_complain(m->p, E_LINE, m->p->first.span, "'%s' cannot begin a line of %s", wrong,
                             parse_block_name(m->block));
    Span rest = parse_rest(m, m->p->first.span.end), place = span_join(m->p->first.span, rest);
    const char *text = parse_text(m->p, rest);
    if (foreign && foreign->help) diag_help(d, "%s", foreign->help);
    else if (!foreign && m->block == BLOCK_NONE)
        diag_help(d, "a file holds import, option, fn, graph, model, rule, train and test");
    if (right && !*right) diag_fix(d, place, text, "a name is set by '=' alone: ", "");
    else if (right) parse_help_write(m, d, place, arena_printf(m->p->perm, "%s %s", right, text));
    else if (alone && parse_raw(m, 1).kind == '(') {
        place = span_join(m->p->first.span, parse_rest(m, m->p->first.span.start));
        parse_help_write(m, d, place, arena_printf(m->p->perm, "fn %s", parse_text(m->p, place)));
    } else if (alone && parse_raw(m, 1).kind == '=')
        diag_fix(d, place, arena_printf(m->p->perm, "option %s %s", wrong, text),
                 "a setting of the file is an option: ", "");
    return true;
}

/* `fixed` or `with` of a weight. */
static bool is_trait(const Mistake *m, Token t)
{
    const char *text = t.kind == T_NAME ? parse_text_of(m, t) : "";
    return strcmp(text, "fixed") == 0 || strcmp(text, "with") == 0;
}

/* `weight fixed b = 0`, `fixed weight b = 0`, `weight b with lr = 2 = 0` */
bool parse_misplaced_trait(const Mistake *m)
{
    const Token first = m->p->first;
    const Span rest = parse_rest(m, first.span.start);
    const char *text = parse_text(m->p, rest), *weight = strstr(text, "weight ");
    if (!is_trait(m, m->found) && !is_trait(m, m->p->before)) return false;
    if (m->block != BLOCK_BODY || !weight) return false;
    const Token word = is_trait(m, m->found) ? m->found : m->p->before;
    const char *name = parse_text_of(m, word);
    if (strstr(text, "fixed") && strstr(text, "with ")) {
        Diag *d = parse_complain(m->p, E_SYNTAX, word.span,
                                 "a fixed weight does not learn, and has no lr or decay");
        diag_help(d, "write one of both: weight b = 0 fixed, or weight b = 0 with lr = 10%%");
        return true;
    }
    Diag *d =
        parse_complain(m->p, E_SYNTAX, word.span, "'%s' is written at the end of the line of a weight", name);
    const char *behind = text + (word.span.end - rest.start);
    while (*behind == ' ') behind++;
    if (strcmp(name, "fixed") == 0)
        parse_help_write(
            m, d, rest,
            arena_printf(m->p->perm, "%.*s%s fixed", (int)(word.span.start - rest.start), text, behind));
    else diag_help(d, "such as: weight b = 0 with lr = 10%%");
    return true;
}
