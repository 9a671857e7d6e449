#include "os/door_path.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "hangdog/num.h"

static int dir_name(char *ret)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int n = runtime != NULL && runtime[0] == '/' ? snprintf(ret, HD_DOOR_PATH_MAX, "%s/hangdog", runtime)
						     : snprintf(ret, HD_DOOR_PATH_MAX, "/tmp/hangdog-%u", geteuid());
	return n < HD_DOOR_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int hd_door_dir(bool make, char *ret, struct hd_err *err)
{
	struct stat st;
	int r = dir_name(ret);
	if (r < 0)
		return hd_err_set(err, -r, "XDG_RUNTIME_DIR is too long for a socket: set it to a shorter path");
	if (make && mkdir(ret, 0700) < 0 && errno != EEXIST)
		return hd_err_set(err, errno, "%s: cannot be made: %s", ret, strerror(errno));
	/* lstat: a link that somebody else put there is not our folder. */
	if (lstat(ret, &st) < 0)
		return hd_err_set(err, errno, "%s: %s", ret, strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 0077) != 0)
		return hd_err_set(err, EPERM, "%s: not a folder of yours alone: remove it, or chmod 0700", ret);
	return 0;
}

int hd_door_address(const char *dir, int32_t pid, struct sockaddr_un *ret)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%d.sock", dir, pid);
	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	*ret = addr;
	return 0;
}

int32_t hd_door_pid_of(const char *name)
{
	uint64_t pid;
	if (!hd_take_u64(&name, 10, &pid) || pid == 0 || pid > INT_MAX || strcmp(name, ".sock") != 0)
		return 0;
	return (int32_t)pid;
}

void hd_door_sweep(const char *dir)
{
	DIR *d = opendir(dir);
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		int32_t pid = hd_door_pid_of(e->d_name);
		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			(void)unlinkat(dirfd(d), e->d_name, 0); /* gone already is as good */
	}
	closedir(d);
}
