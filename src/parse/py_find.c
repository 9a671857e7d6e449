/* Finding _PyRuntime and the version (reference: cpython.md section 1). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse/py_elf.h"
#include "parse/py_reader.h"

#define SCAN_MAX (16u << 20) /* bytes of one file's data that are searched */
#define SCAN_STEP 65536u
#define RELEASE_FINAL 0xf

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

/* The file's own data and .bss only, never beyond: reading untouched memory would populate it. */
static bool version_scan(const struct hd_py_elf *elf, struct version *ret)
{
	HD_CLEAN_PTR char *chunk = malloc(SCAN_STEP);
	for (uint32_t i = 0; chunk != NULL && i < elf->n_writable; i++) {
		uint64_t end = elf->writable[i].end;
		if (end - elf->writable[i].start > SCAN_MAX)
			end = elf->writable[i].start + SCAN_MAX;
		/* Steps overlap by 64 bytes, which the text fits in. */
		for (uint64_t at = elf->writable[i].start; at < end; at += SCAN_STEP - 64) {
			size_t len = end - at < SCAN_STEP ? (size_t)(end - at) : SCAN_STEP;
			if (hd_mem_read(elf->mem, at, chunk, len) == 0 && version_in_chunk(chunk, len, ret))
				return true;
		}
	}
	return false;
}

static bool is_named_python(const struct hd_map *map)
{
	const char *base = strrchr(map->path, '/') + 1;
	return strncmp(base, "python", 6) == 0 || strncmp(base, "libpython", 9) == 0;
}

/* The file's own tables may be large: they are not worth reading for a dynamic executable of another name, which must
 * export the symbol if extension modules are to work. */
static bool runtime_find(const struct hd_py_elf *elf, uint64_t *ret)
{
	return hd_py_elf_dynsym(elf, "_PyRuntime", ret) || ((elf->dynamic == 0 || is_named_python(elf->map)) &&
							    hd_py_elf_file(elf, "_PyRuntime", ".PyRuntime", ret));
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
	if (version_scan(elf, ret))
		return true;
	return hd_py_elf_file(elf, "Py_Version", NULL, &addr) && hd_mem_u64(elf->mem, addr, &hex) == 0 &&
	       version_from_hex(hex, ret);
}

/* Does the table fit what is there?  Interpreter, newest thread state and back again; a dead second copy of the library
 * has no interpreter. */
static bool runtime_is_sane(struct hd_python *py)
{
	uint64_t interp, tstate, owner, prev;
	return hd_py_u64(py, py->runtime + (uint64_t)py->at.rt_interpreters, &interp) && interp != 0 &&
	       hd_py_u64(py, interp + (uint64_t)py->at.interp_threads, &tstate) && tstate != 0 &&
	       hd_py_u64(py, tstate + (uint64_t)py->at.ts_interp, &owner) && owner == interp &&
	       hd_py_u64(py, tstate + (uint64_t)py->at.ts_prev, &prev) && prev == 0;
}

static bool runtime_open(struct hd_python *py, const struct hd_py_elf *elf)
{
	uint8_t debug[HD_PY_DEBUG_BYTES];
	struct version version;
	if (!runtime_find(elf, &py->runtime))
		return false;
	size_t debug_len = hd_mem_read(elf->mem, py->runtime, debug, sizeof(debug)) == 0 ? sizeof(debug) : 0;
	if (!version_find(elf, debug, debug_len, &version) ||
	    hd_py_layout_get(version.minor, version.is_free_threaded, &py->at) < 0 ||
	    (version.minor >= 13 && hd_py_layout_overlay(&py->at, debug, debug_len) < 0))
		return false;
	snprintf(py->version, sizeof(py->version), "3.%u.%u", version.minor, version.micro);
	hd_py_begin(py, elf->mem, NULL);
	return runtime_is_sane(py);
}

/* Where an interpreter may lie: first the executable (as a rule the first file mapped) and files called so, in this
 * order as the dynamic linker binds; then whatever else is no shared library, an executable that embeds one. */
static bool map_is_candidate(const struct hd_maps *maps, size_t i, bool is_second_pass)
{
	const struct hd_map *map = &maps->at[i];
	if (map->offset != 0 || !map->readable || map->path[0] != '/')
		return false;
	const char *base = strrchr(map->path, '/') + 1;
	bool is_first = i == 0 || is_named_python(map);
	return is_second_pass ? !is_first && strstr(base, ".so") == NULL : is_first;
}

struct hd_python *hd_py_new(void)
{
	struct hd_python *py = calloc(1, sizeof(*py));
	if (py == NULL)
		abort();
	py->pages = calloc(HD_PY_PAGES, sizeof(*py->pages));
	py->codes = calloc(HD_PY_CODES_MAX * 2, sizeof(struct hd_py_code *));
	if (py->pages == NULL || py->codes == NULL)
		abort();
	return py;
}

int hd_python_find(struct hd_mem *mem, const struct hd_maps *maps, struct hd_elf_port *elf_port, struct hd_python **ret)
{
	struct hd_py_elf elf;
	struct hd_python *py = hd_py_new();
	for (size_t k = 0; maps->n > 0 && k < 2 * maps->n; k++) {
		size_t i = k % maps->n;
		if (map_is_candidate(maps, i, k >= maps->n) && hd_py_elf_open(mem, elf_port, &maps->at[i], &elf) == 0 &&
		    runtime_open(py, &elf)) {
			*ret = py;
			return 0;
		}
	}
	hd_python_free(py);
	return -ENOENT;
}

void hd_python_free(struct hd_python *py)
{
	if (py == NULL)
		return;
	hd_py_code_free_all(py);
	free(py->codes);
	free(py->pages);
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
