/* From the view's state to cells. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/timetext.h"
#include "hangdog/term.h"
#include "report_words.h"
#include "view_priv.h"

#define PLAIN (-1)

/* By palette and tint: colours of 256 and of 8, and what a terminal without colours does instead. */
static const struct tint_row {
	int16_t fg256, fg8, bg256, bg8;
	uint16_t attr, mono;
} tints[HD_PALETTES][HD_TINT_COUNT] = {
	{
		[HD_TINT_PLAIN] = {PLAIN, PLAIN, PLAIN, PLAIN, 0, 0},
		[HD_TINT_DIM] = {245, PLAIN, PLAIN, PLAIN, 0, HD_ATTR_DIM},
		[HD_TINT_BOLD] = {PLAIN, PLAIN, PLAIN, PLAIN, HD_ATTR_BOLD, HD_ATTR_BOLD},
		[HD_TINT_BAR] = {16, 0, 72, 6, 0, HD_ATTR_REVERSE},
		[HD_TINT_KEY] = {PLAIN, PLAIN, PLAIN, PLAIN, HD_ATTR_BOLD, HD_ATTR_BOLD},
		[HD_TINT_SELECT] = {16, 0, 250, 7, 0, HD_ATTR_REVERSE},
		[HD_TINT_DEAD] = {203, 1, PLAIN, PLAIN, HD_ATTR_BOLD, HD_ATTR_BOLD | HD_ATTR_UNDERLINE},
		[HD_TINT_WAITS] = {221, 3, PLAIN, PLAIN, 0, HD_ATTR_BOLD},
		[HD_TINT_GOOD] = {114, 2, PLAIN, PLAIN, 0, 0},
		[HD_TINT_FORK] = {176, 5, PLAIN, PLAIN, 0, HD_ATTR_BOLD},
		[HD_TINT_TREE] = {67, 6, PLAIN, PLAIN, 0, HD_ATTR_DIM},
	},
	/* Safe for colour-blind eyes: blue, orange and yellow differ for all of them (Okabe and Ito, 2008). */
	{
		[HD_TINT_PLAIN] = {PLAIN, PLAIN, PLAIN, PLAIN, 0, 0},
		[HD_TINT_DIM] = {245, PLAIN, PLAIN, PLAIN, 0, HD_ATTR_DIM},
		[HD_TINT_BOLD] = {PLAIN, PLAIN, PLAIN, PLAIN, HD_ATTR_BOLD, HD_ATTR_BOLD},
		[HD_TINT_BAR] = {16, 0, 74, 4, 0, HD_ATTR_REVERSE},
		[HD_TINT_KEY] = {PLAIN, PLAIN, PLAIN, PLAIN, HD_ATTR_BOLD, HD_ATTR_BOLD},
		[HD_TINT_SELECT] = {16, 0, 250, 7, 0, HD_ATTR_REVERSE},
		[HD_TINT_DEAD] = {208, 3, PLAIN, PLAIN, HD_ATTR_BOLD, HD_ATTR_BOLD | HD_ATTR_UNDERLINE},
		[HD_TINT_WAITS] = {227, 7, PLAIN, PLAIN, HD_ATTR_BOLD, HD_ATTR_BOLD},
		[HD_TINT_GOOD] = {75, 4, PLAIN, PLAIN, 0, 0},
		[HD_TINT_FORK] = {175, 5, PLAIN, PLAIN, 0, HD_ATTR_BOLD},
		[HD_TINT_TREE] = {67, 6, PLAIN, PLAIN, 0, HD_ATTR_DIM},
	},
};

struct hd_pen hd_tint_pen(const struct hd_view_style *style, enum hd_tint tint)
{
	const struct tint_row *row = &tints[style->palette % HD_PALETTES][tint];
	if (style->colors < 8 || style->palette >= HD_PALETTES)
		return (struct hd_pen){PLAIN, PLAIN, row->mono};
	bool many = style->colors >= 256;
	return (struct hd_pen){many ? row->fg256 : row->fg8, many ? row->bg256 : row->bg8, row->attr};
}

