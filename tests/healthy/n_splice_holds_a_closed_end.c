/* EXPECT: verdict=none
 * STDIN: slow
 * A thread is in splice() from its input to a pipe; the number of that pipe's end was closed since, but the call in
 * progress still has the file.  The pipe's only visible writer is its own reader. */
#include "fixture.h"

static int ends[2];

static void *feed(void *arg)
{
	splice(0, NULL, (int)(intptr_t)arg, NULL, 5, 0);
	return NULL;
}

int main(void)
{
	char c;
	fixture_begin();
	MUST(pipe(ends) == 0);
	pid_t child = fixture_fork();
	if (child == 0) {
		int copy = dup(ends[1]);
		pthread_t thread = fixture_thread(feed, (void *)(intptr_t)copy);
		fixture_sleep(0.3); /* until it is in the call; if it is not, nothing is lost but the point */
		close(copy), close(ends[0]), close(ends[1]);
		pthread_join(thread, NULL);
		_exit(0);
	}
	MUST(read(ends[0], &c, 1) == 1);
	return fixture_wait(child);
}
