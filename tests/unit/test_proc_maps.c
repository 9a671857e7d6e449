#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "hangdog/maps.h"

static const char recorded[] = "55d0c8a00000-55d0c8a02000 r--p 00000000 fd:00 1311 /usr/bin/sleep\n"
			       "55d0c8a02000-55d0c8a06000 r-xp 00002000 fd:00 1311                       /usr/bin/sleep\n"
			       "7f1200000000-7f1200021000 rw-p 00000000 00:00 0 \n"
			       "7f1200021000-7f1200022000 rw-s 00001000 00:01 42 /dev/zero (deleted)\n"
			       "7f1200400000-7f1200401000 rw-s 00000000 00:01 77 /memfd:a b (deleted)\n"
			       "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]\n"
			       "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

Test(proc_maps, a_recorded_address_space_is_read_whole, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_maps maps;
	cr_assert_eq(hd_maps_parse(recorded, arena, &maps), 0);
	cr_assert_eq(maps.n, 7);
	cr_assert_eq(maps.at[1].offset, 0x2000);
	cr_assert(maps.at[1].executable && !maps.at[1].writable && !maps.at[1].shared);
	cr_assert_eq(maps.at[0].ino, 1311);
	cr_assert_eq(maps.at[0].dev_major, 0xfd);
	cr_assert_str_eq(maps.at[0].path, "/usr/bin/sleep");
	cr_assert_str_eq(maps.at[2].path, "");
	cr_assert(maps.at[3].deleted && maps.at[3].shared);
	cr_assert_str_eq(maps.at[3].path, "/dev/zero");
	cr_assert_str_eq(maps.at[4].path, "/memfd:a b");
	cr_assert_str_eq(maps.at[5].path, "[stack]");
	hd_arena_free(arena);
}

Test(proc_maps, an_address_finds_its_mapping_and_gaps_find_none, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_maps maps;
	cr_assert_eq(hd_maps_parse(recorded, arena, &maps), 0);
	cr_assert_eq(hd_maps_find(&maps, 0x7f1200021000), &maps.at[3]);
	cr_assert_eq(hd_maps_find(&maps, 0x7f1200021fff), &maps.at[3]);
	cr_assert_null(hd_maps_find(&maps, 0x7f1200022000));
	cr_assert_null(hd_maps_find(&maps, 0));
	cr_assert_null(hd_maps_find(&maps, UINT64_MAX));
	cr_assert_eq(hd_maps_find(&maps, 0x55d0c8a00000), &maps.at[0]);
	hd_arena_free(arena);
}

Test(proc_maps, damaged_texts_are_refused_and_leave_the_result_alone, .timeout = 10)
{
	static const char *const bad[] = {
		"garbage\n",
		"1000-2000 rw-p 0 00:00\n",
		"1000-2000 rw\n",
		"2000-1000 rw-p 0 00:00 0\n",
		"1000-3000 rw-p 0 00:00 0 a\n2000-4000 rw-p 0 00:00 0 b\n",
		"1000-2000 rw-p 0 00:00 0x /a\n",
		"99999999999999999999-2000 rw-p 0 00:00 0\n",
		"\n",
	};
	struct hd_arena *arena = hd_arena_new();
	for (size_t i = 0; i < HD_COUNTOF(bad); i++) {
		struct hd_maps maps = {.n = 99};
		cr_assert_eq(hd_maps_parse(bad[i], arena, &maps), -EINVAL, "text %zu was taken", i);
		cr_assert_eq(maps.n, 99);
	}
	hd_arena_free(arena);
}

Test(proc_maps, an_empty_address_space_is_no_error, .timeout = 10)
{
	struct hd_arena *arena = hd_arena_new();
	struct hd_maps maps;
	cr_assert_eq(hd_maps_parse("", arena, &maps), 0);
	cr_assert_eq(maps.n, 0);
	cr_assert_null(hd_maps_find(&maps, 4096));
	hd_arena_free(arena);
}