static struct hd_pen pen(const struct hd_view *view, enum hd_tint tint)
{
	return hd_tint_pen(&view->style, tint);
}

static unsigned put(struct hd_view *view, unsigned x, unsigned y, unsigned columns, enum hd_tint tint, const char *text)
{
	return hd_screen_put(&view->screen, x, y, columns, pen(view, tint), text, view->style.utf8);
}

static void bar(struct hd_view *view, unsigned y)
{
	hd_screen_fill(&view->screen, 0, y, view->screen.width, pen(view, HD_TINT_BAR));
}

/* ---- layout --------------------------------------------------------------------------------------------------------- */

#define PANE_FROM_HEIGHT 12u

struct hd_view_layout hd_view_layout(const struct hd_view *view)
{
	unsigned h = view->screen.height;
	struct hd_view_layout l = {.has_second = h >= PANE_FROM_HEIGHT};
	unsigned top = 1 + l.has_second, bottom = h > 1 ? h - 1 : h;
	l.heads_y = h >= 8 ? top++ : 0;
	l.list_y = top;
	unsigned free_rows = bottom > top ? bottom - top : 0;
	if (view->is_zoomed) {
		l.pane_y = 2;
		l.pane_rows = bottom > 2 ? bottom - 2 : 0;
		l.has_second = false;
		return l;
	}
	l.pane_rows = h >= PANE_FROM_HEIGHT ? free_rows * 2 / 5 : 0;
	l.list_rows = free_rows - l.pane_rows - (l.pane_rows != 0);
	l.pane_y = l.list_y + l.list_rows + 1;
	return l;
}

/* ---- the head --------------------------------------------------------------------------------------------------------- */

struct totals {
	uint32_t procs, threads, dead, waits;
	const struct hd_view_tree *worst; /* NULL = no trees */
};

static struct totals count(const struct hd_view *view)
{
	struct totals n = {0};
	for (uint32_t i = 0; i < view->model.n_trees; i++) {
		const struct hd_view_tree *tree = &view->model.trees[i];
		for (uint32_t p = 0; p < tree->snap->n_procs; p++)
			n.procs += tree->snap->procs[p].in_tree;
		for (uint32_t t = 0; t < tree->snap->n_threads; t++) {
			n.threads += tree->snap->procs[tree->snap->threads[t].proc].in_tree;
			n.dead += tree->verdict->threads[t].certainty != HD_CERT_NONE && tree->verdict->threads[t].is_culprit;
		}
		if (n.worst == NULL || tree->verdict->kind > n.worst->verdict->kind)
			n.worst = tree;
	}
	return n;
}

static void put_verdict(const struct totals *n, struct hd_buf *out)
{
	const struct hd_verdict *v = n->worst->verdict;
	if (v->kind == HD_VERDICT_NONE)
		hd_buf_str(out, "nothing wrong");
	else if (v->kind == HD_VERDICT_STALL)
		hd_buf_str(out, "STALLED");
	else
		hd_buf_printf(out, "DEADLOCK (%s)", hd_certainty_name(v->certainty));
}

/* In place of the second line, or where there is none, of the first. */
static void paint_notice(struct hd_view *view, bool has_second)
{
	unsigned y = has_second;
	if (view->model.notice == NULL)
		return;
	hd_screen_fill(&view->screen, 0, y, view->screen.width, pen(view, HD_TINT_WAITS));
	put(view, 1, y, view->screen.width - 1, HD_TINT_WAITS, view->model.notice);
}

