/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process
 * SIGHT: all
 * Waits for a child to end before it reads the child's output, which does not fit the pipe. */
#include "fixture.h"

int main(void)
{
	int out[2];
	fixture_begin();
	MUST(pipe(out) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		static char much[1 << 20];
		close(out[0]);
		for (size_t done = 0; done < sizeof(much);) {
			ssize_t n = write(out[1], much + done, sizeof(much) - done);
			MUST(n > 0);
			done += (size_t)n;
		}
		_exit(0);
	}
	close(out[1]);
	return fixture_wait(child);
}
