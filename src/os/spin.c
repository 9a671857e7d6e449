/* Samples of threads that burn CPU time while nothing else of the tree moves: each is stopped alone, for one reading of its
 * registers, at most once a measurement and ever more seldom if it is found computing. */
#include <string.h>

#include "hangdog/clock.h"
#include "hangdog/progress.h"
#include "hangdog/tracer.h"
#include "os/draft.h"
#include "os/procfile.h"

#define STOP_MS 5
#define THREADS_MAX 64u        /* sampled in one measurement */
#define BACK_OFF_MAX 64u       /* measurements that a computing thread is left alone */
#define BLOCK 64u              /* bytes behind a pointer that are watched */
#define RSP 7u                 /* DWARF numbers of x86-64 */

struct shot {
	struct hd_regs regs;
	bool is_taken;
};

static void take(void *ctx, int32_t tid HD_UNUSED, const struct hd_regs *regs)
{
	struct shot *shot = ctx;
	shot->regs = *regs;
	shot->is_taken = true;
}

static void add_word(struct hd_mem *mem, const struct hd_maps *maps, const struct hd_map *stack, uint64_t addr,
		     struct hd_spin_sample *sample)
{
	uint8_t block[BLOCK];
	const struct hd_map *map = hd_maps_find(maps, addr);
	if (map == NULL || !map->writable || map == stack || sample->n_words == HD_SPIN_WORDS_MAX)
		return;
	addr &= ~UINT64_C(3);
	size_t n = map->end - addr < BLOCK ? map->end - addr : BLOCK;
	if (hd_mem_read(mem, addr, block, n) < 0)
		return;
	struct hd_spin_word *word = &sample->words[sample->n_words++];
	*word = (struct hd_spin_word){.addr = addr, .digest = 2166136261u}; /* FNV-1a */
	memcpy(&word->value, block, sizeof(word->value));
	for (size_t i = 0; i < n; i++)
		word->digest = (word->digest ^ block[i]) * 16777619u;
}

static bool fill_sample(int32_t pid, const struct hd_regs *regs, struct hd_arena *arena, struct hd_spin_sample *ret)
{
	struct hd_mem_live live;
	struct hd_maps maps;
	uint8_t code[2 * HD_SPIN_REACH];
	uint64_t fixed[HD_SPIN_STATIC_MAX], base = regs->pc - HD_SPIN_REACH;
	*ret = (struct hd_spin_sample){.pc = regs->pc, .sp = regs->sp};
	if (hd_procfs_maps(pid, arena, &maps) < 0 || hd_mem_live_open(&live, pid) < 0)
		return false;
	const struct hd_map *stack = hd_maps_find(&maps, regs->sp);
	bool is_read = hd_mem_read(&live.mem, base, code, sizeof(code)) == 0;
	if (is_read) {
		ret->is_waiting = hd_spin_code_waits(code, sizeof(code));
		uint32_t n = hd_spin_code_words(code, sizeof(code), base, fixed);
		for (uint32_t i = 0; ret->is_waiting && i < n; i++)
			add_word(&live.mem, &maps, stack, fixed[i], ret);
		for (uint32_t i = 0; ret->is_waiting && regs->all_known && i < RSP + 9; i++) {
			if (i != RSP)
				add_word(&live.mem, &maps, stack, regs->gp[i], ret);
		}
	}
	hd_mem_live_close(&live);
	return is_read;
}

static void sample(struct hd_tracer *tracer, struct hd_sighting *t, int64_t now_ns)
{
	struct shot shot = {0};
	struct hd_spin_sample sample;
	struct hd_stat stat;
	int64_t longest_us;
	if (t->spin_skip > 0) {
		t->spin_skip--;
		return;
	}
	/* Whoever sleeps now is not interrupted in its call. */
	if (hd_procfile_stat(t->pid, t->tid, &stat) < 0 || stat.state != 'R')
		return;
	if (hd_tracer_freeze_thread(tracer, t->pid, t->tid, STOP_MS, take, &shot, &longest_us) < 0 || !shot.is_taken)
		return;
	struct hd_arena *arena = hd_arena_new();
	if (fill_sample(t->pid, &shot.regs, arena, &sample))
		hd_spin_add(&t->spin, &sample, now_ns);
	hd_arena_free(arena);
	if (t->spin.samples > 0)
		t->spin_back_off = 0;
	else
		t->spin_back_off = t->spin_back_off == 0 ? 1 : t->spin_back_off < BACK_OFF_MAX ? 2 * t->spin_back_off : BACK_OFF_MAX;
	t->spin_skip = t->spin_back_off;
}

uint64_t hd_watcher_spins(struct hd_watcher *w, struct hd_tracer *tracer, int64_t silent_ns, int64_t patience_ns)
{
	int64_t now_ns = hd_now_ns(), since_ns = now_ns - w->spins_ns;
	uint32_t sampled = 0;
	bool is_first = w->spins_ns == 0;
	w->spins_ns = now_ns;
	for (struct hd_sighting *t = hd_table_first(&w->seen.by_tid); t != NULL; t = hd_table_after(t)) {
		uint64_t ran_ns = t->spin_run_ns != 0 ? t->run_ns - t->spin_run_ns : 0;
		bool is_busy = !is_first && ran_ns * HD_CPU_SHARE > (uint64_t)since_ns;
		t->spin_run_ns = t->run_ns;
		if (t->gets_nowhere)
			w->spin_cpu_ns += ran_ns;
		if (tracer == NULL || silent_ns < patience_ns / 4)
			t->spin = (struct hd_spin){0};
		else if (is_busy && sampled++ < THREADS_MAX)
			sample(tracer, t, now_ns);
		t->gets_nowhere = hd_spin_gets_nowhere(&t->spin, now_ns, patience_ns / 8);
	}
	return w->spin_cpu_ns;
}
