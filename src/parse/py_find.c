/* Finding _PyRuntime and the version (reference: cpython.md section 1). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse/py_elf.h"
#include "parse/py_reader.h"
#include "parse/py_scan.h"

#define SCAN_MAX (16u << 20) /* bytes of one file's data that are searched */
#define SCAN_STEP 65536u
#define RELEASE_FINAL 0xf
/* What is read of a program that has nothing of Python in its mappings. */
#define UNLIKELY_TABLE_MAX (4u << 20) /* bytes of its symbol table */
#define UNLIKELY_BSS_MAX (1u << 20)
/* An interpreter that a library hides has at least so much of its own (3.8.18: 393 KB), most libraries have less. */
#define HIDDEN_DATA_MIN (256u << 10)

struct version {
	unsigned minor, micro;
	bool is_free_threaded;
};

/* PY_VERSION_HEX; alphas, betas and candidates have layouts of their own. */
static bool version_from_hex(uint64_t hex, struct version *ret)
{
	if (hex >> 24 != 3 || (hex >> 4 & 0xf) != RELEASE_FINAL)
		return false;
	ret->minor = (unsigned)(hex >> 16 & 0xff);
	ret->micro = (unsigned)(hex >> 8 & 0xff);
	return true;
}

/* The start of Py_GetVersion()'s buffer: "3.9.2 (default, ...", "3.10.4+ (heads...", "3.8.5 | packaged by conda". */
static bool version_from_text(const char *p, const char *end, struct version *ret)
{
	unsigned number[2] = {0};
	if (end - p < 2 || p[0] != '3' || p[1] != '.')
		return false;
	p += 2;
	for (unsigned i = 0; i < 2; i++) {
		const char *digits = p;
		for (; p < end && isdigit((unsigned char)*p) && p - digits < 3; p++)
			number[i] = number[i] * 10 + (unsigned)(*p - '0');
		if (p == digits || (i == 0 && (p == end || *p++ != '.')))
			return false;
	}
	if (p < end && *p == '+') /* built from a version control checkout after the release */
		p++;
	if (end - p < 2 || p[0] != ' ' || strchr("(|[", p[1]) == NULL)
		return false;
	*ret = (struct version){.minor = number[0], .micro = number[1]};
	return true;
}

static bool version_in_chunk(const char *chunk, size_t len, struct version *ret)
{
	for (const char *p = chunk; (p = memchr(p, '3', len - (size_t)(p - chunk))) != NULL; p++) {
		if ((p == chunk || p[-1] == '\0') && version_from_text(p, chunk + len, ret))
			return true;
	}
	return false;
}

static bool version_in_range(struct hd_mem *mem, uint64_t start, uint64_t end, char chunk[SCAN_STEP], struct version *ret)
{
	/* Steps overlap by 64 bytes, which the text fits in. */
	for (uint64_t at = start; at < end; at += SCAN_STEP - 64) {
		size_t len = end - at < SCAN_STEP ? (size_t)(end - at) : SCAN_STEP;
		if (hd_mem_read(mem, at, chunk, len) == 0 && version_in_chunk(chunk, len, ret))
			return true;
	}
	return false;
}

/* The file's own data and .bss only, never beyond: reading untouched memory would populate it. */
static bool version_scan(const struct hd_py_elf *elf, uint64_t max, bool in_bss_only, struct version *ret)
{
	char *chunk = malloc(SCAN_STEP);
	bool found = false;
	for (uint32_t i = 0; chunk != NULL && i < elf->n_writable && !found; i++) {
		uint64_t start = in_bss_only ? elf->writable[i].file_end : elf->writable[i].start, end = elf->writable[i].end;
		if (end > start)
			found = version_in_range(elf->mem, start, end - start > max ? start + max : end, chunk, ret);
	}
	free(chunk);
	return found;
}

static bool is_named_python(const struct hd_map *map)
{
	return strncmp(hd_path_base(map->path), "python", 6) == 0 || strncmp(hd_path_base(map->path), "libpython", 9) == 0;
}

