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

const char *hd_cure_auto(const struct hd_advice *advice, uint32_t n, struct hd_arena *arena)
{
	struct hd_buf list HD_CLEAN_BUF = {0};
	for (uint32_t i = 0; i < n; i++) {
		if (advice[i].cure != NULL && hd_cure_find(advice[i].cure, strlen(advice[i].cure)) != NULL)
			hd_buf_printf(&list, "%s%s", list.len != 0 ? "," : "", advice[i].cure);
	}
	return hd_arena_str(arena, list.len != 0 ? hd_buf_text(&list) : "none");
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
		if (value_in(env, cure->env[i]) == NULL && p->n < p->max)
			p->env[p->n++] = cure->env[i];
	}
	return true;
}

/* The folder leads the path, and is on it once. */
static void plan_python(struct plan *p, const char *const *env, const char *python_dir, struct hd_arena *arena)
{
	const char *old = value_in(env, "PYTHONPATH=");
	size_t len = strlen(python_dir);
	if (old != NULL && strncmp(old, python_dir, len) == 0 && (old[len] == ':' || old[len] == '\0'))
		return;
	const char *rest = old != NULL && *old != '\0' ? old : NULL;
	p->env[p->n++] = hd_arena_printf(arena, "PYTHONPATH=%s%s%s", python_dir, rest != NULL ? ":" : "", rest != NULL ? rest : "");
}

struct hd_cure_plan hd_cure_plan(const char *list, const char *const *env, const char *python_dir, struct hd_arena *arena)
{
	struct plan p = {.max = HD_COUNTOF(cures) * HD_CURE_ENV_MAX};
	struct hd_cure_plan ret = {0};
	p.env = HD_NEW_N(arena, p.max + 2, const char *);
	for (const char *at = list; *at != '\0';) {
		size_t len = strcspn(at, ",");
		const struct hd_cure *cure = hd_cure_find(at, len);
		bool taken = cure != NULL && plan_add(&p, env, cure);
		if (taken && (cure->how & HD_CURE_PYTHON) != 0 && !ret.needs_python) {
			plan_python(&p, env, python_dir, arena);
			ret.needs_python = true;
		}
		at += len + (at[len] == ',');
	}
	ret.env = p.env;
	ret.kept = p.kept.len != 0 ? hd_arena_str(arena, hd_buf_text(&p.kept)) : NULL;
	hd_buf_release(&p.kept);
	return ret;
}
