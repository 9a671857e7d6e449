#include "hangdog/helper.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "hangdog/tracer.h"

int hd_helper_spawn(struct hd_tracer *tracer, const char *const *argv, char *const *env, int out_fd, int32_t *ret_pid)
{
	posix_spawnattr_t attr;
	posix_spawn_file_actions_t files;
	sigset_t none, all;
	pid_t pid;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	if (out_fd >= 0) {
		posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
		posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	}
	int r = posix_spawnp(&pid, argv[0], &files, &attr, (char *const *)argv, env != NULL ? env : environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (r != 0)
		return -r;
	hd_tracer_add_helper(tracer, pid);
	*ret_pid = pid;
	return 0;
}
