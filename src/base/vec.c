#include "hangdog/vec.h"

void *hd_vec_grow(void *at, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap != 0 ? *cap * 2 : 8;
	size_t bytes;
	while (want < n)
		want *= 2;
	HD_ASSERT(!__builtin_mul_overflow(want, size, &bytes));
	at = realloc(at, bytes);
	if (at == NULL)
		abort();
	*cap = want;
	return at;
}
