#include "report_stack.h"

#include <inttypes.h>
#include <string.h>

/* Longer names are cut in brief stacks: C++ and Rust names can have thousands of characters. */
#define NAME_MAX_COLUMNS 44u

static bool is_libc(const struct hd_frame *f)
{
	static const char *const names[] = {"libc.so", "libc-2.", "libpthread", "ld-linux", "ld-musl", "libc.musl", "ld-2.", "[vdso]", "linux-vdso"};
	return f->module != NULL && hd_begins_with_any(hd_path_base(f->module), names, HD_COUNTOF(names));
}

static bool is_interpreter(const struct hd_frame *f)
{
	static const char *const names[] = {"libpython", "python"};
	return f->module != NULL && hd_begins_with_any(hd_path_base(f->module), names, HD_COUNTOF(names));
}

/* Where every program or thread begins: says nothing. */
static bool is_start(const struct hd_frame *f)
{
	static const char *const names[] = {"_start", "__libc_start", "start_thread", "clone", "__clone", "thread_start", "Py_BytesMain", "Py_RunMain"};
	return f->function != NULL && hd_begins_with_any(f->function, names, HD_COUNTOF(names));
}

/* The same of Python threads and workers: Thread._bootstrap, Thread._bootstrap_inner, BaseProcess._bootstrap. */
static bool is_python_start(const struct hd_frame *f)
{
	return f->kind == HD_FRAME_PYTHON && f->function != NULL && f->file != NULL && strstr(f->function, "_bootstrap") != NULL &&
	       (strstr(f->file, "/threading.py") != NULL || strstr(f->file, "/multiprocess") != NULL);
}

/* Plumbing in this stack: the C library, and the interpreter wherever Python frames tell more. */
static bool is_plumbing(const struct hd_frame *f, bool has_python)
{
	if (f->kind == HD_FRAME_PYTHON)
		return is_python_start(f);
	return is_libc(f) || is_start(f) || (has_python && is_interpreter(f));
}

static bool has_python(const struct hd_stack *stack)
{
	for (uint32_t i = 0; i < stack->n; i++) {
		if (stack->at[i].kind == HD_FRAME_PYTHON)
			return true;
	}
	return false;
}

const struct hd_frame *hd_stack_own(const struct hd_stack *stack)
{
	bool python = has_python(stack);
	for (uint32_t i = 0; i < stack->n; i++) {
		if (python ? stack->at[i].kind == HD_FRAME_PYTHON : !is_plumbing(&stack->at[i], false))
			return &stack->at[i];
	}
	return NULL;
}

/* A C++ or Rust name without its arguments: "f(int, char)" and "f<...>" become "f()" and "f<>".  Operators stay whole. */
static void put_short_name(struct hd_buf *out, const char *name)
{
	static const char anonymous[] = "(anonymous namespace)";
	int depth = 0;
	bool is_operator = strstr(name, "operator") != NULL || name[0] == '<';
	for (const char *p = name; *p != '\0'; p++) {
		if (depth == 0 && strncmp(p, anonymous, sizeof(anonymous) - 1) == 0) {
			hd_buf_str(out, anonymous);
			p += sizeof(anonymous) - 2;
			continue;
		}
		bool opens = *p == '(' || *p == '<', closes = *p == ')' || *p == '>';
		if (closes && depth > 0)
			depth--;
		if (depth == 0 || is_operator)
			hd_buf_char(out, *p);
		if (opens)
			depth++;
	}
}

static void cut_to_columns(struct hd_buf *buf, unsigned columns)
{
	if (hd_text_columns(hd_buf_text(buf)) <= columns)
		return;
	size_t i = 0;
	for (unsigned n = 0; n < columns - 1; i++)
		n += ((unsigned char)buf->text[i + 1] & 0xc0) != 0x80;
	buf->len = i;
	buf->text[i] = '\0';
	hd_buf_str(buf, "…");
}

static void name_of(const struct hd_frame *f, struct hd_buf *ret)
{
	struct hd_buf raw HD_CLEAN_BUF = {0};
	/* Inside the C library the name that the program called says more: localtime_r, not __tz_convert. */
	if (f->kind == HD_FRAME_NATIVE && f->called_as != NULL && (f->function == NULL || (is_libc(f) && f->function[0] == '_')))
		put_short_name(&raw, f->called_as);
	else if (f->function == NULL)
		hd_buf_str(&raw, "(no name)");
	else if (f->kind == HD_FRAME_PYTHON)
		hd_buf_str(&raw, f->function);
	else
		put_short_name(&raw, f->function);
	hd_buf_safe(ret, hd_buf_text(&raw));
	cut_to_columns(ret, NAME_MAX_COLUMNS);
}

/* The last two parts of a path: enough to know the file. */
static const char *short_path(const char *path)
{
	const char *base = hd_path_base(path);
	const char *p = base;
	if (p > path + 1) {
		p--;
		while (p > path && p[-1] != '/')
			p--;
	}
	return strlen(p) <= 40 ? p : base;
}