static void paint_head(struct hd_view *view, bool has_second)
{
	struct hd_buf left HD_CLEAN_BUF = {0}, right HD_CLEAN_BUF = {0};
	struct totals n = count(view);
	unsigned w = view->screen.width;
	bar(view, 0);
	if (n.worst == NULL)
		return;
	put_verdict(&n, &right);
	unsigned right_width = hd_utf8_width(hd_buf_text(&right));
	if (w >= 60)
		hd_buf_str(&left, view->model.is_recording ? "hangdog recording " : "hangdog top ");
	if (view->model.n_trees > 1)
		hd_buf_printf(&left, "%" PRIu32 " trees, ", view->model.n_trees);
	else if (w >= 40)
		hd_buf_printf(&left, "pid %" PRId32 ", ", n.worst->snap->root);
	hd_buf_printf(&left, "%" PRIu32 "p %" PRIu32 "t", n.procs, n.threads);
	if (w >= 60)
		hd_buf_printf(&left, " at %.8s UTC", hd_time_rfc3339(n.worst->snap->time_ns).text + 11);
	put(view, 1, 0, w > right_width + 3 ? w - right_width - 3 : 0, HD_TINT_BAR, hd_buf_text(&left));
	hd_screen_put_right(&view->screen, w > right_width + 1 ? w - right_width - 1 : 0, 0, right_width, pen(view, HD_TINT_BAR),
			    hd_buf_text(&right), view->style.utf8);
	if (!has_second)
		return;
	const struct hd_verdict *v = n.worst->verdict;
	enum hd_tint tint = v->kind == HD_VERDICT_DEADLOCK ? HD_TINT_DEAD : v->kind == HD_VERDICT_STALL ? HD_TINT_WAITS : HD_TINT_GOOD;
	if (v->kind != HD_VERDICT_NONE && v->summary != NULL) {
		put(view, 1, 1, w - 1, tint, v->summary);
		return;
	}
	hd_buf_clear(&left);
	hd_words_command(hd_snapshot_command(n.worst->snap), 300, &left);
	hd_buf_clear(&right);
	hd_buf_safe(&right, hd_buf_text(&left));
	put(view, 1, 1, w - 1, HD_TINT_BOLD, view->model.n_trees > 1 ? "all trees that hangdog guards for you" : hd_buf_text(&right));
}

/* ---- the list --------------------------------------------------------------------------------------------------------- */

enum column { COL_TID = 0, COL_STATE, COL_CPU, COL_AGE, COL_FOR, COL_FORK, COL_BADGE, COL_TREE, COL_COUNT };

/* `from`: the width of screen from which a column is there. */
static const struct {
	const char *head;
	unsigned width, from;
	bool is_left;
} columns[COL_COUNT] = {
	[COL_TID] = {"PID", 7, 0, false},    [COL_STATE] = {"S", 1, 40, true},	   [COL_CPU] = {"CPU%", 5, 72, false},
	[COL_AGE] = {"AGE", 5, 90, false},   [COL_FOR] = {"FOR", 5, 60, false},	   [COL_FORK] = {"FORK", 4, 76, false},
	[COL_BADGE] = {"VERDICT", 7, 50, true}, [COL_TREE] = {"COMMAND", 0, 0, true},
};

static bool has_column(const struct hd_view *view, enum column c)
{
	bool is_live = !view->model.is_recording;
	return view->screen.width >= columns[c].from && (is_live || (c != COL_CPU && c != COL_AGE));
}

static unsigned waits_x(const struct hd_view *view, unsigned tree_x)
{
	unsigned left = view->screen.width > tree_x ? view->screen.width - tree_x : 0;
	return left < 30 ? view->screen.width : tree_x + (left < 60 ? left * 2 / 5 : left * 9 / 20);
}

