/* The live view: state, and what keys and the mouse do to it. */
#include <inttypes.h>
#include <string.h>

#include "report_words.h"
#include "view_priv.h"

#define LOG_MAX_BYTES 65536u

struct hd_view *hd_view_new(const struct hd_view_style *style)
{
	struct hd_view *view = calloc(1, sizeof(*view));
	if (view == NULL)
		abort();
	view->style = *style;
	view->is_tree = view->shows_threads = true;
	hd_screen_resize(&view->screen, 80, 24);
	return view;
}

void hd_view_free(struct hd_view *view)
{
	if (view == NULL)
		return;
	hd_screen_release(&view->screen);
	HD_VEC_RELEASE(&view->rows);
	HD_VEC_RELEASE(&view->folded);
	HD_VEC_RELEASE(&view->hits);
	hd_buf_release(&view->filter);
	hd_buf_release(&view->search);
	hd_buf_release(&view->prompt);
	hd_buf_release(&view->question);
	hd_buf_release(&view->pane_text);
	hd_buf_release(&view->log);
	hd_buf_release(&view->message);
	free(view);
}

void hd_view_resize(struct hd_view *view, unsigned width, unsigned height)
{
	width = width == 0 ? 1 : width > 1000 ? 1000 : width;
	height = height == 0 ? 1 : height > 1000 ? 1000 : height;
	if (width != view->screen.width || height != view->screen.height)
		hd_screen_resize(&view->screen, width, height);
}

void hd_view_model(struct hd_view *view, const struct hd_view_model *model)
{
	if (model->output != NULL && view->model.output == NULL)
		view->pane = HD_PANE_OUTPUT;
	view->model = *model;
	view->pane_is_current = false;
	size_t pane_top = view->pane_top;
	hd_view_rows_build(view);
	view->pane_top = pane_top;
	view->wish = (struct hd_view_request){0};
}

void hd_view_say(struct hd_view *view, const char *time, const char *text)
{
	hd_buf_clear(&view->message);
	hd_buf_safe(&view->message, text);
	if (view->log.len > LOG_MAX_BYTES)
		hd_buf_clear(&view->log);
	hd_buf_printf(&view->log, "%s ", time);
	hd_buf_str(&view->log, hd_buf_text(&view->message));
	hd_buf_char(&view->log, '\n');
	if (view->pane == HD_PANE_LOG)
		view->pane_is_current = false;
}

struct hd_view_request hd_view_selected(const struct hd_view *view)
{
	const struct hd_view_row *row = hd_view_row_selected(view);
	const struct hd_proc *proc = hd_view_proc(view, row);
	const struct hd_thread *thread = hd_view_thread(view, row);
	struct hd_view_request r = {0};
	if (row == NULL)
		return r;
	r.tree = row->tree;
	r.pid = proc != NULL ? proc->pid : view->model.trees[row->tree].snap->root;
	r.tid = thread != NULL ? thread->tid : 0;
	return r;
}

/* ---- moving --------------------------------------------------------------------------------------------------------- */

static bool moves_pane(const struct hd_view *view)
{
	return view->is_zoomed || (view->has_focus && hd_view_layout(view).pane_rows > 0);
}

/* The output is scrolled from its end. */
static void move_output(struct hd_view *view, int64_t by)
{
	int64_t back = (int64_t)view->output_back - by;
	view->output_back = back < 0 ? 0 : (size_t)back; /* the painter stops it at the first line */
}

static void move(struct hd_view *view, int64_t by)
{
	if (moves_pane(view) && view->pane == HD_PANE_OUTPUT) {
		move_output(view, by);
		return;
	}
	size_t *at = moves_pane(view) ? &view->pane_top : &view->at;
	size_t n = moves_pane(view) ? view->pane_lines : view->rows.n;
	int64_t to = (int64_t)*at + by;
	to = to < 0 ? 0 : to >= (int64_t)n ? (int64_t)n - 1 : to;
	if (to < 0)
		return;
	if (at == &view->pane_top)
		view->pane_top = (size_t)to; /* the painter stops it at the last page */
	else
		hd_view_select(view, (size_t)to);
}

static int64_t page(const struct hd_view *view)
{
	struct hd_view_layout l = hd_view_layout(view);
	unsigned rows = moves_pane(view) ? l.pane_rows : l.list_rows;
	return rows > 1 ? rows - 1 : 1;
}

void hd_view_act_up(struct hd_view *view)
{
	move(view, -1);
}

void hd_view_act_down(struct hd_view *view)
{
	move(view, 1);
}

void hd_view_act_page_up(struct hd_view *view)
{
	move(view, -page(view));
}

void hd_view_act_page_down(struct hd_view *view)
{
	move(view, page(view));
}

