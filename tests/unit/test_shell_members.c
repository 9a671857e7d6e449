/* Members of variables, by the debug information of this very program. */
/* covers: members.c */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "stack/image.h"
#include "stack/members.h"
#include "stack/work.h"

struct queue {
	long length;
	pthread_mutex_t lock;
};

__attribute__((used)) static struct {
	struct queue first, grid[2][3];
	union {
		long spare;
		struct {
			volatile char flag;
			const struct queue last;
		};
	};
	unsigned bits : 3;
} members_pool;
__attribute__((used)) static __thread struct queue members_own[4];
__attribute__((used)) static long members_plain;

struct setup {
	struct hd_image *image;
	struct hd_arena *arena;
};

static struct setup setup(void)
{
	struct setup s = {.arena = hd_arena_new()};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(hd_image_open(fd, "test", &s.image), 0);
	return s;
}

static void cleanup(struct setup *s)
{
	hd_image_free(s->image);
	hd_arena_free(s->arena);
}

static void expect(struct setup *s, const char *variable, enum hd_symbol_want want, size_t offset, const char *path, uint64_t rest)
{
	uint64_t vaddr, got_rest = 99;
	cr_assert(hd_symbols_address(s->image, variable, &vaddr), "%s", variable);
	const char *got = hd_members_path(s->image, vaddr, want, offset, s->arena, &got_rest);
	if (path == NULL) {
		cr_expect_null(got, "%s+%zu: %s", variable, offset, got);
		cr_expect_eq(got_rest, 99);
		return;
	}
	cr_assert_not_null(got, "%s+%zu", variable, offset);
	cr_expect_str_eq(got, path);
	cr_expect_eq(got_rest, rest, "%s: %zu", path, (size_t)got_rest);
}

#define AT(member) offsetof(typeof(members_pool), member)

Test(members, a_member_has_its_path, .timeout = 30)
{
	struct setup s = setup();
	expect(&s, "members_pool", HD_SYMBOL_DATA, 0, ".first.length", 0);
	expect(&s, "members_pool", HD_SYMBOL_DATA, AT(first.lock), ".first.lock", 0);
	expect(&s, "members_pool", HD_SYMBOL_DATA, AT(first.lock) + 12, ".first.lock", 12);
	expect(&s, "members_pool", HD_SYMBOL_DATA, AT(grid[1][2].lock), ".grid[1][2].lock", 0);
	expect(&s, "members_pool", HD_SYMBOL_DATA, AT(last.lock), ".last.lock", 0);
	expect(&s, "members_own", HD_SYMBOL_TLS, 3 * sizeof(struct queue) + offsetof(struct queue, lock), "[3].lock", 0);
	cleanup(&s);
}

Test(members, what_has_no_members_has_no_path, .timeout = 30)
{
	struct setup s = setup();
	expect(&s, "members_plain", HD_SYMBOL_DATA, 0, NULL, 0);
	expect(&s, "members_pool", HD_SYMBOL_DATA, sizeof(members_pool) + 64, NULL, 0);
	expect(&s, "hd_symbols_find", HD_SYMBOL_DATA, 0, NULL, 0);
	cleanup(&s);
}

Test(members, the_index_is_made_in_slices, .timeout = 30)
{
	struct setup s = setup();
	struct hd_work work = {0};
	uint64_t vaddr, rest;
	uint32_t slices = 0;
	cr_assert(hd_symbols_address(s.image, "members_pool", &vaddr));
	s.image->work = &work;
	while (hd_members_path(s.image, vaddr, HD_SYMBOL_DATA, 0, s.arena, &rest) == NULL) {
		cr_assert(work.is_starved && slices++ < 100000);
		work = (struct hd_work){.left = 500};
	}
	cr_expect_gt(slices, 3);
	cleanup(&s);
}
