/* Preload library of --cure fork-gate: no fork happens while another thread is inside of one of those functions of the C
 * library whose locks glibc does not repair in the child (time zone, resolver, locale, exit handlers, environment, loader,
 * users, random, syslog, iconv, popen).  Around each of them stands a gate: callers pass together, a fork waits until all
 * are out and meanwhile lets nobody in.
 *
 * The gate itself can never lock anybody up for good: every wait in here ends after WAIT_S seconds, and then things go
 * on as they would without it.  So a slow name server delays a fork by at most that much.
 *
 * - A thread that is inside passes again (functions that call each other, signal handlers).
 * - A fork made inside (by popen, or by the constructor of a library that is loaded) does not wait.
 * - Fork handlers of other libraries pass, as they run in the thread that forks.
 * - In the child the gate is as if it had just been made.
 *
 * Does not help: calls that the C library makes itself, statically linked programs, forks made around the C library (raw
 * clone), locks of other libraries.  dlopen is only gated for absolute paths: for others the loader looks at who calls it
 * (RUNPATH), so that call is passed on untouched.  pclose waits for another program and is not gated.  A thread that is
 * cancelled inside, or jumps out of a signal handler, never leaves: from then on every fork waits its WAIT_S seconds. */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <iconv.h>
#include <libintl.h>
#include <limits.h>
#include <linux/futex.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define WAIT_S 5
#define ONE_INSIDE 1u
#define ONE_FORK (1u << 20)
#define INSIDE (ONE_FORK - 1)

static _Atomic uint32_t gate; /* low 20 bits: threads inside; above: forks that wait or go on */
static __thread unsigned depth;
static __thread bool forks;

