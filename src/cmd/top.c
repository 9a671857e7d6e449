/* hangdog top: the live view.  Connects what is seen (top_source.c) to what is shown (core/view.c) on a terminal (ui/). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

#include "cmd/cmd.h"
#include "cmd/say.h"
#include "cmd/supervisor.h"
#include "cmd/top.h"
#include "cmd/top_source.h"
#include "hangdog/clock.h"
#include "hangdog/door.h"
#include "hangdog/term.h"
#include "hangdog/ui.h"
#include "hangdog/vec.h"

#define REFRESH_MS 1000
#define FIRST_MS 100       /* the second look: from then on something can be proven */
#define SHOWN_MS 120       /* after the selection has moved: its stack is wanted once it stays */
/* A refresh may cost at most one part in so many of the time, as long as that makes it no rarer than every SLOWEST_MS. */
#define COST_SHARE 40
#define SLOWEST_MS 5000
#define SILENT_MS 2000 /* a supervisor that owes an answer for longer is spoken of */

struct top {
	const struct hd_options *options;
	struct hd_ui *ui;
	struct hd_view *view;
	struct hd_signals *signals;
	HD_VEC(struct hd_source *) sources;
	HD_VEC(struct hd_view_tree) trees;
	HD_VEC(struct pollfd) fds;
	bool finds_guarded; /* no PID: whatever is guarded */
	bool is_recording, is_over;
	bool is_gone;   /* the one tree has ended, or cannot be asked any more */
	bool has_acted; /* the user ended it here: its end is no news */
	int64_t due_ms;
	int64_t stack_due_ms; /* 0 = the stack of the selected thread is there */
	unsigned refreshes;
	int64_t cost_ms; /* of the answers since the last refresh */
	struct hd_buf notice;
	struct hd_top_command *command; /* run --top, else NULL */
	struct hd_term *output;
};

static void say(struct top *top, const char *text)
{
	char stamp[16];
	time_t now = time(NULL);
	struct tm tm;
	strftime(stamp, sizeof(stamp), "%H:%M:%S", localtime_r(&now, &tm));
	HD_CLEAN_BUF struct hd_buf line = {0};
	hd_buf_add(&line, text, strcspn(text, "\n"));
	hd_view_say(top->view, stamp, hd_buf_text(&line));
}

/* ---- facts -------------------------------------------------------------------------------------------------------------- */

/* Supervisors come and go. */
static void find_guarded(struct top *top)
{
	struct hd_arena *arena = hd_arena_new();
	int32_t *pids;
	size_t n;
	if (hd_door_list(arena, &pids, &n) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		bool is_known = false;
		for (size_t k = 0; k < top->sources.n; k++)
			is_known = is_known || hd_source_supervisor(top->sources.at[k]) == pids[i];
		if (!is_known)
			HD_VEC_PUSH(&top->sources, hd_source_guarded(pids[i]));
	}
	hd_arena_free(arena);
}

static void drop_source(struct top *top, size_t i)
{
	hd_source_free(top->sources.at[i]);
	memmove(&top->sources.at[i], &top->sources.at[i + 1], (--top->sources.n - i) * sizeof(*top->sources.at));
}

/* Who owes us an answer for long: it may be busy, or stopped. */
static void note_silence(struct top *top)
{
	hd_buf_clear(&top->notice);
	for (size_t i = 0; i < top->sources.n && top->notice.len == 0; i++) {
		struct hd_view_tree tree;
		const struct hd_source *source = top->sources.at[i];
		int32_t supervisor = hd_source_supervisor(source);
		int seconds = (int)(hd_source_silent_ms(source) / 1000);
		if (hd_source_silent_ms(source) < SILENT_MS)
			continue;
		if (hd_source_tree(source, &tree))
			hd_buf_printf(&top->notice, "no answer from the supervisor of %d (hangdog %d) for %d s: what you see is of then",
				      tree.snap->root, supervisor, seconds);
		else
			hd_buf_printf(&top->notice, "no answer from hangdog %d for %d s: is it stopped?", supervisor, seconds);
	}
}

static void show(struct top *top)
{
	HD_VEC_CLEAR(&top->trees);
	note_silence(top);
	for (size_t i = 0; i < top->sources.n; i++) {
		struct hd_view_tree tree;
		if (hd_source_tree(top->sources.at[i], &tree))
			HD_VEC_PUSH(&top->trees, tree);
	}
	hd_view_model(top->view, &(struct hd_view_model){
					 .trees = top->trees.at,
					 .n_trees = (uint32_t)top->trees.n,
					 .boot_ns = top->is_recording ? 0 : hd_now_boot_ns(),
					 .is_recording = top->is_recording,
					 .output = top->output,
					 .notice = top->notice.len > 0 ? hd_buf_text(&top->notice) : NULL,
					 .has_ended = top->command != NULL && top->command->has_ended,
					 .leaving = top->command != NULL && !top->command->has_ended ? top->command->leaving : NULL,
				 });
}

