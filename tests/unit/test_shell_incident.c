/* Incidents on disk: whole or not at all, private, and every failure says what to do. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "hangdog/incident.h"

static char folder[64];
static struct hd_arena *arena;

static void setup(void)
{
	strcpy(folder, "/tmp/hd-incident-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	arena = hd_arena_new();
}

static void teardown(void)
{
	char command[256];
	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", folder, folder);
	cr_assert_eq(system(command), 0);
	hd_arena_free(arena);
}

TestSuite(incident, .init = setup, .fini = teardown, .timeout = 20);

static const char *inside(const char *name)
{
	return hd_arena_printf(arena, "%s/%s", folder, name);
}

static unsigned entries(const char *path)
{
	unsigned n = 0;
	DIR *dir = opendir(path);
	cr_assert_not_null(dir, "%s", path);
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static const char *contents_of(const char *path)
{
	static char text[256];
	FILE *file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static unsigned mode_of(const char *path)
{
	struct stat st;
	cr_assert_eq(stat(path, &st), 0, "%s", path);
	return st.st_mode & 07777;
}

static const struct hd_incident_files files = {.json = "{}\n", .text = "text\n", .snapshot = "hangdog.snapshot/1\n"};

Test(incident, is_written_whole_and_for_its_owner_only)
{
	const char *path = NULL, *dir = inside("a/b");
	struct hd_err err = {0};
	umask(0);
	cr_assert_eq(hd_incident_write(dir, "20261124T085912.123Z-7-1", &files, arena, &path, &err), 0, "%s", err.text);
	cr_assert_str_eq(path, inside("a/b/20261124T085912.123Z-7-1"));
	cr_assert_eq(entries(dir), 1);
	cr_assert_eq(entries(path), 3);
	cr_assert_eq(mode_of(dir), 0700);
	cr_assert_eq(mode_of(path), 0700);
	cr_assert_eq(mode_of(hd_arena_printf(arena, "%s/report.json", path)), 0600);
	cr_assert_str_eq(contents_of(hd_arena_printf(arena, "%s/report.txt", path)), "text\n");
	cr_assert_str_eq(contents_of(hd_arena_printf(arena, "%s/snapshot.hds", path)), "hangdog.snapshot/1\n");
}

Test(incident, ids_sort_by_time_and_never_repeat)
{
	const char *a = hd_incident_id(1795510752123000000, 4242, arena), *b = hd_incident_id(1795510752123000000, 4242, arena);
	const char *c = hd_incident_id(1795510752124000000, 1, arena);
	cr_assert_eq(strncmp(a, "20261124T085912.123Z-4242-", 26), 0, "%s", a);
	cr_assert_str_neq(a, b);
	cr_assert_lt(strcmp(a, c), 0);
	cr_assert_lt(strcmp(b, c), 0);
}

Test(incident, the_directory_comes_from_the_option_then_xdg_then_home)
{
	setenv("XDG_STATE_HOME", "/x/state", 1);
	setenv("HOME", "/home/ann", 1);
	cr_assert_str_eq(hd_incident_dir("/opt/given", arena), "/opt/given");
	cr_assert_str_eq(hd_incident_dir(NULL, arena), "/x/state/hangdog");
	setenv("XDG_STATE_HOME", "relative", 1);
	cr_assert_str_eq(hd_incident_dir(NULL, arena), "/home/ann/.local/state/hangdog");
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	cr_assert_null(hd_incident_dir(NULL, arena));
}

Test(incident, writing_it_again_replaces_it_whole)
{
	const char *path = NULL;
	struct hd_err err = {0};
	cr_assert_eq(hd_incident_write(folder, "1", &files, arena, &path, &err), 0);
	struct hd_incident_files other = {.json = "other"};
	cr_assert_eq(hd_incident_write(folder, "1", &other, arena, &path, &err), 0, "%s", err.text);
	cr_assert_str_eq(contents_of(inside("1/report.json")), "other");
	cr_assert_eq(entries(inside("1")), 1, "nothing of the old one is left");
	cr_assert_eq(entries(folder), 1);
}

Test(incident, a_file_in_the_way_is_named_with_the_remedy)
{
	const char *path = NULL;
	struct hd_err err = {0};
	int fd = open(inside("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	cr_assert_eq(hd_incident_write(inside("file/sub"), "1", &files, arena, &path, &err), -ENOTDIR);
	cr_assert(strstr(err.text, "file/sub") != NULL && strstr(err.text, "--incident-dir") != NULL, "%s", err.text);
	cr_assert_eq(hd_incident_write(inside("file"), "1", &files, arena, &path, &err), -ENOTDIR);
	cr_assert_eq(hd_incident_write("/proc/hangdog", "1", &files, arena, &path, &err), -ENOENT);
}

/* Root may write anywhere, so the test gives root up first. */
Test(incident, a_directory_that_may_not_be_written_is_named_with_the_remedy)
{
	const char *path = NULL;
	struct hd_err err = {0};
	cr_assert_eq(chmod(folder, 0555), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && seteuid(65534) != 0)
			_exit(3);
		int rc = hd_incident_write(folder, "1", &files, arena, &path, &err);
		_exit(rc == -EACCES && strstr(err.text, "you may not write there") != NULL && strstr(err.text, folder) != NULL ? 0 : 4);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(entries(folder), 0);
}

