#include "parse/py_lines.h"

/* Lines are added up in unsigned arithmetic: hostile tables may overflow, and then the line is wrong, no more. */
static int line_add(int line, int step)
{
	return (int)((unsigned)line + (unsigned)step);
}

/* 3.8, 3.9 co_lnotab: (address step, signed line step) pairs. */
static int line_lnotab(const uint8_t *table, size_t len, int line, int64_t lasti)
{
	int64_t address = 0;
	for (size_t i = 0; i + 1 < len; i += 2) {
		address += table[i];
		if (address > lasti)
			break;
		line = line_add(line, (int8_t)table[i + 1]);
	}
	return line;
}

/* 3.10 co_linetable: (length, signed line step) pairs; -128 = a range without a line. */
static int line_ranges(const uint8_t *table, size_t len, int line, int64_t lasti)
{
	int64_t end = 0;
	for (size_t i = 0; i + 1 < len; i += 2) {
		int step = (int8_t)table[i + 1]; // NOLINT(bugprone-signed-char-misuse): a signed step
		if (step != -128)
			line = line_add(line, step);
		end += table[i];
		if (lasti < end)
			return step == -128 ? 0 : line;
	}
	return 0;
}

struct reader {
	const uint8_t *at, *end;
};

/* Six bits a byte, least significant first, bit 6 = more. */
static unsigned varint(struct reader *r)
{
	unsigned value = 0;
	for (unsigned shift = 0; r->at < r->end; shift += 6) {
		unsigned byte = *r->at++;
		if (shift < 32)
			value |= (byte & 63) << shift;
		if ((byte & 64) == 0)
			break;
	}
	return value;
}

static int svarint(struct reader *r)
{
	unsigned value = varint(r);
	return (int)(value & 1 ? 0u - (value >> 1) : value >> 1);
}

/* The line step of an entry of kind `code` whose first byte is consumed; has_line is cleared for kind 15. */
static int location_step(struct reader *r, unsigned code, bool *has_line)
{
	*has_line = code != 15;
	if (code >= 13)
		return code == 15 ? 0 : svarint(r);
	return code >= 10 ? (int)code - 10 : 0;
}

/* 3.11+ co_linetable.  Each entry starts with a byte that has bit 7 set; only it has, so the columns between need not
 * be decoded to be skipped. */
static int line_locations(const uint8_t *table, size_t len, int line, int64_t unit)
{
	struct reader r = {table, table + len};
	int64_t end = 0;
	while (r.at < r.end) {
		unsigned first = *r.at++;
		bool has_line;
		line = line_add(line, location_step(&r, first >> 3 & 15, &has_line));
		end += (first & 7) + 1;
		if (unit < end)
			return has_line ? line : 0;
		while (r.at < r.end && (*r.at & 0x80) == 0)
			r.at++;
	}
	return 0;
}

int hd_py_line(unsigned minor, const uint8_t *table, size_t len, int firstlineno, int64_t lasti)
{
	if (lasti < 0)
		return firstlineno;
	if (minor < 10)
		return line_lnotab(table, len, firstlineno, lasti);
	if (minor == 10)
		return line_ranges(table, len, firstlineno, lasti);
	return line_locations(table, len, firstlineno, lasti / 2);
}

/* Exception tables use the other order: most significant first. */
static unsigned varint_big(struct reader *r)
{
	unsigned value = 0;
	while (r->at < r->end) {
		unsigned byte = *r->at++;
		value = value << 6 | (byte & 63);
		if ((byte & 64) == 0)
			break;
	}
	return value;
}

int hd_py_handler_depth(const uint8_t *table, size_t len, int64_t lasti)
{
	struct reader r = {table, table + len};
	int depth = -1;
	while (r.at < r.end) {
		int64_t start = varint_big(&r);
		int64_t size = varint_big(&r);
		varint_big(&r); /* target */
		unsigned packed = varint_big(&r);
		if (lasti / 2 >= start && lasti / 2 < start + size)
			depth = (int)(packed >> 1);
	}
	return depth;
}
