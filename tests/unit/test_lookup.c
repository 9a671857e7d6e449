#include <criterion/criterion.h>

#include "../lib/build.h"
#include "core/lookup.h"

Test(lookup, everybody_is_found_by_number_memory_and_parent, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 30, 1);
	tb_thread(s, 5);
	tb_lone(s, 20, 30);
	tb_lone(s, 10, 30);
	s->procs[2].parent = HD_NONE; /* known by number only */
	s->procs[2].mm = s->procs[0].mm;
	s->threads[1].ns_tid = 77;
	s->threads[1].tls = 0x1000;
	struct hd_lookup l = hd_lookup_make(s, s->arena);
	cr_expect_eq(hd_keys_find(&l.by_pid, 20).at[0].index, 1u);
	cr_expect_eq(hd_keys_find(&l.by_pid, 21).n, 0u);
	cr_expect_eq(hd_keys_find(&l.by_parent, 0).n, 2u);
	cr_expect_eq(hd_keys_find(&l.by_mm, s->procs[0].mm).n, 2u);
	cr_expect_eq(hd_keys_find(&l.by_ns_tid, 77).at[0].index, 1u);
	cr_expect_eq(hd_keys_find(&l.by_ns_tid, 5).n, 0u);
	cr_expect_eq(hd_keys_find(&l.by_tid, 5).at[0].index, 1u);
	cr_expect_eq(hd_keys_find(&l.by_tls, 0x1000).n, 1u);
	cr_expect_eq(hd_keys_find(&l.by_tls, 0).n, 0u);
	cr_expect_not(l.mm_tls_known[0]);
	cr_expect_not(l.mm_tls_known[2], "it shares that memory");
	cr_expect(l.mm_whole[2]);
	s->threads[0].state = 'Z';
	s->threads[3].tls = 0x2000;
	s->procs[0].threads_complete = false;
	l = hd_lookup_make(s, s->arena);
	cr_expect(l.mm_tls_known[0], "an ended thread needs no pointer");
	cr_expect_not(l.mm_whole[2]);
}

Test(lookup, a_process_has_ended_when_its_last_thread_has, .timeout = 10)
{
	TB_SNAPSHOT(s);
	tb_lone(s, 10, 1);
	tb_thread(s, 11);
	s->procs[0].state = s->threads[0].state = 'Z';
	cr_expect_not(hd_proc_ended(s, 0), "only its leader has");
	s->threads[1].state = 'X';
	cr_expect(hd_proc_ended(s, 0));
	s->procs[0].state = 'R';
	cr_expect(hd_proc_ended(s, 0), "it ended between the reading of its letter and of its threads'");
}
