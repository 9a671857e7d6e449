#include "hangdog/cure.h"

#include <errno.h>
#include <string.h>

#include "hangdog/buf.h"

static const struct hd_cure cures[] = {
#define CURE(n, f, c, h, ...) {.name = (n), .fixes = (f), .costs = (c), .env = {__VA_ARGS__}, .how = (h)},
#define NON_CURE(what, why)
#include "cure.def"
#undef CURE
#undef NON_CURE
};

static const struct hd_non_cure non_cures[] = {
#define CURE(...)
#define NON_CURE(w, y) {.what = (w), .why = (y)},
#include "cure.def"
#undef CURE
#undef NON_CURE
};

const struct hd_cure *hd_cure_at(size_t i)
{
	return i < HD_COUNTOF(cures) ? &cures[i] : NULL;
}

const struct hd_non_cure *hd_non_cure_at(size_t i)
{
	return i < HD_COUNTOF(non_cures) ? &non_cures[i] : NULL;
}

const struct hd_cure *hd_cure_find(const char *name, size_t len)
{
	for (size_t i = 0; i < HD_COUNTOF(cures); i++) {
		if (strlen(cures[i].name) == len && memcmp(cures[i].name, name, len) == 0)
			return &cures[i];
	}
	return NULL;
}

bool hd_cure_is_auto(const char *list)
{
	return strcmp(list, "auto") == 0;
}

int hd_cure_check(const char *list, struct hd_err *err)
{
	if (hd_cure_is_auto(list) || strcmp(list, "none") == 0)
		return 0;
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");
		if (hd_cure_find(p, len) == NULL)
			return hd_err_set(err, EINVAL, "--cure: '%.*s' is no cure: give auto, none, or names that 'hangdog doctor --cures' lists",
					  (int)(len < 60 ? len : 60), p);
		p += len;
		if (*p == '\0')
			return 0;
	}
}

/* The value of the variable that `assignment` sets, NULL if it is not set. */
static const char *value_in(const char *const *env, const char *assignment)
{
	size_t len = strcspn(assignment, "=") + 1;
	for (size_t i = 0; env[i] != NULL; i++) {
		if (strncmp(env[i], assignment, len) == 0)
			return env[i] + len;
	}
	return NULL;
}

struct plan {
	const char **env;
	size_t n, max;
	struct hd_buf kept;
};

static bool is_at_odds(const char *const *env, const char *assignment)
{
	const char *value = value_in(env, assignment);
	return value != NULL && strcmp(value, strchr(assignment, '=') + 1) != 0;
}

/* False: the cure is left out whole. */
static bool plan_add(struct plan *p, const char *const *env, const struct hd_cure *cure)
{
	bool any_at_odds = false;
	for (size_t i = 0; cure->env[i] != NULL; i++) {
		if (!is_at_odds(env, cure->env[i]))
			continue;
		any_at_odds = true;
		hd_buf_printf(&p->kept, "%s%.*s", p->kept.len != 0 ? ", " : "", (int)strcspn(cure->env[i], "="), cure->env[i]);
	}
	if (any_at_odds && (cure->how & HD_CURE_EACH) == 0)
		return false;
	for (size_t i = 0; cure->env[i] != NULL; i++) {
		p->env[p->n] = NULL;
		if (value_in(env, cure->env[i]) == NULL && value_in((const char *const *)p->env, cure->env[i]) == NULL && p->n < p->max)
			p->env[p->n++] = cure->env[i];
	}
	return true;
}

/* The folder leads the path, and is on it once. */
static void plan_python(struct plan *p, const char *const *env, const char *dir, struct hd_arena *arena)
{
	const char *old = value_in(env, "PYTHONPATH="), *folder = hd_arena_printf(arena, "%s/python", dir);
	size_t len = strlen(folder);
	if (old != NULL && strncmp(old, folder, len) == 0 && (old[len] == ':' || old[len] == '\0'))
		return;
	const char *rest = old != NULL && *old != '\0' ? old : NULL;
	p->env[p->n++] = hd_arena_printf(arena, "PYTHONPATH=%s%s%s", folder, rest != NULL ? ":" : "", rest != NULL ? rest : "");
}

