#include "parse/lock_names.h"

#include <string.h>

#define FRAMES_MAX 64u
#define ENTRY_FRAMES 4u
#define NAME_MAX_LEN 256u

enum match { EXACT, PREFIX, INNER, PARTS };

struct name_row {
	enum match match;
	const char *text, *second;
	enum hd_lock_api api;
	const char *family, *name;
};

static const struct name_row name_rows[] = {
#define E(match, text, second, api, family, name) {match, text, second, api, family, name},
#include "parse/lock_names.def"
#undef E
};

enum module_kind { MODULE_OTHER = 0, MODULE_GLIBC, MODULE_MUSL, MODULE_RUNTIME };

struct module_row {
	const char *prefix; /* of the file name */
	enum module_kind kind;
	enum hd_lock_api api; /* what a wait below this module means when no name says more */
	const char *family;
};

/* glibc before 2.34 has libpthread apart and versions in file names; musl's loader is its C library. */
static const struct module_row module_rows[] = {
	{"ld-musl-", MODULE_MUSL, HD_API_NONE, "musl"},
	{"libc.musl", MODULE_MUSL, HD_API_NONE, "musl"},
	{"libc.so.6", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"libc-2.", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"libpthread", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"ld-linux", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"ld-2.", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"librt", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"libdl", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"libresolv", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"libnss_", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"libanl", MODULE_GLIBC, HD_API_NONE, "glibc"},
	{"libstdc++", MODULE_RUNTIME, HD_API_NONE, "libstdc++"},
	{"libc++", MODULE_RUNTIME, HD_API_NONE, "libc++"},
	{"libgcc_s", MODULE_RUNTIME, HD_API_NONE, "libgcc"},
	{"libunwind", MODULE_RUNTIME, HD_API_NONE, "libunwind"},
	{"libabsl_", MODULE_RUNTIME, HD_API_NONE, "absl"},
	{"libgomp", MODULE_RUNTIME, HD_API_TEAM, "libgomp"},
	{"libomp", MODULE_RUNTIME, HD_API_TEAM, "libomp"},
	{"libiomp5", MODULE_RUNTIME, HD_API_TEAM, "libomp"},
	{"libtbb", MODULE_RUNTIME, HD_API_TEAM, "tbb"},
	{"libjemalloc", MODULE_RUNTIME, HD_API_MALLOC, "jemalloc"},
	{"libtcmalloc", MODULE_RUNTIME, HD_API_MALLOC, "gperftools"},
	{"libmimalloc", MODULE_RUNTIME, HD_API_MALLOC, "mimalloc"},
	{"libpython", MODULE_OTHER, HD_API_NONE, "cpython"},
	{"_multiprocessing.", MODULE_OTHER, HD_API_MP_SEM, "cpython"},
};

/* Entry points of threads and processes are below the program's code when seen from outside: never the locking call. */
static const char *const not_calls[] = {
	"libc_start_main", "libc_start_call_main", "start_thread", "clone", "clone3", "start", "thread_start",
	"start_c",         "cond_wait_cleanup"};

static const struct module_row *module_find(const char *path)
{
	static const struct module_row musl_libc = {"libc.so", MODULE_MUSL, HD_API_NONE, "musl"};
	static const struct module_row python = {"python", MODULE_OTHER, HD_API_NONE, "cpython"};
	if (path == NULL)
		return NULL;
	const char *file = hd_path_base(path);
	/* glibc's libc.so is a linker script and never mapped; musl's is the library. */
	if (strcmp(file, "libc.so") == 0)
		return &musl_libc;
	/* "python3.11", but not "python_service". */
	if (strncmp(file, "python", 6) == 0 && file[6 + strspn(file + 6, "0123456789.dmt")] == '\0')
		return &python;
	for (size_t i = 0; i < HD_COUNTOF(module_rows); i++) {
		if (strncmp(file, module_rows[i].prefix, strlen(module_rows[i].prefix)) == 0)
			return &module_rows[i];
	}
	return NULL;
}

