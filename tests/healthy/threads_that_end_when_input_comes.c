/* EXPECT: verdict=none
 * STDIN: steady
 * As children_that_end_when_input_comes, with threads that are joined. */
#include "fixture.h"

static void *read_one(void *arg)
{
	char c;
	MUST(read(0, &c, 1) == 1);
	return arg;
}

int main(void)
{
	fixture_begin();
	for (int i = 0; i < 60; i++)
		pthread_join(fixture_thread(read_one, NULL), NULL);
	return 0;
}
