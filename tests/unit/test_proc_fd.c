#include <criterion/criterion.h>
#include <errno.h>

#include "parse/proc_fd.h"

Test(proc_fd, links_tell_kinds_and_inodes, .timeout = 10)
{
	static const struct {
		const char *link;
		enum hd_obj_kind kind;
		uint64_t ino;
	} cases[] = {
		{"pipe:[124915]", HD_OBJ_PIPE, 124915},
		{"socket:[77]", HD_OBJ_SOCKET, 77},
		{"anon_inode:[eventfd]", HD_OBJ_EVENTFD, 0},
		{"anon_inode:[eventpoll]", HD_OBJ_EPOLL, 0},
		{"anon_inode:[timerfd]", HD_OBJ_TIMERFD, 0},
		{"anon_inode:[pidfd]", HD_OBJ_PIDFD, 0},
		{"pidfd:[4242]", HD_OBJ_PIDFD, 0},
		{"anon_inode:inotify", HD_OBJ_INOTIFY, 0},
		{"anon_inode:[perf_event]", HD_OBJ_OTHER, 0},
		{"/tmp/pipe:[3]", HD_OBJ_FILE, 0},
		{"pipe:[x]", HD_OBJ_OTHER, 0},
		{"", HD_OBJ_OTHER, 0},
	};
	for (size_t i = 0; i < HD_COUNTOF(cases); i++) {
		struct hd_fd_link l = hd_fd_link_parse(cases[i].link);
		cr_assert_eq(l.kind, cases[i].kind, "%s", cases[i].link);
		cr_assert_eq(l.ino, cases[i].ino, "%s", cases[i].link);
	}
	cr_assert(hd_fd_link_parse("anon_inode:[io_uring]").is_io_uring);
	cr_assert(hd_fd_link_parse("/tmp/f (deleted)").is_deleted);
	cr_assert_not(hd_fd_link_parse("/tmp/f").is_deleted);
}

Test(proc_fd, recorded_fdinfo_texts_give_their_facts, .timeout = 10)
{
	struct hd_fdinfo i;
	cr_assert_eq(hd_fdinfo_parse("pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t1038\neventfd-count:               1f\n"
				     "eventfd-id: 9\neventfd-semaphore: 0\n", &i), 0);
	cr_assert(i.has_eventfd_id);
	cr_assert_eq(i.eventfd_id, 9);
	cr_assert_eq(i.eventfd_count, 0x1f);
	cr_assert_eq(i.flags & 3, 2);
	cr_assert_eq(i.timer_ns, -1);
	cr_assert_eq(hd_fdinfo_parse("pos:\t0\nflags:\t02\nmnt_id:\t17\nino:\t1038\nclockid: 1\nticks: 3\nsettime flags: 00\n"
				     "it_value: (2, 5)\nit_interval: (0, 0)\n", &i), 0);
	cr_assert_eq(i.timer_ns, 2 * HD_NS_PER_S + 5);
	cr_assert_eq(i.timer_ticks, 3);
	cr_assert_eq(hd_fdinfo_parse("pos:\t0\nflags:\t02\nmnt_id:\t4\nino:\t5\nPid:\t-1\nNSpid:\t-1\n", &i), 0);
	cr_assert_eq(i.pidfd_pid, -1);
	cr_assert_eq(hd_fdinfo_parse("pos:\t0\nflags:\t02\nmnt_id:\t10\nino:\t7\nscm_fds: 2\n", &i), 0);
	cr_assert_eq(i.scm_fds, 2);
	cr_assert_eq(hd_fdinfo_parse("pos:\t0\nflags:\t0100001\nmnt_id:\t27\nino:\t9\n"
				     "lock:\t1: FLOCK  ADVISORY  WRITE 18219 fe:00:9 0 EOF\n", &i), 0);
	cr_assert(i.has_lock);
}

