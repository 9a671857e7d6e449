#include "hangdog/folded.h"

#include <string.h>

#include "hangdog/vec.h"

/* One stack as texts, outermost first, and in how many threads it is. */
struct path {
	const char **names;
	uint32_t n, count;
	uint32_t shared; /* with the row before, once they are sorted */
};

struct paths {
	HD_VEC(struct path) rows;
	struct hd_arena *arena;
};

/* Semicolons and line ends would break the format; names of the target are hostile. */
static const char *frame_name(const struct hd_frame *frame, struct hd_arena *arena)
{
	HD_CLEAN_BUF struct hd_buf buf = {0};
	if (frame->function != NULL)
		hd_buf_safe(&buf, frame->function);
	else
		hd_buf_safe(&buf, frame->module != NULL ? hd_path_base(frame->module) : "?");
	if (frame->kind == HD_FRAME_PYTHON && frame->file != NULL) {
		hd_buf_str(&buf, " (");
		hd_buf_safe(&buf, hd_path_base(frame->file));
		hd_buf_printf(&buf, ":%d)", frame->line);
	}
	char *name = hd_arena_str(arena, hd_buf_text(&buf));
	for (char *p = name; (p = strchr(p, ';')) != NULL;)
		*p = ',';
	return name;
}

static int by_names(const void *a, const void *b)
{
	const struct path *x = a, *y = b;
	for (uint32_t i = 0; i < x->n && i < y->n; i++) {
		int r = strcmp(x->names[i], y->names[i]);
		if (r != 0)
			return r;
	}
	return (x->n > y->n) - (x->n < y->n);
}

static void paths_init(struct paths *paths, const struct hd_snapshot *snap)
{
	*paths = (struct paths){.arena = hd_arena_new()};
	for (uint32_t t = 0; t < snap->n_threads; t++) {
		const struct hd_stack *stack = &snap->threads[t].stack;
		const char *comm = snap->procs[snap->threads[t].proc].comm;
		struct path path = {.names = HD_NEW_N(paths->arena, (size_t)stack->n + 1, const char *), .n = stack->n + 1, .count = 1};
		if (!snap->procs[snap->threads[t].proc].in_tree || stack->n == 0)
			continue;
		path.names[0] = frame_name(&(struct hd_frame){.function = comm != NULL ? comm : "?"}, paths->arena);
		for (uint32_t i = 0; i < stack->n; i++)
			path.names[i + 1] = frame_name(&stack->at[stack->n - 1 - i], paths->arena);
		HD_VEC_PUSH(&paths->rows, path);
	}
	if (paths->rows.n == 0)
		return;
	qsort(paths->rows.at, paths->rows.n, sizeof(*paths->rows.at), by_names);
	size_t kept = 0;
	for (size_t i = 1; i < paths->rows.n; i++) {
		if (by_names(&paths->rows.at[kept], &paths->rows.at[i]) == 0)
			paths->rows.at[kept].count++;
		else
			paths->rows.at[++kept] = paths->rows.at[i];
	}
	paths->rows.n = kept + 1;
}

static void paths_release(struct paths *paths)
{
	HD_VEC_RELEASE(&paths->rows);
	hd_arena_free(paths->arena);
}

void hd_report_folded(const struct hd_snapshot *snap, struct hd_buf *out)
{
	struct paths paths;
	paths_init(&paths, snap);
	for (size_t i = 0; i < paths.rows.n; i++) {
		const struct path *path = &paths.rows.at[i];
		for (uint32_t k = 0; k < path->n; k++)
			hd_buf_printf(out, "%s%s", k > 0 ? ";" : "", path->names[k]);
		hd_buf_printf(out, " %u\n", path->count);
	}
	paths_release(&paths);
}

/* How many outermost names two rows share. */
static uint32_t shared(const struct path *a, const struct path *b)
{
	uint32_t k = 0;
	while (k < a->n && k < b->n && strcmp(a->names[k], b->names[k]) == 0)
		k++;
	return k;
}

/* Rows are sorted, so those below one tree node are neighbours: row i shares its node with the ones behind it as long as each
 * shares more than `depth` names with the one before. */
static uint32_t threads_below(const struct paths *paths, size_t from, uint32_t depth)
{
	uint32_t count = paths->rows.at[from].count;
	for (size_t i = from + 1; i < paths->rows.n && paths->rows.at[i].shared > depth; i++)
		count += paths->rows.at[i].count;
	return count;
}

void hd_report_merged(const struct hd_snapshot *snap, struct hd_buf *out)
{
	struct paths paths;
	paths_init(&paths, snap);
	for (size_t i = 1; i < paths.rows.n; i++)
		paths.rows.at[i].shared = shared(&paths.rows.at[i - 1], &paths.rows.at[i]);
	for (size_t i = 0; i < paths.rows.n; i++) {
		const struct path *path = &paths.rows.at[i];
		for (uint32_t k = path->shared; k < path->n; k++) { /* what comes before is printed above already */
			/* A long straight call chain is not a staircase: indent only by forks in the road, at most 40. */
			hd_buf_printf(out, "%6u %*s%s\n", threads_below(&paths, i, k), k < 40 ? (int)k : 40, "", path->names[k]);
		}
	}
	paths_release(&paths);
}