void hd_view_act_home(struct hd_view *view)
{
	move(view, INT32_MIN);
}

void hd_view_act_end(struct hd_view *view)
{
	move(view, INT32_MAX);
}

void hd_view_act_left(struct hd_view *view)
{
	const struct hd_view_row *row = hd_view_row_selected(view);
	if (row == NULL || !view->is_tree)
		return;
	if (row->has_below && !row->is_folded) {
		hd_view_fold(view, true);
		return;
	}
	for (size_t i = view->at; i-- > 0;) {
		if (view->rows.at[i].depth < row->depth) {
			hd_view_select(view, i);
			return;
		}
	}
}

void hd_view_act_right(struct hd_view *view)
{
	hd_view_fold(view, false);
}

void hd_view_act_enter(struct hd_view *view)
{
	const struct hd_view_row *row = hd_view_row_selected(view);
	if (row != NULL)
		hd_view_fold(view, !row->is_folded);
}

void hd_view_act_focus(struct hd_view *view)
{
	view->has_focus = !view->has_focus;
}

void hd_view_act_zoom(struct hd_view *view)
{
	view->is_zoomed = !view->is_zoomed;
}

void hd_view_act_back(struct hd_view *view)
{
	if (view->is_zoomed || view->has_focus) {
		view->is_zoomed = view->has_focus = false;
	} else if (view->filter.len > 0) {
		hd_buf_clear(&view->filter);
		hd_view_rows_build(view);
	} else {
		hd_buf_clear(&view->search);
	}
}

/* ---- searching -------------------------------------------------------------------------------------------------------- */

static void say(struct hd_view *view, const char *text)
{
	hd_buf_clear(&view->message);
	hd_buf_str(&view->message, text);
}

static void search_from(struct hd_view *view, size_t from, bool backwards)
{
	size_t n = view->rows.n;
	for (size_t i = 0; i < n && view->search.len > 0; i++) {
		size_t at = backwards ? (from + n - i) % n : (from + i) % n;
		if (hd_view_row_matches(view, &view->rows.at[at], &view->search)) {
			hd_view_select(view, at);
			return;
		}
	}
	if (view->search.len > 0)
		say(view, "nothing contains that");
}

void hd_view_act_search(struct hd_view *view)
{
	hd_buf_clear(&view->prompt);
	view->mode = HD_MODE_SEARCH;
}

void hd_view_act_next(struct hd_view *view)
{
	search_from(view, view->at + 1, false);
}

void hd_view_act_previous(struct hd_view *view)
{
	search_from(view, view->at + view->rows.n - 1, true);
}

void hd_view_act_filter(struct hd_view *view)
{
	hd_buf_clear(&view->prompt);
	hd_buf_str(&view->prompt, hd_buf_text(&view->filter));
	view->mode = HD_MODE_FILTER;
}

void hd_view_act_dead(struct hd_view *view)
{
	size_t n = view->rows.n;
	for (size_t i = 1; i <= n; i++) {
		const struct hd_view_row *row = &view->rows.at[(view->at + i) % n];
		if (row->thread != HD_NONE && view->model.trees[row->tree].verdict->threads[row->thread].certainty != HD_CERT_NONE) {
			hd_view_select(view, (view->at + i) % n);
			return;
		}
	}
	say(view, "nothing here is stuck for ever");
}

/* ---- what is shown ---------------------------------------------------------------------------------------------------- */

void hd_view_act_tree(struct hd_view *view)
{
	view->is_tree = !view->is_tree;
	hd_view_rows_build(view);
	say(view, view->is_tree ? "tree" : "list, worst first");
}

void hd_view_act_threads(struct hd_view *view)
{
	view->shows_threads = !view->shows_threads;
	hd_view_rows_build(view);
	say(view, view->shows_threads ? "threads are shown" : "threads are hidden");
}

/* On a small screen the pane takes all of it; the same key again gives it back. */
static void show_pane(struct hd_view *view, enum hd_pane pane)
{
	bool is_small = hd_view_layout(view).pane_rows == 0 || view->is_zoomed;
	if (is_small)
		view->is_zoomed = !(view->is_zoomed && view->pane == pane);
	view->pane = pane;
	view->pane_top = 0;
	view->pane_is_current = false;
}

void hd_view_act_why(struct hd_view *view)
{
	show_pane(view, HD_PANE_WHY);
}

void hd_view_act_stack(struct hd_view *view)
{
	show_pane(view, HD_PANE_STACK);
}

void hd_view_act_fork(struct hd_view *view)
{
	show_pane(view, HD_PANE_FORK);
}

void hd_view_act_advice(struct hd_view *view)
{
	show_pane(view, HD_PANE_ADVICE);
}

