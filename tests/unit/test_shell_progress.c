/* What counts as moving, with real files, pipes and terminals.  covers: progress.c */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hangdog/procfs.h"
#include "hangdog/progress.h"

TestSuite(progress, .timeout = 30);

#define WINDOW_NS (10 * HD_NS_PER_S)

struct stage {
	pid_t pid;
	struct hd_model *model;
	struct hd_meter *meter;
	int64_t now_ns;
	int order, done; /* one byte in: write one byte to stdout, one byte back */
};

static void child(int out, int order, int done)
{
	char c;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(out, 1);
	dup2(out, 2);
	while (read(order, &c, 1) == 1) {
		if (write(1, "x", 1) != 1 || write(done, "x", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static void stage_start(struct stage *s, int out, const struct hd_progress_spec *spec)
{
	int order[2], done[2];
	uint64_t start;
	char c;
	cr_assert_eq(pipe2(order, O_CLOEXEC) | pipe2(done, O_CLOEXEC), 0);
	s->pid = fork();
	if (s->pid == 0)
		child(out, order[0], done[1]);
	s->order = order[1];
	s->done = done[0];
	/* Its streams are in place once it has answered. */
	cr_assert(write(s->order, "x", 1) == 1 && read(s->done, &c, 1) == 1);
	cr_assert_eq(hd_procfs_start(s->pid, s->pid, &start), 0);
	s->model = hd_model_new();
	hd_model_add(s->model, s->pid, getpid(), start, 0);
	s->meter = hd_meter_new(spec, s->pid, WINDOW_NS);
	s->now_ns = HD_NS_PER_S;
}

static void stage_end(struct stage *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	close(s->order);
	close(s->done);
	hd_meter_free(s->meter);
	hd_model_free(s->model);
}

static bool moved(struct stage *s, uint64_t cpu_ns)
{
	s->now_ns += HD_NS_PER_S;
	return hd_meter_read(s->meter, s->model, cpu_ns, s->now_ns);
}

static void let_it_write(struct stage *s)
{
	char c;
	nanosleep(&(struct timespec){0, 20 * HD_NS_PER_MS}, NULL); /* file times are as coarse as the kernel's tick */
	cr_assert(write(s->order, "x", 1) == 1 && read(s->done, &c, 1) == 1);
}

static const struct hd_progress_spec output_only = {.output = true};

static void output_case(int out)
{
	struct stage s;
	stage_start(&s, out, &output_only);
	cr_expect_not(moved(&s, 0), "the first look knows nothing before it");
	cr_expect_not(moved(&s, 0));
	let_it_write(&s);
	cr_expect(moved(&s, 0));
	cr_expect_not(moved(&s, 0));
	stage_end(&s);
}

Test(progress, bytes_to_a_pipe_a_file_or_a_socket_are_output)
{
	int ends[2], file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	cr_assert_eq(pipe(ends), 0);
	output_case(ends[1]);
	cr_assert_geq(file, 0);
	output_case(file);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	output_case(ends[1]);
}

Test(progress, what_goes_nowhere_and_the_talk_of_workers_is_no_output)
{
	struct stage s;
	int ends[2], null = open("/dev/null", O_WRONLY);
	stage_start(&s, null, &output_only);
	cr_expect_not(moved(&s, 0));
	let_it_write(&s);
	cr_expect_not(moved(&s, 0));
	stage_end(&s);
	/* The same process, but another one is the root: its pipe is an inner one. */
	cr_assert_eq(pipe(ends), 0);
	stage_start(&s, ends[1], &output_only);
	hd_meter_free(s.meter);
	s.meter = hd_meter_new(&output_only, getpid(), WINDOW_NS);
	cr_expect_not(moved(&s, 0));
	let_it_write(&s);
	cr_expect_not(moved(&s, 0));
	stage_end(&s);
}

Test(progress, cpu_counts_above_a_fiftieth_over_a_window)
{
	static const struct hd_progress_spec cpu_only = {.cpu = true};
	struct stage s;
	stage_start(&s, open("/dev/null", O_WRONLY), &cpu_only);
	cr_expect_not(moved(&s, 0));
	for (int i = 1; i < 30; i++)
		cr_expect_not(moved(&s, (uint64_t)i * 10 * HD_NS_PER_MS), "one part in a hundred, at second %d", i);
	bool any = false;
	for (int i = 1; i <= 11; i++)
		any |= moved(&s, 300 * HD_NS_PER_MS + (uint64_t)i * 500 * HD_NS_PER_MS);
	cr_expect(any, "half a CPU for a window");
	stage_end(&s);
}

Test(progress, a_file_that_appears_grows_or_is_touched_is_a_move)
{
	char dir[] = "/tmp/hangdog-test-XXXXXX", pattern[64], path[64];
	cr_assert_not_null(mkdtemp(dir));
	snprintf(pattern, sizeof(pattern), "%s/*.ckpt", dir);
	snprintf(path, sizeof(path), "%s/1.ckpt", dir);
	const char *globs[] = {pattern};
	struct hd_progress_spec spec = {.globs = globs, .n_globs = 1};
	struct stage s;
	stage_start(&s, open("/dev/null", O_WRONLY), &spec);
	cr_expect_not(moved(&s, 0));
	cr_expect_not(moved(&s, 0));
	int file = open(path, O_CREAT | O_WRONLY, 0600);
	cr_expect(moved(&s, 0), "it appeared");
	cr_expect_not(moved(&s, 0));
	cr_assert_eq(write(file, "x", 1), 1);
	cr_expect(moved(&s, 0), "it grew");
	struct timespec old[2] = {{1, 0}, {1, 0}};
	futimens(file, old);
	cr_expect(moved(&s, 0), "it was touched");
	cr_expect_not(moved(&s, 0));
	unlink(path);
	rmdir(dir);
	stage_end(&s);
}
