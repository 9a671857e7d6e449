#include <string.h>

#include "hangdog/snapshot.h"

struct words_row {
	const char *family, *api;
	enum hd_lock_kind kind;
	const char *words;
};

static const struct words_row rows[] = {
#define W(family, api, kind, words) {family, api, kind, words},
#include "data/lock_words.def"
#undef W
};

const char *hd_lock_what(const struct hd_lock *lock)
{
	for (size_t i = 0; lock->family != NULL && i < HD_COUNTOF(rows); i++) {
		const struct words_row *row = &rows[i];
		if (strcmp(row->family, lock->family) == 0 && (row->kind == HD_LOCK_COUNT || row->kind == lock->kind) &&
		    (row->api == NULL || (lock->api != NULL && strcmp(row->api, lock->api) == 0)))
			return row->words;
	}
	return hd_lock_words(lock->kind);
}

bool hd_lock_is_elsewhere(const struct hd_lock *lock)
{
	/* Libraries that park threads on words of their own (reference: locks.md, 2.5). */
	static const char *const parking[] = {"absl", "parking_lot", "rayon", "tokio", "go", "tbb", "libstdc++"};
	if (lock->kind == HD_LOCK_PARKER)
		return true;
	for (size_t i = 0; lock->family != NULL && lock->base == 0 && i < HD_COUNTOF(parking); i++) {
		if (strcmp(parking[i], lock->family) == 0)
			return true;
	}
	return false;
}
