#include "snapshot_rows.h"

/* The C type of the member chooses the type of the field; anything that is not listed does not compile. */
#define TYPE_OF(s, path)                                                                              \
	_Generic(((s *)0)->path, int32_t: F_I32, uint32_t: F_U32, int64_t: F_I64, uint64_t: F_U64, bool: F_BOOL, \
		 char: F_CHAR, const char *: F_TEXT)
#define FIELD(s, m) {.name = #m, .type = TYPE_OF(s, m), .offset = offsetof(s, m)}
#define DEFAULT(s, m, value) {.name = #m, .type = TYPE_OF(s, m), .offset = offsetof(s, m), .otherwise = (value)}
#define NESTED(s, part, m) {.name = #part "." #m, .type = TYPE_OF(s, part.m), .offset = offsetof(s, part.m)}
#define HEX(s, m) {.name = #m, .type = _Generic(((s *)0)->m, uint64_t: F_HEX), .offset = offsetof(s, m)}
#define REF(s, m) {.name = #m, .type = _Generic(((s *)0)->m, uint32_t: F_REF), .offset = offsetof(s, m), .otherwise = HD_NONE}
#define ARGS(s, m) {.name = #m, .type = _Generic(&((s *)0)->m, uint64_t(*)[HD_ARGS]: F_ARGS), .offset = offsetof(s, m)}
#define ENUM(s, m, list) {.name = #m, .type = F_ENUM, .offset = offsetof(s, m), .names = (list), .n_names = HD_COUNTOF(list)}

static const char *const tri_names[] = {"unknown", "no", "yes"};
static const char *const mapping_names[] = {"unknown", "private", "shared"};
static const char *const abi_names[] = {"unknown", "x86_64", "i386", "aarch64"};
static const char *const how_names[] = {"unknown", "blocked", "stopped", "python"};
static const char *const confidence_names[] = {"none", "low", "high"};
static const char *const gil_names[] = {"none", "holds", "waits"};
static const char *const frame_names[] = {"native", "python"};
static const char *const lock_names[] = {
#define X(c, json, words) [c] = &#c[sizeof("HD_LOCK_") - 1],
	HD_LOCK_KINDS(X)
#undef X
};
static const char *const obj_names[] = {
#define X(c, name) [c] = name,
	HD_OBJ_KINDS(X)
#undef X
};

/* Members that are rows of their own (lists, the lock, stack frames) are not listed here. */
static const struct field snapshot_fields[] = {
	FIELD(struct hd_snapshot, version),
	FIELD(struct hd_snapshot, host),
	FIELD(struct hd_snapshot, time_ns),
	FIELD(struct hd_snapshot, span_ns),
	FIELD(struct hd_snapshot, root),
	FIELD(struct hd_snapshot, supervisor),
	FIELD(struct hd_snapshot, stall_ns),
	FIELD(struct hd_snapshot, truncated),
	FIELD(struct hd_snapshot, truncated_why),
};

static const struct field proc_fields[] = {
	FIELD(struct hd_proc, pid),
	FIELD(struct hd_proc, ppid),
	FIELD(struct hd_proc, ns_pid),
	FIELD(struct hd_proc, start),
	FIELD(struct hd_proc, pid_ns),
	FIELD(struct hd_proc, comm),
	FIELD(struct hd_proc, state),
	FIELD(struct hd_proc, in_tree),
	REF(struct hd_proc, parent),
	FIELD(struct hd_proc, mm),
	ENUM(struct hd_proc, mm_shared_outside, tri_names),
	ENUM(struct hd_proc, has_io_uring, tri_names),
	ENUM(struct hd_proc, is_frozen, tri_names),
	ENUM(struct hd_proc, is_dumping, tri_names),
	ENUM(struct hd_proc, has_foreign_tracer, tri_names),
	ENUM(struct hd_proc, timer_armed, tri_names),
	FIELD(struct hd_proc, itimers_unasked),
	FIELD(struct hd_proc, alarm_ns),
	HEX(struct hd_proc, sig_caught),
	HEX(struct hd_proc, sig_ignored),
	HEX(struct hd_proc, sig_pending),
	FIELD(struct hd_proc, threads_complete),
	FIELD(struct hd_proc, children_complete),
	FIELD(struct hd_proc, has_exec),
	FIELD(struct hd_proc, python),
};

