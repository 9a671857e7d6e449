#include "parse/py_ops.h"

#define RANGES_MAX 4u

/* LOAD_ATTR, LOAD_METHOD and what they become when they run often; `call_within`: no further behind its load, in bytes, does
 * the call of acquire(True, 10) stand. */
static const struct {
	uint8_t extended, shift;
	struct {
		uint8_t first, last;
	} loads[RANGES_MAX];
	uint8_t call_within;
} table[] = {
	{144, 0, {{106, 106}, {160, 160}}, 6},				     /* 3.8 */
	{144, 0, {{106, 106}, {160, 160}}, 6},				     /* 3.9 */
	{144, 0, {{106, 106}, {160, 160}}, 6},				     /* 3.10 */
	{144, 0, {{106, 106}, {160, 160}, {39, 43}, {56, 63}}, 32},	     /* 3.11 */
	{144, 1, {{106, 106}, {70, 82}}, 28},				     /* 3.12 */
	{71, 1, {{82, 82}, {191, 202}}, 28},				     /* 3.13 */
	{69, 1, {{80, 80}, {177, 189}}, 28},				     /* 3.14 */
	{67, 1, {{79, 79}, {183, 195}}, 28},				     /* 3.15 */
};

static bool loads_attribute(unsigned row, uint8_t op)
{
	for (unsigned i = 0; i < RANGES_MAX; i++) {
		if (op >= table[row].loads[i].first && op <= table[row].loads[i].last && table[row].loads[i].last != 0)
			return true;
	}
	return false;
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
		} else if (loads_attribute(row, code[i]) && arg >> table[row].shift == release) {
			ret.open = 0;
		}
		arg = 0;
	}
	ret.is_in_progress = ret.since_last != 0 && ret.since_last <= table[row].call_within;
	return ret;
}
