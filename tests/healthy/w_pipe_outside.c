/* EXPECT: verdict=none
 * OUTSIDE: self writer
 * The reading program gave the only writing end of its pipe to a process outside, and the socket is closed since. */
#include "outside.h"

static int writer(void)
{
	int fd = outside_take();
	fixture_sleep(LOOKALIKE_S);
	MUST(write(fd, "x", 1) == 1);
	return 0;
}

int main(int argc, char **argv)
{
	int ends[2];
	char c;
	(void)argv;
	fixture_begin();
	if (argc > 1)
		return writer();
	MUST(pipe(ends) == 0);
	outside_give(ends[1]);
	MUST(read(ends[0], &c, 1) == 1);
	return 0;
}