static void paint_heads(struct hd_view *view, unsigned y)
{
	unsigned x = 0;
	bar(view, y);
	for (unsigned c = 0; c < COL_TREE; c++) {
		if (!has_column(view, (enum column)c))
			continue;
		if (columns[c].is_left)
			put(view, x, y, columns[c].width, HD_TINT_BAR, columns[c].head);
		else
			hd_screen_put_right(&view->screen, x, y, columns[c].width, pen(view, HD_TINT_BAR), columns[c].head, view->style.utf8);
		x += columns[c].width + 1;
	}
	unsigned waits = waits_x(view, x);
	put(view, x, y, waits - x, HD_TINT_BAR, columns[COL_TREE].head);
	put(view, waits, y, view->screen.width - waits, HD_TINT_BAR, "WAITS FOR");
}

static void put_tree_lines(const struct hd_view *view, const struct hd_view_row *row, struct hd_buf *out)
{
	uint32_t base = view->model.n_trees > 1;
	for (uint32_t d = base + 1; d < row->depth; d++)
		hd_buf_str(out, row->bars >> d & 1 ? "│ " : "  ");
	if (row->depth > base)
		hd_buf_str(out, row->is_last ? "└─" : "├─");
	if (row->has_below)
		hd_buf_str(out, row->is_folded ? "▸ " : "▾ ");
	else if (row->depth > base)
		hd_buf_char(out, ' ');
}

/* How many threads there were when it was forked.  Where nobody saw that: at least so many as its memory still tells of,
 * or "?"; nothing for the root, and after an exec. */
static enum hd_tint fork_text(const struct hd_snapshot *snap, const struct hd_proc *proc, struct hd_buf *out)
{
	const struct hd_fork *fork = proc->fork;
	bool is_child = proc->parent != HD_NONE && snap->procs[proc->parent].in_tree;
	if (fork != NULL && fork->parent_threads > 0)
		hd_buf_printf(out, "%" PRIu32, fork->parent_threads);
	else if (fork != NULL && fork->n_others > 0)
		hd_buf_printf(out, "%" PRIu32 "+", fork->n_others + 1);
	else if (is_child && !proc->has_exec)
		hd_buf_char(out, '?');
	return fork != NULL && (fork->parent_threads > 1 || fork->n_others > 0) ? HD_TINT_FORK : HD_TINT_DIM;
}

/* A number of the row as text; the tint it has. */
static enum hd_tint column_text(const struct hd_view *view, const struct hd_view_row *row, enum column c, struct hd_buf *out)
{
	const struct hd_view_tree *tree = &view->model.trees[row->tree];
	const struct hd_thread *thread = hd_view_thread(view, row);
	const struct hd_proc *proc = hd_view_proc(view, row);
	enum hd_tint tint = HD_TINT_PLAIN;
	int32_t cpu = thread != NULL && tree->cpu_permille != NULL ? tree->cpu_permille[row->thread] : -1;
	if (c == COL_TID) {
		hd_buf_printf(out, "%" PRId32, proc == NULL ? tree->snap->root : hd_view_row_id(view, row).tid);
		tint = row->is_proc ? HD_TINT_BOLD : HD_TINT_DIM;
	} else if (c == COL_BADGE) {
		hd_buf_str(out, hd_view_badge(tree, row->proc, row->thread, &tint));
	} else if (c == COL_STATE && proc != NULL) {
		char state = thread != NULL ? thread->state : proc->state;
		hd_buf_char(out, state > ' ' && state < 0x7f ? state : '?');
		tint = state == 'R' ? HD_TINT_GOOD : HD_TINT_PLAIN;
	} else if (c == COL_CPU && cpu >= 0) {
		hd_buf_printf(out, "%d.%d", cpu / 10, cpu % 10);
		tint = cpu == 0 ? HD_TINT_DIM : HD_TINT_PLAIN;
	} else if (c == COL_AGE && thread != NULL) {
		hd_view_duration(hd_view_age_ns(&view->model, thread->start), out);
		tint = HD_TINT_DIM;
	} else if (c == COL_FOR && thread != NULL && tree->verdict->threads[row->thread].wait.kind != HD_WAIT_NONE) {
		hd_view_duration(thread->blocked_ns, out);
	} else if (c == COL_FORK && row->is_proc && proc != NULL) {
		tint = fork_text(tree->snap, proc, out);
	}
	return tint;
}

