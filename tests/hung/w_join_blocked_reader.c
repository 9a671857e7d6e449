/* EXPECT: verdict=deadlock cause=no-waker|wait-cycle certainty=proven scope=process kind=pipe|join
 * SIGHT: all
 * Joins a thread that reads a pipe whose writing end the process forgot to close. */
#include "fixture.h"

static int ends[2];

static void *reader(void *arg)
{
	char c;
	while (read(ends[0], &c, 1) > 0)
		;
	return arg;
}

int main(void)
{
	fixture_begin();
	MUST(pipe(ends) == 0);
	pthread_join(fixture_thread(reader, NULL), NULL);
	return 0;
}
