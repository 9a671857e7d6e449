/* EXPECT: verdict=none
 * OUTSIDE: sleep 1.2; : > $FIXTURE_DIR/made-outside
 * F_NOTIFY on a directory, with a signal of one's own choice: a process outside makes a file there. */
#include "posts.h"

int main(void)
{
	fixture_begin();
	int fd = open(getenv("FIXTURE_DIR"), O_RDONLY | O_DIRECTORY);
	posts_begin(SIGRTMIN + 3);
	if (fcntl(fd, F_SETSIG, SIGRTMIN + 3) != 0 || fcntl(fd, F_NOTIFY, DN_CREATE) != 0)
		return 0; /* this kernel was built without */
	posts_wait();
	return 0;
}