static void paint_row_text(struct hd_view *view, const struct hd_view_row *row, unsigned x, unsigned y)
{
	const struct hd_view_tree *tree = &view->model.trees[row->tree];
	struct hd_buf text HD_CLEAN_BUF = {0}, name HD_CLEAN_BUF = {0}, wait HD_CLEAN_BUF = {0};
	enum hd_tint tint = HD_TINT_PLAIN;
	unsigned w = view->screen.width, waits = waits_x(view, x);
	const char *badge = hd_view_badge(tree, row->proc, row->thread, &tint);
	if (row->thread != HD_NONE)
		hd_view_wait(tree->snap, tree->verdict, row->thread, &wait);
	/* Too narrow for both: the wait is what one came for. */
	if (waits >= w) {
		put(view, x, y, w - x, badge[0] != '\0' ? tint : HD_TINT_PLAIN, hd_buf_text(&wait));
		return;
	}
	if (view->is_tree)
		put_tree_lines(view, row, &text);
	unsigned used = put(view, x, y, waits - x - 1, HD_TINT_TREE, hd_buf_text(&text));
	hd_view_name(tree, row, &name);
	put(view, x + used, y, waits - x - 1 - used, row->proc == HD_NONE || row->is_proc ? HD_TINT_BOLD : HD_TINT_PLAIN, hd_buf_text(&name));
	put(view, waits, y, w - waits, badge[0] != '\0' ? tint : HD_TINT_PLAIN, hd_buf_text(&wait));
}

/* The selected line looks selected in every cell.  Only without colours its bold parts stay: bold black is grey on many
 * terminals. */
static void paint_selected(struct hd_view *view, unsigned y)
{
	struct hd_pen select = pen(view, HD_TINT_SELECT);
	for (unsigned x = 0; x < view->screen.width; x++) {
		struct hd_cell *cell = &view->screen.at[(size_t)y * view->screen.width + x];
		cell->fg = select.fg;
		cell->bg = select.bg;
		cell->attr = select.attr | (select.bg < 0 ? cell->attr & (HD_ATTR_BOLD | HD_ATTR_UNDERLINE) : 0);
	}
}

static void paint_row(struct hd_view *view, const struct hd_view_row *row, unsigned y)
{
	unsigned x = 0;
	struct hd_buf text HD_CLEAN_BUF = {0};
	for (unsigned c = 0; c < COL_TREE; c++) {
		if (!has_column(view, (enum column)c))
			continue;
		hd_buf_clear(&text);
		enum hd_tint tint = column_text(view, row, (enum column)c, &text);
		if (columns[c].is_left)
			put(view, x, y, columns[c].width, tint, hd_buf_text(&text));
		else
			hd_screen_put_right(&view->screen, x, y, columns[c].width, pen(view, tint), hd_buf_text(&text), view->style.utf8);
		x += columns[c].width + 1;
	}
	paint_row_text(view, row, x, y);
}

static void paint_list(struct hd_view *view, const struct hd_view_layout *l)
{
	if (view->at < view->top)
		view->top = view->at;
	if (l->list_rows > 0 && view->at >= view->top + l->list_rows)
		view->top = view->at - l->list_rows + 1;
	if (view->top + l->list_rows > view->rows.n)
		view->top = view->rows.n > l->list_rows ? view->rows.n - l->list_rows : 0;
	for (unsigned i = 0; i < l->list_rows && view->top + i < view->rows.n; i++) {
		paint_row(view, &view->rows.at[view->top + i], l->list_y + i);
		if (view->top + i == view->at)
			paint_selected(view, l->list_y + i);
	}
	if (view->rows.n == 0)
		put(view, 1, l->list_y, view->screen.width - 1, HD_TINT_DIM, view->filter.len > 0 ? "Nothing contains the words of the filter (Esc clears it)"
											      : "No process is left");
}

