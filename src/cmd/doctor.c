/* hangdog doctor: what works here and what does not, and what to do about it.  Exit status 0 when the main job can be
 * done (warnings do not count), 1 when a check failed, 125 on an error. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/say.h"
#include "core/report_page.h"
#include "hangdog/checks.h"
#include "hangdog/cure.h"
#include "hangdog/incident.h"
#include "hangdog/procfs.h"
#include "hangdog/unwind.h"

#define TITLE_WIDTH 22

static const struct {
	const char *word, *mark;
	enum hd_ink ink;
} levels[] = {
	[HD_LEVEL_OK] = {"ok", "ok  ", HD_INK_GREEN},
	[HD_LEVEL_WARN] = {"warn", "warn", HD_INK_YELLOW},
	[HD_LEVEL_FAIL] = {"fail", "FAIL", HD_INK_RED},
};

static int put(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return 0;
	hd_say("standard output cannot be written to: %m");
	return HD_EXIT_ERROR;
}

static int put_json(json_t *object)
{
	char *text = json_dumps(object, JSON_INDENT(2));
	json_decref(object);
	if (text == NULL)
		abort();
	int status = put(text) != 0 || put("\n") != 0 ? HD_EXIT_ERROR : 0;
	free(text);
	return status;
}

/* ---- cures --------------------------------------------------------------------------------------------------------- */

static json_t *env_json(const struct hd_cure *cure)
{
	json_t *env = json_array();
	for (size_t k = 0; cure->env[k] != NULL; k++)
		json_array_append_new(env, json_string(cure->env[k]));
	return env;
}

static int cures_json(void)
{
	json_t *cures = json_array(), *others = json_array();
	for (size_t i = 0; hd_cure_at(i) != NULL; i++) {
		const struct hd_cure *c = hd_cure_at(i);
		json_array_append_new(cures, json_pack("{s:s, s:s, s:s, s:o, s:b, s:b}", "name", c->name, "fixes", c->fixes,
						       "costs", c->costs, "env", env_json(c), "preloads",
						       (c->how & (HD_CURE_PAUSE | HD_CURE_GATE)) != 0, "sitecustomize",
						       (c->how & HD_CURE_PYTHON) != 0));
	}
	for (size_t i = 0; hd_non_cure_at(i) != NULL; i++)
		json_array_append_new(others, json_pack("{s:s, s:s}", "what", hd_non_cure_at(i)->what, "why", hd_non_cure_at(i)->why));
	return put_json(json_pack("{s:s, s:o, s:o}", "schema", "hangdog.cures/1", "cures", cures, "non_cures", others));
}

static void page_cure(struct hd_page *page, const struct hd_cure *cure)
{
	struct hd_buf env HD_CLEAN_BUF = {0};
	for (size_t k = 0; cure->env[k] != NULL; k++)
		hd_buf_printf(&env, "%s%s", k != 0 ? " " : "", cure->env[k]);
	hd_page_para(page, 2, 6, HD_INK_BOLD, "%s", cure->name);
	hd_page_para(page, 6, 13, HD_INK_PLAIN, "fixes: %s", cure->fixes);
	hd_page_para(page, 6, 13, HD_INK_PLAIN, "costs: %s", cure->costs);
	if ((cure->how & (HD_CURE_PAUSE | HD_CURE_GATE)) != 0)
		hd_buf_str(&env, "LD_PRELOAD, with a small library that hangdog brings along");
	if ((cure->how & HD_CURE_PYTHON) != 0)
		hd_buf_str(&env, " PYTHONPATH, with a small sitecustomize.py that runs yours, too");
	hd_page_para(page, 6, 13, HD_INK_DIM, "sets:  %s", hd_buf_text(&env));
}

static int cures_text(const struct hd_options *options)
{
	struct hd_text_style style = hd_say_style(stdout, options);
	struct hd_buf out HD_CLEAN_BUF = {0};
	struct hd_page page;
	hd_page_init(&page, &style, &out);
	hd_page_para(&page, 0, 0, HD_INK_PLAIN, "%s",
		     "Changes to the environment of a command, for --cure NAME,NAME: from its first start (as prevention), or with "
		     "--on-hang restart and --cure auto the one that fits the hang. What you set yourself is never changed.");
	hd_page_gap(&page);
	for (size_t i = 0; hd_cure_at(i) != NULL; i++)
		page_cure(&page, hd_cure_at(i));
	hd_page_gap(&page);
	hd_page_heading(&page, "What looks like a cure and is none");
	for (size_t i = 0; hd_non_cure_at(i) != NULL; i++)
		hd_page_para(&page, 2, 6, HD_INK_PLAIN, "%s: %s", hd_non_cure_at(i)->what, hd_non_cure_at(i)->why);
	return put(hd_buf_text(&out));
}

/* ---- checks -------------------------------------------------------------------------------------------------------- */

static int checks_json(const struct hd_finding *rows, size_t n, int32_t pid)
{
	json_t *checks = json_array();
	bool fails = false;
	for (size_t i = 0; i < n; i++) {
		fails |= rows[i].level == HD_LEVEL_FAIL;
		json_array_append_new(checks, json_pack("{s:s, s:s, s:s, s:s, s:s?}", "id", rows[i].id, "title", rows[i].title, "level",
							levels[rows[i].level].word, "found", rows[i].found, "remedy", rows[i].remedy));
	}
	json_t *of = pid != 0 ? json_integer(pid) : json_null();
	return put_json(json_pack("{s:s, s:s, s:o, s:b, s:o}", "schema", "hangdog.doctor/1", "hangdog", HD_VERSION, "pid", of, "works",
				  !fails, "checks", checks));
}

