/* profile.h: the pieces of code that a program built with --profile measures (`dnw bench FILE --profile`).
 *
 * A row is a piece of code: lines of the .dnw file, what is done, and when. gen_profile.c makes the rows as
 * it writes the code, the manifest lists them in that order, and the program adds up the time of each
 * (runtime/net/profile.h).
 */
#ifndef DNW_PROFILE_H
#define DNW_PROFILE_H
#include "base/source.h"
#include "base/vec.h"

typedef struct ProfileRow {
    const char *file; /* NULL: no place */
    int first, last;  /* lines */
    const char *what;
    const char
        *when; /* "forward", "backward", "once", or "again": steps in time, again in the backward pass */
} ProfileRow;
typedef struct Profile {
    Arena *perm;
    const Sources *sources;
    const char *when; /* of the rows that come */
    Vec(ProfileRow) rows;
} Profile;

Profile *profile_new(Arena *perm, const Sources *sources);
/* Widens the lines of a row to those of a span; a row holds lines of one file. */
void profile_place(const Profile *p, ProfileRow *r, Span span);
/* The number of a row, which is made when it is new. */
int profile_row(Profile *p, const ProfileRow *r);
#endif
