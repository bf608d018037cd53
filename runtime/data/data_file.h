/* data_file.h: files of data sets: where they are, and reading them with a byte offset for every failure.
 *
 * A file may be plain or gzip (told by its first bytes, not by its name). Offsets count unpacked
 * bytes, but for damage to the packed form itself, where they count bytes of the file. A member of a zip
 * archive is named "ARCHIVE:MEMBER"; an archive with one member may be opened like a file.
 * Memory is never taken on the word of a header: a plain file must be long enough, a packed one is unpacked
 * into a block that grows with what is really there. All messages start with the path.
 */
#ifndef RT_DATA_FILE_H
#define RT_DATA_FILE_H
#include "data/data.h"
#include "data/zip.h"
#include <zlib.h>

/* Code of "no such file" inside the data readers; data_open and data_peek turn it into RT_BAD_INPUT and
 * RT_OK. */
enum { DATA_MISSING = -1 };

typedef struct DataFile {
    char *path; /* owned */
    gzFile gz;
    Zip *zip;       /* instead of gz */
    int64_t offset; /* of the next byte, unpacked */
    int64_t size;   /* of a plain file; -1: packed, known at its end only */
} DataFile;

/* --data DIR/NAME, or PATH as it is when absolute, or BASE/PATH. Newly allocated; NULL when out of memory. */
char *data_file_path(const DataContext *c, const char *path, RtError *e);
/* DIRECTORY/NAME; "" and "." add nothing. Newly allocated. */
char *data_file_join(const char *directory, const char *name, RtError *e);
bool data_file_exists(const char *path);
bool data_file_is_folder(const char *path);
/* After a failure: when it was DATA_MISSING, adds where relative paths start. Returns false. */
bool data_missing_help(const DataContext *c, RtError *e);

/* Directories where the files of a known data set may be, in the order of looking. */
typedef struct DataPlaces {
    char *at[6]; /* owned */
    int count;
} DataPlaces;

/* --data DIR or `dir` alone when one is given; else the current directory, that of the .dnw file, and
 * `system` unless it is NULL. With `folder`, behind each place also the place's sub-directory of that name.
 */
bool data_places_open(DataPlaces *p, const DataContext *c, const char *dir, const char *system,
                      const char *folder, RtError *e);
void data_places_close(DataPlaces *p);
/* The first place with FILE or FILE.gz, or NULL and, as DATA_MISSING, a list of where was looked. */
const char *data_places_find(const DataPlaces *p, const char *name, const char *file, RtError *e);

/* Takes the path over (freed by data_file_close, or at once on failure; a NULL path fails without a new
 * message). With `or_packed`, PATH.gz is opened when PATH does not exist. */
bool data_file_open(DataFile *f, char *path, bool or_packed, RtError *e);
void data_file_close(DataFile *f);

/* Exactly n bytes; `what` ("the header") goes into "truncated in ...". */
bool data_file_take(DataFile *f, void *to, int64_t n, const char *what, RtError *e);
/* The same into a new block. */
void *data_file_block(DataFile *f, int64_t n, const char *what, RtError *e);
/* The next n bytes, or fewer at the end of the file: *found says how many. */
bool data_file_some(DataFile *f, void *to, int64_t n, int64_t *found, RtError *e);
/* The same into a new block, which grows as bytes arrive; NULL on failure. */
void *data_file_growing(DataFile *f, int64_t n, int64_t *found, RtError *e);
/* "PATH, byte START: truncated in WHAT: wanted ..." Returns false. */
bool data_file_short(const DataFile *f, int64_t start, const char *what, int64_t want, int64_t found,
                     RtError *e);
/* All that is left, with a zero byte after it. */
char *data_file_rest(DataFile *f, int64_t *size, RtError *e);
/* Nothing may be left; also checks the sum of a gzip file. */
bool data_file_end(DataFile *f, const char *what, RtError *e);

/* "PATH, byte AT: ..." */
bool data_file_fail(const DataFile *f, int64_t at, RtError *e, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Memory for data: at least 1 byte; NULL and *e when there is none, or when count * size overflows. */
void *data_memory(int64_t count, int64_t size, RtError *e);
#endif