/* The version decides the table, so it must be known, not guessed: the debug offsets tell it (3.13+), Py_Version does
 * (3.11+), and before that only the text that Py_GetVersion left in memory. */
static bool version_find(const struct hd_py_elf *elf, const uint8_t *debug, size_t debug_len, struct version *ret)
{
	uint64_t hex, addr;
	*ret = (struct version){0};
	if (hd_py_layout_debug_version(debug, debug_len, &hex, &ret->is_free_threaded) ||
	    (hd_py_elf_dynsym(elf, "Py_Version", &addr) && hd_mem_u64(elf->mem, addr, &hex) == 0))
		return version_from_hex(hex, ret);
	if (version_scan(elf, SCAN_MAX, false, ret))
		return true;
	return hd_py_elf_file(elf, "Py_Version", NULL, &addr) && hd_mem_u64(elf->mem, addr, &hex) == 0 &&
	       version_from_hex(hex, ret);
}

/* Does the table fit what is there?  Interpreter, newest thread state and back again; a dead second copy of the library
 * has no interpreter. */
static bool runtime_is_sane(struct hd_python *py, uint64_t *ret_tstate)
{
	uint64_t interp, owner, prev;
	return hd_py_u64(py, py->runtime + (uint64_t)py->at.rt_interpreters, &interp) && interp != 0 &&
	       hd_py_u64(py, interp + (uint64_t)py->at.interp_threads, ret_tstate) && *ret_tstate != 0 &&
	       hd_py_u64(py, *ret_tstate + (uint64_t)py->at.ts_interp, &owner) && owner == interp &&
	       hd_py_u64(py, *ret_tstate + (uint64_t)py->at.ts_prev, &prev) && prev == 0;
}

enum found {
	FOUND_NOTHING,
	FOUND_ASLEEP, /* a runtime without interpreter: not started yet, ended, or a second copy of the library */
	FOUND_STRANGE, /* one of a version that is not known */
	FOUND_LIVE,
};

static enum found runtime_open(struct hd_python *py, const struct hd_py_elf *elf, uint64_t runtime)
{
	uint8_t debug[HD_PY_DEBUG_BYTES];
	struct version version;
	uint64_t tstate;
	size_t debug_len = hd_mem_read(elf->mem, runtime, debug, sizeof(debug)) == 0 ? sizeof(debug) : 0;
	py->runtime = runtime;
	if (!version_find(elf, debug, debug_len, &version))
		return FOUND_ASLEEP; /* the text is not there before somebody asks for it */
	if (hd_py_layout_get(version.minor, version.is_free_threaded, &py->at) < 0 ||
	    (version.minor >= 13 && hd_py_layout_overlay(&py->at, debug, debug_len) < 0))
		return FOUND_STRANGE;
	snprintf(py->version, sizeof(py->version), "3.%u.%u", version.minor, version.micro);
	hd_py_begin(py, elf->mem, NULL);
	return runtime_is_sane(py, &tstate) ? FOUND_LIVE : FOUND_ASLEEP;
}

/* ---- by symbol ---- */

enum effort {
	EFFORT_NAMED,  /* the executable (as a rule the first file mapped) and files that are called python, in this order, as
			* the dynamic linker binds */
	EFFORT_OTHERS, /* whatever else exports the symbol or has the section: programs that embed an interpreter */
	EFFORT_SCAN,   /* stripped of everything: by what the data look like */
	EFFORT_HIDDEN, /* the same, in a library that nothing gives away: a plugin with an interpreter that exports nothing */
	EFFORTS
};

/* Libraries that hold an interpreter export it, or have been stripped. */
static bool runtime_find(const struct hd_py_elf *elf, uint64_t *ret)
{
	bool is_library = strstr(hd_path_base(elf->map->path), ".so") != NULL && !is_named_python(elf->map);
	return hd_py_elf_dynsym(elf, "_PyRuntime", ret) ||
	       hd_py_elf_file(elf, is_library ? NULL : "_PyRuntime", ".PyRuntime", ret);
}

