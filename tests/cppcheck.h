/* What cppcheck must know of <uthash.h> and <jansson.h>, which it does not read. */
#define HASH_ITER(hh, head, el, tmp) for (el = head, tmp = el ? el->hh.next : 0; el; el = tmp, tmp = el ? el->hh.next : 0)
#define HASH_FIND_INT(head, findint, out) out = find_any(head, findint)
#define json_array_foreach(array, i, value) for (i = 0, value = json_array_get(array, i); value; value = json_array_get(array, ++i))