/* ---- the pane ---------------------------------------------------------------------------------------------------------- */

/* A line with the colours of report_page.c: "\x1b[1;31m" and so on up to its end. */
static void paint_sgr_line(struct hd_view *view, unsigned y, const char *line, size_t len)
{
	static const struct {
		const char *code;
		enum hd_tint tint;
	} codes[] = {{"\x1b[0m", HD_TINT_PLAIN},   {"\x1b[1m", HD_TINT_BOLD},	 {"\x1b[2m", HD_TINT_DIM},
		     {"\x1b[1;31m", HD_TINT_DEAD}, {"\x1b[1;33m", HD_TINT_WAITS}, {"\x1b[1;32m", HD_TINT_GOOD}};
	enum hd_tint tint = HD_TINT_PLAIN;
	unsigned x = 1, w = view->screen.width;
	struct hd_buf part HD_CLEAN_BUF = {0};
	for (size_t i = 0; i < len;) {
		size_t run = 0;
		while (i + run < len && line[i + run] != '\x1b')
			run++;
		hd_buf_clear(&part);
		hd_buf_add(&part, line + i, run);
		x += put(view, x, y, x < w ? w - x : 0, tint, hd_buf_text(&part));
		for (i += run; i < len && line[i] == '\x1b';) {
			size_t skip = 1;
			for (size_t k = 0; k < HD_COUNTOF(codes); k++) {
				if (strncmp(line + i, codes[k].code, strlen(codes[k].code)) == 0) {
					tint = codes[k].tint;
					skip = strlen(codes[k].code);
				}
			}
			i += skip;
		}
	}
}

static void paint_tabs(struct hd_view *view, unsigned y)
{
	static const uint32_t keys[HD_PANE_COUNT] = {'w', 's', 'f', 'a', 'L', 'o'};
	unsigned x = 1;
	bar(view, y);
	for (unsigned i = 0; i < HD_PANE_COUNT; i++) {
		char name[16];
		if (i == HD_PANE_OUTPUT && view->model.output == NULL)
			continue;
		snprintf(name, sizeof(name), " %s ", hd_view_pane_name((enum hd_pane)i));
		unsigned used = put(view, x, y, view->screen.width - x, i == view->pane ? HD_TINT_SELECT : HD_TINT_BAR, name);
		HD_VEC_PUSH(&view->hits, (struct hd_view_hit){x, y, used, keys[i]});
		x += used + 1;
		if (x >= view->screen.width)
			return;
	}
	if (view->has_focus && x + 20 < view->screen.width)
		put(view, x + 1, y, view->screen.width - x - 1, HD_TINT_BAR, "↑↓ scroll, Tab back");
}

void hd_view_output_size(const struct hd_view *view, unsigned *ret_width, unsigned *ret_height)
{
	struct hd_view_layout l = hd_view_layout(view);
	*ret_width = view->screen.width;
	*ret_height = l.pane_rows > 0 ? l.pane_rows : view->screen.height > 3 ? view->screen.height - 3 : 1;
}

/* The colours of the command are its own; without colours only its attributes stay. */
static void paint_output_line(struct hd_view *view, unsigned y, size_t i)
{
	unsigned n;
	const struct hd_cell *line = hd_term_line(view->model.output, i, &n);
	for (unsigned x = 0; x < n && x < view->screen.width; x++) {
		struct hd_cell cell = line[x];
		if (view->style.colors < 8 || view->style.palette >= HD_PALETTES)
			cell.fg = cell.bg = PLAIN;
		if (!view->style.utf8 && cell.ch >= 0x80)
			cell.ch = '?';
		/* Half of a wide character, or one that the edge would halve. */
		bool is_cut = cell.ch == 0 ? x == 0 || !view->style.utf8 : hd_char_width(cell.ch) == 2 && x + 1 >= view->screen.width;
		if (is_cut)
			cell.ch = ' ';
		view->screen.at[(size_t)y * view->screen.width + x] = cell;
	}
}

