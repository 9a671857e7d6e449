/* What the pane below the list tells of the selected thread: text with the colours of report_page, made anew only when
 * the facts, the selection or the width change. */
#include <inttypes.h>
#include <string.h>

#include "hangdog/timetext.h"
#include "report_page.h"
#include "report_stack.h"
#include "report_words.h"
#include "view_priv.h"

#define CHAIN_MAX 32u
#define FORK_OTHERS_MAX 16u

struct pane {
	struct hd_page page;
	const struct hd_view *view;
	const struct hd_view_tree *tree;
	const struct hd_snapshot *snap;
	const struct hd_verdict *v;
	const struct hd_view_row *row;
	const struct hd_proc *proc; /* NULL: the line of a tree */
	uint32_t t;                 /* HD_NONE: a process without threads */
};

/* ---- why: the chain ------------------------------------------------------------------------------------------------- */

/* Whom the thread waits for, if it is one that can be named: its owner, else the waker that explains most. */
static uint32_t next_in_chain(const struct pane *p, uint32_t t)
{
	const struct hd_thread_verdict *tv = &p->v->threads[t];
	uint32_t first = HD_NONE, best = HD_NONE;
	if (tv->owner.state == HD_OWNER_THREAD)
		return tv->owner.thread;
	if (tv->owner.state != HD_OWNER_NONE)
		return HD_NONE;
	for (uint32_t i = 0; i < tv->wakers.n; i++) {
		uint32_t w = tv->wakers.at[i];
		if (w >= p->snap->n_threads || w == t)
			continue;
		const struct hd_thread_verdict *other = &p->v->threads[w];
		if (first == HD_NONE)
			first = w;
		/* Of a dead wait the root; of a live one somebody who can still end it. */
		bool explains = tv->certainty != HD_CERT_NONE ? other->is_culprit : other->certainty == HD_CERT_NONE && other->wait.kind == HD_WAIT_NONE;
		if (best == HD_NONE && explains)
			best = w;
	}
	return best != HD_NONE ? best : first;
}

static void put_chain_thread(struct pane *p, uint32_t t, unsigned depth)
{
	const struct hd_thread *thread = &p->snap->threads[t];
	const struct hd_thread_verdict *tv = &p->v->threads[t];
	struct hd_buf who HD_CLEAN_BUF = {0}, wait HD_CLEAN_BUF = {0};
	unsigned indent = 2 * (depth < 10 ? depth : 10);
	hd_words_thread(p->snap, t, &who);
	hd_words_wait(p->snap, p->v, t, &wait);
	enum hd_ink ink = tv->is_culprit && tv->certainty != HD_CERT_NONE ? HD_INK_RED
			  : tv->certainty != HD_CERT_NONE || tv->is_starved ? HD_INK_YELLOW
									     : HD_INK_PLAIN;
	hd_page_para(&p->page, indent, indent + 4, ink, "%s%s %s%s%s", depth != 0 ? "└─ " : "", hd_buf_text(&who), hd_buf_text(&wait),
		     thread->blocked_ns > 0 && tv->wait.kind != HD_WAIT_NONE ? ", for " : "",
		     thread->blocked_ns > 0 && tv->wait.kind != HD_WAIT_NONE ? hd_duration_words(thread->blocked_ns).text : "");
}

static void put_chain(struct pane *p)
{
	uint32_t met[CHAIN_MAX], n = 0;
	for (uint32_t t = p->t; t != HD_NONE && n < CHAIN_MAX; t = next_in_chain(p, t)) {
		for (uint32_t i = 0; i < n; i++) {
			if (met[i] != t)
				continue;
			struct hd_buf who HD_CLEAN_BUF = {0};
			hd_words_thread(p->snap, t, &who);
			hd_page_para(&p->page, 2 * (n < 10 ? n : 10), 4, HD_INK_BOLD, "└─ and so back to %s: a circle", hd_buf_text(&who));
			return;
		}
		put_chain_thread(p, t, n);
		met[n++] = t;
	}
}

