/* Stack frames, native and Python, as every room passes them on.  Innermost first.  Strings live in the owner's arena. */
#ifndef HANGDOG_FRAME_H
#define HANGDOG_FRAME_H

#include "hangdog/base.h"

enum hd_frame_kind { HD_FRAME_NATIVE = 0, HD_FRAME_PYTHON };

struct hd_frame {
	enum hd_frame_kind kind;
	const char *function; /* demangled; NULL = no symbol.  Python: qualified name where known, else co_name */
	const char *module;   /* native: path of the ELF file, NULL = none (JIT, unknown).  Python: NULL */
	const char *file;     /* source file, NULL = not known */
	int line;             /* 0 = not known */
	bool is_guess;        /* found by frame pointer or scan, not by unwind tables */
	bool is_inlined;
	bool is_signal;       /* a signal trampoline */
	bool is_pyeval;       /* native: an entry of the interpreter's evaluation loop; Python: an entry frame (see merge.h) */
	uint64_t pc, cfa;     /* Python: the instruction, and the address of the frame object */
	uint64_t offset;      /* native: file offset-independent address in the module (pc - load bias).  Python: address of the code object */
	uint64_t eval_sp;     /* Python entry frames (3.12+): an address inside the native frame of their evaluation call; 0 = not known */
	/* Native, for the lock classifier (reference: call-site names survive stripped libcs): the symbol table entry whose
	 * [value, value+size) contains pc, and the public name that the caller called.  Mangled, NULL = none. */
	const char *symbol;
	const char *called_as;
	const char *const *locals; /* Python, only if asked for: "name=repr" texts, NULL-terminated; else NULL */
};

struct hd_stack {
	struct hd_frame *at;
	uint32_t n;
	bool is_complete; /* the walk ended at the thread's start, not just somewhere */
	bool is_partial;  /* cut by a bound */
};

#endif