/* A remedy is for copying: it is not wrapped. */
static void page_row(struct hd_page *page, const struct hd_finding *row)
{
	hd_page_para(page, 0, 7 + TITLE_WIDTH, levels[row->level].ink, "%s   %-*s%s", levels[row->level].mark, TITLE_WIDTH, row->title, row->found);
	if (row->remedy == NULL)
		return;
	hd_buf_str(page->out, "       -> ");
	hd_buf_safe(page->out, row->remedy);
	hd_buf_char(page->out, '\n');
}

static int checks_text(const struct hd_finding *rows, size_t n, const struct hd_options *options)
{
	struct hd_text_style style = hd_say_style(stdout, options);
	struct hd_buf out HD_CLEAN_BUF = {0};
	struct hd_page page;
	size_t count[HD_COUNTOF(levels)] = {0};
	hd_page_init(&page, &style, &out);
	for (size_t i = 0; i < n; i++) {
		count[rows[i].level]++;
		page_row(&page, &rows[i]);
	}
	hd_page_gap(&page);
	if (count[HD_LEVEL_FAIL] != 0)
		hd_page_para(&page, 0, 0, HD_INK_BOLD, "hangdog cannot do its main job here: see FAIL above.");
	else if (count[HD_LEVEL_WARN] != 0)
		hd_page_para(&page, 0, 0, HD_INK_BOLD, "hangdog works here, with the limits above.");
	else
		hd_page_para(&page, 0, 0, HD_INK_BOLD, "Everything works here.");
	return put(hd_buf_text(&out));
}

static bool is_wanted_name(const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	return strncmp(base, "libc.so", 7) == 0 || strncmp(base, "libc-2", 6) == 0 || strncmp(base, "libpython", 9) == 0 ||
	       strncmp(base, "python", 6) == 0;
}

/* The C library and the interpreter matter most: locks are told apart by the functions that wait for them. */
static void find_names(struct hd_finding *row, struct hd_unwinder *unwinder, const struct hd_unwind_query *query, struct hd_arena *arena)
{
	const char *const *paths, *wanted = NULL;
	size_t files, n = hd_unwind_nameless(unwinder, query, arena, &paths, &files);
	for (size_t i = 0; i < n && wanted == NULL; i++)
		wanted = is_wanted_name(paths[i]) ? paths[i] : NULL;
	row->level = wanted != NULL ? HD_LEVEL_WARN : HD_LEVEL_OK;
	row->found = hd_arena_printf(arena, "%zu of %zu files have the names of all their functions%s%s", files - n, files,
				     wanted != NULL ? ", but not " : "", wanted != NULL ? wanted : "");
	row->remedy = NULL;
	if (wanted != NULL)
		row->remedy = "sudo apt-get install libc6-dbg (Debian, Ubuntu; python3-dbg for its python3), dnf debuginfo-install glibc "
			      "python3 (Fedora)";
}

static void check_names(struct hd_finding *row, int32_t pid, struct hd_arena *arena)
{
	struct hd_maps maps;
	struct hd_mem_live live;
	*row = (struct hd_finding){.id = "names", .title = "names of functions", .level = HD_LEVEL_WARN,
				   .found = "its memory cannot be read", .remedy = "as above"};
	if (hd_procfs_maps(pid, arena, &maps) < 0 || hd_mem_live_open(&live, pid) < 0)
		return;
	struct hd_unwinder *unwinder = hd_unwinder_new();
	struct hd_unwind_query query = {.pid = pid, .maps = &maps, .mem = &live.mem};
	find_names(row, unwinder, &query, arena);
	hd_unwinder_free(unwinder);
	hd_mem_live_close(&live);
}

static const char *cures_found(struct hd_arena *arena)
{
	size_t n = 0;
	while (hd_cure_at(n) != NULL)
		n++;
	return hd_arena_printf(arena, "%zu, listed by hangdog doctor --cures", n);
}

static int check_up(const struct hd_options *options, struct hd_arena *arena)
{
	struct hd_finding rows[HD_FINDINGS_MAX + 2];
	struct hd_checks_for what = {.pid = options->n_pids > 0 ? options->pids[0] : 0, .incident_dir = hd_incident_dir(NULL, arena)};
	struct hd_err err = {0};
	bool fails = false;
	/* What cannot be guarded anywhere is misuse, not a finding. */
	int r = what.pid != 0 ? hd_procfs_probe(what.pid, /* want_ptrace= */ false, &err) : 0;
	if (r == -ESRCH || r == -EINVAL) {
		hd_say("%s", err.text);
		return HD_EXIT_ERROR;
	}
	size_t n = hd_checks_run(&what, arena, rows);
	rows[n++] = (struct hd_finding){.id = "cures", .title = "cures", .found = cures_found(arena)};
	if (what.pid != 0)
		check_names(&rows[n++], what.pid, arena);
	int status = options->json ? checks_json(rows, n, what.pid) : checks_text(rows, n, options);
	for (size_t i = 0; i < n; i++)
		fails |= rows[i].level == HD_LEVEL_FAIL;
	return status != 0 ? status : fails;
}

int hd_cmd_doctor(const struct hd_options *options)
{
	if (options->cures)
		return options->json ? cures_json() : cures_text(options);
	struct hd_arena *arena = hd_arena_new();
	int status = check_up(options, arena);
	hd_arena_free(arena);
	return status;
}
