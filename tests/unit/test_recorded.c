/* Recorded snapshots and the verdicts that they must lead to: a user's incident becomes a test by copying its
 * snapshot.hds to tests/data/snapshots/NAME.hds and writing NAME.expect beside it (one line, as below). */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/report.h"
#include "hangdog/snapshot_io.h"

#define FOLDER "tests/data/snapshots"

static char *file_text(const char *name, const char *ending, size_t *ret_len)
{
	static char text[1 << 20];
	char path[512];
	snprintf(path, sizeof(path), FOLDER "/%s%s", name, ending);
	FILE *file = fopen(path, "r");
	cr_assert_not_null(file, "%s: run the tests from the top of the sources", path);
	*ret_len = fread(text, 1, sizeof(text) - 1, file);
	text[*ret_len] = '\0';
	fclose(file);
	return text;
}

static const char *word(const char *text)
{
	return text != NULL ? text : "none";
}

static void verdict_line(const struct hd_snapshot *snap, const struct hd_verdict *v, char *ret, size_t cap)
{
	struct hd_advice advice[HD_ADVICE_MAX];
	uint32_t n = hd_advise(snap, v, advice);
	snprintf(ret, cap, "verdict=%s scope=%s certainty=%s cause=%s advice=%s\n", hd_verdict_name(v->kind), word(hd_scope_name(v->scope)),
		 word(hd_certainty_name(v->certainty)), word(hd_cause_name(v->cause)), n != 0 ? advice[0].rule : "none");
}

static void check_snapshot(const char *name)
{
	size_t len;
	struct hd_err err = {0};
	struct hd_snapshot *snap = NULL;
	struct hd_buf again HD_CLEAN_BUF = {0};
	char line[512];
	char *text = file_text(name, ".hds", &len);
	cr_assert_eq(hd_snapshot_read(text, len, &snap, &err), 0, "%s: %s", name, err.text);
	hd_snapshot_write(snap, &again);
	cr_expect_str_eq(hd_buf_text(&again), text, "%s: a recorded snapshot is written back as it was", name);
	struct hd_verdict *v = hd_decide(snap, snap->arena);
	if (v->kind == HD_VERDICT_NONE && snap->stall_ns > 0)
		hd_verdict_stall(snap, v, snap->stall_ns, snap->arena);
	verdict_line(snap, v, line, sizeof(line));
	cr_expect(v->certificate_ok, "%s", name);
	cr_expect_str_eq(line, file_text(name, ".expect", &len), "%s: got %s", name, line);
	hd_snapshot_free(snap);
}

Test(recorded, every_recorded_snapshot_leads_to_its_verdict, .timeout = 60)
{
	unsigned n = 0;
	DIR *dir = opendir(FOLDER);
	cr_assert_not_null(dir, FOLDER ": run the tests from the top of the sources");
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		char *dot = strrchr(e->d_name, '.');
		if (dot == NULL || strcmp(dot, ".hds") != 0)
			continue;
		*dot = '\0';
		check_snapshot(e->d_name);
		n++;
	}
	closedir(dir);
	cr_assert_geq(n, 9);
}
