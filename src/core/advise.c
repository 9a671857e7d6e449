/* Advice: which known pattern is this?  The rows are advise.def; the first that matches speaks. */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/report.h"

#define BIT(n) (UINT64_C(1) << (n))
/* Names are hostile and may be huge; patterns look for words near the front. */
#define SUBJECT_MAX 512u
/* Threads of a stalled tree that are looked at. */
#define SCENES_MAX 64u

enum tier { HD_SPECIFIC = 0, HD_ALSO, HD_FALLBACK };

enum { NATIVE = 0, NATIVE2, MODULE, MODULE2, PYTHON, PYTHON_IN, FORKED_BY, THREAD, PATTERNS };

struct rule {
	const char *id;
	enum tier tier;
	union {
		struct {
			const char *native, *native2, *module, *module2, *python, *python_in, *forked_by, *thread;
		};
		const char *patterns[PATTERNS];
	};
	uint64_t causes, locks;
	bool forked, spins, by_forker, lost;
	const char *title, *text, *cure, *source;
};

static const struct rule rules[] = {
#define RULE(...) {__VA_ARGS__},
#include "advise.def"
#undef RULE
};

/* The patterns of the table, compiled once a call: core has no globals. */
struct book {
	regex_t regex[HD_COUNTOF(rules)][PATTERNS];
};

static struct book *book_new(void)
{
	struct book *book = malloc(sizeof(*book));
	if (book == NULL)
		abort();
	for (size_t i = 0; i < HD_COUNTOF(rules); i++) {
		for (unsigned k = 0; k < PATTERNS; k++) {
			if (rules[i].patterns[k] == NULL)
				continue;
			int rc = regcomp(&book->regex[i][k], rules[i].patterns[k], REG_EXTENDED | REG_NOSUB);
			HD_ASSERT(rc == 0); /* the table is ours, and tested */
		}
	}
	return book;
}

static void book_free(struct book *book)
{
	for (size_t i = 0; i < HD_COUNTOF(rules); i++) {
		for (unsigned k = 0; k < PATTERNS; k++) {
			if (rules[i].patterns[k] != NULL)
				regfree(&book->regex[i][k]);
		}
	}
	free(book);
}

/* Whose hang is looked at. */
struct scene {
	const struct hd_snapshot *snap;
	const struct hd_verdict *v;
	const struct book *book;
	uint32_t t;
	const struct hd_thread *thread;
	const struct hd_proc *proc;
};

static bool hits(const regex_t *regex, const char *text)
{
	char subject[SUBJECT_MAX];
	if (text == NULL)
		return false;
	snprintf(subject, sizeof(subject), "%s", text);
	return regexec(regex, subject, 0, NULL, 0) == 0;
}

static bool native_hits(const regex_t *regex, const struct hd_frame *f)
{
	return f->kind == HD_FRAME_NATIVE && (hits(regex, f->function) || hits(regex, f->symbol) || hits(regex, f->called_as));
}

static bool module_hits(const regex_t *regex, const struct hd_frame *f)
{
	return f->kind == HD_FRAME_NATIVE && hits(regex, f->module);
}

static bool python_hits(const regex_t *regex, const struct hd_frame *f)
{
	char subject[SUBJECT_MAX];
	if (f->kind != HD_FRAME_PYTHON)
		return false;
	snprintf(subject, sizeof(subject), "%s %s", f->file != NULL ? f->file : "", f->function != NULL ? f->function : "");
	return regexec(regex, subject, 0, NULL, 0) == 0;
}

static bool innermost_python(const regex_t *regex, const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		if (stack->at[i].kind == HD_FRAME_PYTHON)
			return python_hits(regex, &stack->at[i]);
	}
	return false;
}

static bool some_thread(const regex_t *regex, const struct scene *s)
{
	for (uint32_t i = 0; i < s->proc->n_threads; i++) {
		const struct hd_thread *thread = &s->snap->threads[s->proc->first_thread + i];
		if (hits(regex, thread->name) || hits(regex, thread->py_name))
			return true;
	}
	for (uint32_t i = 0; s->proc->fork != NULL && i < s->proc->fork->n_others; i++) {
		if (hits(regex, s->proc->fork->others[i].name))
			return true;
	}
	return false;
}

static bool some_frame(const regex_t *regex, const struct hd_stack *stack, bool (*test)(const regex_t *, const struct hd_frame *))
{
	for (uint32_t i = 0; i < stack->n; i++) {
		if (test(regex, &stack->at[i]))
			return true;
	}
	return false;
}

static bool pattern_holds(const struct scene *s, size_t rule, unsigned k)
{
	static bool (*const tests[])(const regex_t *, const struct hd_frame *) = {
		[NATIVE] = native_hits,	  [NATIVE2] = native_hits, [MODULE] = module_hits,
		[MODULE2] = module_hits, [PYTHON] = python_hits,
	};
	const regex_t *regex = &s->book->regex[rule][k];
	const struct hd_stack *stack = &s->thread->stack;
	if (rules[rule].patterns[k] == NULL)
		return true;
	if (k == PYTHON_IN)
		return innermost_python(regex, stack);
	if (k == THREAD)
		return some_thread(regex, s);
	if (k == FORKED_BY)
		return some_frame(regex, stack, python_hits) ||
		       (s->proc->fork != NULL && some_frame(regex, &s->proc->fork->stack, python_hits));
	return some_frame(regex, stack, tests[k]);
}

