/* EXPECT: verdict=none
 * STDOUT: slow
 * Writes more than a pipe holds; who reads it is not of the tree, and slow. */
#include "fixture.h"

int main(void)
{
	static char much[1 << 18];
	fixture_begin();
	memset(much, '.', sizeof(much));
	for (size_t done = 0; done < sizeof(much);) {
		ssize_t n = write(1, much + done, sizeof(much) - done);
		MUST(n > 0);
		done += (size_t)n;
	}
	return 0;
}
