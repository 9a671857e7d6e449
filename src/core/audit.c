#include "audit.h"

#include <inttypes.h>
#include <string.h>

#include "hangdog/timetext.h"
#include "report_stack.h"
#include "section.h"

#define GROUPS_MAX 10u
#define THREADS_SHOWN 6u
#define FRAMES_SHOWN 5u

/* Libraries whose threads a copy lacks, by the file name of a module on the thread's stack. */
static const struct {
	const char *module, *library, *advice;
} libraries[] = {
	{"xla_extension", "JAX/XLA", "The copy must not use JAX: start workers with the spawn or forkserver method."},
	{"libjax", "JAX/XLA", "The copy must not use JAX: start workers with the spawn or forkserver method."},
	{"libtensorflow", "TensorFlow", "The copy must not use TensorFlow: start workers with the spawn method."},
	{"libtorch_cuda", "PyTorch with CUDA", "The copy must not use CUDA: start workers with the spawn or forkserver method."},
	{"libcuda", "CUDA", "A CUDA context does not survive a fork: start workers with the spawn or forkserver method."},
	{"libnccl", "NCCL", "The copy must not use NCCL: fork before the process group is made, or spawn."},
	{"libtorch", "PyTorch", "In the copy call torch.set_num_threads(1) first, or start workers with the spawn method."},
	{"libc10", "PyTorch", "In the copy call torch.set_num_threads(1) first, or start workers with the spawn method."},
	{"cygrpc", "gRPC", "The copy must not use gRPC, unless GRPC_ENABLE_FORK_SUPPORT=1 was set before."},
	{"libgrpc", "gRPC", "The copy must not use gRPC, unless GRPC_ENABLE_FORK_SUPPORT=1 was set before."},
	{"libarrow", "Apache Arrow", "Arrow's thread pools do not work in the copy: start workers with the spawn method."},
	{"libgomp", "GNU OpenMP", "The copy hangs in its first parallel region if the parent ran one: OMP_NUM_THREADS=1, or spawn."},
	{"polars", "Polars", "Polars does not work in a copy: start workers with the spawn or forkserver method."},
	{"libduckdb", "DuckDB", "A DuckDB connection must not be used in the copy."},
	{"librocksdb", "RocksDB", "An open database must not be used in the copy."},
	{"librdkafka", "librdkafka", "Kafka clients must be made anew in the copy."},
};

static const char *const risk_names[] = {
#define X(c, name) [c] = name,
	HD_RISKS(X)
#undef X
};

const char *hd_risk_name(enum hd_risk risk)
{
	return risk_names[risk];
}

static void find_library(const struct hd_stack *stack, struct hd_audit_thread *ret)
{
	for (uint32_t i = 0; i < stack->n && ret->library == NULL; i++) {
		const char *module = stack->at[i].module;
		for (size_t k = 0; module != NULL && k < HD_COUNTOF(libraries); k++) {
			if (strstr(hd_path_base(module), libraries[k].module) == NULL)
				continue;
			ret->library = libraries[k].library;
			ret->advice = libraries[k].advice;
			break;
		}
	}
}

struct hd_audit_thread hd_audit_thread(const struct hd_fork_other *other)
{
	struct hd_audit_thread ret = {.is_waiting = other->nr >= 0, .is_python = other->how == HD_HOW_PYTHON};
	ret.lock = hd_section_of(&other->stack, &ret.function);
	if (ret.lock == NULL)
		ret.lock = other->holds;
	find_library(&other->stack, &ret);
	return ret;
}

enum hd_risk hd_audit_risk(const struct hd_audit_fork *f)
{
	enum hd_risk risk = f->fork != NULL && f->fork->n_others > 0 ? HD_RISK_IDLE : HD_RISK_UNKNOWN;
	if (f->has_exec)
		return HD_RISK_EXEC;
	for (uint32_t i = 0; f->fork != NULL && i < f->fork->n_others; i++) {
		struct hd_audit_thread thread = hd_audit_thread(&f->fork->others[i]);
		enum hd_risk one = thread.lock != NULL	    ? HD_RISK_HELD
				   : thread.library != NULL ? HD_RISK_LIBRARY
				   : thread.is_waiting	    ? HD_RISK_IDLE
							    : HD_RISK_UNKNOWN;
		if (one < risk)
			risk = one;
	}
	return risk;
}

/* ---- text ------------------------------------------------------------------------------------------------------------- */

struct text {
	struct hd_page page;
	const struct hd_audit *audit;
	enum hd_risk *risks; /* of each fork */
	uint64_t by_risk[HD_RISK_COUNT];
};

