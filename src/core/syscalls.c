#include "hangdog/wait.h"

/* What one system call waits for: rows of syscalls.def and syscalls_i386.def, indexed by number. */
enum limit { LIMIT_NONE = 0, LIMIT_POINTER, LIMIT_MS, LIMIT_ALWAYS };

struct row {
	const char *name; /* NULL = no such call in the table */
	enum hd_need need;
	enum hd_wait_kind kind;
	enum limit limit;
	int limit_arg;
	const char *outside;
	int same_as; /* 1 + the number in syscalls.def of the call that it waits as; 0 = none but itself */
};

#define WAITS(nr, n, need_, kind_, limit_, arg_, outside_) \
	[nr] = {.name = #n, .need = need_, .kind = kind_, .limit = limit_, .limit_arg = arg_, .outside = outside_},
#define DISK(nr, n) [nr] = {.name = #n, .kind = HD_WAIT_DISK, .outside = "the disk, a file system or a driver could answer"},
#define NEVER(nr, n) [nr] = {.name = #n, .kind = HD_WAIT_OTHER, .outside = "this system call waits for nobody and is about to end"},
static const struct row rows[] = {
#include "core/syscalls.def"
};

#define AS(nr, n, number) [nr] = {.name = #n, .same_as = (number) + 1},
static const struct row rows_i386[] = {
#include "core/syscalls_i386.def"
};
#undef WAITS
#undef DISK
#undef NEVER
#undef AS

/* Calls that wait only for some of their arguments; by number (include/uapi/linux/{futex,sched,fcntl}.h). */
enum { NR_POLL = 7, NR_CLONE = 56, NR_FCNTL = 72, NR_FUTEX = 202, NR_RESTART = 219, NR_CLONE3 = 435, NR_FUTEX_WAIT = 455 };
#define FUTEX_CMD 0x7fu
#define FUTEX_PRIVATE 0x80u
#define CLONE_VFORK_FLAG 0x4000u
#define SETLKW_CMD 7u
#define SETLKW64_CMD 14u /* 32-bit programs */
#define OFD_SETLKW_CMD 38u

enum futex_cmd { CMD_WAIT = 0, CMD_LOCK_PI = 6, CMD_WAIT_BITSET = 9, CMD_WAIT_REQUEUE_PI = 11, CMD_LOCK_PI2 = 13 };

static const struct row *row_of(enum hd_abi abi, int64_t nr)
{
	const struct row *table = abi == HD_ABI_I386 ? rows_i386 : rows;
	size_t n = abi == HD_ABI_I386 ? HD_COUNTOF(rows_i386) : HD_COUNTOF(rows);
	if ((abi != HD_ABI_X86_64 && abi != HD_ABI_I386) || nr < 0 || (uint64_t)nr >= n || table[nr].name == NULL)
		return NULL;
	return &table[nr];
}

/* futex(2) waits only with some commands; the kernel ignores the upper halves of op and val. */
static void decode_futex(struct hd_call *call, const uint64_t *args)
{
	uint32_t op = (uint32_t)args[1], cmd = op & FUTEX_CMD;
	call->futex_private = (op & FUTEX_PRIVATE) != 0;
	call->futex_pi = cmd == CMD_LOCK_PI || cmd == CMD_LOCK_PI2;
	call->futex_compares = cmd == CMD_WAIT || cmd == CMD_WAIT_BITSET || cmd == CMD_WAIT_REQUEUE_PI;
	call->futex_addr = args[0];
	call->futex_expected = (uint32_t)args[2];
	/* A shared WAIT_REQUEUE_PI may by now wait on its second word, which nobody can tell from outside. */
	if ((!call->futex_pi && !call->futex_compares) || (cmd == CMD_WAIT_REQUEUE_PI && !call->futex_private))
		call->need = HD_NEED_NOTHING;
}

static bool is_lock_command(enum hd_abi abi, uint32_t cmd)
{
	return cmd == SETLKW_CMD || cmd == OFD_SETLKW_CMD || (abi == HD_ABI_I386 && cmd == SETLKW64_CMD);
}

static void decode_special(struct hd_call *call, enum hd_abi abi, const uint64_t *args)
{
	switch (call->nr) {
	case NR_FUTEX:
		decode_futex(call, args);
		break;
	case NR_FUTEX_WAIT: /* (word, value, mask, flags, limit, clock) */
		call->futex_private = ((uint32_t)args[3] & FUTEX_PRIVATE) != 0;
		call->futex_compares = true;
		call->futex_addr = args[0];
		call->futex_expected = (uint32_t)args[1];
		break;
	case NR_CLONE:
		if ((args[0] & CLONE_VFORK_FLAG) == 0)
			call->need = HD_NEED_NOTHING;
		break;
	case NR_FCNTL:
		if (!is_lock_command(abi, (uint32_t)args[1]))
			call->need = HD_NEED_NOTHING;
		break;
	default:
		break;
	}
}

struct hd_call hd_call_decode(enum hd_abi abi, int64_t nr, const uint64_t args[HD_ARGS], bool was_restart)
{
	struct hd_call call = {.name = "?", .need = HD_NEED_NOTHING, .timeout_arg = -1, .timeout_ms = -1, .kind = HD_WAIT_OTHER,
			       .is_unbounded = true, .nr = -1};
	const struct row *row = row_of(abi, nr);
	if (row == NULL) {
		call.outside = abi == HD_ABI_X86_64 || abi == HD_ABI_I386
				       ? "hangdog does not know this system call"
				       : "its system call is not one of x86, the only ones that hangdog knows";
		return call;
	}
	call.name = row->name;
	if (row->same_as > 0)
		row = &rows[row->same_as - 1];
	if (row >= rows && row < rows + HD_COUNTOF(rows))
		call.nr = row - rows;
	call.need = row->need;
	call.kind = row->kind;
	call.outside = row->outside;
	bool limited = row->limit == LIMIT_ALWAYS;
	if (row->limit == LIMIT_POINTER) {
		call.timeout_arg = row->limit_arg;
		limited = args[row->limit_arg] != 0;
	} else if (row->limit == LIMIT_MS) {
		int32_t ms = (int32_t)(uint32_t)args[row->limit_arg];
		limited = ms >= 0;
		call.timeout_ms = limited ? ms : -1;
	}
	decode_special(&call, abi, args);
	if (call.need == HD_NEED_NOTHING && call.outside == NULL)
		call.outside = "this use of the system call waits for nobody that hangdog can name";
	/* Only poll, relative sleeps and timed futex waits are restarted under this name; poll may have no limit. */
	if (was_restart && call.nr != NR_POLL)
		limited = true;
	call.is_unbounded = !limited;
	return call;
}