/* Behind what the user preloads. */
static void plan_preload(struct plan *p, const char *const *env, const char *dir, unsigned files, struct hd_arena *arena)
{
	static const struct {
		unsigned file;
		const char *name;
	} libraries[] = {{HD_CURE_PAUSE, HD_CURE_PAUSE_FILE}, {HD_CURE_GATE, HD_CURE_GATE_FILE}};
	struct hd_buf list HD_CLEAN_BUF = {0};
	const char *old = value_in(env, "LD_PRELOAD=");
	hd_buf_str(&list, old != NULL ? old : "");
	for (size_t i = 0; i < HD_COUNTOF(libraries); i++) {
		if ((files & libraries[i].file) != 0 && strstr(hd_buf_text(&list), libraries[i].name) == NULL)
			hd_buf_printf(&list, "%s%s/%s", list.len != 0 ? ":" : "", dir, libraries[i].name);
	}
	if (strcmp(hd_buf_text(&list), old != NULL ? old : "") != 0)
		p->env[p->n++] = hd_arena_printf(arena, "LD_PRELOAD=%s", hd_buf_text(&list));
}

struct hd_cure_plan hd_cure_plan(const char *list, const char *const *env, const char *dir, struct hd_arena *arena)
{
	struct plan p = {.max = HD_COUNTOF(cures) * HD_CURE_ENV_MAX};
	struct hd_cure_plan ret = {0};
	p.env = HD_NEW_N(arena, p.max + 3, const char *);
	for (const char *at = list; *at != '\0';) {
		size_t len = strcspn(at, ",");
		const struct hd_cure *cure = hd_cure_find(at, len);
		if (cure != NULL && plan_add(&p, env, cure))
			ret.files |= cure->how & HD_CURE_FILES;
		at += len + (at[len] == ',');
	}
	if ((ret.files & HD_CURE_PYTHON) != 0)
		plan_python(&p, env, dir, arena);
	plan_preload(&p, env, dir, ret.files, arena);
	ret.env = p.env;
	ret.kept = p.kept.len != 0 ? hd_arena_str(arena, hd_buf_text(&p.kept)) : NULL;
	hd_buf_release(&p.kept);
	return ret;
}

/* ---- auto ---------------------------------------------------------------------------------------------------------- */

static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = list; *at != '\0';) {
		size_t n = strcspn(at, ",");
		if (n == len && memcmp(at, name, n) == 0)
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

static bool is_decided(const struct hd_cure *cure, const char *const *env)
{
	for (size_t i = 0; cure->env[i] != NULL; i++) {
		if (is_at_odds(env, cure->env[i]))
			return true;
	}
	return false;
}

/* How deep it goes into the program: variables, another way to start workers, a preloaded library. */
static unsigned depth_of(const struct hd_cure *cure)
{
	return (cure->how & HD_CURE_GATE) != 0 ? 3 : (cure->how & HD_CURE_PAUSE) != 0 ? 2 : (cure->how & HD_CURE_PYTHON) != 0;
}

const struct hd_cure *hd_cure_next(const struct hd_advice *advice, uint32_t n, const char *tried, bool is_python,
				   const char *const *env)
{
	static const char *const ladder[] = {"mp-start=spawn", "omp-pause", "fork-gate"};
	const struct hd_cure *best = NULL;
	/* The first time, only what is known to fit; a hang that came back may be anything. */
	bool may_climb = tried[0] != '\0';
	for (uint32_t i = 0; i < n; i++) {
		const struct hd_cure *cure = advice[i].cure != NULL ? hd_cure_find(advice[i].cure, strlen(advice[i].cure)) : NULL;
		if (cure == NULL || is_listed(tried, cure->name))
			continue;
		bool fits = !is_decided(cure, env);
		may_climb |= !fits;
		if (fits && (best == NULL || depth_of(cure) < depth_of(best)))
			best = cure;
	}
	for (size_t i = 0; best == NULL && may_climb && i < HD_COUNTOF(ladder); i++) {
		const struct hd_cure *cure = hd_cure_find(ladder[i], strlen(ladder[i]));
		HD_ASSERT(cure != NULL);
		if (is_listed(tried, cure->name) || is_decided(cure, env) || ((cure->how & HD_CURE_PYTHON) != 0 && !is_python))
			continue;
		best = cure;
	}
	return best;
}
