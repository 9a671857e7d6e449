/* The little of CPython's bytecode that tells whether code stands between acquire() and release(): loads of attributes and
 * methods, specialised ones too (opcode and dis modules of 3.8 to 3.15; Python/opcode_targets, pycore_opcode_metadata.h).
 * Pure: bytes in, numbers out; any bytes are safe.  Inline caches are not told from instructions: a good guess, no more. */
#ifndef HANGDOG_PARSE_PY_OPS_H
#define HANGDOG_PARSE_PY_OPS_H

#include "hangdog/base.h"

struct hd_py_acquires {
	uint32_t open;       /* acquire() without a release() behind it, in the order of the code */
	size_t since_last;   /* bytes from the last acquire to the end; 0 = none */
	bool is_in_progress; /* what stands at the end is the call of that acquire */
	bool gave_back;      /* a release() without an acquire() behind it ... */
	uint32_t withs_since; /* ... and so many `with` blocks were entered behind it */
};

/* Whose method is loaded: a global or attribute (index of its name), a local variable (index), or it cannot be told. */
enum hd_py_receiver_kind { HD_PY_RECEIVER_UNKNOWN = 0, HD_PY_RECEIVER_NAME, HD_PY_RECEIVER_LOCAL };

struct hd_py_receiver {
	enum hd_py_receiver_kind kind;
	uint32_t index;
};

struct hd_py_receiver_test {
	bool (*is_it)(void *ctx, struct hd_py_receiver receiver);
	void *ctx;
};

/* code: all instructions before the one that is being run.  acquire, release: indexes of the names, UINT32_MAX = not used.  test:
 * which receivers count, NULL = all. */
struct hd_py_acquires hd_py_acquires_count(unsigned minor, const uint8_t *code, size_t len, uint32_t acquire, uint32_t release,
					   const struct hd_py_receiver_test *test);

#endif