static bool write_text(const char *path, const char *text)
{
	int fd HD_CLEAN_FD = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A mount namespace of our own; who is not root becomes root of a user namespace for it. */
static bool enter_namespace(void)
{
	const char *uid_map = hd_arena_printf(arena, "0 %u 1", geteuid()), *gid_map = hd_arena_printf(arena, "0 %u 1", getegid());
	if (unshare(CLONE_NEWNS) == 0)
		return true;
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/uid_map", uid_map) && write_text("/proc/self/gid_map", gid_map);
}

/* On a file system of two pages. */
static int write_to_full_disk(void)
{
	static char big[65536];
	const char *path = NULL;
	struct hd_err err = {0};
	if (!enter_namespace() || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder, "tmpfs", 0, "size=8k,mode=0777") != 0)
		return 77;
	memset(big, 'x', sizeof(big) - 1);
	struct hd_incident_files much = {.json = "{}", .text = big, .snapshot = big};
	if (hd_incident_write(folder, "1", &much, arena, &path, &err) != -ENOSPC || strstr(err.text, "the disk is full") == NULL)
		return 4;
	if (entries(folder) != 0)
		return 5;
	err = (struct hd_err){0};
	if (hd_file_replace(inside("r.json"), "old", 3, &err) != 0)
		return 6;
	if (hd_file_replace(inside("r.json"), big, sizeof(big), &err) != -ENOSPC || strcmp(contents_of(inside("r.json")), "old") != 0)
		return 7;
	return entries(folder) == 1 ? 0 : 8;
}

Test(incident, a_full_disk_leaves_nothing_half_done)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(write_to_full_disk());
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		cr_skip_test("no mount namespace may be made here");
	cr_assert_eq(WEXITSTATUS(status), 0, "step %d failed", WEXITSTATUS(status));
}

Test(incident, replacing_a_file_keeps_its_mode_and_a_link_to_it)
{
	struct hd_err err = {0};
	cr_assert_eq(hd_file_replace(inside("m.prom"), "one", 3, &err), 0, "%s", err.text);
	cr_assert_eq(chmod(inside("m.prom"), 0640), 0);
	cr_assert_eq(symlink("m.prom", inside("link")), 0);
	cr_assert_eq(hd_file_replace(inside("link"), "three", 5, &err), 0, "%s", err.text);
	cr_assert_str_eq(contents_of(inside("m.prom")), "three");
	cr_assert_eq(mode_of(inside("m.prom")), 0640);
	struct stat st;
	cr_assert(lstat(inside("link"), &st) == 0 && S_ISLNK(st.st_mode));
	cr_assert_eq(entries(folder), 2);
}

Test(incident, special_files_are_written_not_replaced)
{
	struct hd_err err = {0};
	cr_assert_eq(hd_file_replace("/dev/null", "x", 1, &err), 0, "%s", err.text);
	cr_assert_eq(hd_file_replace("/dev/full", "x", 1, &err), -ENOSPC);
	cr_assert(strstr(err.text, "/dev/full") != NULL && strstr(err.text, "disk is full") != NULL, "%s", err.text);
	cr_assert_eq(hd_file_replace(folder, "x", 1, &err), -EISDIR);
	cr_assert_eq(mkfifo(inside("fifo"), 0600), 0);
	cr_assert_eq(hd_file_replace(inside("fifo"), "x", 1, &err), -ENXIO, "a pipe without a reader must not block");
	cr_assert_eq(hd_file_replace(inside("no/such"), "x", 1, &err), -ENOENT);
	cr_assert(strstr(err.text, "create it") != NULL, "%s", err.text);
}

