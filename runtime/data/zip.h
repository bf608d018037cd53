/* zip.h: one member of a zip archive as a stream of bytes.
 *
 * Format: .ZIP File Format Specification (APPNOTE) 6.3; members that are stored or deflated, also of more
 * than 4 GiB (zip64), none that are encrypted. Only the directory at the end of the archive is used. Sizes
 * and offsets are not believed further than the file goes. Messages start with the path of the archive.
 */
#ifndef RT_ZIP_H
#define RT_ZIP_H
#include "common/error.h"
#include <stdint.h>

typedef struct Zip Zip;

/* Does the file begin like an archive? */
bool zip_begins(int fd);
/* Opens the member that is named, with or without ".npy"; without a name there must be one only. Takes over
 * fd, which is closed on failure, too; `path` must outlive it. */
Zip *zip_open(int fd, const char *path, const char *member, RtError *e);
/* Bytes of the member where they are known to be there; -1: it is deflated. */
int64_t zip_size(const Zip *z);
/* Up to n bytes, fewer only at the end. The last ones are given out when the member's sum is right. */
bool zip_read(Zip *z, void *to, int64_t n, int64_t *found, RtError *e);
void zip_close(Zip *z);
#endif
