#include "hangdog/clock.h"

#include <time.h>

#include "hangdog/base.h"

static int64_t now_of(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return now.tv_sec * HD_NS_PER_S + now.tv_nsec;
}

int64_t hd_now_ns(void)
{
	return now_of(CLOCK_MONOTONIC);
}

int64_t hd_now_ms(void)
{
	return hd_now_ns() / HD_NS_PER_MS;
}

int64_t hd_now_real_ns(void)
{
	return now_of(CLOCK_REALTIME);
}

int64_t hd_now_boot_ns(void)
{
	return now_of(CLOCK_BOOTTIME);
}
