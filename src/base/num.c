#include "hangdog/num.h"

#include <errno.h>

static int digit_of(char c, unsigned base)
{
	int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
	return d >= 0 && (unsigned)d < base ? d : -1;
}

bool hd_take_u64(const char **text, unsigned base, uint64_t *ret)
{
	const char *p = *text;
	if (base == 16 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && digit_of(p[2], 16) >= 0)
		p += 2;
	if (digit_of(*p, base) < 0)
		return false;
	uint64_t value = 0;
	for (int d; (d = digit_of(*p, base)) >= 0; p++) {
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) || __builtin_add_overflow(value, (uint64_t)d, &value))
			return false;
	}
	*text = p;
	*ret = value;
	return true;
}

bool hd_take_i64(const char **text, int64_t *ret)
{
	const char *p = *text;
	bool negative = *p == '-';
	uint64_t value;
	p += negative;
	if (!hd_take_u64(&p, 10, &value) || value > (uint64_t)INT64_MAX + negative)
		return false;
	*text = p;
	*ret = (int64_t)(negative ? 0 - value : value);
	return true;
}

int hd_parse_u64(const char *text, unsigned base, uint64_t *ret)
{
	uint64_t value;
	if (!hd_take_u64(&text, base, &value))
		return digit_of(*text, base) >= 0 ? -ERANGE : -EINVAL;
	if (*text != '\0')
		return -EINVAL;
	*ret = value;
	return 0;
}

int hd_parse_i64(const char *text, int64_t *ret)
{
	int64_t value;
	if (!hd_take_i64(&text, &value) || *text != '\0')
		return -EINVAL;
	*ret = value;
	return 0;
}