/* Whether it can go on, and why or why not. */
static void put_outlook(struct pane *p)
{
	const struct hd_thread_verdict *tv = &p->v->threads[p->t];
	const char *why = tv->is_culprit ? hd_verdict_why(p->v) : NULL;
	if (tv->certainty != HD_CERT_NONE) {
		hd_page_para(&p->page, 0, 2, tv->is_culprit ? HD_INK_RED : HD_INK_YELLOW, "It can never go on (%s).", hd_certainty_name(tv->certainty));
		if (why != NULL)
			hd_page_para(&p->page, 0, 0, HD_INK_PLAIN, "%s", why);
	} else if (tv->is_starved) {
		hd_page_para(&p->page, 0, 2, HD_INK_YELLOW, "It looks up now and then, but all that it waits for is stuck.");
	} else if (tv->wait.has_deadline) {
		hd_page_para(&p->page, 0, 2, HD_INK_GREEN, "It can go on: its wait has a time limit.");
	} else if (tv->wait.kind != HD_WAIT_NONE && tv->wait.outside != NULL) {
		hd_page_para(&p->page, 0, 2, HD_INK_GREEN, "It can go on, as far as hangdog can tell: %s.", tv->wait.outside);
	} else if (tv->wait.kind != HD_WAIT_NONE) {
		hd_page_para(&p->page, 0, 2, HD_INK_GREEN, "It can go on: somebody who could wake it still moves.");
	}
}

static void fill_why(struct pane *p)
{
	if (p->v->summary != NULL && p->v->kind != HD_VERDICT_NONE && (p->t == HD_NONE || p->v->threads[p->t].certainty == HD_CERT_NONE))
		hd_page_para(&p->page, 0, 0, HD_INK_BOLD, "%s", p->v->summary);
	if (p->t == HD_NONE) {
		hd_page_para(&p->page, 0, 0, HD_INK_DIM, p->proc != NULL ? "It has no threads any more." : "Select a process to see what it waits for.");
		return;
	}
	put_chain(p);
	put_outlook(p);
}

/* ---- stack, fork, advice, log ----------------------------------------------------------------------------------------- */

static void fill_stack(struct pane *p)
{
	if (p->t == HD_NONE)
		return;
	const struct hd_stack *stack = &p->snap->threads[p->t].stack;
	if (stack->n != 0)
		hd_page_stack_full(&p->page, 0, stack);
	else
		hd_page_para(&p->page, 0, 0, HD_INK_DIM, "%s", p->view->model.is_recording ? "Its stack was not recorded."
			     : p->snap->threads[p->t].is_still			    ? "Its stack is being read, or cannot be."
										    : "It runs: there is no stack of a thread that is not stopped. 'd' stops it for a moment and writes one.");
}

static void put_fork_time(struct pane *p, const struct hd_fork *fork)
{
	struct hd_buf line HD_CLEAN_BUF = {0};
	hd_buf_printf(&line, "%" PRId32 " was forked by ", p->proc->pid);
	if (fork->parent_tid != 0 && fork->parent_tid != fork->parent_pid)
		hd_buf_printf(&line, "thread %" PRId32 " of ", fork->parent_tid);
	hd_buf_printf(&line, "%" PRId32, fork->parent_pid);
	if (fork->time_ns > 0)
		hd_buf_printf(&line, ", %s ago", hd_duration_words(p->snap->time_ns - fork->time_ns).text);
	if (fork->parent_threads > 1)
		hd_buf_printf(&line, ", which had %" PRIu32 " threads then; the copy got one", fork->parent_threads);
	hd_page_para(&p->page, 0, 2, fork->parent_threads > 1 ? HD_INK_YELLOW : HD_INK_PLAIN, "%s.", hd_buf_text(&line));
}