Test(proc_fd, damaged_fdinfo_texts_are_refused, .timeout = 10)
{
	struct hd_fdinfo i = {.flags = 77};
	cr_assert_eq(hd_fdinfo_parse("", &i), -EINVAL);
	cr_assert_eq(hd_fdinfo_parse("flags:\tx\n", &i), -EINVAL);
	cr_assert_eq(hd_fdinfo_parse("flags:\t02\nit_value: 3\n", &i), -EINVAL);
	cr_assert_eq(hd_fdinfo_parse("flags:\t02\neventfd-id: \n", &i), -EINVAL);
	cr_assert_eq(i.flags, 77);
}

Test(proc_fd, the_lines_of_an_epoll_set_are_walked, .timeout = 10)
{
	const char *text = "pos:\t0\nflags:\t02\nmnt_id:\t17\nino:\t1038\n"
			   "tfd:        7 events:       1c data:                7  pos:0 ino:1e7f3 sdev:f\n"
			   "tfd:        6 events: 80000019 data: ffffffffffffffff  pos:0 ino:61af sdev:f\n";
	struct hd_fdinfo info;
	cr_assert_eq(hd_fdinfo_parse(text, &info), 0);
	cr_assert_eq(info.n_watched, 2);
	struct hd_fd_watch w;
	cr_assert(hd_fdinfo_next_watch(&text, &w));
	cr_assert(w.fd == 7 && w.events == 0x1c && w.ino == 0x1e7f3);
	cr_assert(hd_fdinfo_next_watch(&text, &w));
	cr_assert(w.fd == 6 && w.events == 0x80000019 && w.ino == 0x61af);
	cr_assert_not(hd_fdinfo_next_watch(&text, &w));
}

/* As the kernel's Documentation/gpu/{drm-usage-stats,i915,amdgpu}.rst and drivers show them. */
Test(proc_fd, the_work_of_a_gpu_is_the_sum_of_its_engines, .timeout = 10)
{
	static const char i915[] = "pos:    0\nflags:  0100002\nmnt_id: 21\ndrm-driver: i915\ndrm-pdev:   0000:00:02.0\ndrm-client-id:      7\n"
				   "drm-engine-render:      9288864723 ns\ndrm-engine-copy:        2035071108 ns\ndrm-engine-video:       0 ns\n"
				   "drm-engine-capacity-video:   2\ndrm-engine-video-enhance:       0 ns\n";
	static const char amdgpu[] = "flags:\t02100002\ndrm-driver:\tamdgpu\ndrm-client-id:\t14\ndrm-pdev:\t0000:03:00.0\npasid:\t32774\n"
				     "drm-total-vram:\t51234 KiB\ndrm-engine-gfx:\t1000 ns\ndrm-engine-compute:\t23 ns\n";
	static const char xe[] = "drm-driver: xe\ndrm-client-id: 25\ndrm-cycles-rcs: 28257900\ndrm-total-cycles-rcs: 7655183225\n"
				 "drm-cycles-ccs: 100\ndrm-total-cycles-ccs: 7655183225\ndrm-engine-capacity-ccs: 4\n";
	uint64_t work = 5;
	cr_expect(hd_fdinfo_gpu_work(i915, &work) && work == 9288864723u + 2035071108u);
	cr_expect(hd_fdinfo_gpu_work(amdgpu, &work) && work == 1023);
	cr_expect(hd_fdinfo_gpu_work(xe, &work) && work == 28258000, "%lu", (unsigned long)work);
	work = 5;
	cr_expect_not(hd_fdinfo_gpu_work("flags:\t02\ndrm-driver:\tnvidia-drm\n", &work));
	cr_expect_not(hd_fdinfo_gpu_work("", &work));
	cr_expect_not(hd_fdinfo_gpu_work("drm-engine-gfx", &work));
	cr_expect_not(hd_fdinfo_gpu_work("drm-engine-gfx: x ns\n", &work));
	cr_expect_eq(work, 5);
}