/* ---- by looks ---- */

#define COOKIELESS 5u /* 3.8 to 3.12 */

struct scan {
	struct hd_python *py;
	const struct hd_py_elf *elf;
	enum found found;
	struct hd_py_layout tables[COOKIELESS];
};

/* Some table must fit before the version is searched for: that takes longer. */
static bool fits_some_table(struct scan *scan, uint64_t interpreters)
{
	struct hd_python *py = scan->py;
	uint64_t interp, tstate, owner;
	if (!hd_py_u64(py, interpreters, &interp))
		return false;
	for (unsigned i = 0; i < COOKIELESS; i++) {
		const struct hd_py_layout *at = &scan->tables[i];
		if (!hd_py_u64(py, interp + (uint64_t)at->interp_threads, &tstate) || tstate % 8 != 0 ||
		    !hd_py_u64(py, tstate + (uint64_t)at->ts_interp, &owner) || owner != interp)
			continue;
		py->at = *at;
		py->runtime = interpreters - (uint64_t)at->rt_interpreters;
		if (runtime_is_sane(py, &tstate))
			return true;
	}
	return false;
}

/* What only looks like a runtime must also hold a thread whose stack can be read to its end, and whose control block points to
 * itself, as every C library has it. */
static bool is_convincing(struct hd_python *py, const struct hd_py_elf *elf)
{
	struct hd_py_thread thread = {0};
	uint64_t tstate, self;
	struct hd_arena *arena = hd_arena_new();
	hd_py_begin(py, elf->mem, arena);
	bool ok = runtime_is_sane(py, &tstate) && hd_py_thread_read(py, tstate, &thread) && thread.thread_id != 0 &&
		  hd_py_u64(py, thread.thread_id, &self) && self == thread.thread_id;
	hd_arena_free(arena);
	hd_py_begin(py, elf->mem, NULL);
	return ok;
}

static bool scan_check(void *ctx, uint64_t addr, bool is_runtime)
{
	struct scan *scan = ctx;
	struct hd_python *py = scan->py;
	if (!is_runtime && !fits_some_table(scan, addr))
		return false;
	enum found found = runtime_open(py, scan->elf, is_runtime ? addr : py->runtime);
	/* Only the version tells where in the runtime the list of interpreters lies. */
	if (!is_runtime && found != FOUND_NOTHING && py->version[0] != '\0')
		found = runtime_open(py, scan->elf, addr - (uint64_t)py->at.rt_interpreters);
	if (found == FOUND_LIVE && !is_convincing(py, scan->elf))
		found = FOUND_ASLEEP; /* or caught while it changed */
	if (found > scan->found)
		scan->found = found;
	return found == FOUND_LIVE;
}

/* ---- where ---- */

/* Does anything of Python's own library lie in this process? */
static bool maps_hint(const struct hd_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		const char *path = maps->at[i].path;
		if (strstr(path, "/python3.") != NULL || strstr(path, "libpython3") != NULL || strstr(path, ".cpython-3") != NULL)
			return true;
	}
	return false;
}

/* The executable, as a rule.  The arenas of a free-threaded build lie below it. */
static size_t first_file(const struct hd_maps *maps)
{
	size_t i = 0;
	while (i < maps->n && maps->at[i].path[0] != '/')
		i++;
	return i;
}

static bool is_candidate(const struct hd_map *map, bool is_executable, enum effort effort, bool is_hinted)
{
	bool is_first = is_executable || is_named_python(map);
	if (map->offset != 0 || !map->readable || map->path[0] != '/')
		return false;
	switch (effort) {
	case EFFORT_NAMED:
		return is_first;
	case EFFORT_SCAN:
		return is_first || is_hinted;
	case EFFORT_HIDDEN:
		return !is_first && !is_hinted;
	default:
		return !is_first;
	}
}

