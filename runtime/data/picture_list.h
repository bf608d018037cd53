/* picture_list.h: lists of picture files, and decoding them in parallel. */
#ifndef RT_PICTURE_LIST_H
#define RT_PICTURE_LIST_H
#include "data/picture.h"
#include <dirent.h>

/* Names in a folder, sorted byte by byte, without hidden ones. */
typedef struct Names {
    struct dirent **at; /* owned */
    int count;
} Names;

bool names_read(const char *path, Names *n, RtError *e);
void names_free(Names *n);

typedef struct PictureList {
    char **paths; /* owned, as the array and the labels are */
    int32_t *labels;
    int64_t count, room;
} PictureList;

/* Adds a picture; the path is taken over. */
bool picture_list_add(PictureList *l, char *path, int32_t label, RtError *e);
/* Adds all files of a folder, at least one, in the order of their names. */
bool picture_list_folder(PictureList *l, const char *folder, int32_t label, RtError *e);
void picture_list_free(PictureList *l);

/* Pictures that are decoded when they are needed. */
typedef struct PictureSet {
    PictureList list; /* without labels */
    PictureForm form;
} PictureSet;

/* Takes the paths over. NULL: out of memory. */
PictureSet *picture_set_new(PictureList *l, const PictureForm *f, RtError *e);
/* Those that are held out, one byte a picture, go to a new set. */
PictureSet *picture_set_part(PictureSet *s, const uint8_t *held, RtError *e);
/* Picture i as bytes. From any thread. */
bool picture_set_read(const PictureSet *s, int64_t i, uint8_t *bytes, RtError *e);
void picture_set_free(PictureSet *s);

/* So many pictures from `first` on to (count, channels, height, width) bytes. When some cannot be read, *e is
 * of the first of them in the list, with any number of threads. */
typedef struct PicturePart {
    int64_t first, count;
    int threads;
} PicturePart;
bool picture_list_decode(const PictureList *l, PicturePart part, const PictureForm *f, uint8_t *bytes,
                         RtError *e);
#endif