static void record(const char *id)
{
	const char *path = NULL;
	struct hd_err err = {0};
	cr_assert_eq(hd_incident_write(folder, id, &files, arena, &path, &err), 0, "%s", err.text);
}

Test(incident, are_listed_oldest_first_and_nothing_else_is)
{
	const char *const *ids;
	size_t n;
	struct hd_err err = {0};
	record("20261124T085912.123Z-7-2");
	record("20251124T085912.123Z-9-1");
	record("20261124T085912.123Z-7-1");
	cr_assert_eq(mkdir(inside("photos"), 0700), 0);
	cr_assert_eq(mkdir(inside(".20261124T085912.123Z-7-3.11.tmp"), 0700), 0);
	cr_assert_eq(hd_incident_list(folder, arena, &ids, &n, &err), 0, "%s", err.text);
	cr_assert_eq(n, 3);
	cr_assert_str_eq(ids[0], "20251124T085912.123Z-9-1");
	cr_assert_str_eq(ids[2], "20261124T085912.123Z-7-2");
	cr_assert_eq(hd_incident_list(inside("none"), arena, &ids, &n, &err), 0);
	cr_assert_eq(n, 0);
}

Test(incident, are_found_by_the_beginning_of_their_id)
{
	const char *id = NULL;
	struct hd_err err = {0};
	record("20261124T085912.123Z-7-1");
	record("20261124T085912.123Z-7-12");
	record("20271124T085912.123Z-7-1");
	cr_assert_eq(hd_incident_find(folder, "2027", arena, &id, &err), 0);
	cr_assert_str_eq(id, "20271124T085912.123Z-7-1");
	cr_assert_eq(hd_incident_find(folder, "last", arena, &id, &err), 0);
	cr_assert_str_eq(id, "20271124T085912.123Z-7-1");
	cr_assert_eq(hd_incident_find(folder, "20261124T085912.123Z-7-1", arena, &id, &err), 0, "a whole id is itself, not a beginning");
	cr_assert_str_eq(id, "20261124T085912.123Z-7-1");
	cr_assert_eq(hd_incident_find(folder, "2026", arena, &id, &err), -ENOTUNIQ);
	cr_assert(strstr(err.text, "2 incidents begin like that") != NULL, "%s", err.text);
	cr_assert_eq(hd_incident_find(folder, "", arena, &id, &err), -ENOENT);
	cr_assert_eq(hd_incident_find(folder, "../etc", arena, &id, &err), -ENOENT);
}

Test(incident, removing_one_removes_only_what_hangdog_wrote)
{
	struct hd_err err = {0};
	const char *text;
	record("20261124T085912.123Z-7-1");
	cr_assert_eq(hd_incident_read(folder, "20261124T085912.123Z-7-1", "report.txt", arena, &text, &err), 0);
	cr_assert_str_eq(text, "text\n");
	cr_assert_eq(hd_incident_remove(folder, "20261124T085912.123Z-7-1", &err), 0, "%s", err.text);
	cr_assert_eq(entries(folder), 0);
	cr_assert_eq(hd_incident_remove(folder, "../..", &err), -EINVAL);
	record("20261124T085912.123Z-7-2");
	int fd = open(inside("20261124T085912.123Z-7-2/notes"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	cr_assert_eq(hd_incident_remove(folder, "20261124T085912.123Z-7-2", &err), -ENOTEMPTY);
	cr_assert_eq(entries(inside("20261124T085912.123Z-7-2")), 1, "the user's own file stays");
}

Test(incident, pruning_keeps_the_newest)
{
	size_t removed, n;
	struct hd_err err = {0};
	const char *const *ids;
	for (int i = 1; i <= 5; i++)
		record(hd_arena_printf(arena, "2026112%dT085912.123Z-7-1", i));
	cr_assert_eq(mkdir(inside("photos"), 0700), 0);
	cr_assert_eq(hd_incident_prune(folder, 2, &removed, &err), 0, "%s", err.text);
	cr_assert_eq(removed, 3);
	cr_assert_eq(hd_incident_list(folder, arena, &ids, &n, &err), 0);
	cr_assert_eq(n, 2);
	cr_assert_str_eq(ids[0], "20261124T085912.123Z-7-1");
	cr_assert_eq(entries(folder), 3);
	cr_assert_eq(hd_incident_prune(folder, 9, &removed, &err), 0);
	cr_assert_eq(removed, 0);
}
