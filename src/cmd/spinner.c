#include "cmd/spinner.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hangdog/threads.h"

#define FIRST_MS 1000
#define NEXT_MS 200

/* A thread draws: whoever looks is in the middle of reading and must not be disturbed by a signal. */
struct hd_spinner {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool is_over; /* under `lock` */
	const char *what;
};

static void put(const char *text, int len)
{
	/* A terminal that takes no more costs only this sign. */
	HD_UNUSED ssize_t n = write(STDERR_FILENO, text, (size_t)len);
}

static struct timespec after_ms(struct timespec at, int64_t ms)
{
	int64_t ns = at.tv_nsec + ms % 1000 * HD_NS_PER_MS;
	return (struct timespec){at.tv_sec + ms / 1000 + ns / HD_NS_PER_S, ns % HD_NS_PER_S};
}

/* Until then, or until it is over: false. */
static bool wait_until(struct hd_spinner *s, struct timespec until)
{
	int r = 0;
	while (!s->is_over && r == 0)
		r = pthread_cond_timedwait(&s->told, &s->lock, &until);
	return !s->is_over;
}

static void *spin(void *ctx)
{
	static const char frames[] = "|/-\\";
	struct hd_spinner *s = ctx;
	struct timespec begin, next;
	char line[160];
	unsigned n = 0;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	next = after_ms(begin, FIRST_MS);
	pthread_mutex_lock(&s->lock);
	for (; wait_until(s, next); n++) {
		struct timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		int len = snprintf(line, sizeof(line), "\rhangdog: %c %s, %lld s\033[K", frames[n % 4], s->what, (long long)(now.tv_sec - begin.tv_sec));
		put(line, len < (int)sizeof(line) ? len : (int)sizeof(line) - 1);
		next = after_ms(now, NEXT_MS);
	}
	if (n > 0)
		put("\r\033[K", 4);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static bool is_wanted(const struct hd_options *options)
{
	const char *term = getenv("TERM");
	return !options->quiet && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

struct hd_spinner *hd_spinner_start(const struct hd_options *options, const char *what)
{
	struct hd_spinner *s = is_wanted(options) ? calloc(1, sizeof(*s)) : NULL;
	pthread_condattr_t attr;
	if (s == NULL)
		return NULL;
	s->what = what;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->told, &attr);
	pthread_condattr_destroy(&attr);
	if (hd_thread_start(&s->thread, spin, s) == 0)
		return s;
	free(s);
	return NULL;
}

void hd_spinner_stop(struct hd_spinner *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_over = true;
	pthread_cond_signal(&s->told);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->told);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
