/* The threads of each process as last listed: listing a thousand of them costs more than asking each whether it ran.
 * Only a thread that runs can make or end one, so a process in which nobody stirred, and whose number of threads is the
 * same, is not listed again.  Owned by the watcher. */
#ifndef HD_OS_ROLL_H
#define HD_OS_ROLL_H

#include "hangdog/table.h"
#include "os/procfile.h"

struct hd_roll {
	struct hd_row row; /* by pid */
	int32_t pid;
	int32_t *at;
	size_t n, cap;
	bool has_stirred; /* somebody ran or vanished at the last call: list again */
	uint64_t look;
};

struct hd_rolls {
	struct hd_table by_pid;
};

/* The list of a process, fresh where it may have changed; 0 or negative errno (-ESRCH = gone). */
HD_MUST_CHECK int hd_rolls_call(struct hd_rolls *rolls, int32_t pid, uint64_t look, struct hd_roll **ret);
/* Drops what the look of this number did not call. */
void hd_rolls_sweep(struct hd_rolls *rolls, uint64_t look);
void hd_rolls_release(struct hd_rolls *rolls);

#endif
