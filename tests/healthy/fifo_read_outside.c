/* EXPECT: verdict=none
 * OUTSIDE: until [ -p $FIXTURE_DIR/fifo ]; do sleep 0.05; done; sleep 1.2; echo x > $FIXTURE_DIR/fifo
 * Reads a FIFO that it holds open for writing too; a writer can still come, for the FIFO has a name. */
#include <sys/stat.h>

#include "fixture.h"

int main(void)
{
	char path[4096], c;
	fixture_begin();
	snprintf(path, sizeof(path), "%s/fifo", getenv("FIXTURE_DIR"));
	MUST(mkfifo(path, 0600) == 0 || errno == EEXIST);
	int fd = open(path, O_RDWR);
	MUST(fd >= 0 && read(fd, &c, 1) == 1);
	return 0;
}
