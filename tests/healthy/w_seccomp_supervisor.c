/* EXPECT: verdict=none
 * A system call of the child waits for an answer of its parent, which supervises it by seccomp and thinks for a while. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "fixture.h"

int main(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {4, code};
	struct seccomp_notif ask = {0};
	fixture_begin();
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	int judge = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	MUST(judge >= 0);
	pid_t child = fixture_fork();
	if (child == 0)
		_exit(syscall(SYS_getppid) == 42 ? 0 : 1);
	MUST(ioctl(judge, SECCOMP_IOCTL_NOTIF_RECV, &ask) == 0);
	fixture_sleep(LOOKALIKE_S);
	struct seccomp_notif_resp answer = {.id = ask.id, .val = 42};
	MUST(ioctl(judge, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0);
	return fixture_wait(child);
}
