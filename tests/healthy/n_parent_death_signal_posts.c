/* EXPECT: verdict=none
 * A grandchild waits for a semaphore that the handler of its parent's death signal posts; the parent just sleeps and ends. */
#include "fixture.h"

static sem_t *slot;

static void on_signal(int signal_number)
{
	(void)signal_number;
	sem_post(slot);
}

int main(void)
{
	int ends[2];
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		if (fork() == 0) {
			slot = fixture_shared(sizeof(*slot));
			sem_init(slot, 0, 0);
			signal(SIGPWR, on_signal);
			MUST(prctl(PR_SET_PDEATHSIG, SIGPWR) == 0);
			while (sem_wait(slot) != 0)
				;
			MUST(write(ends[1], "x", 1) == 1);
			_exit(0);
		}
		fixture_sleep(LOOKALIKE_S);
		_exit(0);
	}
	close(ends[1]);
	MUST(read(ends[0], &c, 1) == 1);
	return fixture_wait(child);
}
