/* What cppcheck must know of <uthash.h>, which it does not read. */
#define HASH_ITER(hh, head, el, tmp) for (el = head, tmp = el ? el->hh.next : 0; el; el = tmp, tmp = el ? el->hh.next : 0)
#define HASH_FIND_INT(head, findint, out) out = find_any(head, findint)
