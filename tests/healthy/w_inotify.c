/* EXPECT: verdict=none
 * OUTSIDE: sh -c "sleep 1; touch $FIXTURE_DIR/news"
 * Waits for a file that somebody outside makes. */
#include <sys/inotify.h>

#include "fixture.h"

int main(void)
{
	char room[4096];
	fixture_begin();
	int fd = inotify_init1(0);
	MUST(inotify_add_watch(fd, getenv("FIXTURE_DIR"), IN_CREATE) >= 0);
	do
		MUST(read(fd, room, sizeof(room)) > 0);
	while (strstr(((struct inotify_event *)(void *)room)->name, "news") == NULL);
	return 0;
}
