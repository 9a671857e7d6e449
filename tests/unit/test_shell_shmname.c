/* Has a file that was mapped by a name which is gone still another one?  Real files, in /dev/shm. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/shmname.h"

/* A folder and an open file in it, both of this test. */
struct place {
	char folder[64], name[96], other[128];
	struct stat st;
};

static void place_make(struct place *p)
{
	snprintf(p->folder, sizeof(p->folder), "/dev/shm/hd-shmname-XXXXXX");
	if (mkdtemp(p->folder) == NULL)
		cr_skip_test("no /dev/shm to write to");
	snprintf(p->name, sizeof(p->name), "%s/first", p->folder);
	snprintf(p->other, sizeof(p->other), "%s/below", p->folder);
	cr_assert_eq(mkdir(p->other, 0700), 0);
	snprintf(p->other, sizeof(p->other), "%s/below/second", p->folder);
	int fd = open(p->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cr_assert(fd >= 0 && fstat(fd, &p->st) == 0); /* left open: the file lives as long as the test */
}

static void place_remove(struct place *p)
{
	unlink(p->name);
	unlink(p->other);
	snprintf(p->other, sizeof(p->other), "%s/below", p->folder);
	rmdir(p->other);
	rmdir(p->folder);
}

static enum hd_tri has_name(const struct place *p)
{
	return hd_shm_has_name(getpid(), major(p->st.st_dev), minor(p->st.st_dev), p->st.st_ino);
}

/* In the tick of a change, and while others use /dev/shm, nothing is known. */
static enum hd_tri settled(const struct place *p)
{
	enum hd_tri has = HD_UNKNOWN;
	while ((has = has_name(p)) == HD_UNKNOWN)
		usleep(1000);
	return has;
}

Test(shmname, the_last_name_is_gone_only_when_all_are, .timeout = 30)
{
	struct place p;
	place_make(&p);
	cr_expect_eq(settled(&p), HD_YES);
	cr_assert_eq(link(p.name, p.other), 0);
	cr_assert_eq(unlink(p.name), 0);
	cr_expect_eq(settled(&p), HD_YES, "the link in a folder of its own");
	cr_assert_eq(unlink(p.other), 0);
	cr_expect_eq(settled(&p), HD_NO);
	place_remove(&p);
}

Test(shmname, a_folder_that_changes_meanwhile_says_nothing, .timeout = 30)
{
	struct place p;
	place_make(&p);
	cr_assert_eq(unlink(p.name), 0);
	cr_expect_eq(settled(&p), HD_NO);
	/* What changes after the tick in which the look begins counts as a change during it: so does this, made right before. */
	unsigned unknown = 0;
	for (int i = 0; i < 200; i++) {
		int fd = open(p.other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		cr_assert(fd >= 0 && close(fd) == 0 && unlink(p.other) == 0);
		unknown += has_name(&p) == HD_UNKNOWN;
	}
	cr_expect(unknown > 0, "200 changes, each right before a look, and none was noticed");
	place_remove(&p);
}

Test(shmname, what_cannot_be_read_may_hide_the_name, .timeout = 30)
{
	struct place p;
	place_make(&p);
	cr_assert_eq(unlink(p.name), 0);
	cr_expect_eq(settled(&p), HD_NO);
	snprintf(p.name, sizeof(p.name), "%s/below", p.folder);
	cr_assert_eq(chmod(p.name, 0), 0);
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	for (int i = 0; i < 50; i++)
		cr_expect_eq(has_name(&p), HD_UNKNOWN);
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
	place_remove(&p);
}

Test(shmname, a_file_system_that_is_no_tmpfs_or_not_there_says_nothing, .timeout = 30)
{
	struct stat st;
	cr_assert_eq(stat("/proc/self/stat", &st), 0);
	cr_expect_eq(hd_shm_has_name(getpid(), major(st.st_dev), minor(st.st_dev), st.st_ino), HD_UNKNOWN);
	cr_expect_eq(hd_shm_has_name(getpid(), 4095, 1, 2), HD_UNKNOWN);
	cr_expect_eq(hd_shm_has_name(-1, 0, 1, 2), HD_UNKNOWN);
}

Test(shmname, names_that_were_chosen_at_random_are_told, .timeout = 10)
{
	static const struct {
		const char *path;
		enum hd_shm_secret want;
	} cases[] = {
		{"/dev/shm/sem.hWNm6I", HD_SHM_MADE_HERE},     {"/dev/shm/hWNm6I", HD_SHM_MADE_HERE},
		{"/dev/shm/sem.mp-3qa56148", HD_SHM_RANDOM},   {"/dev/shm/sem.mp-3q_56148", HD_SHM_RANDOM},
		{"/dev/shm/sem.mp-3qa561489", HD_SHM_PUBLIC},  {"/dev/shm/sem.myapp1", HD_SHM_MADE_HERE},
		{"/dev/shm/sem.myapp", HD_SHM_PUBLIC},	       {"/dev/shm/sem.my/pp1", HD_SHM_PUBLIC},
		{"/dev/shm/sem.hWNm6-", HD_SHM_PUBLIC},	       {"sem.hWNm6I", HD_SHM_PUBLIC},
		{"/dev/shm/PostgreSQL.1234", HD_SHM_PUBLIC},   {"", HD_SHM_PUBLIC},
	};
	for (size_t i = 0; i < HD_COUNTOF(cases); i++)
		cr_expect_eq(hd_shm_secret(cases[i].path), cases[i].want, "%s", cases[i].path);
}
