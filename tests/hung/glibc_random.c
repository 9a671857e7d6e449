/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=mutex
 * glibc's random() lock. */
#include "fixture.h"

static void use(void)
{
	(void)random();
}

int main(void)
{
	return fixture_fork_until_hung(use);
}