static void paint_output(struct hd_view *view, const struct hd_view_layout *l)
{
	size_t n = hd_term_lines(view->model.output), most = n > l->pane_rows ? n - l->pane_rows : 0, row;
	unsigned column;
	if (view->output_back > most)
		view->output_back = most;
	size_t top = most - view->output_back;
	for (unsigned i = 0; i < l->pane_rows && top + i < n; i++)
		paint_output_line(view, l->pane_y + i, top + i);
	hd_term_cursor(view->model.output, &row, &column);
	if (view->mode == HD_MODE_INPUT && row >= top && row < top + l->pane_rows && column < view->screen.width) {
		view->screen.cursor_x = (int)column;
		view->screen.cursor_y = (int)(l->pane_y + (row - top));
	}
}

static void paint_pane(struct hd_view *view, const struct hd_view_layout *l)
{
	paint_tabs(view, l->pane_y - 1);
	if (view->pane == HD_PANE_OUTPUT) {
		paint_output(view, l);
		return;
	}
	hd_view_pane_fill(view, view->screen.width > 2 ? view->screen.width - 2 : 1);
	size_t most = view->pane_lines > l->pane_rows ? view->pane_lines - l->pane_rows : 0;
	if (view->pane_top > most)
		view->pane_top = most;
	const char *line = hd_buf_text(&view->pane_text);
	for (size_t i = 0; *line != '\0'; i++) {
		size_t len = strcspn(line, "\n");
		if (i >= view->pane_top && i < view->pane_top + l->pane_rows)
			paint_sgr_line(view, l->pane_y + (unsigned)(i - view->pane_top), line, len);
		line += len + (line[len] == '\n');
	}
}

/* ---- the last line, questions, help ------------------------------------------------------------------------------------ */

static void paint_keys(struct hd_view *view, unsigned y)
{
	unsigned x = 0, w = view->screen.width;
	for (size_t i = 0; i < hd_view_keys_n; i++) {
		const struct hd_view_key *key = &hd_view_keys[i];
		char name[2] = {0};
		if (key->label == NULL)
			continue;
		unsigned need = 1 + hd_utf8_width(key->label) + 1;
		if (x + need > w)
			return;
		name[0] = key->shown[0];
		HD_VEC_PUSH(&view->hits, (struct hd_view_hit){x, y, need - 1, key->keys[0]});
		x += put(view, x, y, 1, HD_TINT_KEY, name);
		x += put(view, x, y, w - x, HD_TINT_BAR, key->label) + 1;
	}
}

static void paint_prompt(struct hd_view *view, unsigned y, const char *label)
{
	unsigned w = view->screen.width, used = put(view, 0, y, w, HD_TINT_KEY, label);
	used += put(view, used, y, w - used, HD_TINT_PLAIN, hd_buf_text(&view->prompt));
	view->screen.cursor_x = (int)(used < w ? used : w - 1);
	view->screen.cursor_y = (int)y;
}

static void paint_foot(struct hd_view *view)
{
	unsigned y = view->screen.height - 1;
	if (view->mode == HD_MODE_SEARCH)
		paint_prompt(view, y, "search: ");
	else if (view->mode == HD_MODE_FILTER)
		paint_prompt(view, y, "show only: ");
	else if (view->mode == HD_MODE_CONFIRM)
		put(view, 0, y, view->screen.width, HD_TINT_KEY, "y = yes, any other key = no");
	else if (view->mode == HD_MODE_INPUT)
		put(view, 0, y, view->screen.width, HD_TINT_KEY, "keys go to the command; Ctrl-] comes back");
	else if (view->message.len > 0)
		put(view, 0, y, view->screen.width, HD_TINT_KEY, hd_buf_text(&view->message));
	else
		paint_keys(view, y);
}

