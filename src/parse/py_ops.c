#include "parse/py_ops.h"

#define RANGES_MAX 4u

/* LOAD_ATTR, LOAD_METHOD and what they become when they run often; `call_within`: no further behind its load, in bytes, does
 * the call of acquire(True, 10) stand; `with`: SETUP_WITH, BEFORE_WITH, or LOAD_SPECIAL with the argument for __exit__. */
static const struct {
	uint8_t extended, shift;
	struct {
		uint8_t first, last;
	} loads[RANGES_MAX];
	uint8_t call_within, with;
	bool with_has_argument;
} table[] = {
	{144, 0, {{106, 106}, {160, 160}}, 6, 143, false}, /* 3.8 */
	{144, 0, {{106, 106}, {160, 160}}, 6, 143, false}, /* 3.9 */
	{144, 0, {{106, 106}, {160, 160}}, 6, 143, false}, /* 3.10 */
	{144, 0, {{106, 106}, {160, 160}, {39, 43}, {56, 63}}, 32, 53, false}, /* 3.11 */
	{144, 1, {{106, 106}, {70, 82}}, 28, 53, false}, /* 3.12 */
	{71, 1, {{82, 82}, {191, 202}}, 28, 2, false}, /* 3.13 */
	{69, 1, {{80, 80}, {177, 189}}, 28, 95, true}, /* 3.14 */
	{67, 1, {{79, 79}, {183, 195}}, 28, 94, true}, /* 3.15 */
};

static bool loads_attribute(unsigned row, uint8_t op)
{
	for (unsigned i = 0; i < RANGES_MAX; i++) {
		if (op >= table[row].loads[i].first && op <= table[row].loads[i].last && table[row].loads[i].last != 0)
			return true;
	}
	return false;
}

#define SPECIAL_EXIT 1 /* of LOAD_SPECIAL: Include/internal/pycore_ceval.h, SPECIAL___EXIT__ */

static bool enters_with(unsigned row, uint8_t op, uint32_t arg)
{
	return op == table[row].with && (!table[row].with_has_argument || arg == SPECIAL_EXIT);
}

struct hd_py_acquires hd_py_acquires_count(unsigned minor, const uint8_t *code, size_t len, uint32_t acquire, uint32_t release)
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
		if (loads_attribute(row, code[i]) && arg >> table[row].shift == acquire) {
			ret.open++;
			ret.since_last = len - i;
			ret.gave_back = false;
		} else if (loads_attribute(row, code[i]) && arg >> table[row].shift == release) {
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
