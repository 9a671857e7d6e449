/* EXPECT: verdict=none
 * OUTSIDE: until [ -p $FIXTURE_DIR/fifo ]; do sleep 0.05; done; sleep 1.2; echo x > $FIXTURE_DIR/fifo
 * Waits for somebody to open a FIFO that has a name. */
#include <sys/stat.h>

#include "fixture.h"

int main(void)
{
	char path[4096], c;
	fixture_begin();
	snprintf(path, sizeof(path), "%s/fifo", getenv("FIXTURE_DIR"));
	MUST(mkfifo(path, 0600) == 0 || errno == EEXIST);
	int fd = open(path, O_RDONLY);
	MUST(fd >= 0 && read(fd, &c, 1) == 1);
	return 0;
}