static void fill_fork(struct pane *p)
{
	const struct hd_fork *fork = p->proc != NULL ? p->proc->fork : NULL;
	if (fork == NULL) {
		hd_page_para(&p->page, 0, 0, HD_INK_DIM, "%s", p->proc != NULL && p->proc->has_exec
			     ? "It has started another program since its fork: it inherited no locks."
			     : "No fork of this process was seen. 'hangdog run' sees every fork as it happens.");
		return;
	}
	put_fork_time(p, fork);
	if (fork->stack.n != 0) {
		hd_page_para(&p->page, 0, 2, HD_INK_BOLD, "The fork was made here:");
		hd_page_stack_brief(&p->page, 2, &fork->stack, 8);
	}
	for (uint32_t i = 0; i < fork->n_others && i < FORK_OTHERS_MAX; i++) {
		const struct hd_fork_other *other = &fork->others[i];
		struct hd_buf who HD_CLEAN_BUF = {0};
		if (other->tid != 0)
			hd_buf_printf(&who, "Thread %" PRId32, other->tid);
		else
			hd_buf_str(&who, "A thread");
		hd_page_para(&p->page, 0, 2, HD_INK_BOLD, "%s%s%s was not copied. It %s:", hd_buf_text(&who), other->name != NULL ? " " : "",
			     other->name != NULL ? other->name : "", other->is_approximate ? "ran about here" : "stood here");
		hd_page_stack_brief(&p->page, 2, &other->stack, 8);
	}
	if (fork->n_others > FORK_OTHERS_MAX)
		hd_page_para(&p->page, 0, 2, HD_INK_DIM, "and %" PRIu32 " more", fork->n_others - FORK_OTHERS_MAX);
}

static void fill_advice(struct pane *p)
{
	for (uint32_t i = 0; i < p->tree->n_advice; i++) {
		const struct hd_advice *a = &p->tree->advice[i];
		hd_page_para(&p->page, 0, 2, HD_INK_BOLD, "%s", a->title);
		hd_page_para(&p->page, 2, 2, HD_INK_PLAIN, "%s", a->text);
		if (a->cure != NULL)
			hd_page_para(&p->page, 2, 4, HD_INK_GREEN, "Try: hangdog run --on-hang restart --cure %s -- COMMAND", a->cure);
		if (a->source != NULL)
			hd_page_para(&p->page, 2, 4, HD_INK_DIM, "See %s", a->source);
	}
	if (p->tree->n_advice == 0)
		hd_page_para(&p->page, 0, 0, HD_INK_DIM, "%s", p->v->kind == HD_VERDICT_NONE ? "Nothing is wrong here: there is nothing to advise."
											  : "hangdog knows no rule for this one.");
}

static void fill_log(struct pane *p)
{
	const char *log = hd_buf_text(&p->view->log);
	if (*log == '\0')
		hd_page_para(&p->page, 0, 0, HD_INK_DIM, "Nothing happened yet.");
	while (*log != '\0') {
		size_t len = strcspn(log, "\n");
		hd_page_para(&p->page, 0, 9, HD_INK_PLAIN, "%.*s", (int)len, log);
		log += len + (log[len] == '\n');
	}
}

static const struct {
	const char *name;
	void (*fill)(struct pane *p);
} panes[HD_PANE_COUNT] = {
	[HD_PANE_WHY] = {"why", fill_why},	    [HD_PANE_STACK] = {"stack", fill_stack}, [HD_PANE_FORK] = {"fork", fill_fork},
	[HD_PANE_ADVICE] = {"advice", fill_advice}, [HD_PANE_LOG] = {"log", fill_log},
	[HD_PANE_OUTPUT] = {"output", NULL},
};

const char *hd_view_pane_name(enum hd_pane pane)
{
	return panes[pane].name;
}

static size_t count_lines(const struct hd_buf *text)
{
	size_t n = 0;
	for (size_t i = 0; i < text->len; i++)
		n += text->text[i] == '\n';
	return n;
}

void hd_view_pane_fill(struct hd_view *view, unsigned width)
{
	const struct hd_view_row *row = hd_view_row_selected(view);
	struct hd_text_style style = {.color = true, .width = width};
	if (view->pane_is_current && view->pane_width == width)
		return;
	view->pane_is_current = true;
	view->pane_width = width;
	hd_buf_clear(&view->pane_text);
	view->pane_lines = 0;
	if (row == NULL || panes[view->pane].fill == NULL)
		return;
	const struct hd_view_tree *tree = &view->model.trees[row->tree];
	struct pane p = {.view = view, .tree = tree, .snap = tree->snap, .v = tree->verdict, .row = row,
			 .proc = hd_view_proc(view, row), .t = row->thread};
	hd_page_init(&p.page, &style, &view->pane_text);
	panes[view->pane].fill(&p);
	view->pane_lines = count_lines(&view->pane_text);
}
