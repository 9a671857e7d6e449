/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=mutex
 * glibc's lock of the exit functions, as PyTorch's pin-memory thread holds it. */
#include "fixture.h"

static void use(void)
{
	/* The lock of the list of exit functions; the list grows, but a run is short. */
	atexit(abort);
}

int main(void)
{
	return fixture_fork_until_hung(use);
}
