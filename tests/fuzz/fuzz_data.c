/* fuzz_data.c: any bytes as a file of data: an array, an archive of arrays, a table, pictures.
 *
 * The first byte says as what the others are opened. Whatever they are: no crash, a message when they are
 * refused, and the compiler's look at the file (data_peek) accepts what the program can open.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const settings[] = {
    "{\"call\":\"npy\",\"args\":{\"x\":\"%s\",\"y\":\"%s\",\"split\":0.2}}",
    "{\"call\":\"npy\",\"args\":{\"x\":\"%s:x\",\"y\":\"%s:y\",\"split\":0}}",
    "{\"call\":\"csv\",\"args\":{\"file\":\"%s\",\"target\":0,\"split\":0.5,\"comment\":\"#\"}}",
    "{\"call\":\"csv\",\"args\":{\"file\":\"%s\",\"target\":[1,0],\"split\":0.5,\"window\":2,\"step\":1}}",
    "{\"call\":\"csv\",\"args\":{\"file\":\"%s\",\"target\":1,\"split\":0,\"group\":0,\"ignore\":2,"
    "\"header\":true}}",
    "{\"call\":\"csv\",\"args\":{\"file\":\"%s\",\"target\":\"y\",\"split\":0,\"comment\":\"#\","
    "\"separator\":\"blank\"}}",
    "{\"call\":\"csv\",\"args\":{\"file\":\"%s\",\"test\":\"%s\",\"target\":0,\"split\":0}}",
    "{\"call\":\"idx\",\"args\":{\"images\":\"%s\",\"labels\":\"%s\",\"split\":0.2}}",
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static void open_it(const json_t *setting)
{
    const DataContext c = {.base = ".", .seed = 1};
    RtError e = {0};
    Data seen, *d = data_open(setting, &c, &e);
    if (!d && (!e.code || !e.text[0])) abort();
    if (!d) return;
    if (!data_peek(setting, &c, &seen, &e)) abort();
    if (seen.features != d->features || seen.classes != d->classes) abort();
    data_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], text[400];
    int fd = size > 1 ? memfd_create("data", MFD_CLOEXEC) : -1;

    if (fd < 0) return 0;
    if (write(fd, data + 1, size - 1) == (ssize_t)(size - 1)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        snprintf(text, sizeof text, settings[data[0] % SETTINGS], path, path);
        json_t *setting = json_loads(text, 0, NULL);
        if (!setting) abort();
        open_it(setting);
        json_decref(setting);
    }
    close(fd);
    return 0;
}