/* The source of the i-th tree that is shown. */
static struct hd_source *source_of_tree(struct top *top, uint32_t tree)
{
	struct hd_view_tree unused;
	for (size_t i = 0; i < top->sources.n; i++) {
		if (hd_source_tree(top->sources.at[i], &unused) && tree-- == 0)
			return top->sources.at[i];
	}
	return NULL;
}

/* Said once; what was seen last stays on the screen, for reading. */
static void note_gone(struct top *top, const struct hd_err *err)
{
	/* Of our own command we learn the end from the kernel. */
	if (top->is_gone || top->command != NULL)
		return;
	top->is_gone = true;
	if (!top->has_acted)
		say(top, err->text);
}

/* Takes what has come, from the i-th source: true if there is something new to show. */
static bool take(struct top *top, size_t i)
{
	struct hd_err err = {0};
	int r = hd_source_take(top->sources.at[i], &err);
	if (r == -EAGAIN)
		return false;
	if (r < 0 && top->finds_guarded) {
		drop_source(top, i);
		return true;
	}
	if (r < 0) {
		note_gone(top, &err);
		return false;
	}
	top->is_gone = false;
	top->cost_ms += hd_source_cost_ms(top->sources.at[i]);
	return true;
}

static void tell_result(struct top *top, struct hd_source *source)
{
	HD_CLEAN_BUF struct hd_buf result = {0};
	struct hd_err err = {0};
	int r = hd_source_acted(source, &result, &err);
	if (r == -EAGAIN)
		return;
	say(top, r < 0 ? err.text : hd_buf_text(&result));
	top->due_ms = hd_now_ms();
}

static int64_t pause_ms(const struct top *top)
{
	int64_t ms = top->cost_ms * COST_SHARE;
	return ms < REFRESH_MS ? REFRESH_MS : ms > SLOWEST_MS ? SLOWEST_MS : ms;
}

static void take_all(struct top *top)
{
	bool is_new = false;
	for (size_t i = top->sources.n; i-- > 0;) {
		tell_result(top, top->sources.at[i]);
		is_new |= take(top, i);
	}
	if (!is_new)
		return;
	show(top);
	if (top->cost_ms > 0 && top->due_ms < hd_now_ms() + pause_ms(top) - REFRESH_MS)
		top->due_ms = hd_now_ms() + pause_ms(top) - REFRESH_MS;
}

static void refresh(struct top *top)
{
	struct hd_view_request selected = hd_view_selected(top->view);
	const struct hd_source *chosen = source_of_tree(top, selected.tree);
	if (top->finds_guarded)
		find_guarded(top);
	for (size_t i = top->sources.n; i-- > 0;) {
		struct hd_err err = {0};
		if (hd_source_ask(top->sources.at[i], top->sources.at[i] == chosen ? selected.tid : 0, &err) == 0)
			continue;
		if (top->finds_guarded)
			drop_source(top, i);
		else
			note_gone(top, &err);
	}
	top->cost_ms = 0;
	top->due_ms = hd_now_ms() + (top->refreshes++ == 0 ? FIRST_MS : REFRESH_MS);
	show(top);
	take_all(top);
}

/* ---- the command of run --top --------------------------------------------------------------------------------------- */

static void size_output(struct top *top)
{
	unsigned width, height;
	if (top->command == NULL)
		return;
	hd_view_output_size(top->view, &width, &height);
	hd_term_resize(top->output, width, height);
	(void)ioctl(top->command->fd, TIOCSWINSZ, &(struct winsize){.ws_row = (unsigned short)height, .ws_col = (unsigned short)width});
}

/* Bounded, so that a program that writes without end leaves time for keys. */
static void read_output(struct top *top)
{
	char bytes[4096];
	for (int i = 0; i < 64; i++) {
		struct pollfd ready = {.fd = top->command->fd, .events = POLLIN};
		ssize_t n = poll(&ready, 1, 0) > 0 ? read(top->command->fd, bytes, sizeof(bytes)) : 0;
		if (n <= 0)
			return; /* EIO: all of its ends are closed, which the end of the child tells better */
		hd_term_feed(top->output, bytes, (size_t)n);
	}
}

static void note_end(struct top *top)
{
	struct hd_top_command *c = top->command;
	char text[96];
	if (c == NULL || c->has_ended || waitpid(c->pid, &c->wait_status, WNOHANG) != c->pid)
		return;
	c->has_ended = true;
	read_output(top);
	int status = WIFEXITED(c->wait_status) ? WEXITSTATUS(c->wait_status) : 128 + WTERMSIG(c->wait_status);
	snprintf(text, sizeof(text), "the command has ended with status %d; q leaves", status);
	show(top);
	say(top, text);
}