static const struct field fork_fields[] = {
	FIELD(struct hd_fork, time_ns),
	FIELD(struct hd_fork, is_seen),
	FIELD(struct hd_fork, parent_pid),
	FIELD(struct hd_fork, parent_tid),
	FIELD(struct hd_fork, parent_ns_tid),
	FIELD(struct hd_fork, parent_start),
	FIELD(struct hd_fork, parent_threads),
	NESTED(struct hd_fork, stack, is_complete),
	NESTED(struct hd_fork, stack, is_partial),
};

static const struct field other_fields[] = {
	FIELD(struct hd_fork_other, tid),
	FIELD(struct hd_fork_other, ns_tid),
	FIELD(struct hd_fork_other, pid),
	FIELD(struct hd_fork_other, name),
	ENUM(struct hd_fork_other, how, how_names),
	DEFAULT(struct hd_fork_other, nr, -1),
	ARGS(struct hd_fork_other, args),
	HEX(struct hd_fork_other, sp),
	HEX(struct hd_fork_other, pc),
	HEX(struct hd_fork_other, tls),
	FIELD(struct hd_fork_other, holds),
	FIELD(struct hd_fork_other, is_approximate),
	NESTED(struct hd_fork_other, stack, is_complete),
	NESTED(struct hd_fork_other, stack, is_partial),
};

static const struct field thread_fields[] = {
	FIELD(struct hd_thread, tid),
	FIELD(struct hd_thread, ns_tid),
	FIELD(struct hd_thread, start),
	FIELD(struct hd_thread, name),
	FIELD(struct hd_thread, py_name),
	ENUM(struct hd_thread, gil, gil_names),
	FIELD(struct hd_thread, state),
	FIELD(struct hd_thread, is_still),
	FIELD(struct hd_thread, blocked_ns),
	FIELD(struct hd_thread, call_known),
	DEFAULT(struct hd_thread, nr, -1),
	FIELD(struct hd_thread, was_restart),
	ENUM(struct hd_thread, abi, abi_names),
	ARGS(struct hd_thread, args),
	HEX(struct hd_thread, sp),
	HEX(struct hd_thread, pc),
	FIELD(struct hd_thread, wchan),
	HEX(struct hd_thread, sig_blocked),
	HEX(struct hd_thread, sig_pending),
	HEX(struct hd_thread, tls),
	FIELD(struct hd_thread, objects_complete),
	FIELD(struct hd_thread, objects_want_write),
	ENUM(struct hd_thread, has_timeout, tri_names),
	DEFAULT(struct hd_thread, timeout_ns, -1),
	FIELD(struct hd_thread, repeat_ns),
	FIELD(struct hd_thread, repeats),
	FIELD(struct hd_thread, busy_ns),
	FIELD(struct hd_thread, busy_of_ns),
	FIELD(struct hd_thread, spin_ns),
	FIELD(struct hd_thread, spin_samples),
	HEX(struct hd_thread, spin_addr),
	FIELD(struct hd_thread, spin_value),
	FIELD(struct hd_thread, voluntary),
	FIELD(struct hd_thread, involuntary),
	FIELD(struct hd_thread, cpu_ns),
	NESTED(struct hd_thread, stack, is_complete),
	NESTED(struct hd_thread, stack, is_partial),
};

static const struct field word_fields[] = {
	HEX(struct hd_word, addr),
	FIELD(struct hd_word, expected),
	FIELD(struct hd_word, value),
	FIELD(struct hd_word, value_known),
	FIELD(struct hd_word, op_private),
	ENUM(struct hd_word, mapping, mapping_names),
	FIELD(struct hd_word, dev_major),
	FIELD(struct hd_word, dev_minor),
	FIELD(struct hd_word, ino),
	FIELD(struct hd_word, offset),
	REF(struct hd_word, sharers_object),
};

