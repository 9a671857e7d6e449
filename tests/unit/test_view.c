/* The live view as golden cells, and what keys and clicks do.  HD_GOLDEN=1 writes the expected screens anew: read the
 * difference before it is committed.
 * covers: view.c view_keys.c view_paint.c view_panes.c view_rows.c view_words.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "hangdog/snapshot_io.h"
#include "hangdog/view.h"

#define GOLDEN "tests/data/view"

struct scene {
	struct hd_snapshot *snap;
	struct hd_view_tree tree;
	struct hd_advice advice[HD_ADVICE_MAX];
	struct hd_view *view;
};

static void file_text(const char *path, struct hd_buf *ret)
{
	char part[65536];
	size_t n;
	FILE *file = fopen(path, "r");
	cr_assert_not_null(file, "%s: run the tests from the top of the sources", path);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		hd_buf_add(ret, part, n);
	fclose(file);
}

static struct hd_snapshot *recorded(const char *name)
{
	char path[256];
	struct hd_buf text HD_CLEAN_BUF = {0};
	struct hd_snapshot *snap = NULL;
	struct hd_err err = {0};
	snprintf(path, sizeof(path), "tests/data/snapshots/%s.hds", name);
	file_text(path, &text);
	cr_assert_eq(hd_snapshot_read(hd_buf_text(&text), text.len, &snap, &err), 0, "%s", err.text);
	return snap;
}

static struct scene scene_of(const char *name, unsigned width, unsigned height, struct hd_view_style style)
{
	struct scene s = {.snap = recorded(name)};
	s.tree = (struct hd_view_tree){.snap = s.snap, .verdict = hd_decide(s.snap, s.snap->arena), .supervisor = 4000};
	s.view = hd_view_new(&style);
	hd_view_resize(s.view, width, height);
	return s;
}

static void show(struct scene *s)
{
	s->tree.n_advice = hd_advise(s->snap, s->tree.verdict, s->advice);
	s->tree.advice = s->advice;
	/* 1000 s after the newest thread was born. */
	uint64_t start = 0;
	for (uint32_t t = 0; t < s->snap->n_threads; t++)
		start = s->snap->threads[t].start > start ? s->snap->threads[t].start : start;
	hd_view_model(s->view, &(struct hd_view_model){.trees = &s->tree, .n_trees = 1, .boot_ns = (int64_t)start * 10 * HD_NS_PER_MS + 1000 * HD_NS_PER_S});
}

static void scene_free(struct scene *s)
{
	hd_view_free(s->view);
	hd_snapshot_free(s->snap);
}

static const struct hd_view_style plain = {.utf8 = true, .colors = 0}, colored = {.utf8 = true, .colors = 256}, ascii = {.utf8 = false, .colors = 8};

static void put_char(struct hd_buf *out, uint32_t ch)
{
	if (ch < 0x80) {
		hd_buf_char(out, (char)ch);
		return;
	}
	if (ch >= 0x800)
		hd_buf_char(out, (char)(0xe0 | ch >> 12));
	hd_buf_char(out, ch >= 0x800 ? (char)(0x80 | (ch >> 6 & 0x3f)) : (char)(0xc0 | ch >> 6));
	hd_buf_char(out, (char)(0x80 | (ch & 0x3f)));
}

/* '#' on a bar, 'U' underlined, 'B' bold, 'c' coloured, 'd' dim, '.' plain. */
static char look_of(const struct hd_cell *cell)
{
	return cell->bg >= 0 || cell->attr & HD_ATTR_REVERSE ? '#' : cell->attr & HD_ATTR_UNDERLINE ? 'U' : cell->attr & HD_ATTR_BOLD ? 'B'
	       : cell->fg >= 0 ? 'c' : cell->attr & HD_ATTR_DIM ? 'd' : '.';
}

static void trim(struct hd_buf *out, char blank)
{
	while (out->len > 0 && out->text[out->len - 1] == blank)
		out->text[--out->len] = '\0';
	hd_buf_char(out, '\n');
}

static void screen_text(const struct hd_screen *screen, struct hd_buf *out)
{
	for (unsigned y = 0; y < screen->height; y++) {
		for (unsigned x = 0; x < screen->width; x++) {
			if (screen->at[y * screen->width + x].ch != 0)
				put_char(out, screen->at[y * screen->width + x].ch);
		}
		trim(out, ' ');
	}
}

static void check_golden(struct scene *s, const char *name)
{
	char path[256];
	struct hd_buf text HD_CLEAN_BUF = {0}, wanted HD_CLEAN_BUF = {0};
	const struct hd_screen *screen = hd_view_paint(s->view);
	screen_text(screen, &text);
	hd_buf_str(&text, "-- looks --\n");
	for (unsigned y = 0; y < screen->height; y++) {
		for (unsigned x = 0; x < screen->width; x++)
			hd_buf_char(&text, look_of(&screen->at[y * screen->width + x]));
		trim(&text, '.');
	}
	snprintf(path, sizeof(path), GOLDEN "/%s.txt", name);
	if (getenv("HD_GOLDEN") != NULL) {
		FILE *file = fopen(path, "w");
		cr_assert_not_null(file);
		fwrite(hd_buf_text(&text), 1, text.len, file);
		fclose(file);
	}
	file_text(path, &wanted);
	cr_expect_str_eq(hd_buf_text(&text), hd_buf_text(&wanted), "%s differs; this is what is painted:\n%s", path, hd_buf_text(&text));
}