/* What a terminal sends for a key. */
static void type_key(const struct top *top, uint32_t key)
{
	static const struct {
		uint32_t key;
		const char *bytes;
	} keys[] = {
		{HD_KEY_UP, "\x1b[A"},	      {HD_KEY_DOWN, "\x1b[B"},	  {HD_KEY_RIGHT, "\x1b[C"},   {HD_KEY_LEFT, "\x1b[D"},
		{HD_KEY_HOME, "\x1b[H"},	      {HD_KEY_END, "\x1b[F"},	  {HD_KEY_DELETE, "\x1b[3~"}, {HD_KEY_PAGE_UP, "\x1b[5~"},
		{HD_KEY_PAGE_DOWN, "\x1b[6~"}, {HD_KEY_BACKSPACE, "\x7f"}, {HD_KEY_BACKTAB, "\x1b[Z"}, {HD_KEY_ENTER, "\r"},
	};
	HD_CLEAN_BUF struct hd_buf bytes = {0};
	for (size_t i = 0; i < HD_COUNTOF(keys); i++) {
		if (keys[i].key == key)
			hd_buf_str(&bytes, keys[i].bytes);
	}
	if (bytes.len == 0 && (key & HD_KEY_ALT) != 0)
		hd_buf_char(&bytes, '\x1b');
	if (bytes.text == NULL || bytes.text[bytes.len - 1] == '\x1b')
		hd_buf_utf8(&bytes, key & ~(uint32_t)HD_KEY_ALT);
	ssize_t n = write(top->command->fd, hd_buf_text(&bytes), bytes.len);
	(void)n; /* a command that reads nothing fills its terminal: keys are lost, as in any other */
}

/* ---- requests ------------------------------------------------------------------------------------------------------------ */

static void bring_stack(struct top *top)
{
	struct hd_view_request selected = hd_view_selected(top->view);
	struct hd_source *source = source_of_tree(top, selected.tree);
	top->stack_due_ms = 0;
	if (source == NULL || selected.tid == 0)
		return;
	if (hd_source_stack(source, selected.tid))
		show(top);
	else if (hd_source_is_asked(source))
		top->stack_due_ms = hd_now_ms() + SHOWN_MS; /* that answer will be about another thread */
	else
		top->due_ms = hd_now_ms();
}

static void act(struct top *top, const struct hd_view_request *request)
{
	struct hd_err err = {0};
	struct hd_source *source = source_of_tree(top, request->tree);
	if (source == NULL)
		return;
	top->has_acted = request->want != HD_VIEW_DUMP;
	say(top, hd_source_act(source, request->want, &err) < 0 ? err.text : "working …");
}

static void perform(struct top *top, const struct hd_view_request *request)
{
	switch (request->want) {
	case HD_VIEW_NOTHING:
		return;
	case HD_VIEW_QUIT:
		top->is_over = true;
		return;
	case HD_VIEW_LOOK:
		top->due_ms = hd_now_ms();
		return;
	case HD_VIEW_INPUT:
		type_key(top, request->key);
		return;
	case HD_VIEW_SHOWN:
		top->stack_due_ms = top->is_recording ? 0 : hd_now_ms() + SHOWN_MS;
		return;
	case HD_VIEW_REPAINT:
		hd_ui_forget(top->ui);
		return;
	default:
		act(top, request);
		return;
	}
}

/* ---- the loop ------------------------------------------------------------------------------------------------------------ */

/* Until the next refresh, stack, or retry of a call that nobody has accepted yet. */
static int64_t patience_ms(const struct top *top, bool has_retry)
{
	bool waits_for_stack = top->stack_due_ms != 0 && top->stack_due_ms < top->due_ms;
	int64_t left_ms = (waits_for_stack ? top->stack_due_ms : top->due_ms) - hd_now_ms();
	if (has_retry && left_ms > HD_CALL_RETRY_MS)
		left_ms = HD_CALL_RETRY_MS;
	return left_ms > 0 ? left_ms : 0;
}

static void wait_for_events(struct top *top)
{
	bool has_retry = false;
	HD_VEC_CLEAR(&top->fds);
	HD_VEC_PUSH(&top->fds, (struct pollfd){.fd = hd_ui_fd(top->ui), .events = POLLIN});
	HD_VEC_PUSH(&top->fds, (struct pollfd){.fd = hd_signals_fd(top->signals), .events = POLLIN});
	/* Hung up once the command has ended: not to be polled then. */
	int output = top->command != NULL && !top->command->has_ended ? top->command->fd : -1;
	HD_VEC_PUSH(&top->fds, (struct pollfd){.fd = output, .events = POLLIN});
	for (size_t i = 0; i < top->sources.n; i++) {
		struct pollfd calls[HD_SOURCE_POLLFDS];
		for (size_t k = hd_source_pollfds(top->sources.at[i], calls); k-- > 0;) {
			has_retry |= calls[k].fd < 0;
			HD_VEC_PUSH(&top->fds, calls[k]);
		}
	}
	int r = poll(top->fds.at, top->fds.n, top->is_recording ? -1 : (int)patience_ms(top, has_retry));
	if (r > 0 && top->fds.at[2].revents != 0)
		read_output(top);
	if (r > 0 && (top->fds.at[0].revents & (POLLHUP | POLLERR)) != 0)
		top->is_over = true; /* the terminal is gone */
}