static const struct field lock_fields[] = {
	ENUM(struct hd_lock, kind, lock_names),
	ENUM(struct hd_lock, confidence, confidence_names),
	HEX(struct hd_lock, base),
	FIELD(struct hd_lock, owner_tid),
	HEX(struct hd_lock, owner_tcb),
	ENUM(struct hd_lock, owner_exists, tri_names),
	FIELD(struct hd_lock, owner_releases),
	FIELD(struct hd_lock, is_held),
	FIELD(struct hd_lock, is_robust),
	FIELD(struct hd_lock, is_pi),
	FIELD(struct hd_lock, is_pshared),
	FIELD(struct hd_lock, is_recursive),
	FIELD(struct hd_lock, readers),
	HEX(struct hd_lock, mutex),
	FIELD(struct hd_lock, api),
	FIELD(struct hd_lock, family),
	FIELD(struct hd_lock, name),
	FIELD(struct hd_lock, variable_address_note),
	FIELD(struct hd_lock, check_failed),
	ENUM(struct hd_lock, held_at_fork, tri_names),
	ENUM(struct hd_lock, held_by_living, tri_names),
	FIELD(struct hd_lock, fork_owner_tid),
	ENUM(struct hd_lock, fork_owner_confidence, confidence_names),
	FIELD(struct hd_lock, inside_tid),
	ENUM(struct hd_lock, inside_confidence, confidence_names),
};

static const struct field frame_fields[] = {
	ENUM(struct hd_frame, kind, frame_names),
	FIELD(struct hd_frame, function),
	FIELD(struct hd_frame, module),
	FIELD(struct hd_frame, file),
	FIELD(struct hd_frame, line),
	FIELD(struct hd_frame, is_guess),
	FIELD(struct hd_frame, is_inlined),
	FIELD(struct hd_frame, is_signal),
	FIELD(struct hd_frame, is_pyeval),
	HEX(struct hd_frame, pc),
	HEX(struct hd_frame, cfa),
	HEX(struct hd_frame, offset),
	HEX(struct hd_frame, eval_sp),
	FIELD(struct hd_frame, symbol),
	FIELD(struct hd_frame, called_as),
};

static const struct field object_fields[] = {
	ENUM(struct hd_object, kind, obj_names),
	FIELD(struct hd_object, id),
	FIELD(struct hd_object, dev_major),
	FIELD(struct hd_object, dev_minor),
	FIELD(struct hd_object, label),
	REF(struct hd_object, peer),
	FIELD(struct hd_object, watched_complete),
	FIELD(struct hd_object, timer_ns),
	ENUM(struct hd_object, has_recv_timeout, tri_names),
	ENUM(struct hd_object, has_send_timeout, tri_names),
	FIELD(struct hd_object, is_ready),
	FIELD(struct hd_object, outside),
	FIELD(struct hd_object, is_unseen),
};

static const struct field holder_fields[] = {
	REF(struct hd_holder, proc),
	FIELD(struct hd_holder, fd),
	FIELD(struct hd_holder, reads),
	FIELD(struct hd_holder, writes),
};

static const struct field lost_fields[] = {
	FIELD(struct hd_lost, pid),
	FIELD(struct hd_lost, comm),
	FIELD(struct hd_lost, signal),
	DEFAULT(struct hd_lost, status, -1),
	FIELD(struct hd_lost, ppid),
	FIELD(struct hd_lost, time_ns),
	FIELD(struct hd_lost, has_core),
	FIELD(struct hd_lost, core_pattern),
	FIELD(struct hd_lost, oom_kills),
};

static const struct field text_fields[] = {FIELD(struct text_row, text)};
static const struct field object_ref_fields[] = {REF(struct ref_row, object)};
static const struct field end_fields[] = {FIELD(struct end_row, rows)};

#define ROW(name, fields, type, ...) {name, fields, HD_COUNTOF(fields), sizeof(type), __VA_ARGS__}

