/* Where a CPython runtime may lie in the data of a file that has no symbols left: at the cookie of its debug offsets
 * (3.13+, Include/internal/pycore_debug_offsets.h), or around what looks like its list of interpreters, struct pyinterpreters
 * {lock, head, main, next_id} (3.8 to 3.12, Include/internal/pycore_runtime.h). */
#ifndef HANGDOG_PARSE_PY_SCAN_H
#define HANGDOG_PARSE_PY_SCAN_H

#include "parse/py_elf.h"

/* Is it there?  addr: of the runtime if is_runtime, else of the list's head.  True ends the scan. */
typedef bool hd_py_scan_check(void *ctx, uint64_t addr, bool is_runtime);

/* Reads the file's writable segments and at most bss_max bytes of .bss behind each: reading memory that was never used
 * populates page tables.  Bounded in bytes and calls. */
bool hd_py_scan(const struct hd_py_elf *elf, uint64_t bss_max, hd_py_scan_check *check, void *ctx);

#endif
