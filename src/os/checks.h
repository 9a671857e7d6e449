/* Shared by the files of the checks: where we are, and how a check says what it found. */
#ifndef HD_OS_CHECKS_H
#define HD_OS_CHECKS_H

#include "hangdog/checks.h"

enum hd_place_kind { HD_PLACE_PLAIN = 0, HD_PLACE_DOCKER, HD_PLACE_PODMAN, HD_PLACE_KUBERNETES, HD_PLACE_COLAB, HD_PLACE_OTHER_CONTAINER };

/* What happened when a process was traced: negative errno of each step, 0 = it works. */
struct hd_trial {
	int seize, stop, syscall_file, memory;
};

struct hd_checkup {
	const struct hd_checks_for *what;
	struct hd_arena *arena;
	enum hd_place_kind place;
	bool is_gvisor, has_own_pid_ns, has_ptrace_cap, is_root;
	int seccomp; /* 0, 1, 2 as in /proc/self/status; -1 = not known */
	int yama;    /* -1 = not in this kernel */
	struct hd_trial child, stranger;
};

typedef void hd_check_fn(struct hd_checkup *c, struct hd_finding *f);

void hd_check_ok(struct hd_checkup *c, struct hd_finding *f, const char *fmt, ...) HD_PRINTF(3, 4);
/* `remedy` must live as long as the arena. */
void hd_check_bad(struct hd_checkup *c, struct hd_finding *f, enum hd_level level, const char *remedy, const char *fmt, ...)
	HD_PRINTF(5, 6);
/* How the right to trace is given in the place where we are. */
const char *hd_check_grant(const struct hd_checkup *c);

/* checks_trial.c: traces a child of ours, and has another child trace it. */
void hd_trial_child(struct hd_trial *ret);
void hd_trial_stranger(struct hd_trial *ret);

/* checks_kernel.c, checks_files.c */
hd_check_fn hd_check_kernel, hd_check_kcmp, hd_check_pidfd, hd_check_schedstat, hd_check_sock_diag, hd_check_hidepid, hd_check_proc;
hd_check_fn hd_check_terminal, hd_check_incidents, hd_check_socket;

#endif
