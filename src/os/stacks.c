/* Stacks of blocked threads from /proc and memory alone: nobody is stopped. */
#include "hangdog/gather.h"
#include "hangdog/procfs.h"
#include "os/watcher.h"

static void proc_stacks(struct hd_watcher *w, struct hd_snapshot *snap, const struct hd_proc *proc, const uint8_t *want,
			const struct hd_stack_options *options)
{
	struct hd_mem_live live;
	struct hd_maps maps;
	if (hd_procfs_maps(proc->pid, snap->arena, &maps) < 0 || hd_mem_live_open(&live, proc->pid) < 0)
		return;
	struct hd_unwind_query query = {.pid = proc->pid, .start = proc->start, .generation = maps.n, .maps = &maps,
					.mem = &live.mem, .want_lines = options->lines};
	for (uint32_t t = proc->first_thread; t < proc->first_thread + proc->n_threads; t++) {
		struct hd_thread *thread = &snap->threads[t];
		if (!thread->call_known || (want != NULL && !want[t]))
			continue;
		query.regs = (struct hd_regs){.sp = thread->sp, .pc = thread->pc};
		hd_unwind(w->config.unwinder, &query, snap->arena, &thread->stack);
	}
	hd_mem_live_close(&live);
}

void hd_watcher_stacks(struct hd_watcher *w, struct hd_snapshot *snap, const uint8_t *want, const struct hd_stack_options *options)
{
	for (uint32_t p = 0; p < snap->n_procs; p++)
		proc_stacks(w, snap, &snap->procs[p], want, options);
}
