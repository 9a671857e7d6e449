#include "parse/py_ops.h"

#define RANGES_MAX 4u

/* LOAD_ATTR, LOAD_METHOD and what they become when they run often; `call_within`: no further behind its load, in bytes, does
 * the call of acquire(True, 10) stand; `with`: SETUP_WITH, BEFORE_WITH, or LOAD_SPECIAL with the argument for __exit__;
 * LOAD_GLOBAL and LOAD_FAST likewise; *_skip: bytes of the instruction and its inline caches. */
struct range {
	uint8_t first, last;
};

static const struct {
	uint8_t extended, shift;
	struct range loads[RANGES_MAX];
	uint8_t call_within, with;
	bool with_has_argument;
	uint8_t attr_skip, global_skip, global_shift;
	struct range globals[RANGES_MAX], locals[RANGES_MAX];
} table[] = {
	{144, 0, {{106, 106}, {160, 160}}, 6, 143, false, 2, 2, 0, {{116, 116}}, {{124, 124}}}, /* 3.8 */
	{144, 0, {{106, 106}, {160, 160}}, 6, 143, false, 2, 2, 0, {{116, 116}}, {{124, 124}}}, /* 3.9 */
	{144, 0, {{106, 106}, {160, 160}}, 6, 143, false, 2, 2, 0, {{116, 116}}, {{124, 124}}}, /* 3.10 */
	{144, 0, {{106, 106}, {160, 160}, {39, 43}, {56, 63}}, 32, 53, false, 10, 12, 1,
	 {{116, 116}, {47, 48}, {55, 55}}, {{124, 124}}}, /* 3.11 */
	{144, 1, {{106, 106}, {70, 82}}, 28, 53, false, 20, 10, 1, {{116, 116}, {111, 112}}, {{124, 124}}}, /* 3.12 */
	{71, 1, {{82, 82}, {191, 202}}, 28, 2, false, 20, 10, 1, {{91, 91}, {203, 204}}, {{85, 85}}}, /* 3.13 */
	{69, 1, {{80, 80}, {177, 189}}, 28, 95, true, 20, 10, 1, {{92, 92}, {192, 193}}, {{84, 84}, {86, 86}}}, /* 3.14 */
	{67, 1, {{79, 79}, {183, 195}}, 28, 94, true, 20, 10, 1, {{91, 91}, {196, 197}}, {{83, 83}, {85, 85}}}, /* 3.15 */
};

static bool is_among(const struct range *ranges, uint8_t op)
{
	for (unsigned i = 0; i < RANGES_MAX; i++) {
		if (op >= ranges[i].first && op <= ranges[i].last && ranges[i].last != 0)
			return true;
	}
	return false;
}

static bool loads_attribute(unsigned row, uint8_t op)
{
	return is_among(table[row].loads, op);
}

#define SPECIAL_EXIT 1 /* of LOAD_SPECIAL: Include/internal/pycore_ceval.h, SPECIAL___EXIT__ */

static bool enters_with(unsigned row, uint8_t op, uint32_t arg)
{
	return op == table[row].with && (!table[row].with_has_argument || arg == SPECIAL_EXIT);
}

/* What was loaded right before the instruction at `at`, whose attribute is taken.  Looks back by known lengths, for inline
 * caches cannot be told from instructions on the way. */
static struct hd_py_receiver receiver_before(unsigned row, const uint8_t *code, size_t at)
{
	const struct {
		enum hd_py_receiver_kind kind;
		const struct range *ops;
		unsigned skip, shift;
	} ways[] = {
		{HD_PY_RECEIVER_NAME, table[row].globals, table[row].global_skip, table[row].global_shift},
		{HD_PY_RECEIVER_NAME, table[row].loads, table[row].attr_skip, table[row].shift},
		{HD_PY_RECEIVER_LOCAL, table[row].locals, 2, 0},
	};
	for (size_t i = 0; i < HD_COUNTOF(ways); i++) {
		size_t from = at - ways[i].skip;
		bool is_there = at >= ways[i].skip && is_among(ways[i].ops, code[from]);
		if (is_there && (from < 2 || code[from - 2] != table[row].extended))
			return (struct hd_py_receiver){ways[i].kind, (uint32_t)code[from + 1] >> ways[i].shift};
	}
	return (struct hd_py_receiver){.kind = HD_PY_RECEIVER_UNKNOWN};
}

struct hd_py_acquires hd_py_acquires_count(unsigned minor, const uint8_t *code, size_t len, uint32_t acquire, uint32_t release,
					   const struct hd_py_receiver_test *test)
{
	struct hd_py_acquires ret = {0};
	uint32_t arg = 0;
	unsigned row = minor - 8;
	if (row >= HD_COUNTOF(table))
		return ret;
	for (size_t i = 0; i + 2 <= len; i += 2) {
		arg = (arg & 0xffffff) << 8 | code[i + 1];
		if (code[i] == table[row].extended)
			continue;
		uint32_t name = loads_attribute(row, code[i]) ? arg >> table[row].shift : UINT32_MAX;
		bool counts = name != UINT32_MAX && (name == acquire || name == release) &&
			      (test == NULL || test->is_it(test->ctx, receiver_before(row, code, i)));
		if (counts && name == acquire) {
			ret.open++;
			ret.since_last = len - i;
			ret.gave_back = false;
		} else if (counts) {
			ret.open = 0;
			ret.gave_back = true;
			ret.withs_since = 0;
		} else if (enters_with(row, code[i], arg)) {
			ret.withs_since++;
		}
		arg = 0;
	}
	ret.is_in_progress = ret.since_last != 0 && ret.since_last <= table[row].call_within;
	return ret;
}
