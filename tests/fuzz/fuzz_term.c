/* What a guarded command writes into the output pane of run --top, and a terminal that changes its size meanwhile: no
 * crash, bounded, and no cell holds a character that acts on the real terminal.  A byte 0xff is followed by two that
 * are a new size. */
#include "hangdog/term.h"
#include "printable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hd_term *term)
{
	size_t n = hd_term_lines(term), line;
	unsigned column;
	HD_ASSERT(n <= HD_TERM_LINES_MAX);
	for (size_t i = n > 64 ? n - 64 : 0; i < n; i++) {
		unsigned width;
		const struct hd_cell *cells = hd_term_line(term, i, &width);
		for (unsigned x = 0; x < width; x++)
			HD_ASSERT(cells[x].ch == 0 || is_plain(cells[x].ch));
	}
	hd_term_cursor(term, &line, &column);
	HD_ASSERT(n == 0 || line < n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hd_term *term = hd_term_new(80, 24);
	for (size_t at = 0; at < size;) {
		const uint8_t *mark = memchr(data + at, 0xff, size - at);
		size_t end = mark != NULL ? (size_t)(mark - data) : size;
		hd_term_feed(term, (const char *)data + at, end - at);
		at = end;
		if (mark != NULL && size - at >= 3)
			hd_term_resize(term, data[at + 1], data[at + 2]);
		at += 3;
	}
	check(term);
	hd_term_free(term);
	return 0;
}
