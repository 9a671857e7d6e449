/* What the files of the CPython reader share: one interpreter's state, cached reads, objects, code.  All reads go
 * through a cache of whole pages that is emptied at the start of every public call: one call sees each page once, and
 * neighbours in CPython's arenas cost nothing.  Nothing is written to the target, nothing in it is called. */
#ifndef HANGDOG_PARSE_PY_READER_H
#define HANGDOG_PARSE_PY_READER_H

#include "hangdog/arena.h"
#include "hangdog/buf.h"
#include "hangdog/python.h"
#include "parse/py_layout.h"

#define HD_PY_PAGES 128u            /* pages kept during one call */
#define HD_PY_THREADS_MAX 4096u     /* per call; over a bound the result says that it is not complete */
#define HD_PY_FRAMES_MAX 2048u      /* per thread, */
#define HD_PY_DEEP_FRAMES_MAX 65536u /* by hd_python_deep */
#define HD_PY_ALL_FRAMES_MAX 131072u /* per call */
#define HD_PY_CODES_MAX 4096u       /* code objects remembered */
#define HD_PY_CODE_BYTES_MAX (32u << 20)
#define HD_PY_TABLE_MAX (1u << 20)  /* bytes of one line table */
#define HD_PY_TEXT_MAX 1024u        /* characters of a str */
#define HD_PY_ENTRIES_MAX 65536u    /* of a dict */
#define HD_PY_CLASSES_MAX 4u        /* a class and its bases that are looked into */
#define HD_PY_KIDS_MAX 256u         /* attributes or items looked at of one object */

struct hd_py_page {
	uint64_t addr, session;
	uint8_t bytes[4096];
};

/* A code object's facts that do not change; reused only while these words of the object are the same (addresses of dead
 * code objects are used again). */
struct hd_py_code {
	uint64_t addr, filename, name, linetable, bytecode;
	int32_t firstlineno;
	uint32_t table_len;
	uint8_t *table; /* owned; NULL = could not be read */
	char *file, *function; /* owned; NULL = could not be read */
	uint64_t session;       /* last call that compared it with the target */
	const char *out_file, *out_function; /* copies in that call's arena */
};

enum hd_py_type {
	HD_PY_OTHER = 0,
	HD_PY_STR,
	HD_PY_INT,
	HD_PY_DICT,
	HD_PY_TUPLE,
	HD_PY_LIST,
	HD_PY_BYTES,
	HD_PY_NULLTYPE, /* None */
	HD_PY_BOOL,
	HD_PY_FLOAT,
	HD_PY_MODULE,
	HD_PY_FUNCTION,
	HD_PY_TYPE,
	HD_PY_CODE,
	HD_PY_CELL,
	HD_PY_BUILTIN, /* builtin_function_or_method */
	HD_PY_METHOD,
	HD_PY_LOCK,
	HD_PY_RLOCK,
};

struct hd_python_cache {
	uint64_t session; /* of the newest call of all interpreters that share it */
	struct hd_py_page pages[HD_PY_PAGES];
};

struct hd_py_known_type {
	uint64_t addr, session;
	enum hd_py_type type;
};

struct hd_python {
	struct hd_py_layout at;
	char version[24];
	uint64_t runtime;
	bool is_deep;
	struct hd_mem *mem; /* of the running call */
	uint64_t session;   /* number of the running call */
	struct hd_arena *arena; /* of the running call */
	struct hd_python_cache *cache; /* owned, unless lent (hd_python_lend) */
	bool is_cache_lent;
	struct hd_py_code **codes; /* hash table of HD_PY_CODES_MAX * 2 slots */
	uint32_t n_codes;
	size_t code_bytes;
	struct hd_py_known_type types[64];
	uint64_t threading_globals; /* of the main interpreter: dict of threading once found; checked again before use */
};

/* Empty: the layout and the runtime's address are still to be set (py_find.c).  Free with hd_python_free. */
struct hd_python *hd_py_new(void);

/* ---- memory (py_memory.c) ---- */
void hd_py_begin(struct hd_python *py, struct hd_mem *mem, struct hd_arena *arena);
bool hd_py_read(struct hd_python *py, uint64_t addr, void *buf, size_t len);
bool hd_py_u64(struct hd_python *py, uint64_t addr, uint64_t *ret);
bool hd_py_i32(struct hd_python *py, uint64_t addr, int32_t *ret);
bool hd_py_u8(struct hd_python *py, uint64_t addr, uint8_t *ret);

/* ---- objects (py_objects.c) ---- */
enum hd_py_type hd_py_type_of(struct hd_python *py, uint64_t object);
uint64_t hd_py_type_addr(struct hd_python *py, uint64_t object); /* 0 = not readable */
/* The name of an object's class, "Pool" or "_io.BufferedWriter"; "" when not readable.  Always terminated. */
void hd_py_type_name(struct hd_python *py, uint64_t object, char *ret, size_t cap);
bool hd_py_str_is(struct hd_python *py, uint64_t object, const char *ascii);
/* UTF-8, at most HD_PY_TEXT_MAX characters, malloc'd; NULL when it is no readable str. */
char *hd_py_str(struct hd_python *py, uint64_t object);
bool hd_py_int(struct hd_python *py, uint64_t object, uint64_t *ret); /* none below 0, or of 2^64 and above */