static void put_answer(struct text *t)
{
	const char *answer;
	uint64_t ran_on = t->audit->n - t->by_risk[HD_RISK_EXEC];
	if (t->audit->total == 0)
		answer = "No fork of this run was made while other threads existed: warnings about fork and threads do not concern it.";
	else if (t->by_risk[HD_RISK_HELD] > 0 && t->audit->has_hung)
		answer = "The danger was real: a thread held a lock at the moment of a fork, the copy ran on, and this run hung.";
	else if (t->by_risk[HD_RISK_HELD] > 0)
		answer = "The danger was real: a thread held a lock at the moment of a fork, and the copy ran on. It did not hang this "
			 "time because it did not need that lock.";
	else if (t->by_risk[HD_RISK_LIBRARY] > 0)
		answer = "No lock is known to have been held, but copies ran on without the threads of a library. They hang if they use it: "
			 "for such copies the warnings about fork and threads are right, for the others they are not.";
	else if (t->by_risk[HD_RISK_UNKNOWN] > 0)
		answer = "It cannot be ruled out: where some threads were at the moment of a fork is not known.";
	else if (ran_on > 0)
		answer = "Little danger was seen: at each fork all other threads waited, and none held a lock that hangdog knows of.";
	else
		answer = "No danger: each of these copies became another program at once (fork and exec).";
	hd_page_para(&t->page, 0, 2, HD_INK_BOLD, "AUDIT: %" PRIu64 " of %" PRIu64 " fork%s made while other threads existed", t->audit->total,
		     t->audit->all_forks, t->audit->all_forks == 1 ? " was" : "s were");
	hd_page_para(&t->page, 2, 2, HD_INK_PLAIN, "%s", answer);
}

/* Threads of a pool stand in the same place: the same words would be said of each. */
static bool is_like(const struct hd_fork_other *a, const struct hd_fork_other *b)
{
	struct hd_audit_thread x = hd_audit_thread(a), y = hd_audit_thread(b);
	if (x.is_waiting != y.is_waiting || x.is_python != y.is_python || a->is_approximate != b->is_approximate || a->stack.n != b->stack.n ||
	    !hd_text_equal(x.library, y.library) || !hd_text_equal(x.lock, y.lock) || !hd_text_equal(x.function, y.function))
		return false;
	for (uint32_t i = 0; i < a->stack.n; i++) {
		const struct hd_frame *f = &a->stack.at[i], *g = &b->stack.at[i];
		if (f->kind != g->kind || f->line != g->line || !hd_text_equal(f->function, g->function) || !hd_text_equal(f->module, g->module))
			return false;
	}
	return true;
}

static void put_thread(struct text *t, const struct hd_fork_other *other, uint32_t alike)
{
	struct hd_audit_thread what = hd_audit_thread(other);
	struct hd_buf line HD_CLEAN_BUF = {0};
	hd_buf_printf(&line, "thread %" PRId32, other->tid);
	if (other->name != NULL)
		hd_buf_printf(&line, " \"%s\"", other->name);
	if (alike > 1)
		hd_buf_printf(&line, " and %" PRIu32 " like it", alike - 1);
	if (what.library != NULL)
		hd_buf_printf(&line, " of %s", what.library);
	if (what.function != NULL)
		hd_buf_printf(&line, " was inside %s, which works under %s", what.function, what.lock);
	else if (what.lock != NULL)
		hd_buf_printf(&line, " held %s", what.lock);
	else
		hd_buf_str(&line, what.is_waiting ? " waited" : what.is_python ? " ran, or waited to run Python code" : " ran");
	hd_page_para(&t->page, 4, 6, what.lock != NULL ? HD_INK_YELLOW : HD_INK_PLAIN, "%s%s:", hd_buf_text(&line),
		     other->is_approximate ? " (about here)" : "");
	hd_page_stack_brief(&t->page, 6, &other->stack, FRAMES_SHOWN);
	if (what.advice != NULL)
		hd_page_para(&t->page, 6, 6, HD_INK_PLAIN, "%s", what.advice);
}

/* The threads that matter first: those with a lock, those of a library, those that ran. */
static unsigned rank_of(const struct hd_fork_other *other)
{
	struct hd_audit_thread what = hd_audit_thread(other);
	return what.lock != NULL ? 0 : what.library != NULL ? 1 : !what.is_waiting ? 2 : 3;
}

/* 0 = told with an earlier one. */
static uint32_t others_alike(const struct hd_fork *fork, uint32_t i)
{
	uint32_t n = 0;
	for (uint32_t k = 0; k < fork->n_others; k++) {
		if (!is_like(&fork->others[i], &fork->others[k]))
			continue;
		if (k < i)
			return 0;
		n++;
	}
	return n;
}

