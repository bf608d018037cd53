/* profile.c: see profile.h. */
#include "gen/profile.h"
#include <string.h>

Profile *profile_new(Arena *perm, const Sources *sources)
{
    Profile *p = NEW(perm, Profile);
    *p = (Profile){.perm = perm, .sources = sources, .when = "forward"};
    return p;
}

void profile_place(const Profile *p, ProfileRow *r, Span span)
{
    const SourceFile *file = sources_file(p->sources, span.file);
    if (!file || (r->file && strcmp(r->file, file->path) != 0)) return;
    int line = source_place(p->sources, span.file, span.start).line;
    if (!r->file) r->file = file->path, r->first = r->last = line;
    if (line < r->first) r->first = line;
    if (line > r->last) r->last = line;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

int profile_row(Profile *p, const ProfileRow *r)
{
    for (int i = 0; i < p->rows.count; i++) {
        const ProfileRow *at = &p->rows.at[i];
        if (same_text(at->file, r->file) && at->first == r->first && at->last == r->last &&
            same_text(at->what, r->what) && same_text(at->when, r->when))
            return i;
    }
    vec_push(p->perm, &p->rows, *r);
    return p->rows.count - 1;
}
