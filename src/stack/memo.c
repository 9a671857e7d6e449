#include "stack/memo.h"

#include <string.h>

#define PLACES 512u
#define INDEX_LOG2 11
#define INDEX (1u << INDEX_LOG2) /* open addressing, never more than a quarter full */

struct hd_memo {
	/* Whose places these are. */
	int32_t pid;
	uint64_t start, generation, epoch;
	size_t n_maps;
	uint32_t n;
	uint16_t index[INDEX]; /* 1 + number of the place; 0 = free */
	struct hd_place places[PLACES];
};

struct hd_memo *hd_memo_new(void)
{
	struct hd_memo *memo = calloc(1, sizeof(*memo));
	if (memo == NULL)
		abort();
	return memo;
}

void hd_memo_free(struct hd_memo *memo)
{
	free(memo);
}

static void memo_begin(struct hd_memo *memo, uint64_t epoch, const struct hd_unwind_query *q)
{
	memo->pid = q->pid;
	memo->start = q->start;
	memo->generation = q->generation;
	memo->n_maps = q->maps->n;
	memo->epoch = epoch;
	memo->n = 0;
	memset(memo->index, 0, sizeof(memo->index));
}

static bool is_about(const struct hd_memo *memo, uint64_t epoch, const struct hd_unwind_query *q)
{
	return memo->pid == q->pid && memo->start == q->start && memo->generation == q->generation &&
	       memo->n_maps == q->maps->n && memo->epoch == epoch;
}

static bool place_add(struct hd_memo *memo, struct hd_modules *modules, const struct hd_unwind_query *q, uint64_t look)
{
	const struct hd_map *map = hd_maps_find(q->maps, look);
	if (map == NULL || !map->executable)
		return false;
	struct hd_place *place = &memo->places[memo->n];
	*place = (struct hd_place){.look = look, .map = (size_t)(map - q->maps->at)};
	if (!hd_modules_find(modules, q, look, &place->module))
		place->module = (struct hd_module){0};
	const struct hd_cfi_row *row = place->module.image == NULL ? NULL :
		hd_cfi_find(place->module.image, look - place->module.bias);
	place->has_row = row != NULL;
	if (row != NULL)
		place->row = *row;
	memo->n++;
	return true;
}

struct hd_place *hd_memo_at(struct hd_memo *memo, struct hd_modules *modules, const struct hd_unwind_query *q, uint64_t look)
{
	uint64_t epoch = hd_modules_epoch(modules);
	if (!is_about(memo, epoch, q) || memo->n == PLACES)
		memo_begin(memo, epoch, q);
	uint32_t at = (uint32_t)((look * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - INDEX_LOG2));
	while (memo->index[at] != 0 && memo->places[memo->index[at] - 1].look != look)
		at = (at + 1) % INDEX;
	if (memo->index[at] == 0) {
		if (!place_add(memo, modules, q, look))
			return NULL;
		memo->index[at] = (uint16_t)memo->n;
	}
	struct hd_place *place = &memo->places[memo->index[at] - 1];
	const struct hd_map *map = &q->maps->at[place->map];
	if (look < map->start || look >= map->end || !map->executable)
		return NULL; /* the generation should have told */
	if (place->module.image != NULL)
		place->module.map = map;
	return place;
}
