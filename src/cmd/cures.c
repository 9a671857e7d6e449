#include "cmd/cures.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cmd/say.h"
#include "cmd/shims.h"
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

/* ---- the files of a cure ------------------------------------------------------------------------------------------- */

/* Programs will load code from there: it must be ours alone, on a disk that may hold programs, and LD_PRELOAD can only
 * name paths without blanks and colons. */
static bool is_fit(const char *dir, bool for_preload, struct hd_err *err)
{
	struct stat st;
	struct statvfs fs;
	if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
		(void)hd_err_set(err, EPERM, "%s is not a folder that only you can write to", dir);
		return false;
	}
	if (for_preload && (strpbrk(dir, " :\t\n") != NULL || statvfs(dir, &fs) < 0 || (fs.f_flag & ST_NOEXEC) != 0)) {
		(void)hd_err_set(err, EPERM, "%s cannot hold a library: its name has a blank or colon, or its disk is mounted noexec", dir);
		return false;
	}
	return true;
}

/* Next to the incidents, else in /tmp; NULL, with the reason of the last: nowhere. */
static const char *files_dir(const struct hd_options *options, bool for_preload, struct hd_arena *arena, struct hd_err *err)
{
	const char *state = hd_incident_dir(options->incident_dir, arena);
	const char *dirs[] = {state != NULL ? hd_arena_printf(arena, "%s/cure", state) : NULL,
			      hd_arena_printf(arena, "/tmp/hangdog-%u-cure", geteuid())};
	char real[PATH_MAX]; /* the command may change its working directory */
	for (size_t i = 0; i < HD_COUNTOF(dirs); i++) {
		if (dirs[i] != NULL && hd_dirs_make(dirs[i], err) == 0 && realpath(dirs[i], real) != NULL && is_fit(real, for_preload, err))
			return hd_arena_str(arena, real);
	}
	return NULL;
}

static bool write_python(const char *dir, struct hd_arena *arena, struct hd_err *err)
{
	const char *folder = hd_arena_printf(arena, "%s/python", dir), *path = hd_arena_printf(arena, "%s/sitecustomize.py", folder);
	return hd_dirs_make(folder, err) == 0 && hd_file_replace(path, hd_cure_python, strlen(hd_cure_python), err) == 0;
}

static bool write_shim(const char *dir, enum hd_cure_how how, struct hd_arena *arena, struct hd_err *err)
{
	struct hd_shim shim = hd_shim_of(how);
	return hd_file_replace(hd_arena_printf(arena, "%s/%s", dir, shim.name), shim.bytes, shim.len, err) == 0;
}

static bool write_files(const char *dir, unsigned files, struct hd_arena *arena, struct hd_err *err)
{
	return ((files & HD_CURE_PYTHON) == 0 || write_python(dir, arena, err)) &&
	       ((files & HD_CURE_PAUSE) == 0 || write_shim(dir, HD_CURE_PAUSE, arena, err)) &&
	       ((files & HD_CURE_GATE) == 0 || write_shim(dir, HD_CURE_GATE, arena, err));
}

/* ---- what a start gets --------------------------------------------------------------------------------------------- */

static void say_plan(const char *list, const struct hd_cure_plan *plan)
{
	struct hd_buf line HD_CLEAN_BUF = {0};
	for (size_t i = 0; plan->env[i] != NULL; i++)
		hd_buf_printf(&line, " %s", plan->env[i]);
	hd_say("cure %s:%s", list, line.len != 0 ? hd_buf_text(&line) : " nothing to change");
	if (plan->kept != NULL)
		hd_say("cure: left as you set it: %s", plan->kept);
}

static bool has_python(const struct hd_snapshot *snap)
{
	for (uint32_t i = 0; i < snap->n_procs; i++) {
		if (snap->procs[i].python != NULL)
			return true;
	}
	return false;
}

/* One more cure after each hang. */
static void choose(const struct hd_options *options, struct hd_buf *so_far, const struct hd_case *hang)
{
	const struct hd_cure *next = hd_cure_next(hang->advice, hang->n_advice, hd_buf_text(so_far), has_python(hang->snap),
						  (const char *const *)environ);
	if (next != NULL && so_far->len != 0)
		hd_tell(options, "it hung again: cure %s is added", next->name);
	if (next != NULL)
		remember(so_far, next->name);
	else
		hd_tell(options, "no %scure is known for this hang: it is started again as it was", so_far->len != 0 ? "further " : "");
}

static const char *const *env_of(const char *list, const struct hd_options *options, struct hd_arena *arena)
{
	static const char *const nothing[] = {NULL};
	struct hd_err err = {0};
	const char *dir = "";
	unsigned files = hd_cure_plan(list, (const char *const *)environ, dir, arena).files;
	if (files != 0)
		dir = files_dir(options, (files & (HD_CURE_PAUSE | HD_CURE_GATE)) != 0, arena, &err);
	if (dir == NULL || !write_files(dir, files, arena, &err)) {
		hd_say("cure %s is left out: %s", list, err.text);
		return nothing;
	}
	struct hd_cure_plan plan = hd_cure_plan(list, (const char *const *)environ, dir, arena);
	if (!options->quiet)
		say_plan(list, &plan);
	return plan.env;
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
		choose(options, so_far, hang);
	return so_far->len != 0 ? env_of(hd_buf_text(so_far), options, arena) : nothing;
}