uint64_t hd_py_type_flags(struct hd_python *py, uint64_t type); /* tp_flags, 0 = not readable */
#define HD_PY_FLAG_HEAP (UINT64_C(1) << 9) /* made by a class statement, as a rule */
#define HD_PY_FLAG_LIST (UINT64_C(1) << 25)
#define HD_PY_FLAG_TUPLE (UINT64_C(1) << 26)
#define HD_PY_FLAG_DICT (UINT64_C(1) << 29)
#define HD_PY_FLAG_TYPE (UINT64_C(1) << 31)

struct hd_py_entries { /* the entries of a dict, or of an instance with inline values */
	uint64_t at, values;
	uint32_t n;
	bool has_hash; /* 24-byte entries (hash, key, value), else 16-byte */
};
bool hd_py_dict_open(struct hd_python *py, uint64_t dict, struct hd_py_entries *ret);
/* The attributes in an instance's own dict (not its class's). */
bool hd_py_instance_open(struct hd_python *py, uint64_t object, struct hd_py_entries *ret);
/* Entry i: false when unreadable; key or value 0 = hole. */
bool hd_py_entry(struct hd_python *py, const struct hd_py_entries *entries, uint32_t i, uint64_t *ret_key, uint64_t *ret_value);
uint64_t hd_py_entry_find(struct hd_python *py, const struct hd_py_entries *entries, const char *key); /* 0 = none */
uint64_t hd_py_attr(struct hd_python *py, uint64_t object, const char *name);                         /* 0 = none */

uint64_t hd_py_main_interp(struct hd_python *py); /* 0 = not readable */
/* The dict of a module that this interpreter has imported; 0 = not imported. */
uint64_t hd_py_module_globals(struct hd_python *py, uint64_t interp, const char *name);
/* What an object leads to: attributes, items, the object of a bound method, the buffer below a text stream. */
struct hd_py_kids {
	enum { HD_PY_KIDS_NONE, HD_PY_KIDS_ATTRS, HD_PY_KIDS_KEYS, HD_PY_KIDS_ITEMS, HD_PY_KIDS_ONE } kind;
	struct hd_py_entries entries;
	uint64_t items; /* address of the first pointer */
	uint32_t n;     /* all, those of the classes included */
	const char *label; /* of the one */
	/* Attributes of the object's class and its bases, and the object's own __slots__, which are described there. */
	uint64_t object; /* 0: the object is a class itself */
	uint32_t n_own, n_classes;
	struct hd_py_entries classes[HD_PY_CLASSES_MAX];
};
void hd_py_kids_open(struct hd_python *py, uint64_t object, struct hd_py_kids *ret);
/* Kid i (0 = none) and, if `label` is not NULL, how it is written behind its parent: ".name", "['key']", "[3]". */
uint64_t hd_py_kid(struct hd_python *py, const struct hd_py_kids *kids, uint32_t i, struct hd_buf *label);

/* ---- code (py_code.c) ---- */
const struct hd_py_code *hd_py_code_get(struct hd_python *py, uint64_t addr); /* NULL = no code object there */
void hd_py_code_free_all(struct hd_python *py);

/* One thread state: false when its stack could not be read to its end.  (py_walk.c) */
bool hd_py_thread_read(struct hd_python *py, uint64_t tstate, struct hd_py_thread *ret);

/* ---- frames (py_frame.c, py_walk.c) ---- */
struct hd_py_place { /* one frame in memory */
	uint64_t frame, code, instr; /* instr: 3.11+ address, before: byte offset */
	int64_t lasti;               /* bytes into the bytecode, -1 = not started */
	uint64_t back;
	bool is_shim;                /* an interpreter's own frame without Python code: skip */
	bool is_entry;               /* 3.11 only: its own mark */
};
bool hd_py_place_read(struct hd_python *py, uint64_t frame, struct hd_py_place *ret);
/* Names and line of a frame (py_walk.c): false when its code cannot be read. */
bool hd_py_frame_fill(struct hd_python *py, const struct hd_py_place *place, struct hd_frame *ret);
/* Addresses in 3.14+ frames carry tags in their low bits (deferred, immortal); 0 for an unboxed int. */
uint64_t hd_py_untag(const struct hd_python *py, uint64_t word);

struct hd_py_words { /* what a frame holds */
	uint64_t frame, code;
	uint64_t locals, stack;     /* addresses of the first local and of the first value stack slot */
	uint32_t n_locals, n_stack; /* n_stack: room; slots above n_live may hold garbage */
	uint32_t n_live;            /* slots known to be in use: those below the innermost `with` or `try` */
};
/* `frame` as hd_python_threads gave it, perhaps from another copy of this memory: false if it is gone. */
bool hd_py_words_open(struct hd_python *py, const struct hd_frame *frame, struct hd_py_words *ret);
uint64_t hd_py_word(struct hd_python *py, uint64_t base, uint32_t i); /* an object, 0 = none */
uint64_t hd_py_local_name(struct hd_python *py, const struct hd_py_words *words, uint32_t i); /* a str; 0 = not readable */
uint64_t hd_py_local_value(struct hd_python *py, const struct hd_py_words *words, uint32_t i); /* cells looked into; 0 = unset */

#endif