static void futex_wait(uint32_t seen, const struct timespec *until)
{
	/* Absolute, CLOCK_MONOTONIC. */
	syscall(SYS_futex, &gate, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void futex_wake(void)
{
	syscall(SYS_futex, &gate, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
}

static bool is_over(const struct timespec *until)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > until->tv_sec || (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

static struct timespec deadline(void)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	return until;
}

static void wait_for_forks(void)
{
	struct timespec until = deadline();
	for (uint32_t seen; ((seen = atomic_load(&gate)) & ~INSIDE) != 0 && !is_over(&until);)
		futex_wait(seen, &until);
}

static void enter(void)
{
	int saved = errno;
	if (depth++ != 0 || forks)
		return;
	for (;;) {
		uint32_t seen = atomic_load(&gate);
		if ((seen & ~INSIDE) == 0 && atomic_compare_exchange_weak(&gate, &seen, seen + ONE_INSIDE))
			break;
		if ((seen & ~INSIDE) == 0)
			continue;
		wait_for_forks();
		if ((atomic_load(&gate) & ~INSIDE) == 0)
			continue;
		atomic_fetch_add(&gate, ONE_INSIDE); /* waited long enough */
		break;
	}
	errno = saved;
}

static void leave(void)
{
	int saved = errno;
	if (--depth == 0 && !forks) {
		uint32_t before = atomic_fetch_sub(&gate, ONE_INSIDE);
		if ((before & ~INSIDE) != 0 && (before & INSIDE) == 1)
			futex_wake();
	}
	errno = saved;
}

/* ---- fork ---------------------------------------------------------------------------------------------------------- */

static void before_fork(void)
{
	if (depth != 0)
		return;
	forks = true;
	atomic_fetch_add(&gate, ONE_FORK);
	struct timespec until = deadline();
	for (uint32_t seen; ((seen = atomic_load(&gate)) & INSIDE) != 0 && !is_over(&until);)
		futex_wait(seen, &until);
}

static void after_fork_in_parent(void)
{
	if (!forks)
		return;
	forks = false;
	atomic_fetch_sub(&gate, ONE_FORK);
	futex_wake();
}

static void after_fork_in_child(void)
{
	forks = false;
	atomic_store(&gate, depth != 0 ? ONE_INSIDE : 0);
}

__attribute__((constructor)) static void start(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* ---- the functions ------------------------------------------------------------------------------------------------- */

/* The real one is looked up when this library starts; sooner if the start of another one calls it. */
#define REAL(name) \
	static __typeof__(&name) real_##name; \
	__attribute__((constructor)) static void find_##name(void) \
	{ \
		real_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
	}

#define GATED(type, name, params, args) \
	REAL(name) \
	type name params \
	{ \
		if (real_##name == NULL) \
			find_##name(); \
		enter(); \
		type gated = real_##name args; \
		leave(); \
		return gated; \
	}

#define GATED_VOID(name, params, args) \
	REAL(name) \
	void name params \
	{ \
		if (real_##name == NULL) \
			find_##name(); \
		enter(); \
		real_##name args; \
		leave(); \
	}

int __cxa_atexit(void (*function)(void *), void *arg, void *dso);
void __cxa_finalize(void *dso);
void __vsyslog_chk(int priority, int flag, const char *format, va_list ap);
void __syslog_chk(int priority, int flag, const char *format, ...);

GATED(struct tm *, localtime, (const time_t *t), (t))
GATED(struct tm *, localtime_r, (const time_t *restrict t, struct tm *restrict tm), (t, tm))
GATED(struct tm *, gmtime, (const time_t *t), (t))
GATED(struct tm *, gmtime_r, (const time_t *restrict t, struct tm *restrict tm), (t, tm))
GATED(time_t, mktime, (struct tm *tm), (tm))
GATED(time_t, timelocal, (struct tm *tm), (tm))
GATED(char *, ctime, (const time_t *t), (t))
GATED(char *, ctime_r, (const time_t *restrict t, char *restrict buf), (t, buf))
GATED(size_t, strftime, (char *restrict s, size_t max, const char *restrict format, const struct tm *restrict tm), (s, max, format, tm))
GATED(size_t, strftime_l, (char *restrict s, size_t max, const char *restrict format, const struct tm *restrict tm, locale_t l),
      (s, max, format, tm, l))
GATED(size_t, wcsftime, (wchar_t *restrict s, size_t max, const wchar_t *restrict format, const struct tm *restrict tm),
      (s, max, format, tm))
GATED_VOID(tzset, (void), ())

GATED(int, getaddrinfo,
      (const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints, struct addrinfo **restrict res),
      (node, service, hints, res))
GATED(int, getnameinfo,
      (const struct sockaddr *restrict addr, socklen_t len, char *restrict host, socklen_t host_len, char *restrict service,
       socklen_t service_len, int flags),
      (addr, len, host, host_len, service, service_len, flags))
GATED(struct hostent *, gethostbyname, (const char *name), (name))
GATED(struct hostent *, gethostbyname2, (const char *name, int family), (name, family))
GATED(struct hostent *, gethostbyaddr, (const void *addr, socklen_t len, int family), (addr, len, family))
GATED(int, gethostbyname_r,
      (const char *restrict name, struct hostent *restrict ret, char *restrict buf, size_t len, struct hostent **restrict result,
       int *restrict error),
      (name, ret, buf, len, result, error))
GATED(struct passwd *, getpwnam, (const char *name), (name))
GATED(struct passwd *, getpwuid, (uid_t uid), (uid))
GATED(struct group *, getgrnam, (const char *name), (name))
GATED(struct group *, getgrgid, (gid_t gid), (gid))

GATED(char *, setlocale, (int category, const char *locale), (category, locale))
GATED(locale_t, newlocale, (int mask, const char *locale, locale_t base), (mask, locale, base))
GATED(locale_t, duplocale, (locale_t locale), (locale))
GATED_VOID(freelocale, (locale_t locale), (locale))
GATED(char *, bindtextdomain, (const char *domain, const char *dir), (domain, dir))
GATED(char *, bind_textdomain_codeset, (const char *domain, const char *codeset), (domain, codeset))
GATED(char *, textdomain, (const char *domain), (domain))
GATED(iconv_t, iconv_open, (const char *to, const char *from), (to, from))
GATED(int, iconv_close, (iconv_t cd), (cd))

GATED(int, setenv, (const char *name, const char *value, int replace), (name, value, replace))
GATED(int, unsetenv, (const char *name), (name))
GATED(int, putenv, (char *text), (text))
GATED(int, clearenv, (void), ())
GATED(int, __cxa_atexit, (void (*function)(void *), void *arg, void *dso), (function, arg, dso))
GATED_VOID(__cxa_finalize, (void *dso), (dso))
GATED(int, on_exit, (void (*function)(int, void *), void *arg), (function, arg))

GATED(int, rand, (void), ())
GATED_VOID(srand, (unsigned seed), (seed))
GATED(long, random, (void), ())
GATED_VOID(srandom, (unsigned seed), (seed))

GATED_VOID(openlog, (const char *ident, int option, int facility), (ident, option, facility))
GATED_VOID(closelog, (void), ())
GATED_VOID(vsyslog, (int priority, const char *format, va_list ap), (priority, format, ap))
GATED_VOID(__vsyslog_chk, (int priority, int flag, const char *format, va_list ap), (priority, flag, format, ap))

void syslog(int priority, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsyslog(priority, format, ap);
	va_end(ap);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	__vsyslog_chk(priority, flag, format, ap);
	va_end(ap);
}

GATED(FILE *, popen, (const char *command, const char *mode), (command, mode))
GATED(int, dlclose, (void *handle), (handle))

REAL(dlopen)

static void *open_gated(const char *path, int flags)
{
	enter();
	void *ret = real_dlopen(path, flags);
	leave();
	return ret;
}

/* The last call is a jump (the build asks for it, tests/e2e/shim.py looks): so the loader sees the caller, not us. */
void *dlopen(const char *path, int flags)
{
	if (real_dlopen == NULL)
		find_dlopen();
	if (path != NULL && path[0] == '/')
		return open_gated(path, flags);
	return real_dlopen(path, flags);
}
