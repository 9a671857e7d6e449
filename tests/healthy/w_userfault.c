/* EXPECT: verdict=none
 * A thread that touches a page which another thread gives it late (userfaultfd). */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "fixture.h"

static char *page;
static int faults;

static void *touch(void *arg)
{
	return *(volatile char *)page == 0 ? arg : NULL;
}

int main(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	fixture_begin();
	faults = (int)syscall(SYS_userfaultfd, 0);
	if (faults < 0)
		return 0; /* forbidden here */
	MUST(ioctl(faults, UFFDIO_API, &api) == 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = {.range = {(uintptr_t)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	MUST(ioctl(faults, UFFDIO_REGISTER, &reg) == 0);
	pthread_t thread = fixture_thread(touch, NULL);
	fixture_sleep(LOOKALIKE_S);
	struct uffdio_zeropage zero = {.range = {(uintptr_t)page, 4096}};
	MUST(ioctl(faults, UFFDIO_ZEROPAGE, &zero) == 0);
	pthread_join(thread, NULL);
	return 0;
}