static struct hd_view_request press(struct scene *s, uint32_t key)
{
	return hd_view_key(s->view, &(struct hd_view_event){.key = key});
}

static void type(struct scene *s, const char *text)
{
	for (; *text != '\0'; text++)
		press(s, (unsigned char)*text);
}

static bool shows(struct scene *s, const char *words)
{
	struct hd_buf text HD_CLEAN_BUF = {0};
	screen_text(hd_view_paint(s->view), &text);
	return strstr(hd_buf_text(&text), words) != NULL;
}

Test(view, a_python_hang_at_80_by_24_looks_as_recorded, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, colored);
	show(&s);
	check_golden(&s, "python_80x24");
	scene_free(&s);
}

Test(view, a_lock_cycle_at_20_by_5_without_colours_looks_as_recorded, .timeout = 10)
{
	struct scene s = scene_of("abba_all", 20, 5, plain);
	show(&s);
	check_golden(&s, "abba_20x5");
	scene_free(&s);
}

Test(view, the_fork_pane_at_200_by_60_looks_as_recorded, .timeout = 10)
{
	struct scene s = scene_of("openmp_after_fork", 200, 60, colored);
	show(&s);
	press(&s, 'f');
	check_golden(&s, "openmp_200x60");
	scene_free(&s);
}

Test(view, a_healthy_tree_in_ascii_at_100_by_16_looks_as_recorded, .timeout = 10)
{
	struct scene s = scene_of("healthy", 100, 16, ascii);
	show(&s);
	check_golden(&s, "healthy_100x16_ascii");
	for (unsigned i = 0; i < 100 * 16; i++)
		cr_assert_lt(hd_view_paint(s.view)->at[i].ch, 0x80);
	scene_free(&s);
}

Test(view, without_colours_no_cell_has_one, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, plain);
	show(&s);
	const struct hd_screen *screen = hd_view_paint(s.view);
	for (unsigned i = 0; i < 80 * 24; i++)
		cr_assert(screen->at[i].fg < 0 && screen->at[i].bg < 0);
	scene_free(&s);
}

Test(view, the_colours_for_colour_blind_eyes_differ_from_the_usual_and_none_come_third, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, colored);
	show(&s);
	int16_t usual = hd_view_paint(s.view)->at[80 + 1].fg;
	press(&s, 'C');
	int16_t safe = hd_view_paint(s.view)->at[80 + 1].fg;
	press(&s, 'C');
	cr_expect(usual >= 0 && safe >= 0 && usual != safe);
	cr_expect_lt(hd_view_paint(s.view)->at[80 + 1].fg, 0);
	scene_free(&s);
}

Test(view, that_nobody_answers_is_said_in_the_second_line_and_on_a_small_screen_in_the_first, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, plain);
	struct hd_view_model silent = {.trees = &s.tree, .n_trees = 1, .notice = "no answer for 7 s"};
	hd_view_model(s.view, &silent);
	cr_expect(shows(&s, "DEADLOCK (proven)\n no answer for 7 s\n"));
	hd_view_resize(s.view, 20, 5);
	cr_expect(shows(&s, " no answer for 7 s\n"));
	silent.n_trees = 0;
	hd_view_model(s.view, &silent);
	cr_expect(shows(&s, " no answer for 7 s\n"));
	scene_free(&s);
}

Test(view, a_fork_that_nobody_saw_is_a_question_or_what_its_memory_tells, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, plain);
	struct hd_proc *child = &s.snap->procs[1];
	show(&s);
	cr_expect(shows(&s, "   2 PROVEN"));
	cr_expect_eq(child->pid, 10143);
	child->fork->parent_threads = 0;
	show(&s);
	cr_expect(shows(&s, "  2+ PROVEN"));
	child->fork = NULL;
	show(&s);
	cr_expect(shows(&s, "   ? PROVEN"));
	child->has_exec = true;
	show(&s);
	cr_expect(shows(&s, "     PROVEN"));
	scene_free(&s);
}

Test(view, it_begins_with_the_culprit_and_arrows_move, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, plain);
	show(&s);
	cr_expect_eq(hd_view_selected(s.view).pid, 10143);
	struct hd_view_request r = press(&s, HD_KEY_HOME);
	cr_expect(r.want == HD_VIEW_SHOWN && r.pid == 10134);
	press(&s, 'j');
	cr_expect_eq(hd_view_selected(s.view).tid, 10142);
	press(&s, HD_KEY_UP);
	press(&s, HD_KEY_UP);
	cr_expect_eq(hd_view_selected(s.view).tid, 10134);
	scene_free(&s);
}