/* `below`: which row it belongs to; the reader keeps the newest row of each level open. */
const struct row_type hd_snapshot_rows[ROW_COUNT] = {
	[ROW_SNAPSHOT] = ROW("snapshot", snapshot_fields, struct hd_snapshot, 0, false, 0),
	[ROW_COMMAND] = ROW("command", text_fields, struct text_row, 1, false, HD_ROW_BIT(ROW_SNAPSHOT)),
	[ROW_PROC] = ROW("proc", proc_fields, struct hd_proc, 0, true, ~0u),
	[ROW_ARG] = ROW("arg", text_fields, struct text_row, 1, false, HD_ROW_BIT(ROW_PROC)),
	[ROW_FORK] = ROW("fork", fork_fields, struct hd_fork, 1, false, HD_ROW_BIT(ROW_PROC)),
	[ROW_OTHER] = ROW("other", other_fields, struct hd_fork_other, 2, false, HD_ROW_BIT(ROW_FORK) | HD_ROW_BIT(ROW_OTHER)),
	[ROW_THREAD] = ROW("thread", thread_fields, struct hd_thread, 1, true,
			   HD_ROW_BIT(ROW_PROC) | HD_ROW_BIT(ROW_FORK) | HD_ROW_BIT(ROW_OTHER) | HD_ROW_BIT(ROW_THREAD)),
	[ROW_WORD] = ROW("word", word_fields, struct hd_word, 2, false, HD_ROW_BIT(ROW_THREAD)),
	[ROW_ON] = ROW("on", object_ref_fields, struct ref_row, 2, false, HD_ROW_BIT(ROW_THREAD)),
	[ROW_LOCK] = ROW("lock", lock_fields, struct hd_lock, 2, false, HD_ROW_BIT(ROW_THREAD)),
	[ROW_FRAME] = ROW("frame", frame_fields, struct hd_frame, 3, false, HD_ROW_BIT(ROW_FORK) | HD_ROW_BIT(ROW_OTHER) | HD_ROW_BIT(ROW_THREAD)),
	[ROW_OBJECT] = ROW("object", object_fields, struct hd_object, 0, true, ~0u),
	[ROW_HOLDER] = ROW("holder", holder_fields, struct hd_holder, 1, false, HD_ROW_BIT(ROW_OBJECT)),
	[ROW_WATCH] = ROW("watch", object_ref_fields, struct ref_row, 1, false, HD_ROW_BIT(ROW_OBJECT)),
	[ROW_LOST] = ROW("lost", lost_fields, struct hd_lost, 0, false, ~0u),
	[ROW_END] = ROW("end", end_fields, struct end_row, 0, false, ~0u),
};

int64_t hd_field_get(const struct field *field, const void *row)
{
	const void *at = (const char *)row + field->offset;
	switch (field->type) {
	case F_I32:
		return *(const int32_t *)at;
	case F_U32:
	case F_REF:
	case F_ENUM:
		return *(const uint32_t *)at;
	case F_BOOL:
		return *(const bool *)at;
	case F_CHAR:
		return *(const unsigned char *)at;
	case F_I64:
	case F_U64:
	case F_HEX:
		return *(const int64_t *)at;
	case F_TEXT:
	case F_ARGS:
		break;
	}
	HD_ASSERT(false);
	return 0;
}

void hd_field_set(const struct field *field, void *row, int64_t value)
{
	void *at = (char *)row + field->offset;
	switch (field->type) {
	case F_I32:
	case F_U32:
	case F_REF:
	case F_ENUM:
		*(uint32_t *)at = (uint32_t)value;
		return;
	case F_BOOL:
		*(bool *)at = value != 0;
		return;
	case F_CHAR:
		*(char *)at = (char)value;
		return;
	case F_I64:
	case F_U64:
	case F_HEX:
		*(int64_t *)at = value;
		return;
	case F_TEXT:
	case F_ARGS:
		break;
	}
	HD_ASSERT(false);
}
