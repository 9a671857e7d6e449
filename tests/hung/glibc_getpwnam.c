/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=mutex
 * glibc's lock of the static passwd result. */
#include <pwd.h>
#include "fixture.h"

static void use(void)
{
	(void)getpwnam("root");
}

int main(void)
{
	return fixture_fork_until_hung(use);
}