/* Only the text that Py_GetVersion left there makes a library worth a search for the rest. */
static bool may_hide_one(const struct hd_py_elf *elf)
{
	struct version version;
	uint64_t size = 0;
	for (uint32_t i = 0; i < elf->n_writable; i++)
		size += elf->writable[i].end - elf->writable[i].start;
	return size >= HIDDEN_DATA_MIN && version_scan(elf, UNLIKELY_BSS_MAX, true, &version);
}

static enum found file_open(struct hd_python *py, struct hd_py_elf *elf, enum effort effort, bool is_hinted)
{
	uint64_t runtime;
	bool is_likely = is_hinted || is_named_python(elf->map);
	py->version[0] = '\0';
	if (!is_likely)
		elf->tables_max = UNLIKELY_TABLE_MAX;
	if (effort < EFFORT_SCAN)
		return runtime_find(elf, &runtime) ? runtime_open(py, elf, runtime) : FOUND_NOTHING;
	if (effort == EFFORT_HIDDEN && !may_hide_one(elf))
		return FOUND_NOTHING;
	struct scan scan = {.py = py, .elf = elf};
	for (unsigned i = 0; i < COOKIELESS; i++)
		HD_ASSERT(hd_py_layout_get(8 + i, false, &scan.tables[i]) == 0);
	hd_py_begin(py, elf->mem, NULL);
	hd_py_scan(elf, is_likely ? SCAN_MAX : UNLIKELY_BSS_MAX, scan_check, &scan);
	return scan.found;
}

struct hd_python_cache *hd_python_cache_new(void)
{
	struct hd_python_cache *cache = calloc(1, sizeof(*cache));
	if (cache == NULL)
		abort();
	return cache;
}

void hd_python_cache_free(struct hd_python_cache *cache)
{
	free(cache);
}

void hd_python_lend(struct hd_python *py, struct hd_python_cache *cache)
{
	/* What is marked with the number of an earlier call must never look like that of a later one. */
	if (cache->session < py->session)
		cache->session = py->session;
	if (!py->is_cache_lent)
		hd_python_cache_free(py->cache);
	py->cache = cache;
	py->is_cache_lent = true;
}

struct hd_python *hd_py_new(void)
{
	struct hd_python *py = calloc(1, sizeof(*py));
	if (py == NULL)
		abort();
	py->cache = hd_python_cache_new();
	py->codes = calloc((size_t)HD_PY_CODES_MAX * 2, sizeof(struct hd_py_code *));
	if (py->codes == NULL)
		abort();
	return py;
}

int hd_python_find(struct hd_mem *mem, const struct hd_maps *maps, struct hd_elf_port *elf_port, struct hd_python **ret)
{
	struct hd_py_elf elf;
	struct hd_python *py = hd_py_new();
	bool is_hinted = maps_hint(maps);
	size_t first = first_file(maps);
	enum found best = FOUND_NOTHING;
	for (size_t k = 0; k < EFFORTS * maps->n && best < FOUND_STRANGE; k++) {
		size_t i = k % maps->n;
		enum effort effort = (enum effort)(k / maps->n);
		if (effort >= EFFORT_SCAN && best != FOUND_NOTHING)
			break;
		if (!is_candidate(&maps->at[i], i == first, effort, is_hinted) || hd_py_elf_open(mem, elf_port, &maps->at[i], &elf) < 0)
			continue;
		enum found found = file_open(py, &elf, effort, is_hinted);
		best = found > best ? found : best;
	}
	if (best == FOUND_LIVE) {
		*ret = py;
		return 0;
	}
	hd_python_free(py);
	return best == FOUND_ASLEEP ? -EAGAIN : -ENOENT;
}

void hd_python_free(struct hd_python *py)
{
	if (py == NULL)
		return;
	hd_py_code_free_all(py);
	free(py->codes);
	if (!py->is_cache_lent)
		hd_python_cache_free(py->cache);
	free(py);
}

const char *hd_python_version(const struct hd_python *py)
{
	return py->version;
}

bool hd_python_is_free_threaded(const struct hd_python *py)
{
	return py->at.is_free_threaded;
}
