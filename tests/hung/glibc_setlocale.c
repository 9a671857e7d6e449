/* EXPECT: verdict=deadlock cause=inherited-lock|missing-thread certainty=proven scope=process kind=rwlock
 * glibc's locale lock. */
#include <locale.h>
#include "fixture.h"

static void use(void)
{
	setlocale(LC_CTYPE, "C");
	setlocale(LC_CTYPE, "C.UTF-8");
}

int main(void)
{
	return fixture_fork_until_hung(use);
}