Test(view, the_selection_stays_with_its_thread_when_facts_change, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, plain);
	show(&s);
	press(&s, HD_KEY_UP);
	cr_expect_eq(hd_view_selected(s.view).tid, 10142);
	hd_snapshot_free(s.snap);
	s.snap = recorded("python_lock_refill");
	s.tree.snap = s.snap;
	s.tree.verdict = hd_decide(s.snap, s.snap->arena);
	show(&s);
	cr_expect_eq(hd_view_selected(s.view).tid, 10142);
	scene_free(&s);
}

Test(view, folding_hides_what_is_below_and_unfolding_brings_it_back, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, plain);
	show(&s);
	press(&s, HD_KEY_HOME);
	press(&s, HD_KEY_ENTER);
	cr_expect(!shows(&s, "  10143 S") && shows(&s, "▸ python3"));
	press(&s, 'l');
	cr_expect(shows(&s, "  10143 S") && shows(&s, "▾ python3"));
	scene_free(&s);
}

Test(view, kill_asks_says_what_will_happen_and_only_y_does_it, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, plain);
	show(&s);
	cr_expect_eq(press(&s, 'k').want, HD_VIEW_NOTHING);
	cr_expect(shows(&s, "Kill the whole tree of 10134") && shows(&s, "SIGKILL"));
	cr_expect_eq(press(&s, 'n').want, HD_VIEW_NOTHING);
	cr_expect(shows(&s, "nothing was done"));
	press(&s, 'k');
	cr_expect_eq(press(&s, HD_KEY_ENTER).want, HD_VIEW_NOTHING, "Enter is no yes");
	press(&s, 'k');
	struct hd_view_request r = press(&s, 'y');
	cr_expect(r.want == HD_VIEW_KILL && r.tree == 0);
	scene_free(&s);
}

Test(view, without_a_supervisor_only_kill_and_dump_are_offered, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, plain);
	s.tree.supervisor = 0;
	show(&s);
	press(&s, 'r');
	cr_expect(shows(&s, "no hangdog guards this tree"));
	cr_expect_eq(press(&s, 'd').want, HD_VIEW_DUMP);
	scene_free(&s);
}

Test(view, search_goes_to_a_match_and_filter_keeps_only_matches_and_their_parents, .timeout = 10)
{
	struct scene s = scene_of("healthy", 80, 24, plain);
	show(&s);
	press(&s, '/');
	type(&s, "CC1");
	cr_expect(shows(&s, "search: CC1"));
	press(&s, HD_KEY_ENTER);
	cr_expect_eq(hd_view_selected(s.view).pid, 602);
	press(&s, 'F');
	type(&s, "cc1");
	press(&s, HD_KEY_ENTER);
	cr_expect(shows(&s, "make -j2") && shows(&s, "cc1") && !shows(&s, "sleep 60"));
	press(&s, HD_KEY_ESC);
	cr_expect(shows(&s, "sleep 60"));
	scene_free(&s);
}

Test(view, a_click_selects_a_row_and_a_click_on_a_tab_opens_its_pane, .timeout = 10)
{
	struct scene s = scene_of("python_lock_refill", 80, 24, plain);
	show(&s);
	hd_view_paint(s.view);
	hd_view_key(s.view, &(struct hd_view_event){.key = HD_KEY_MOUSE, .x = 4, .y = 3});
	cr_expect_eq(hd_view_selected(s.view).pid, 10134);
	hd_view_paint(s.view);
	hd_view_key(s.view, &(struct hd_view_event){.key = HD_KEY_MOUSE, .x = 9, .y = 14});
	cr_expect(shows(&s, "#0  "), "the stack");
	scene_free(&s);
}

Test(view, help_names_every_key_that_does_something, .timeout = 10)
{
	struct scene s = scene_of("healthy", 80, 60, plain);
	show(&s);
	press(&s, '?');
	for (const char *const *words = (const char *const[]){"k F9", "search;", "F F4", "the stacks of the whole tree", NULL}; *words != NULL; words++)
		cr_expect(shows(&s, *words), "%s", *words);
	press(&s, 'q');
	cr_expect(shows(&s, "WAITS FOR"), "any key leads back");
	cr_expect_eq(press(&s, 'q').want, HD_VIEW_QUIT);
	scene_free(&s);
}

Test(view, any_size_is_painted_without_harm, .timeout = 30)
{
	struct scene s = scene_of("openmp_after_fork", 80, 24, colored);
	show(&s);
	for (unsigned w = 1; w < 130; w += 3) {
		for (unsigned h = 1; h < 40; h++) {
			hd_view_resize(s.view, w, h);
			hd_view_paint(s.view);
			press(&s, "ws?kjz"[(w + h) % 6]);
			hd_view_paint(s.view);
		}
	}
	scene_free(&s);
}
