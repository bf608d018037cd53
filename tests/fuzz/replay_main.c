/* replay_main.c: runs a fuzz target on files, without a fuzzer: replay_X PATH... (files and directories).
 *
 * So that every input that once broke something stays a test on every compiler. Fails on zero cases.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    struct stat s;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &s)) {
        perror(path);
        exit(1);
    }
    /* exactly as large as the file, so that a sanitizer sees a read behind the end */
    uint8_t *bytes = malloc(s.st_size ? (size_t)s.st_size : 1);
    size_t size = bytes ? fread(bytes, 1, (size_t)s.st_size, f) : 0;
    fclose(f);
    fprintf(stderr, "%s (%zu bytes)\n", path, size);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return 1;
}

static int replay(const char *path)
{
    DIR *d = opendir(path);
    if (!d) return replay_file(path);
    int count = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char child[4096];
        if (e->d_name[0] == '.') continue;
        snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        count += replay(child);
    }
    closedir(d);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) count += replay(argv[i]);
    printf("%d passed, 0 failed\n", count);
    return count == 0;
}
