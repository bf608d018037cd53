/* manifest.h: members of the objects in a manifest. The compiler wrote it: what is missing counts as 0,
 * NULL or false. */
#ifndef RT_MANIFEST_H
#define RT_MANIFEST_H
#include <jansson.h>
#include <stdbool.h>

static inline int64_t get_whole(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}
static inline double get_number(const json_t *j, const char *key)
{
    return json_number_value(json_object_get(j, key));
}
static inline const char *get_text(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}
static inline bool get_truth(const json_t *j, const char *key)
{
    return json_is_true(json_object_get(j, key));
}
#endif
