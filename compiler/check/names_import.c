/* names_import.c: files that import files, and the declarations that a file can name.
 *
 * A file is known by its real path, so that two spellings are one file and files may import each other. Names
 * of an import without `as` are visible directly, but not to those who import the importer.
 */
#include "check/names.h"
#include "front/library.h"
#include "front/parse.h"
#include <stdlib.h>

static const char *real_path(Check *k, const char *path)
{
    char *full = realpath(path, NULL);
    const char *copy = arena_printf(k->perm, "%s", full ? full : path);
    free(full);
    return copy;
}

static Module *loaded(Check *k, const char *real)
{
    for (int i = 0; i < k->files.all.count; i++)
        if (strcmp(k->files.all.at[i]->real, real) == 0) return k->files.all.at[i];
    return NULL;
}

static void import_file(Check *k, Module *into, const Decl *d)
{
    const char *path = sources_beside(k->c->sources, into->ast->file, d->path), *why;
    Module *m = loaded(k, real_path(k, path));
    if (!m) {
        int file = sources_read(k->c->sources, path, &why);
        if (file < 0) {
            diag_add(k->diags, E_IMPORT, d->path_span, "cannot read '%s': %s", path, why);
            if (d->name.text) vec_push(k->perm, &into->ast->lost, d->name.text);
            else into->ast->lost_names = true;
            return;
        }
        m = load_module(k, parse(k->perm, k->c->sources, (uint32_t)file, k->diags));
    }
    vec_push(k->perm, &into->imports, (Import){d->name.text, m, d});
}

/* Sets declarations with syntax errors aside: only their names count. */
static void lose_broken(Check *k, Ast *ast)
{
    int kept = 0;
    for (int i = 0; i < ast->decls.count; i++) {
        Decl *d = ast->decls.at[i];
        if (!d->broken) {
            ast->decls.at[kept++] = d;
            continue;
        }
        if (d->kind == DECL_TRAIN) ast->lost_train = true;
        if (d->kind != DECL_TEST && d->name.text) vec_push(k->perm, &ast->lost, d->name.text);
        else if (d->kind == DECL_IMPORT) ast->lost_names = true;
    }
    ast->decls.count = kept;
}

static bool can_be_named(const Decl *d)
{
    return d->kind == DECL_FN || d->kind == DECL_GRAPH || d->kind == DECL_MODEL || d->kind == DECL_RULE ||
           d->kind == DECL_OPTION;
}

static void collect_names(Check *k, Module *m)
{
    for (int i = 0; i < m->ast->decls.count; i++) {
        const Name *name = &m->ast->decls.at[i]->name;
        if (!can_be_named(m->ast->decls.at[i]) || !name->text) continue;
        int *first = table_place(k->perm, &m->names, name->text, strlen(name->text));
        if (*first < 0) *first = i;
    }
}

Module *load_library(Check *k)
{
    size_t length;
    const char *text = library_text(&length);
    int file = sources_add(k->c->sources, LIBRARY_PATH, text, length);
    Module *m = NEW(k->perm, Module);
    m->ast = parse(k->perm, k->c->sources, (uint32_t)file, k->diags);
    m->real = LIBRARY_PATH;
    collect_names(k, m);
    return m;
}

Module *load_module(Check *k, Ast *ast)
{
    Module *m = NEW(k->perm, Module);
    m->ast = ast;
    m->library = k->files.library;
    m->real = real_path(k, sources_file(k->c->sources, ast->file)->path);
    vec_push(k->perm, &k->files.all, m);
    lose_broken(k, ast);
    collect_names(k, m);
    for (int i = 0; i < ast->decls.count; i++)
        if (ast->decls.at[i]->kind == DECL_IMPORT) import_file(k, m, ast->decls.at[i]);
    return m;
}

static const Decl *own_decl(const Module *m, const char *name)
{
    int at = table_find(&m->names, name, strlen(name));
    return at < 0 ? NULL : m->ast->decls.at[at];
}

const Decl *find_decl(Module *m, const char *name, Module **where)
{
    const Decl *d = own_decl(*where = m, name);
    for (int i = 0; !d && i < m->imports.count; i++)
        if (!m->imports.at[i].name) d = own_decl(*where = m->imports.at[i].module, name);
    if (!d && m->library) d = own_decl(*where = m->library, name);
    return d;
}

static bool lost_in(const Ast *ast, const char *name)
{
    for (int i = 0; i < ast->lost.count; i++)
        if (strcmp(ast->lost.at[i], name) == 0) return true;
    return ast->lost_names;
}

bool is_lost(const Module *m, const char *name)
{
    bool lost = m && lost_in(m->ast, name);
    for (int i = 0; m && !lost && i < m->imports.count; i++)
        lost = !m->imports.at[i].name && lost_in(m->imports.at[i].module->ast, name);
    return lost;
}

Module *find_import(Module *m, const char *name)
{
    for (int i = 0; i < m->imports.count; i++)
        if (m->imports.at[i].name && strcmp(m->imports.at[i].name, name) == 0) return m->imports.at[i].module;
    return NULL;
}