static void place_of(const struct hd_frame *f, struct hd_buf *ret)
{
	if (f->file != NULL && f->line > 0)
		hd_buf_printf(ret, "%s:%d", short_path(f->file), f->line);
	else if (f->file != NULL)
		hd_buf_str(ret, short_path(f->file));
	else if (f->module != NULL)
		hd_buf_printf(ret, "in %s", hd_path_base(f->module));
	else
		hd_buf_str(ret, "(code that belongs to no file)");
}

struct brief {
	const struct hd_frame *frames[64]; /* those that are shown */
	uint32_t n;
	uint32_t more; /* shown frames that found no room */
};

/* Of a run of native frames in one library the reader needs to see where it was entered, and where it stands. */
static bool is_inside_run(const struct hd_stack *stack, uint32_t i)
{
	const struct hd_frame *f = &stack->at[i];
	if (f->kind != HD_FRAME_NATIVE || f->module == NULL || i == 0 || i + 1 >= stack->n)
		return false;
	const struct hd_frame *in = &stack->at[i - 1], *out = &stack->at[i + 1];
	bool is_library = strstr(hd_path_base(f->module), ".so") != NULL;
	return is_library && in->kind == HD_FRAME_NATIVE && out->kind == HD_FRAME_NATIVE && in->module != NULL &&
	       out->module != NULL && strcmp(in->module, f->module) == 0 && strcmp(out->module, f->module) == 0;
}

static bool is_nameless_repeat(const struct hd_stack *stack, uint32_t i)
{
	return i > 0 && stack->at[i].kind == HD_FRAME_NATIVE && stack->at[i].function == NULL && stack->at[i - 1].function == NULL &&
	       stack->at[i].module != NULL && stack->at[i - 1].module != NULL &&
	       strcmp(stack->at[i].module, stack->at[i - 1].module) == 0;
}

static void brief_add(struct brief *b, const struct hd_frame *f, uint32_t max)
{
	if (b->n < max && b->n < HD_COUNTOF(b->frames))
		b->frames[b->n++] = f;
	else
		b->more++;
}

static void brief_select(struct brief *b, const struct hd_stack *stack, uint32_t max)
{
	bool python = has_python(stack);
	const struct hd_frame *entered = NULL; /* the outermost plumbing below the first own frame: the call that waits */
	for (uint32_t i = 0; i < stack->n; i++) {
		const struct hd_frame *f = &stack->at[i];
		if (is_plumbing(f, python)) {
			if (b->n == 0 && !is_start(f) && f->function != NULL)
				entered = f;
			continue;
		}
		if (entered != NULL && !python)
			brief_add(b, entered, max);
		entered = NULL;
		if (!is_inside_run(stack, i) && !is_nameless_repeat(stack, i))
			brief_add(b, f, max);
	}
	for (uint32_t i = 0; b->n == 0 && i < stack->n && i < max; i++)
		brief_add(b, &stack->at[i], max);
}

void hd_page_stack_brief(struct hd_page *page, unsigned indent, const struct hd_stack *stack, uint32_t max)
{
	struct brief b = {.n = 0};
	unsigned widest = 0;
	brief_select(&b, stack, max);
	if (b.n == 0)
		hd_page_para(page, indent, indent, HD_INK_DIM, "(its stack could not be read)");
	struct hd_buf name HD_CLEAN_BUF = {0}, place HD_CLEAN_BUF = {0};
	for (uint32_t i = 0; i < b.n; i++) {
		hd_buf_clear(&name);
		name_of(b.frames[i], &name);
		unsigned columns = hd_text_columns(hd_buf_text(&name));
		widest = columns > widest ? columns : widest;
	}
	if (widest > page->width / 2)
		widest = page->width / 2;
	for (uint32_t i = 0; i < b.n; i++) {
		hd_buf_clear(&name);
		hd_buf_clear(&place);
		name_of(b.frames[i], &name);
		place_of(b.frames[i], &place);
		unsigned columns = hd_text_columns(hd_buf_text(&name));
		unsigned pad = columns < widest ? widest - columns : 0;
		hd_page_para(page, indent, indent + 4, HD_INK_PLAIN, "%s%*s  %s", hd_buf_text(&name), (int)pad, "", hd_buf_text(&place));
	}
	if (b.more != 0)
		hd_page_para(page, indent, indent, HD_INK_DIM, "… %" PRIu32 " more frames", b.more);
	else if (stack->is_partial)
		hd_page_para(page, indent, indent, HD_INK_DIM, "… (the stack goes on)");
}

/* Template arguments of C++ can fill a screen: past this they are left out, unless details are wanted. */
#define FULL_NAME_COLUMNS 100u

