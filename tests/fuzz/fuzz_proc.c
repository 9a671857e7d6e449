/* Every reader of a /proc text, and of wait statuses, over any bytes: no crash, no endless loop; an iterator always moves
 * on, and what it moves to lies within the text. */
#include <stdlib.h>
#include <string.h>

#include "hangdog/maps.h"
#include "hangdog/waitstatus.h"
#include "parse/proc_fd.h"
#include "parse/proc_misc.h"
#include "parse/proc_task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define READ(parse, type)                      \
	do {                                   \
		struct type ret;               \
		if (parse(text, &ret) == 0)    \
			memset(&ret, 0, sizeof(ret)); \
	} while (0)

#define ITERATE(next, type)                                       \
	do {                                                      \
		struct type row;                                  \
		bool bad = false;                                 \
		const char *at = text, *before = text;            \
		while (next(&at, &row, &bad)) {                   \
			HD_ASSERT(at > before && at <= text + size); \
			before = at;                              \
		}                                                 \
	} while (0)

static void read_maps(const char *text)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_maps maps;
	if (hd_maps_parse(text, arena, &maps) == 0) {
		for (size_t i = 0; i < maps.n; i++)
			(void)hd_maps_find(&maps, maps.at[i].start);
	}
	hd_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	HD_ASSERT(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	READ(hd_stat_parse, hd_stat);
	READ(hd_status_parse, hd_task_status);
	READ(hd_syscall_parse, hd_syscall);
	READ(hd_schedstat_parse, hd_schedstat);
	READ(hd_fdinfo_parse, hd_fdinfo);
	(void)hd_fd_link_parse(text);
	(void)hd_cgroup_frozen(text);
	ITERATE(hd_timers_next, hd_posix_timer);
	ITERATE(hd_locks_next, hd_file_lock);
	ITERATE(hd_tcp_next, hd_tcp_row);
	read_maps(text);
	int32_t status = 0;
	if (size >= sizeof(status))
		memcpy(&status, data, sizeof(status));
	(void)hd_stop_decode(status);
	free(text);
	return 0;
}
