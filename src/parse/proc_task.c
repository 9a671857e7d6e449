#include "parse/proc_task.h"

#include <errno.h>
#include <string.h>

#include "hangdog/num.h"

/* The name may hold blanks and parentheses: it ends at the last ')' of the line. */
static const char *take_name(const char *text, struct hd_stat *ret)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	if (open == NULL || close == NULL || close < open || close[1] != ' ')
		return NULL;
	size_t len = (size_t)(close - open - 1);
	if (len >= sizeof(ret->name))
		len = sizeof(ret->name) - 1;
	memcpy(ret->name, open + 1, len);
	ret->name[len] = '\0';
	return close + 2;
}

enum { FIRST_FIELD = 4, LAST_FIELD = 28 };

int hd_stat_parse(const char *text, struct hd_stat *ret)
{
	struct hd_stat stat = {0};
	const char *p = take_name(text, &stat);
	if (p == NULL || *p == '\0' || p[1] != ' ')
		return -EINVAL;
	stat.state = *p;
	p += 2;
	/* Fields are decimal, some of them negative; only their bits are of interest here. */
	uint64_t field[LAST_FIELD + 1] = {0};
	for (int i = FIRST_FIELD; i <= LAST_FIELD; i++) {
		bool negative = *p == '-';
		p += negative;
		if (!hd_take_u64(&p, 10, &field[i]))
			return -EINVAL;
		if (negative)
			field[i] = 0 - field[i];
		if (*p == ' ')
			p++;
	}
	stat.ppid = (int32_t)field[4];
	stat.pgrp = (int32_t)field[5];
	stat.flags = (uint32_t)field[9];
	stat.utime = field[14];
	stat.stime = field[15];
	stat.n_threads = (uint32_t)field[20];
	stat.start = field[22];
	stat.vsize = field[23];
	stat.rss = field[24];
	stat.start_stack = field[28];
	*ret = stat;
	return 0;
}

/* One row a line of `status`: how to read it and where it goes. */
enum kind { NAME, STATE, FIRST_I32, LAST_I32, FIRST_U32, FLAG, MASK, COUNT };
struct row {
	const char *key;
	size_t len;
	enum kind kind;
	size_t offset;
	bool must; /* the kernel always prints it */
};

#define AT(field) offsetof(struct hd_task_status, field)
#define KEY(text) text, sizeof(text) - 1
static const struct row status_rows[] = {
	{KEY("Name:"), NAME, AT(name), true},
	{KEY("State:"), STATE, AT(state), true},
	{KEY("Tgid:"), FIRST_I32, AT(tgid), true},
	{KEY("PPid:"), FIRST_I32, AT(ppid), true},
	{KEY("TracerPid:"), FIRST_I32, AT(tracer), true},
	{KEY("Uid:"), FIRST_U32, AT(uid), true},
	{KEY("NSpid:"), LAST_I32, AT(ns_tid), false},
	{KEY("Threads:"), FIRST_U32, AT(n_threads), true},
	{KEY("CoreDumping:"), FLAG, AT(is_dumping), false},
	{KEY("SigPnd:"), MASK, AT(sig_pending), true},
	{KEY("ShdPnd:"), MASK, AT(shd_pending), true},
	{KEY("SigBlk:"), MASK, AT(sig_blocked), true},
	{KEY("SigIgn:"), MASK, AT(sig_ignored), true},
	{KEY("SigCgt:"), MASK, AT(sig_caught), true},
	{KEY("Seccomp:"), FIRST_U32, AT(seccomp), false},
	{KEY("voluntary_ctxt_switches:"), COUNT, AT(voluntary), true},
	{KEY("nonvoluntary_ctxt_switches:"), COUNT, AT(involuntary), true},
};

static bool take_value(const struct row *row, const char *p, struct hd_task_status *ret)
{
	void *at = (char *)ret + row->offset;
	uint64_t value = 0;
	if (row->kind == NAME) {
		size_t len = strcspn(p, "\n");
		memcpy(at, p, len < sizeof(ret->name) ? len : sizeof(ret->name) - 1);
		return true;
	}
	if (row->kind == STATE) {
		*(char *)at = *p;
		return *p != '\0' && *p != '\n';
	}
	if (!hd_take_u64(&p, row->kind == MASK ? 16 : 10, &value))
		return false;
	while (row->kind == LAST_I32 && (*p == '\t' || *p == ' ')) {
		p++;
		if (!hd_take_u64(&p, 10, &value))
			return false;
	}
	if (row->kind == MASK || row->kind == COUNT)
		*(uint64_t *)at = value;
	else if (row->kind == FLAG)
		*(bool *)at = value != 0;
	else if (value > UINT32_MAX)
		return false;
	else
		*(uint32_t *)at = (uint32_t)value;
	return true;
}

int hd_status_parse(const char *text, struct hd_task_status *ret)
{
	struct hd_task_status status = {0};
	uint32_t seen = 0;
	for (const char *p = text; *p != '\0';) {
		for (size_t i = 0; i < HD_COUNTOF(status_rows); i++) {
			const struct row *row = &status_rows[i];
			/* The first wins: the name line comes before all others and cannot hold a line break. */
			if (*p != row->key[0] || (seen & 1u << i) != 0 || strncmp(p, row->key, row->len) != 0)
				continue;
			const char *value = p + row->len + strspn(p + row->len, " \t");
			if (!take_value(row, value, &status))
				return -EINVAL;
			seen |= 1u << i;
			status.has_dumping |= row->kind == FLAG;
		}
		p = strchrnul(p, '\n');
		p += *p == '\n';
	}
	for (size_t i = 0; i < HD_COUNTOF(status_rows); i++) {
		if (status_rows[i].must && (seen & 1u << i) == 0)
			return -EINVAL;
	}
	*ret = status;
	return 0;
}

static bool take_hex(const char **p, uint64_t *ret)
{
	*p += strspn(*p, " ");
	return hd_take_u64(p, 16, ret);
}

int hd_syscall_parse(const char *text, struct hd_syscall *ret)
{
	struct hd_syscall call = {.form = HD_SYSCALL_RUNNING, .nr = -1};
	const char *p = text;
	if (strncmp(text, "running", 7) == 0 && (text[7] == '\n' || text[7] == '\0')) {
		*ret = call;
		return 0;
	}
	if (!hd_take_i64(&p, &call.nr) || *p != ' ')
		return -EINVAL;
	call.form = call.nr < 0 ? HD_SYSCALL_OUTSIDE : HD_SYSCALL_NUMERIC;
	for (int i = 0; i < HD_ARGS && call.form == HD_SYSCALL_NUMERIC; i++) {
		if (!take_hex(&p, &call.args[i]))
			return -EINVAL;
	}
	if (!take_hex(&p, &call.sp) || !take_hex(&p, &call.pc) || (*p != '\n' && *p != '\0'))
		return -EINVAL;
	*ret = call;
	return 0;
}

int hd_schedstat_parse(const char *text, struct hd_schedstat *ret)
{
	struct hd_schedstat s;
	const char *p = text;
	if (!hd_take_u64(&p, 10, &s.run_ns) || *p++ != ' ' || !hd_take_u64(&p, 10, &s.wait_ns) || *p++ != ' ' ||
	    !hd_take_u64(&p, 10, &s.runs) || (*p != '\n' && *p != '\0'))
		return -EINVAL;
	*ret = s;
	return 0;
}
