/* data_image.h: what predict needs to know of image_folder. */
#ifndef RT_DATA_IMAGE_H
#define RT_DATA_IMAGE_H
#include "data/picture_list.h"
#include <jansson.h>

/* The argument `resize` of the image_folder that is the setting `data`, or within it; else 0. */
int64_t data_image_resize(const json_t *setting);
#endif