void hd_view_act_log(struct hd_view *view)
{
	show_pane(view, HD_PANE_LOG);
}

void hd_view_act_output(struct hd_view *view)
{
	if (view->model.output != NULL)
		show_pane(view, HD_PANE_OUTPUT);
	else
		say(view, "only 'hangdog run --top' shows what the command writes");
}

void hd_view_act_input(struct hd_view *view)
{
	if (view->model.output == NULL || view->model.has_ended) {
		say(view, view->model.has_ended ? "the command has ended" : "only 'hangdog run --top' can type to the command");
		return;
	}
	if (view->pane != HD_PANE_OUTPUT || hd_view_layout(view).pane_rows == 0)
		show_pane(view, HD_PANE_OUTPUT);
	view->output_back = 0;
	view->mode = HD_MODE_INPUT;
}

void hd_view_act_colors(struct hd_view *view)
{
	static const char *const names[] = {"the usual colours", "colours safe for colour-blind eyes", "no colours"};
	view->style.palette = (view->style.palette + 1) % (HD_PALETTES + 1);
	say(view, names[view->style.palette]);
}

void hd_view_act_help(struct hd_view *view)
{
	view->mode = HD_MODE_HELP;
	view->help_top = 0;
}

void hd_view_act_look(struct hd_view *view)
{
	view->wish.want = HD_VIEW_LOOK;
}

void hd_view_act_repaint(struct hd_view *view)
{
	view->wish.want = HD_VIEW_REPAINT;
}

void hd_view_act_quit(struct hd_view *view)
{
	if (view->model.leaving != NULL) {
		hd_buf_clear(&view->question);
		hd_buf_str(&view->question, view->model.leaving);
		view->asked = HD_VIEW_QUIT;
		view->mode = HD_MODE_CONFIRM;
		return;
	}
	view->wish.want = HD_VIEW_QUIT;
}

/* ---- what is done about it ---------------------------------------------------------------------------------------------- */

void hd_view_act_dump(struct hd_view *view)
{
	view->wish.want = HD_VIEW_DUMP;
}

static void ask(struct hd_view *view, enum hd_view_want want, const char *verb, const char *consequence)
{
	const struct hd_view_row *row = hd_view_row_selected(view);
	struct hd_buf command HD_CLEAN_BUF = {0};
	uint32_t n = 0;
	if (row == NULL)
		return;
	if (view->model.is_recording) {
		say(view, "this is a recording: nothing can be done about it");
		return;
	}
	const struct hd_view_tree *tree = &view->model.trees[row->tree];
	if (tree->supervisor == 0 && want != HD_VIEW_KILL) {
		say(view, "no hangdog guards this tree: only k and d are possible");
		return;
	}
	for (uint32_t p = 0; p < tree->snap->n_procs; p++)
		n += tree->snap->procs[p].in_tree && tree->snap->procs[p].state != 'Z';
	hd_words_command(hd_snapshot_command(tree->snap), 60, &command);
	hd_buf_clear(&view->question);
	hd_buf_printf(&view->question, "%s %" PRId32 " (%s), %" PRIu32 " process%s? %s", verb, tree->snap->root, hd_buf_text(&command), n,
		      n == 1 ? "" : "es", consequence);
	view->asked = want;
	view->mode = HD_MODE_CONFIRM;
}

void hd_view_act_kill(struct hd_view *view)
{
	ask(view, HD_VIEW_KILL, "Kill the whole tree of", "All of them get SIGTERM, and SIGKILL if they do not end in time. What they had not saved is lost.");
}

void hd_view_act_restart(struct hd_view *view)
{
	ask(view, HD_VIEW_RESTART, "Restart the whole tree of", "All of them are ended, then the command is started again. What they had not saved is lost.");
}

void hd_view_act_heal(struct hd_view *view)
{
	ask(view, HD_VIEW_HEAL, "Heal the tree of", "hangdog changes the memory of the stuck processes so that they can go on. What a lock protected may be half done.");
}

void hd_view_act_detach(struct hd_view *view)
{
	ask(view, HD_VIEW_DETACH, "Stop guarding the tree of", "They run on, but nobody watches for hangs any more.");
}

/* ---- events ------------------------------------------------------------------------------------------------------------- */

static void drop_last_char(struct hd_buf *buf)
{
	while (buf->len > 0 && ((unsigned char)buf->text[--buf->len] & 0xc0) == 0x80)
		;
	if (buf->text != NULL)
		buf->text[buf->len] = '\0';
}

