/* What cppcheck must know of <jansson.h> and <utlist.h>, which it does not read. */
#define json_array_foreach(array, i, value) for (i = 0, value = json_array_get(array, i); value; value = json_array_get(array, ++i))
#define DL_FOREACH_SAFE2(head, el, tmp, next) for (el = head; el && ((tmp = el->next), 1); el = tmp)
