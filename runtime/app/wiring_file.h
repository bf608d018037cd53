/* wiring_file.h: wiring.bin of a run (format in common/snapshot.h), written while a network trains.
 *
 * The file only grows, by whole snapshots. Its length is part of a checkpoint, as that of the log is: a run
 * that continues cuts off what the checkpoint does not know.
 */
#ifndef RT_WIRING_FILE_H
#define RT_WIRING_FILE_H
#include "app/session.h"

typedef struct WiringFile {
    int fd; /* -1: not open */
    char *path;
    int64_t bytes;             /* length of the file */
    uint8_t *content, *stream; /* room for a snapshot */
    size_t room, used;
} WiringFile;

/* Opens or makes DIRECTORY/wiring.bin and cuts it to `keep` bytes. RT_BAD_INPUT when it has fewer. */
bool wiring_file_open(WiringFile *w, const char *directory, int64_t keep, RtError *e);
/* Appends a snapshot, and the head before the first; `position` in epochs. Weights and edges are only read.
 * */
bool wiring_file_add(WiringFile *w, const Session *s, double position, RtError *e);
/* What was written is on the disk when this returns. */
bool wiring_file_sync(WiringFile *w, RtError *e);
void wiring_file_close(WiringFile *w);
#endif
