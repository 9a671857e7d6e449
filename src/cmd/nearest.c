#include "cmd/nearest.h"

#include <string.h>

#define LEN_MAX 63

/* Damerau-Levenshtein, restricted: insert, delete, replace, swap of neighbours. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned rows[3][LEN_MAX + 1], la = (unsigned)strlen(a), lb = (unsigned)strlen(b);
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];
	for (unsigned j = 0; j <= lb; j++)
		last[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		now[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
			best = last[j] + 1 < best ? last[j] + 1 : best;
			best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		unsigned *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[lb];
}

void hd_nearest_offer(struct hd_nearest *near, const char *name)
{
	size_t len = strlen(near->text), other = strlen(name);
	if (len == 0 || len > LEN_MAX || other > LEN_MAX)
		return;
	unsigned d = edit_distance(near->text, name), limit = len < 3 ? 1 : len < 8 ? 2 : 3;
	if (d <= limit && (near->best == NULL || d < near->distance)) {
		near->best = name;
		near->distance = d;
	}
}
