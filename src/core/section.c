#include "core/section.h"

#include <string.h>

struct section {
	const char *lock; /* for people */
	bool is_one;      /* one lock, held for as long as these functions may block; not several, or now and then */
	const char *functions[20]; /* NULL-terminated */
};

/* What fork() itself puts right in the copy (glibc: malloc, streams) is not here. */
static const struct section sections[] = {
	{"the time zone lock of the C library", true,
	 {"localtime", "localtime_r", "mktime", "timelocal", "timegm", "gmtime", "gmtime_r", "tzset", "strftime", "strftime_l", "ctime",
	  "ctime_r", NULL}},
	{"the lock of the environment variables", true, {"getenv", "setenv", "putenv", "unsetenv", "clearenv", NULL}},
	{"the lock of the random numbers", true, {"random", "rand", "srandom", "srand", "initstate", "setstate", NULL}},
	{"the lock of the exit handlers", false, {"exit", "atexit", "on_exit", "__cxa_atexit", "__cxa_finalize", "quick_exit", NULL}},
	{"the lock of syslog", true, {"syslog", "vsyslog", "openlog", "closelog", "__vsyslog_internal", NULL}},
	{"a lock of the name service", false,
	 {"getaddrinfo", "gethostbyname", "gethostbyname_r", "getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getgrnam",
	  "getgrnam_r", "getgrgid", "getgrgid_r", NULL}},
	{"the locale lock of the C library", false,
	 {"setlocale", "newlocale", "duplocale", "freelocale", "dcgettext", "dgettext", "gettext", "dcigettext", NULL}},
	{"the lock of the dynamic loader", false, {"dlopen", "dlmopen", "dlclose", "dl_iterate_phdr", "_dl_open", "_dl_close", NULL}},
};

bool hd_frame_is_runtime(const struct hd_frame *f)
{
	static const char *const modules[] = {"libc.so", "libc-2.", "libpthread", "ld-linux", "ld-musl", "libstdc++", "libc++"};
	return f->module != NULL && hd_begins_with_any(hd_path_base(f->module), modules, HD_COUNTOF(modules));
}

static const struct section *section_find(const char *function)
{
	for (size_t i = 0; function != NULL && i < HD_COUNTOF(sections); i++) {
		for (const char *const *f = sections[i].functions; *f != NULL; f++) {
			if (strcmp(*f, function) == 0)
				return &sections[i];
		}
	}
	return NULL;
}

bool hd_section_same(const char *a, const char *b)
{
	const struct section *section = section_find(a);
	if (a == NULL || b == NULL)
		return false;
	return strcmp(a, b) == 0 || (section != NULL && section == section_find(b));
}

bool hd_section_is_one_lock(const char *function)
{
	const struct section *section = section_find(function);
	return section != NULL && section->is_one;
}

const char *hd_section_of(const struct hd_stack *stack, const char **ret_function)
{
	for (uint32_t i = 0; i < stack->n && stack->at[i].kind == HD_FRAME_NATIVE && hd_frame_is_runtime(&stack->at[i]); i++) {
		const struct hd_frame *f = &stack->at[i];
		const char *name = section_find(f->called_as) != NULL ? f->called_as : f->function;
		const struct section *section = section_find(name);
		if (section == NULL)
			continue;
		*ret_function = name;
		return section->lock;
	}
	return NULL;
}