/* A copy that goes on in the program of its parent. */
static bool is_forked(const struct scene *s)
{
	return s->proc->fork != NULL || s->v->cause == HD_CAUSE_INHERITED_LOCK || s->v->cause == HD_CAUSE_MISSING_THREAD ||
	       (s->proc->parent != HD_NONE && !s->proc->has_exec);
}

/* A child of it ended badly, and somebody still waits for it. */
static bool has_lost(const struct scene *s)
{
	for (uint32_t i = 0; s->v->lost_waiters != NULL && i < s->snap->n_lost; i++) {
		if (s->v->lost_waiters[i] != 0 && s->snap->lost[i].ppid == s->proc->pid)
			return true;
	}
	return false;
}

static bool rule_matches(const struct scene *s, size_t rule)
{
	const struct rule *r = &rules[rule];
	if (r->causes != 0 && (r->causes & BIT(s->v->cause)) == 0)
		return false;
	if (r->locks != 0 && (s->thread->n_words == 0 || (r->locks & BIT(s->thread->lock.kind)) == 0))
		return false;
	if (r->by_forker && s->v->threads[s->t].owner.state != HD_OWNER_FORKER)
		return false;
	if (r->lost && !has_lost(s))
		return false;
	if ((r->forked && !is_forked(s)) || (r->spins && s->thread->state != 'R'))
		return false;
	for (unsigned k = 0; k < PATTERNS; k++) {
		if (!pattern_holds(s, rule, k))
			return false;
	}
	return true;
}

static const struct rule *first_match(const struct scene *s, enum tier tier)
{
	for (size_t i = 0; i < HD_COUNTOF(rules); i++) {
		if (rules[i].tier == tier && rule_matches(s, i))
			return &rules[i];
	}
	return NULL;
}

static struct scene scene_of(const struct hd_snapshot *snap, const struct hd_verdict *v, const struct book *book, uint32_t t)
{
	const struct hd_thread *thread = &snap->threads[t];
	return (struct scene){.snap = snap, .v = v, .book = book, .t = t, .thread = thread, .proc = &snap->procs[thread->proc]};
}

/* The lead; a stall has none: then the newest thread of the tree that a pattern is known for, else its first. */
static bool find_scene(const struct hd_snapshot *snap, const struct hd_verdict *v, const struct book *book, struct scene *ret)
{
	uint32_t seen = 0;
	if (v->lead != HD_NONE) {
		*ret = scene_of(snap, v, book, v->lead);
		return true;
	}
	for (uint32_t i = snap->n_threads; i-- > 0 && seen < SCENES_MAX;) {
		struct scene s = scene_of(snap, v, book, i);
		if (!s.proc->in_tree || s.thread->stack.n == 0)
			continue;
		*ret = s;
		seen++;
		if (first_match(&s, HD_SPECIFIC) != NULL)
			return true;
	}
	if (seen == 0 && snap->n_threads != 0)
		*ret = scene_of(snap, v, book, 0);
	return snap->n_threads != 0;
}

static bool has_multiprocessing(const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		const struct hd_frame *f = &stack->at[i];
		if (f->kind == HD_FRAME_PYTHON && f->file != NULL && strstr(f->file, "/multiprocess") != NULL)
			return true;
	}
	return false;
}

/* A start method helps only where multiprocessing made the fork. */
static bool is_cure_of(const struct scene *s, const char *cure)
{
	return cure == NULL || strncmp(cure, "mp-start=", 9) != 0 || has_multiprocessing(&s->thread->stack) ||
	       (s->proc->fork != NULL && has_multiprocessing(&s->proc->fork->stack));
}

static uint32_t add_advice(const struct scene *s, struct hd_advice ret[HD_ADVICE_MAX], uint32_t n, const struct rule *r)
{
	if (r == NULL || n == HD_ADVICE_MAX)
		return n;
	const char *cure = is_cure_of(s, r->cure) ? r->cure : NULL;
	for (uint32_t i = 0; i < n; i++) {
		if (cure != NULL && ret[i].cure != NULL && strcmp(ret[i].cure, cure) == 0)
			return n;
	}
	ret[n] = (struct hd_advice){.rule = r->id, .title = r->title, .text = r->text, .cure = cure, .source = r->source};
	return n + 1;
}

uint32_t hd_advise(const struct hd_snapshot *snap, const struct hd_verdict *v, struct hd_advice ret[HD_ADVICE_MAX])
{
	struct scene s;
	uint32_t n = 0;
	if (v->kind == HD_VERDICT_NONE)
		return 0;
	struct book *book = book_new();
	if (find_scene(snap, v, book, &s)) {
		n = add_advice(&s, ret, n, first_match(&s, HD_SPECIFIC));
		if (n == 0)
			n = add_advice(&s, ret, n, first_match(&s, HD_FALLBACK));
		n = add_advice(&s, ret, n, first_match(&s, HD_ALSO));
	}
	book_free(book);
	return n;
}