static void handle_signals(struct top *top)
{
	unsigned width, height;
	struct hd_happened happened = hd_signals_poll(top->signals, NULL);
	top->is_over |= happened.stop_signal != 0;
	note_end(top);
	if (!happened.resized)
		return;
	hd_ui_size(top->ui, &width, &height);
	hd_view_resize(top->view, width, height);
	hd_ui_forget(top->ui);
	size_output(top);
}

static void loop(struct top *top)
{
	struct hd_view_event event;
	while (!top->is_over) {
		hd_ui_paint(top->ui, hd_view_paint(top->view));
		wait_for_events(top);
		handle_signals(top);
		while (!top->is_over && hd_ui_next(top->ui, &event)) {
			struct hd_view_request request = hd_view_key(top->view, &event);
			perform(top, &request);
		}
		take_all(top);
		if (top->stack_due_ms != 0 && hd_now_ms() >= top->stack_due_ms)
			bring_stack(top);
		if (!top->is_over && !top->is_recording && hd_now_ms() >= top->due_ms)
			refresh(top);
	}
}

static int open_view(struct top *top, struct hd_err *err)
{
	unsigned width, height;
	struct hd_text_style style = hd_say_style(stdout, top->options);
	int r = hd_signals_new(HD_SIGNALS_OURS, &top->signals, err);
	if (r == 0)
		r = hd_ui_open(style.color, &top->ui, err);
	if (r < 0)
		return r;
	struct hd_view_style look = hd_ui_style(top->ui);
	top->view = hd_view_new(&look);
	hd_ui_size(top->ui, &width, &height);
	hd_view_resize(top->view, width, height);
	return 0;
}

static int choose_sources(struct top *top, struct hd_err *err)
{
	const struct hd_options *options = top->options;
	struct hd_source *source = NULL;
	struct hd_arena *arena = hd_arena_new();
	int r = 0;
	top->is_recording = options->replay != NULL;
	top->finds_guarded = !top->is_recording && options->n_pids == 0;
	int32_t supervisor = options->n_pids > 0 ? hd_door_find(options->pids[0], arena) : 0;
	hd_arena_free(arena);
	if (top->is_recording)
		r = hd_source_recording(options->replay, &source, err);
	else if (top->finds_guarded)
		find_guarded(top);
	else if (supervisor > 0)
		source = hd_source_guarded(supervisor);
	else
		r = hd_source_outside(options, options->pids[0], &source, err);
	if (source != NULL)
		HD_VEC_PUSH(&top->sources, source);
	return r;
}

static int run(struct top *top)
{
	struct hd_err err = {0};
	if (choose_sources(top, &err) < 0) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	if (top->sources.n == 0) {
		puts("No hangdog of yours guards anything now. Start one: hangdog run -- COMMAND, or look at any tree: hangdog top PID");
		return 0;
	}
	if (open_view(top, &err) < 0) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	if (top->is_recording)
		show(top);
	else
		refresh(top);
	loop(top);
	return 0;
}

static void release(struct top *top)
{
	hd_ui_close(top->ui);
	hd_view_free(top->view);
	hd_term_free(top->output);
	for (size_t i = 0; i < top->sources.n; i++)
		hd_source_free(top->sources.at[i]);
	HD_VEC_RELEASE(&top->sources);
	HD_VEC_RELEASE(&top->trees);
	HD_VEC_RELEASE(&top->fds);
	hd_buf_release(&top->notice);
	hd_signals_free(top->signals);
}

int hd_top_around(const struct hd_options *options, struct hd_top_command *command)
{
	struct top top = {.options = options, .command = command};
	struct hd_err err = {0};
	HD_VEC_PUSH(&top.sources, hd_source_guarded(command->pid));
	int r = open_view(&top, &err);
	if (r < 0) {
		hd_say("%s", err.text);
	} else {
		top.output = hd_term_new(80, 24);
		show(&top);
		size_output(&top);
		refresh(&top);
		loop(&top);
	}
	release(&top);
	return r;
}

int hd_cmd_top(const struct hd_options *options)
{
	struct top top = {.options = options};
	int status = run(&top);
	release(&top);
	return status;
}
