/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=mutex
 * glibc's resolver locks. */
#include <netdb.h>
#include <resolv.h>
#include "fixture.h"

static void use(void)
{
	struct addrinfo hints = {.ai_flags = 0}, *found = NULL;
	if (getaddrinfo("localhost", "80", &hints, &found) == 0)
		freeaddrinfo(found);
}

int main(void)
{
	return fixture_fork_until_hung(use);
}