static void take_prompt(struct hd_view *view)
{
	struct hd_buf *target = view->mode == HD_MODE_SEARCH ? &view->search : &view->filter;
	hd_buf_clear(target);
	hd_buf_str(target, hd_buf_text(&view->prompt));
	if (view->mode == HD_MODE_FILTER)
		hd_view_rows_build(view);
	else
		search_from(view, view->at, false);
}

static void key_prompt(struct hd_view *view, uint32_t key)
{
	if (key == HD_KEY_ENTER || key == '\r') {
		take_prompt(view);
		view->mode = HD_MODE_LIST;
	} else if (key == HD_KEY_ESC || key == ('c' & 0x1f)) {
		view->mode = HD_MODE_LIST;
	} else if (key == HD_KEY_BACKSPACE || key == 0x7f || key == '\b') {
		drop_last_char(&view->prompt);
	} else if (key == ('u' & 0x1f)) {
		hd_buf_clear(&view->prompt);
	} else if (key >= ' ' && key < HD_KEY_UP && view->prompt.len < 200) {
		hd_buf_utf8(&view->prompt, key);
	}
}

static void key_confirm(struct hd_view *view, uint32_t key)
{
	view->mode = HD_MODE_LIST;
	if (key == 'y' || key == 'Y')
		view->wish.want = view->asked;
	else
		say(view, "nothing was done");
}

static void key_help(struct hd_view *view, uint32_t key)
{
	int by = key == HD_KEY_UP || key == 'k' ? -1 : key == HD_KEY_DOWN || key == 'j' ? 1 : key == HD_KEY_PAGE_UP ? -10
		 : key == HD_KEY_PAGE_DOWN || key == ' '			     ? 10
										     : 0;
	if (by == 0)
		view->mode = HD_MODE_LIST;
	else
		view->help_top = by < 0 && view->help_top < (size_t)-by ? 0 : view->help_top + (size_t)by;
}

static void key_input(struct hd_view *view, uint32_t key)
{
	if (key == (']' & 0x1f) || view->model.has_ended) {
		view->mode = HD_MODE_LIST;
		return;
	}
	view->wish.want = HD_VIEW_INPUT;
	view->wish.key = key;
}

static void key_list(struct hd_view *view, uint32_t key)
{
	for (size_t i = 0; i < hd_view_keys_n; i++) {
		const struct hd_view_key *row = &hd_view_keys[i];
		for (size_t k = 0; k < HD_COUNTOF(row->keys); k++) {
			if (row->keys[k] == key && key != 0) {
				row->act(view);
				return;
			}
		}
	}
}

static void press(struct hd_view *view, uint32_t key)
{
	static void (*const modes[])(struct hd_view *view, uint32_t key) = {
		[HD_MODE_LIST] = key_list,	 [HD_MODE_SEARCH] = key_prompt, [HD_MODE_FILTER] = key_prompt,
		[HD_MODE_CONFIRM] = key_confirm, [HD_MODE_HELP] = key_help,	[HD_MODE_INPUT] = key_input,
	};
	hd_buf_clear(&view->message);
	modes[view->mode](view, key);
}

static void click(struct hd_view *view, const struct hd_view_event *event)
{
	struct hd_view_layout l = hd_view_layout(view);
	for (size_t i = 0; i < view->hits.n; i++) {
		struct hd_view_hit hit = view->hits.at[i];
		if (event->y == hit.y && event->x >= hit.x && event->x < hit.x + hit.width) {
			press(view, hit.key);
			return;
		}
	}
	size_t at = view->top + event->y - l.list_y;
	if (event->y < l.list_y || event->y >= l.list_y + l.list_rows || at >= view->rows.n) {
		view->has_focus = l.pane_rows > 0 && event->y >= l.pane_y;
		return;
	}
	view->has_focus = false;
	if (at == view->at)
		hd_view_act_enter(view);
	else
		hd_view_select(view, at);
}

static void mouse(struct hd_view *view, const struct hd_view_event *event)
{
	struct hd_view_layout l = hd_view_layout(view);
	bool had_focus = view->has_focus;
	if (view->mode != HD_MODE_LIST)
		return; /* a click is no answer to a question */
	if (event->mouse == HD_MOUSE_PRESS) {
		click(view, event);
		return;
	}
	view->has_focus = l.pane_rows > 0 && event->y >= l.pane_y;
	move(view, event->mouse == HD_MOUSE_WHEEL_UP ? -3 : 3);
	view->has_focus = had_focus;
}

struct hd_view_request hd_view_key(struct hd_view *view, const struct hd_view_event *event)
{
	view->wish = (struct hd_view_request){0};
	if (event->key == HD_KEY_MOUSE)
		mouse(view, event);
	else
		press(view, event->key);
	struct hd_view_request wish = hd_view_selected(view);
	wish.want = view->wish.want;
	wish.key = view->wish.key;
	return wish;
}
