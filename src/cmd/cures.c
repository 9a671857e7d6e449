#include "cmd/cures.h"

#include <string.h>
#include <unistd.h>

#include "cmd/say.h"
#include "hangdog/cure.h"
#include "hangdog/incident.h"

/* Adds the names of `list` that are not in `so_far` yet. */
static void remember(struct hd_buf *so_far, const char *list)
{
	for (const char *p = strcmp(list, "none") != 0 ? list : ""; *p != '\0';) {
		size_t len = strcspn(p, ",");
		bool is_new = true;
		for (const char *q = hd_buf_text(so_far); *q != '\0';) {
			size_t n = strcspn(q, ",");
			is_new = is_new && (n != len || memcmp(p, q, n) != 0);
			q += n + (q[n] == ',');
		}
		if (is_new && so_far->len != 0)
			hd_buf_char(so_far, ',');
		if (is_new)
			hd_buf_add(so_far, p, len);
		p += len + (p[len] == ',');
	}
}

/* False, said: the Python part of the cure cannot be put anywhere. */
static bool write_python(const char *dir)
{
	struct hd_err err = {0};
	struct hd_arena *arena = hd_arena_new();
	const char *path = hd_arena_printf(arena, "%s/sitecustomize.py", dir);
	bool ok = hd_dirs_make(dir, &err) == 0 && hd_file_replace(path, hd_cure_python, strlen(hd_cure_python), &err) == 0;
	if (!ok)
		hd_say("this cure is left out: %s", err.text);
	hd_arena_free(arena);
	return ok;
}

static void say_plan(const char *list, const struct hd_cure_plan *plan)
{
	struct hd_buf line HD_CLEAN_BUF = {0};
	for (size_t i = 0; plan->env[i] != NULL; i++)
		hd_buf_printf(&line, " %s", plan->env[i]);
	hd_say("cure %s:%s", list, line.len != 0 ? hd_buf_text(&line) : " nothing to change");
	if (plan->kept != NULL)
		hd_say("cure: left as you set it: %s", plan->kept);
}

const char *const *hd_cures_env(const struct hd_options *options, struct hd_buf *so_far, const struct hd_case *hang, struct hd_arena *arena)
{
	static const char *const nothing[] = {NULL};
	struct hd_err err = {0};
	if (hd_cure_check(options->cure, &err) != 0) {
		hd_say("%s", err.text);
		return NULL;
	}
	if (!hd_cure_is_auto(options->cure))
		remember(so_far, options->cure);
	else if (hang != NULL)
		remember(so_far, hd_cure_auto(hang->advice, hang->n_advice, arena));
	const char *list = hd_buf_text(so_far);
	if (list[0] == '\0')
		return nothing;
	const char *state = hd_incident_dir(options->incident_dir, arena);
	const char *dir = hd_arena_printf(arena, "%s/python", state != NULL ? state : "/nonexistent");
	struct hd_cure_plan plan = hd_cure_plan(list, (const char *const *)environ, dir, arena);
	if (plan.needs_python && !write_python(dir))
		return nothing;
	if (!options->quiet)
		say_plan(list, &plan);
	return plan.env;
}
