/* Terminal, disk, socket. */
#include <errno.h>
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "os/checks.h"
#include "os/door_path.h"

#define ROOM_MIN ((uint64_t)64 << 20) /* a large incident is some MiB; below this, others suffer as well */

void hd_check_terminal(struct hd_checkup *c, struct hd_finding *f)
{
	struct winsize size = {0};
	const char *term = getenv("TERM");
	int fd = isatty(STDOUT_FILENO) ? STDOUT_FILENO : isatty(STDERR_FILENO) ? STDERR_FILENO : -1;
	if (fd < 0)
		hd_check_ok(c, f, "none: plain text, 80 columns");
	else if (term == NULL || *term == '\0' || strcmp(term, "dumb") == 0)
		hd_check_bad(c, f, HD_LEVEL_WARN, "export TERM=xterm-256color", "TERM is %s: no colours, and no live view",
			     term == NULL || *term == '\0' ? "not set" : "dumb");
	else if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
		hd_check_bad(c, f, HD_LEVEL_WARN, "stty rows 24 cols 80 (a notebook terminal says nothing of its size)",
			     "%s, of unknown size: taken for 80x24", term);
	else
		hd_check_ok(c, f, "%s, %ux%u", term, size.ws_col, size.ws_row);
}

/* The directory itself, or the nearest one above it that exists. */
static const char *nearest_dir(const char *path, struct hd_arena *arena)
{
	char *dir = hd_arena_str(arena, path);
	struct stat st;
	while (stat(dir, &st) != 0 && strcmp(dir, "/") != 0 && strcmp(dir, ".") != 0) {
		char *slash = strrchr(dir, '/');
		if (slash == NULL)
			return ".";
		slash[slash == dir ? 1 : 0] = '\0';
	}
	return dir;
}

void hd_check_incidents(struct hd_checkup *c, struct hd_finding *f)
{
	struct statvfs fs;
	const char *dir = c->what->incident_dir;
	const char *remedy = "hangdog run --incident-dir DIR, or export XDG_STATE_HOME=DIR, with a folder that can be written to";
	if (dir == NULL) {
		hd_check_bad(c, f, HD_LEVEL_WARN, remedy, "no folder for incidents: neither XDG_STATE_HOME nor HOME is set");
		return;
	}
	const char *near = nearest_dir(dir, c->arena);
	struct stat st;
	if (stat(near, &st) == 0 && !S_ISDIR(st.st_mode))
		hd_check_bad(c, f, HD_LEVEL_WARN, remedy, "%s is not a folder: incidents are not kept, reports go to stderr", near);
	else if (access(near, W_OK | X_OK) != 0)
		hd_check_bad(c, f, HD_LEVEL_WARN, remedy, "%s cannot be written to (%s): incidents are not kept, reports go to stderr", near,
			     strerror(errno));
	else if (statvfs(near, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < ROOM_MIN)
		hd_check_bad(c, f, HD_LEVEL_WARN, remedy, "%s is nearly full (%lu MiB left)", near,
			     (unsigned long)((uint64_t)fs.f_bavail * fs.f_frsize >> 20));
	else
		hd_check_ok(c, f, "kept in %s", dir);
}

void hd_check_socket(struct hd_checkup *c, struct hd_finding *f)
{
	char dir[HD_DOOR_PATH_MAX];
	struct hd_err err = {0};
	int r = hd_door_dir(/* make= */ false, dir, &err);
	if (r == 0 || r == -ENOENT)
		hd_check_ok(c, f, "ps, top and ctl can find the hangdogs of this user");
	else
		hd_check_bad(c, f, HD_LEVEL_WARN, "export XDG_RUNTIME_DIR=DIR with a folder of your own, mode 0700",
			     "ps, top and ctl will not find guarded trees: %s", err.text);
}