static void put_threads(struct text *t, const struct hd_fork *fork)
{
	uint32_t shown = 0, told = 0;
	for (unsigned rank = 0; rank < 4; rank++) {
		for (uint32_t i = 0; i < fork->n_others && shown < THREADS_SHOWN; i++) {
			uint32_t n = rank_of(&fork->others[i]) == rank ? others_alike(fork, i) : 0;
			if (n == 0)
				continue;
			put_thread(t, &fork->others[i], n);
			shown++;
			told += n;
		}
	}
	if (told < fork->n_others)
		hd_page_para(&t->page, 4, 6, HD_INK_DIM, "and %" PRIu32 " more threads", fork->n_others - told);
}

static bool is_same_site(const struct hd_audit_fork *a, const struct hd_audit_fork *b)
{
	if ((a->fork == NULL) != (b->fork == NULL))
		return false;
	const struct hd_frame *x = a->fork != NULL ? hd_stack_own(&a->fork->stack) : NULL;
	const struct hd_frame *y = b->fork != NULL ? hd_stack_own(&b->fork->stack) : NULL;
	if (x == NULL || y == NULL)
		return x == y;
	return (x->function != NULL && y->function != NULL && strcmp(x->function, y->function) == 0 && x->line == y->line);
}

/* How many later forks of the same kind came from the same place; 0 = fork i was told with an earlier one. */
static uint64_t alike(const struct text *t, size_t i)
{
	uint64_t n = 0;
	for (size_t k = 0; k < t->audit->n; k++) {
		if (t->risks[i] != t->risks[k] || !is_same_site(&t->audit->forks[i], &t->audit->forks[k]))
			continue;
		if (k < i)
			return 0;
		n++;
	}
	return n;
}

static void put_fork(struct text *t, const struct hd_audit_fork *f, uint64_t n)
{
	static const char *const words[HD_RISK_COUNT] = {
		[HD_RISK_HELD] = "RISKY: ran on although a thread held a lock",
		[HD_RISK_LIBRARY] = "RISKY if it uses that library: ran on without its threads",
		[HD_RISK_UNKNOWN] = "not known: ran on",
		[HD_RISK_IDLE] = "little risk: ran on, the others waited",
		[HD_RISK_EXEC] = "harmless: became another program",
	};
	enum hd_risk risk = hd_audit_risk(f);
	hd_page_gap(&t->page);
	hd_page_para(&t->page, 2, 4, risk <= HD_RISK_LIBRARY ? HD_INK_RED : HD_INK_PLAIN, "process %" PRId32 "%s, %s", f->pid,
		     n > 1 ? " and others from the same place" : "", words[risk]);
	if (n > 1)
		hd_page_para(&t->page, 4, 4, HD_INK_DIM, "%" PRIu64 " times in all; this is the first", n);
	if (f->fork == NULL) {
		hd_page_para(&t->page, 4, 4, HD_INK_DIM, "%" PRIu32 " threads existed; nothing was noted (--fork-evidence, --follow)", f->parent_threads);
		return;
	}
	hd_page_para(&t->page, 4, 6, HD_INK_PLAIN, "forked by %" PRId32 " at %s, which had %" PRIu32 " threads, here:", f->fork->parent_pid,
		     hd_time_rfc3339(f->fork->time_ns).text, f->fork->parent_threads);
	hd_page_stack_brief(&t->page, 6, &f->fork->stack, FRAMES_SHOWN);
	if (risk != HD_RISK_EXEC || t->page.style->verbose)
		put_threads(t, f->fork);
}

void hd_audit_text(const struct hd_audit *audit, const struct hd_text_style *style, struct hd_buf *out)
{
	struct hd_arena *scratch = hd_arena_new();
	struct text t = {.audit = audit, .risks = HD_NEW_N(scratch, audit->n + 1, enum hd_risk)};
	uint64_t shown = 0;
	hd_page_init(&t.page, style, out);
	for (size_t i = 0; i < audit->n; i++)
		t.by_risk[t.risks[i] = hd_audit_risk(&audit->forks[i])]++;
	put_answer(&t);
	for (unsigned risk = 0; risk < HD_RISK_COUNT; risk++) {
		for (size_t i = 0; i < audit->n && shown < GROUPS_MAX; i++) {
			uint64_t n = t.risks[i] == risk ? alike(&t, i) : 0;
			if (n == 0)
				continue;
			put_fork(&t, &audit->forks[i], n);
			shown++;
		}
	}
	if (t.by_risk[HD_RISK_HELD] + t.by_risk[HD_RISK_LIBRARY] > 0) {
		hd_page_gap(&t.page);
		hd_page_para(&t.page, 2, 2, HD_INK_PLAIN,
			     "What to do: make the copies before the threads, or let them begin as new programs (posix_spawn; Python: "
			     "multiprocessing.set_start_method(\"spawn\") or \"forkserver\"; without changing the program: hangdog run --cure "
			     "mp-start=spawn).");
	}
	if (audit->n < audit->total)
		hd_page_para(&t.page, 2, 2, HD_INK_DIM, "The first %zu of them were looked at.", audit->n);
	hd_arena_free(scratch);
}