/* "__GI___pthread_mutex_lock.part.0@@GLIBC_2.2.5" -> "pthread_mutex_lock".  Go's dots are part of the name. */
static void name_normalize(const char *raw, char ret[NAME_MAX_LEN])
{
	raw += strspn(raw, "_");
	if (strncmp(raw, "GI_", 3) == 0)
		raw += 3 + strspn(raw + 3, "_");
	size_t len = strcspn(raw, "@");
	if (strncmp(raw, "runtime.", 8) != 0) {
		size_t dot = strcspn(raw, ".");
		len = dot < len ? dot : len;
	}
	if (len >= NAME_MAX_LEN)
		len = NAME_MAX_LEN - 1;
	memcpy(ret, raw, len);
	ret[len] = '\0';
}

/* Identifiers that C reserves for the implementation: "__x" and "_X". */
static bool is_reserved(const char *raw)
{
	return raw[0] == '_' && (raw[1] == '_' || (raw[1] >= 'A' && raw[1] <= 'Z'));
}

/* Rows without a family are the C library's. */
static bool is_at_home(const struct name_row *row, const struct module_row *module)
{
	if (module == NULL)
		return false;
	return row->family != NULL ? strcmp(row->family, module->family) == 0
				   : module->kind == MODULE_GLIBC || module->kind == MODULE_MUSL;
}

static bool row_matches(const struct name_row *row, const char *raw, const char *plain, const struct module_row *module)
{
	const char *first;
	switch (row->match) {
	case INNER:
		return strncmp(plain, row->text, strlen(row->text)) == 0 &&
		       ((row->family == NULL && strcmp(plain, row->text) == 0) || is_reserved(raw) ||
			is_at_home(row, module));
	case EXACT:
		return strcmp(plain, row->text) == 0;
	case PREFIX:
		return strncmp(plain, row->text, strlen(row->text)) == 0;
	case PARTS:
		first = strstr(raw, row->text);
		return first != NULL && strstr(first + strlen(row->text), row->second) != NULL;
	}
	return false;
}

static const struct name_row *name_find(const char *raw, const char *plain, const struct module_row *module)
{
	for (size_t i = 0; i < HD_COUNTOF(name_rows); i++) {
		if (row_matches(&name_rows[i], raw, plain, module))
			return &name_rows[i];
	}
	return NULL;
}

static bool is_entry_point(const char *plain)
{
	for (size_t i = 0; i < HD_COUNTOF(not_calls); i++) {
		if (strcmp(plain, not_calls[i]) == 0)
			return true;
	}
	return false;
}

/* musl and glibc share their public names; these inner ones tell them apart in static programs. */
static enum hd_lock_libc libc_of_name(const char *raw)
{
	static const char *const glibc[] = {"__lll_lock_wait",
					    "__futex_",
					    "futex_wait",
					    "___pthread_",
					    "__new_sem_wait",
					    "__GI_",
					    "__pthread_cond_wait_common",
					    "__pthread_mutex_lock_full",
					    "__pthread_clockjoin_ex",
					    "__pthread_once_slow",
					    "__libc_start_call_main",
					    "start_thread",
					    "__lll_"};
	static const char *const musl[] = {"__timedwait",
					   "__syscall_cp",
					   "__cp_begin",
					   "sccp",
					   "__lockfile",
					   "__pthread_timedjoin_np",
					   "libc_start_main_stage2",
					   "__pthread_once_full",
					   "_start_c"};
	if (strcmp(raw, "start") == 0)
		return HD_LIBC_MUSL; /* static in src/thread/pthread_create.c */
	if (hd_begins_with_any(raw, glibc, HD_COUNTOF(glibc)))
		return HD_LIBC_GLIBC;
	if (hd_begins_with_any(raw, musl, HD_COUNTOF(musl)))
		return HD_LIBC_MUSL;
	return HD_LIBC_UNKNOWN;
}

static void hit_add(struct hd_lock_hit *hits, uint32_t *n, struct hd_lock_hit hit)
{
	/* Full: the outermost is worth more than the one before it. */
	if (*n == HD_LOCK_HITS_MAX)
		(*n)--;
	hits[(*n)++] = hit;
}

