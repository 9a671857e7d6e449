#include "os/roll.h"

#include <errno.h>

#include "hangdog/vec.h"

static void drop(struct hd_rolls *rolls, struct hd_roll *roll)
{
	hd_table_remove(&rolls->by_pid, roll);
	HD_VEC_RELEASE(roll);
	free(roll);
}

static int add_tid(void *ctx, int32_t tid)
{
	struct hd_roll *roll = ctx;
	HD_VEC_PUSH(roll, tid);
	return 0;
}

static bool is_unchanged(const struct hd_roll *roll)
{
	struct hd_stat stat;
	return !roll->has_stirred && roll->n > 1 && hd_procfile_stat(roll->pid, roll->pid, &stat) == 0 && stat.n_threads == roll->n;
}

int hd_rolls_call(struct hd_rolls *rolls, int32_t pid, uint64_t look, struct hd_roll **ret)
{
	struct hd_roll *roll = hd_table_find(&rolls->by_pid, (uint32_t)pid);
	if (roll == NULL) {
		roll = calloc(1, sizeof(*roll));
		if (roll == NULL)
			abort();
		*roll = (struct hd_roll){.pid = pid, .has_stirred = true};
		hd_table_add(&rolls->by_pid, (uint32_t)pid, roll);
	}
	roll->look = look;
	if (!is_unchanged(roll)) {
		HD_VEC_CLEAR(roll);
		int r = hd_procfile_numbers(add_tid, roll, "/proc/%d/task", pid);
		if (r < 0) {
			drop(rolls, roll);
			return r;
		}
	}
	roll->has_stirred = false;
	*ret = roll;
	return 0;
}

void hd_rolls_sweep(struct hd_rolls *rolls, uint64_t look)
{
	struct hd_roll *roll, *next;
	HD_TABLE_EACH(&rolls->by_pid, roll, next) {
		if (roll->look != look)
			drop(rolls, roll);
	}
}

void hd_rolls_release(struct hd_rolls *rolls)
{
	struct hd_roll *roll, *next;
	HD_TABLE_EACH(&rolls->by_pid, roll, next)
		drop(rolls, roll);
}
