/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=mutex
 * glibc's time zone lock, held by a parent thread at the fork. */
#include "fixture.h"

static void use(void)
{
	time_t now = 1;
	struct tm tm;
	MUST(localtime(&now) != NULL || localtime_r(&now, &tm) != NULL);
}

int main(void)
{
	return fixture_fork_until_hung(use);
}