static void calls_add(struct hd_lock_calls *calls, struct hd_lock_hit hit)
{
	if (hit.api == HD_API_PLAIN)
		calls->has_plain = true;
	else if (hit.api != HD_API_NONE && hit.api <= HD_API_LAST_PRIMITIVE)
		hit_add(calls->primitive, &calls->n_primitives, hit);
	else if (hit.api > HD_API_PLAIN && hit.api != HD_API_GLUE)
		hit_add(calls->caller, &calls->n_callers, hit);
}

/* One name of a frame: is it one that means something?  false = nothing known about it.  Any function of the C library
 * counts, but not if the frame itself is a guess: stale return addresses name functions that were called long ago. */
static bool take_name(const char *raw, const struct hd_frame *frame, const struct module_row *module,
		      struct hd_arena *arena, struct hd_lock_calls *calls)
{
	char plain[NAME_MAX_LEN];
	if (raw == NULL || raw[0] == '\0')
		return false;
	name_normalize(raw, plain);
	if (is_entry_point(plain))
		return false;
	if (calls->libc == HD_LIBC_UNKNOWN)
		calls->libc = libc_of_name(raw);
	const struct name_row *row = name_find(raw, plain, module);
	bool in_libc = module != NULL && (module->kind == MODULE_GLIBC || module->kind == MODULE_MUSL);
	if (row == NULL && (!in_libc || frame->is_guess))
		return false;
	struct hd_lock_hit hit = {.api = row != NULL ? row->api : HD_API_LIBC};
	hit.family = row != NULL && row->family != NULL ? row->family : module != NULL ? module->family : NULL;
	hit.name = row != NULL && row->name != NULL ? row->name : hd_arena_str(arena, raw[0] == '_' ? raw : plain);
	calls_add(calls, hit);
	if (hit.api != HD_API_PLAIN && hit.api != HD_API_GLUE)
		calls->outermost = hit.name;
	return true;
}

static bool take_frame(const struct hd_frame *frame, struct hd_arena *arena, struct hd_lock_calls *calls)
{
	const struct module_row *module = module_find(frame->module);
	enum module_kind kind = module != NULL ? module->kind : MODULE_OTHER;
	if (calls->libc == HD_LIBC_UNKNOWN && kind == MODULE_GLIBC)
		calls->libc = HD_LIBC_GLIBC;
	if (calls->libc == HD_LIBC_UNKNOWN && kind == MODULE_MUSL)
		calls->libc = HD_LIBC_MUSL;
	/* What a function is comes before what it was called: the outer view, its public name, is met last. */
	bool known = take_name(frame->symbol, frame, module, arena, calls);
	if (frame->called_as != NULL && (frame->symbol == NULL || strcmp(frame->symbol, frame->called_as) != 0))
		known |= take_name(frame->called_as, frame, module, arena, calls);
	if (module != NULL && module->api != HD_API_NONE) {
		calls_add(calls, (struct hd_lock_hit){.api = module->api, .name = NULL, .family = module->family});
		known = true;
	}
	return known || kind != MODULE_OTHER;
}

void hd_lock_calls_find(const struct hd_stack *stack, struct hd_arena *arena, struct hd_lock_calls *ret)
{
	*ret = (struct hd_lock_calls){0};
	uint32_t n = stack == NULL ? 0 : stack->n < FRAMES_MAX ? stack->n : FRAMES_MAX;
	for (uint32_t i = 0; i < n; i++) {
		const struct hd_frame *frame = &stack->at[i];
		if (frame->kind != HD_FRAME_NATIVE || frame->is_signal)
			break;
		if (!take_frame(frame, arena, ret)) {
			const struct module_row *module = module_find(frame->module);
			ret->beyond = module != NULL ? module->family : NULL;
			break;
		}
		if (frame->cfa > ret->runtime_end)
			ret->runtime_end = frame->cfa;
	}
	/* A static program: the entry points, outermost, are the C library's own too. */
	uint32_t end = stack == NULL ? 0 : stack->n;
	for (uint32_t i = end; i-- > 0 && end - i <= ENTRY_FRAMES && ret->libc == HD_LIBC_UNKNOWN;) {
		if (stack->at[i].symbol != NULL)
			ret->libc = libc_of_name(stack->at[i].symbol);
	}
}
