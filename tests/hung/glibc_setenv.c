/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=mutex
 * glibc's environment lock. */
#include "fixture.h"

static void use(void)
{
	setenv("FIXTURE", "1", 1);
	unsetenv("FIXTURE");
}

int main(void)
{
	return fixture_fork_until_hung(use);
}
