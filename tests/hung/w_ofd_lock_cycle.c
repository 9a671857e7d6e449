/* EXPECT: verdict=deadlock cause=wait-cycle certainty=proven scope=process kind=file-lock
 * SIGHT: all
 * Two processes take two open-file-description locks crosswise: the kernel looks for no circles among these. */
#include <sys/eventfd.h>

#include "fixture.h"

static int open_file(const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", getenv("FIXTURE_DIR"), name);
	int file = open(path, O_RDWR | O_CREAT, 0600);
	MUST(file >= 0);
	return file;
}

static void lock(int file)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	MUST(fcntl(file, F_OFD_SETLKW, &all) == 0);
}

int main(void)
{
	uint64_t n = 1;
	fixture_begin();
	int mine = eventfd(0, 0), other = eventfd(0, 0);
	bool is_child = fixture_fork() == 0;
	int first = open_file(is_child ? "a" : "b"), second = open_file(is_child ? "b" : "a");
	lock(first);
	MUST(write(is_child ? mine : other, &n, sizeof(n)) == sizeof(n));
	MUST(read(is_child ? other : mine, &n, sizeof(n)) == sizeof(n));
	lock(second);
	return 0;
}