/* Words in lines of at most `width` columns; returns the lines.  y: where to paint, or UINT_MAX to only count. */
static unsigned wrap(struct hd_view *view, unsigned x, unsigned y, unsigned width, enum hd_tint tint, const char *text)
{
	unsigned lines = 0;
	struct hd_buf line HD_CLEAN_BUF = {0};
	while (*text != '\0') {
		size_t len = strlen(text), fit = len < width ? len : width;
		while (fit < len && fit > 0 && text[fit] != ' ')
			fit--;
		if (fit == 0)
			fit = len < width ? len : width;
		hd_buf_clear(&line);
		hd_buf_add(&line, text, fit);
		if (y != UINT32_MAX)
			put(view, x, y + lines, width, tint, hd_buf_text(&line));
		lines++;
		text += fit + (text[fit] == ' ');
	}
	return lines;
}

static void paint_question(struct hd_view *view)
{
	unsigned w = view->screen.width, h = view->screen.height, width = w > 64 ? 60 : w > 4 ? w - 4 : w;
	const char *text = hd_buf_text(&view->question);
	unsigned lines = wrap(view, 0, UINT32_MAX, width, HD_TINT_BAR, text), rows = lines + 2;
	if (rows > h - 1)
		rows = h - 1;
	unsigned top = (h - 1 - rows) / 2, left = (w - width) / 2;
	for (unsigned i = 0; i < rows; i++)
		hd_screen_fill(&view->screen, left > 2 ? left - 2 : 0, top + i, width + 4, pen(view, HD_TINT_SELECT));
	wrap(view, left, top + (rows > lines + 1), width, HD_TINT_SELECT, text);
}

static void paint_help(struct hd_view *view)
{
	unsigned w = view->screen.width, rows = view->screen.height > 2 ? view->screen.height - 2 : 0;
	unsigned key_width = w >= 60 ? 18 : 8;
	bar(view, 0);
	put(view, 1, 0, w - 1, HD_TINT_BAR, w >= 60 ? "hangdog top: who waits for whom, and whether they can ever go on" : "help");
	size_t most = hd_view_keys_n > rows ? hd_view_keys_n - rows : 0;
	if (view->help_top > most)
		view->help_top = most;
	for (unsigned i = 0; i < rows && view->help_top + i < hd_view_keys_n; i++) {
		const struct hd_view_key *key = &hd_view_keys[view->help_top + i];
		put(view, 1, 1 + i, key_width, HD_TINT_KEY, key->shown);
		if (w > key_width + 2)
			put(view, key_width + 2, 1 + i, w - key_width - 2, HD_TINT_PLAIN, key->help);
	}
	put(view, 0, view->screen.height - 1, w, HD_TINT_KEY, "↑↓ scroll, any other key: back");
}

const struct hd_screen *hd_view_paint(struct hd_view *view)
{
	struct hd_view_layout l = hd_view_layout(view);
	view->screen.cursor_x = view->screen.cursor_y = -1;
	HD_VEC_CLEAR(&view->hits);
	for (unsigned y = 0; y < view->screen.height; y++)
		hd_screen_fill(&view->screen, 0, y, view->screen.width, pen(view, HD_TINT_PLAIN));
	if (view->screen.width < 10 || view->screen.height < 3) {
		put(view, 0, 0, view->screen.width, HD_TINT_PLAIN, "too small");
		return &view->screen;
	}
	if (view->mode == HD_MODE_HELP) {
		paint_help(view);
		return &view->screen;
	}
	paint_head(view, l.has_second);
	paint_notice(view, l.has_second);
	if (l.heads_y != 0 && !view->is_zoomed)
		paint_heads(view, l.heads_y);
	if (l.list_rows > 0)
		paint_list(view, &l);
	if (l.pane_rows > 0)
		paint_pane(view, &l);
	if (view->mode == HD_MODE_CONFIRM)
		paint_question(view);
	paint_foot(view);
	return &view->screen;
}