static void put_full_name(struct hd_buf *line, const struct hd_frame *f, bool verbose)
{
	if (f->function == NULL)
		hd_buf_str(line, "(no name)");
	else if (f->kind == HD_FRAME_PYTHON || verbose || hd_text_columns(f->function) <= FULL_NAME_COLUMNS)
		hd_buf_str(line, f->function);
	else
		put_short_name(line, f->function);
}

static void put_module(struct hd_buf *line, const struct hd_frame *f, bool verbose)
{
	if (f->module == NULL)
		hd_buf_printf(line, "  (no file)+0x%" PRIx64, f->pc);
	else
		hd_buf_printf(line, "  %s+0x%" PRIx64, verbose ? f->module : hd_path_base(f->module), f->offset);
}

static void put_full_frame(struct hd_page *page, unsigned indent, uint32_t number, const struct hd_frame *f)
{
	struct hd_buf line HD_CLEAN_BUF = {0};
	bool verbose = page->style->verbose;
	hd_buf_printf(&line, "#%-2" PRIu32 " ", number);
	put_full_name(&line, f, verbose);
	if (f->kind == HD_FRAME_PYTHON)
		hd_buf_printf(&line, "  %s:%d", f->file != NULL ? f->file : "?", f->line);
	else if (f->file != NULL)
		hd_buf_printf(&line, "  %s:%d", f->file, f->line);
	if (f->kind == HD_FRAME_NATIVE)
		put_module(&line, f, verbose);
	if (f->is_guess)
		hd_buf_str(&line, "  (guessed)");
	if (f->is_inlined)
		hd_buf_str(&line, "  (inlined)");
	hd_page_para(page, indent, indent + 6, HD_INK_PLAIN, "%s", hd_buf_text(&line));
	for (uint32_t i = 0; f->locals != NULL && f->locals[i] != NULL; i++)
		hd_page_para(page, indent + 6, indent + 8, HD_INK_DIM, "%s", f->locals[i]);
}

static bool frame_equal(const struct hd_frame *x, const struct hd_frame *y)
{
	return x->kind == y->kind && x->line == y->line && x->offset == y->offset && hd_text_equal(x->function, y->function) &&
	       hd_text_equal(x->module, y->module) && hd_text_equal(x->file, y->file);
}

bool hd_stack_equal(const struct hd_stack *a, const struct hd_stack *b)
{
	if (a->n != b->n)
		return false;
	if (a->at == b->at)
		return true; /* one and the same */
	for (uint32_t i = 0; i < a->n; i++) {
		if (!frame_equal(&a->at[i], &b->at[i]))
			return false;
	}
	return true;
}

/* Recursion: that many frames in a row, and how often they must come again before that is told instead of shown. */
#define ROUND_MAX 32u
#define ROUNDS_MIN 5u

/* The number of frames from `first` on that are nothing but frames [first - length, first) again; 0 = too few. */
static uint32_t repeats(const struct hd_stack *stack, uint32_t first, uint32_t length)
{
	uint32_t i = first;
	while (i < stack->n && stack->at[i].locals == NULL && frame_equal(&stack->at[i], &stack->at[i - length]))
		i++;
	uint32_t rounds = (i - first) / length;
	return rounds >= ROUNDS_MIN ? rounds * length : 0;
}

/* How many frames before `first` come again and again from there, and how many frames that goes on for. */
static uint32_t round_find(const struct hd_stack *stack, uint32_t shown, uint32_t first, uint32_t *ret_n)
{
	for (uint32_t length = 1; length <= ROUND_MAX && length <= shown; length++) {
		*ret_n = repeats(stack, first, length);
		if (*ret_n != 0)
			return length;
	}
	return 0;
}

void hd_page_stack_full(struct hd_page *page, unsigned indent, const struct hd_stack *stack)
{
	if (stack->n == 0)
		hd_page_para(page, indent, indent, HD_INK_DIM, "(its stack was not read)");
	uint32_t shown = 0; /* one after the other, up to here */
	for (uint32_t i = 0; i < stack->n;) {
		uint32_t n, length = round_find(stack, shown, i, &n);
		if (length == 1)
			hd_page_para(page, indent, indent + 6, HD_INK_DIM, "(the same %" PRIu32 " times more)", n);
		else if (length > 1)
			hd_page_para(page, indent, indent + 6, HD_INK_DIM, "(these %" PRIu32 " frames %" PRIu32 " times more)", length,
				     n / length);
		if (length != 0) {
			shown = 0;
			i += n;
			continue;
		}
		put_full_frame(page, indent, i, &stack->at[i]);
		shown++;
		i++;
	}
	if (stack->is_partial)
		hd_page_para(page, indent, indent, HD_INK_DIM, "(the stack goes on: its innermost %" PRIu32 " frames are shown)",
			     stack->n);
	else if (stack->n != 0 && !stack->is_complete)
		hd_page_para(page, indent, indent, HD_INK_DIM, "(the stack could not be followed further)");
}
