/* EXPECT: verdict=none
 * A thread stands in a page fault that another process will serve (userfaultfd); the rest waits for the thread. */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "fixture.h"

static volatile char *page;

static void *touch(void *arg)
{
	return page[0] == 'x' ? arg : NULL;
}

int main(void)
{
	fixture_begin();
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = {.api = UFFD_API};
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0)
		return 0; /* not allowed here: nothing to look at */
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register range = {.range = {(uintptr_t)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	MUST(ioctl(fd, UFFDIO_REGISTER, &range) == 0);
	pid_t server = fixture_fork();
	if (server == 0) {
		static char content[4096] __attribute__((aligned(4096))) = "x";
		struct uffd_msg message;
		MUST(read(fd, &message, sizeof(message)) == sizeof(message));
		fixture_sleep(LOOKALIKE_S);
		struct uffdio_copy copy = {.dst = (uintptr_t)page, .src = (uintptr_t)content, .len = 4096};
		MUST(ioctl(fd, UFFDIO_COPY, &copy) == 0);
		_exit(0);
	}
	void *right = NULL;
	pthread_join(fixture_thread(touch, &api), &right);
	return right != &api || fixture_wait(server) != 0;
}
