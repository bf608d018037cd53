/* npy.h: reads arrays saved by NumPy.
 *
 * Format (numpy.lib.format, versions 1.0 to 3.0): "\x93NUMPY", two bytes of version, the length of the header
 * (2 bytes, from 2.0 on 4), the header, a Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape':
 * (3, 4), } padded with blanks, then the elements. Read are f2 f4 f8, i1 i2 i4 i8, u1 u2 u4 u8 and b1, in
 * either order of bytes, in C or Fortran order; files may be gzip. The first size counts samples.
 */
#ifndef RT_NPY_H
#define RT_NPY_H
#include "data/data_file.h"

enum { NPY_RANK = 5 };

typedef struct Npy {
    DataFile file; /* open, behind the header and the elements that were read */
    char kind;     /* 'f', 'i', 'u' or 'b' */
    int width;     /* bytes of an element */
    bool big;      /* the first byte is the highest */
    bool columns;  /* Fortran order */
    int rank;      /* 1 .. NPY_RANK */
    int64_t sizes[NPY_RANK];
    int64_t head, start; /* bytes where the header's text and the first element stand */
    int64_t each;        /* elements of a sample */
    int64_t taken;       /* elements read so far */
    uint8_t *whole;      /* all of them in C order, where the file has another; owned */
} Npy;

/* Opens a file and reads its header; the path is taken over. */
bool npy_open(Npy *x, char *path, RtError *e);
void npy_close(Npy *x);

static inline bool npy_whole_numbers(const Npy *x)
{
    return x->kind != 'f';
}

static inline bool npy_bytes(const Npy *x)
{
    return x->kind == 'u' && x->width == 1;
}

/* The next elements as they are, as doubles, and as floats. Behind the last one the file must end. */
bool npy_take(Npy *x, int64_t count, void *to, RtError *e);
bool npy_take_doubles(Npy *x, int64_t count, double *to, RtError *e);
bool npy_take_floats(Npy *x, int64_t count, float *to, RtError *e);
/* All elements in a new block: of floats, which must be finite (or NaN, with `nan`), or of bytes where
 * npy_bytes is true. */
float *npy_all_floats(Npy *x, bool nan, RtError *e);
uint8_t *npy_all_bytes(Npy *x, RtError *e);
/* "PATH, byte AT: sample 3, element 2: PROBLEM", for an element counted from 0 over all samples. */
bool npy_fail(const Npy *x, int64_t element, RtError *e, const char *problem);
#endif
