/* Thread-local variables of this very process, told from outside: by memory as it is, and as somebody forged it. */
/* covers: tls.c */
#include <criterion/criterion.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "hangdog/procfs.h"
#include "hangdog/tls.h"
#include "parse/tcb.h"

static __thread struct {
	char before[40];
	long counter;
} of_each_thread;

struct setup {
	struct hd_arena *arena;
	struct hd_unwinder *unwinder;
	struct hd_mem_live live;
	struct hd_maps maps;
	struct hd_tcbs tcbs;
	struct hd_unwind_query query;
};

static void setup(struct setup *s)
{
	*s = (struct setup){.arena = hd_arena_new(), .unwinder = hd_unwinder_new()};
	cr_assert(hd_procfs_maps(getpid(), s->arena, &s->maps) == 0 && hd_mem_live_open(&s->live, getpid()) == 0);
	s->tcbs = hd_tcbs_find(&s->live.mem, &s->maps, UINT32_MAX, s->arena);
	s->query = (struct hd_unwind_query){.pid = getpid(), .maps = &s->maps, .mem = &s->live.mem};
}

static void cleanup(struct setup *s)
{
	hd_mem_live_close(&s->live);
	hd_unwinder_free(s->unwinder);
	hd_arena_free(s->arena);
}

static bool find(struct setup *s, const void *addr, struct hd_tls_symbol *ret)
{
	const struct hd_tls *tls = hd_tls_find(s->unwinder, &s->query, &s->tcbs, s->arena);
	return hd_tls_symbol(tls, s->unwinder, &s->query, (uintptr_t)addr, s->arena, ret);
}

struct other {
	sem_t ready, end;
	void *counter;
	int tid;
};

static void *other_main(void *arg)
{
	struct other *other = arg;
	other->counter = &of_each_thread.counter;
	other->tid = gettid();
	sem_post(&other->ready);
	sem_wait(&other->end);
	return NULL;
}

static pthread_t other_start(struct other *other)
{
	pthread_t thread;
	sem_init(&other->ready, 0, 0);
	sem_init(&other->end, 0, 0);
	cr_assert_eq(pthread_create(&thread, NULL, other_main, other), 0);
	sem_wait(&other->ready);
	return thread;
}

Test(tls, each_thread_s_copy_is_told_with_its_thread, .timeout = 30)
{
	struct other other;
	struct setup s;
	struct hd_tls_symbol mine, theirs, none;
	pthread_t thread = other_start(&other);
	setup(&s);
	cr_assert(find(&s, &of_each_thread.counter, &mine) && find(&s, other.counter, &theirs));
	cr_expect_eq(mine.tid, gettid());
	cr_expect_eq(theirs.tid, other.tid);
	cr_expect_eq(theirs.tcb, (uint64_t)thread);
	cr_expect_str_eq(mine.data.name, theirs.data.name);
	cr_expect(strncmp(mine.data.name, "of_each_thread", 14) == 0, "%s", mine.data.name);
	cr_expect_not(find(&s, &other, &none), "a variable on the stack");
	cr_expect_not(find(&s, &find, &none), "code");
	sem_post(&other.end);
	pthread_join(thread, NULL);
	cleanup(&s);
}

static struct link_map *first_link_map(void)
{
	for (const ElfW(Dyn) *dyn = _DYNAMIC; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_DEBUG)
			return ((struct r_debug *)dyn->d_un.d_ptr)->r_map;
	}
	return NULL;
}

Test(tls, a_forged_list_of_files_ends, .timeout = 30)
{
	struct setup s;
	struct hd_tls_symbol got;
	struct hd_mem_layer layer;
	struct link_map *first = first_link_map(), *again = first, *nowhere = (struct link_map *)16;
	setup(&s);
	cr_assert_not_null(first);
	s.query.mem = &layer.mem;
	hd_mem_layer_init(&layer, &s.live.mem, (uintptr_t)&first->l_next, &again, sizeof(again));
	(void)!find(&s, &of_each_thread.counter, &got); /* a circle of one */
	hd_mem_layer_init(&layer, &s.live.mem, (uintptr_t)&first->l_next, &nowhere, sizeof(nowhere));
	cr_expect_not(find(&s, &of_each_thread.counter, &got), "the C library, which says where things are, is not on the list");
	cleanup(&s);
}

Test(tls, a_thread_whose_own_table_says_otherwise_is_not_believed, .timeout = 30)
{
	struct setup s;
	struct hd_tls_symbol got;
	struct hd_mem_layer layer;
	const uint64_t *tcb = (const uint64_t *)pthread_self(); /* glibc: the thread pointer; its second word is the dtv */
	uint64_t forged = 0x1000, far = UINT64_MAX - 64;
	setup(&s);
	s.query.mem = &layer.mem;
	hd_mem_layer_init(&layer, &s.live.mem, tcb[1] + 16, &forged, sizeof(forged));
	cr_expect_not(find(&s, &of_each_thread.counter, &got));
	hd_mem_layer_init(&layer, &s.live.mem, (uintptr_t)&tcb[1], &far, sizeof(far));
	cr_expect(find(&s, &of_each_thread.counter, &got), "a table that cannot be read does not say otherwise");
	cleanup(&s);
}
