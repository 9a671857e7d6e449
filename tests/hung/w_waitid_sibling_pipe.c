/* EXPECT: verdict=deadlock cause=wait-cycle|no-waker certainty=proven scope=process
 * SIGHT: all
 * The reader waits for the end of its input, which a forgotten copy of the writing end in its sibling holds open; the
 * sibling waits for a word from the parent, and the parent for the reader. */
#include "fixture.h"

int main(void)
{
	int input[2], word[2];
	char c;
	siginfo_t info;
	fixture_begin();
	MUST(pipe(input) == 0 && pipe(word) == 0);
	if (fixture_fork() == 0)
		_exit((int)read(word[0], &c, 1));
	pid_t reader = fixture_fork();
	if (reader == 0) {
		close(input[1]), close(word[1]);
		while (read(input[0], &c, 1) > 0)
			;
		_exit(0);
	}
	close(input[1]);
	return waitid(P_PID, (id_t)reader, &info, WEXITED);
}
