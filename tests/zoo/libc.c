/* Locks inside glibc, each held for real: by a FIFO that nobody opens, a callback that stays, a stream that is locked.
 */
#include "zoo.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <locale.h>
#include <malloc.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

static char dir[] = "/tmp/hangdog-zoo-XXXXXX";
static char path[128];

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void remove_dir(void)
{
	unlink(in_dir("zone"));
	unlink(in_dir("xx/LC_CTYPE"));
	rmdir(in_dir("xx"));
	rmdir(dir);
}

/* The time zone file is a FIFO: whoever reads it first keeps the tz lock. */
static void *local_time(void *arg)
{
	time_t now = 0;
	struct tm tm;
	localtime_r(&now, &tm);
	return arg;
}

static void *make_time(void *arg)
{
	struct tm tm = {.tm_year = 100};
	mktime(&tm);
	return arg;
}

/* The folder is taken away once everybody is where they are to be: an open FIFO needs no name. */
static void tz_enter(void *(*fn)(void *), const char *api)
{
	char tz[256];
	if (mkdtemp(dir) == NULL || mkfifo(in_dir("zone"), 0600) != 0)
		exit(77);
	snprintf(tz, sizeof(tz), ":%s", path);
	setenv("TZ", tz, 1);
	zoo_wait_asleep(zoo_thread(make_time, NULL));
	int waiter = zoo_thread(fn, NULL);
	zoo_wait_asleep(waiter);
	remove_dir();
	zoo_say("waiter=%d kind=LIBC owner=0 held=1 releases=0 api=%s family=glibc\n", waiter, api);
}

static void tz_localtime(void)
{
	tz_enter(local_time, "localtime_r");
}

static void tz_mktime(void)
{
	tz_enter(make_time, "mktime");
}

/* A locale whose file is a FIFO: setlocale reads it with its lock held. */
static void *set_locale(void *arg)
{
	setlocale(LC_CTYPE, "xx");
	return arg;
}

static void *new_locale(void *arg)
{
	newlocale(LC_CTYPE_MASK, "xx", NULL);
	return arg;
}

static void locale_enter(void *(*fn)(void *), const char *api)
{
	if (mkdtemp(dir) == NULL || mkdir(in_dir("xx"), 0700) != 0 || mkfifo(in_dir("xx/LC_CTYPE"), 0600) != 0)
		exit(77);
	setenv("LOCPATH", dir, 1);
	int owner = zoo_thread(set_locale, NULL);
	zoo_wait_asleep(owner);
	int waiter = zoo_thread(fn, NULL);
	zoo_wait_asleep(waiter);
	remove_dir();
	zoo_say("waiter=%d kind=RWLOCK_WRITE owner=%d held=1 api=%s\n", waiter, owner, api);
}

static void locale_setlocale(void)
{
	locale_enter(set_locale, "setlocale");
}

static void locale_newlocale(void)
{
	locale_enter(new_locale, "newlocale");
}

/* fflush(NULL) behind a locked stream keeps the list of all streams. */
static void *flush_all(void *arg)
{
	fflush(NULL);
	return arg;
}

static void *open_null(void *arg)
{
	fopen("/dev/null", "r");
	return arg;
}

static void *fork_once(void *arg)
{
	if (fork() == 0)
		_exit(0);
	return arg;
}

static int hold_list(void)
{
	FILE *f = fopen("/dev/null", "w");
	fputc('x', f); /* something to flush */
	flockfile(f);
	int owner = zoo_thread(flush_all, NULL);
	zoo_wait_asleep(owner);
	return owner;
}

static void stream_list_fopen(void)
{
	int owner = hold_list();
	zoo_say("waiter=%d kind=STDIO owner=%d held=1 api=fopen\n", zoo_thread(open_null, NULL), owner);
}

static void stream_list_fork(void)
{
	int owner = hold_list();
	zoo_say("waiter=%d kind=STDIO owner=%d held=1 api=fork\n", zoo_thread(fork_once, NULL), owner);
}

static void stream_flush_all(void)
{
	FILE *f = fopen("/dev/null", "w");
	fputc('x', f);
	flockfile(f);
	zoo_say("waiter=%d kind=STDIO owner=%d held=1 api=fflush\n", zoo_thread(flush_all, NULL), zoo_tid());
}

/* The main arena: a free chunk of the unsorted bin points back to it.  No caller holds it: the word is set by hand,
 * once the thread that is to wait exists (creating one needs the allocator). */
#define BLOCK 100000 /* more than any thread cache keeps, less than what is mapped apart */
static char *volatile spare;
static volatile int go;

static void *allocate(void *arg)
{
	while (!go)
		usleep(100);
	spare = malloc(BLOCK);
	return arg;
}

static void *release(void *arg)
{
	while (!go)
		usleep(100);
	free(arg);
	return NULL;
}

static void arena_enter(bool frees)
{
	mallopt(M_ARENA_MAX, 1);
	char *volatile chunk = malloc(BLOCK);
	char *other = malloc(BLOCK), *volatile guard = malloc(BLOCK);
	(void)guard;
	int waiter = zoo_thread(frees ? release : allocate, other);
	free(chunk);
	int minor = 0;
	sscanf(gnu_get_libc_version(), "2.%d", &minor);
	/* The bins begin behind {mutex, flags, fast bins}; 2.43 has no fast bins any more. */
	char *arena = *(char *volatile *)chunk - (minor >= 43 ? 8 : 96);
	__atomic_store_n((int *)arena, 1, __ATOMIC_SEQ_CST);
	go = 1;
	zoo_say("waiter=%d kind=MALLOC base=%p owner=0 held=1 releases=0 api=%s\n", waiter, (void *)arena,
		frees ? "free" : "malloc");
}

static void arena_malloc(void)
{
	arena_enter(false);
}

static void arena_free(void)
{
	arena_enter(true);
}

/* The callback of dl_iterate_phdr stays, with the loader's write lock held. */
static int stay_in(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)info;
	(void)size;
	(void)arg;
	zoo_stay();
	return 0;
}

static void *iterate_and_stay(void *arg)
{
	dl_iterate_phdr(stay_in, NULL);
	return arg;
}

static void *open_library(void *arg)
{
	dlopen(arg, RTLD_NOW);
	return NULL;
}

static void loader_enter(void *(*fn)(void *), void *arg, const char *api)
{
	int owner = zoo_thread(iterate_and_stay, NULL);
	zoo_wait_asleep(owner);
	zoo_say("waiter=%d kind=LOADER owner=%d held=1 releases=1 recursive=1 api=%s\n", zoo_thread(fn, arg), owner,
		api);
}

static void loader_iterate(void)
{
	loader_enter(iterate_and_stay, NULL, "dl_iterate_phdr");
}

static void loader_dlopen(void)
{
	loader_enter(open_library, "libutil.so.1", "dlopen");
}

#define C(name)                                                                                                        \
	{                                                                                                              \
#name, name                                                                                            \
	}
static const struct zoo_case cases[] = {
	C(tz_localtime),      C(tz_mktime),        C(locale_setlocale), C(locale_newlocale),
	C(stream_list_fopen), C(stream_list_fork), C(stream_flush_all), C(arena_malloc),
	C(arena_free),        C(loader_iterate),   C(loader_dlopen),
};

int main(int argc, char **argv)
{
	return zoo_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
