/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=pipe
 * SIGHT: all
 * Two FIFOs whose names are gone connect parent and child, and both read. */
#include <sys/stat.h>

#include "fixture.h"

static int fifo(const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", getenv("FIXTURE_DIR"), name);
	MUST(mkfifo(path, 0600) == 0);
	int fd = open(path, O_RDWR);
	MUST(fd >= 0 && unlink(path) == 0);
	return fd;
}

int main(void)
{
	char c;
	fixture_begin();
	int a = fifo("a"), b = fifo("b");
	return (int)read(fixture_fork() == 0 ? a : b, &c, 1) * 0;
}
