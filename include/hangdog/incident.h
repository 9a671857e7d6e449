/* INCIDENT-DIR/ID/{report.json,report.txt,snapshot.hds}: written whole or not at all (temporary name, fsync, rename). */
#ifndef HANGDOG_INCIDENT_H
#define HANGDOG_INCIDENT_H

#include "hangdog/arena.h"
#include "hangdog/err.h"

/* The directory of --incident-dir, $XDG_STATE_HOME/hangdog or ~/.local/state/hangdog; arena text.  NULL: neither is set. */
const char *hd_incident_dir(const char *option, struct hd_arena *arena);
/* A fresh id that sorts by time: 20261124T084512.123Z-PID-N. */
const char *hd_incident_id(int64_t time_ns, int32_t root, struct hd_arena *arena);
struct hd_incident_files { const char *json, *text, *snapshot; };
/* 0 with *ret_path = the directory, or negative errno with err (unwritable, disk full); nothing half done is left.
 * An incident of that id is replaced whole. */
HD_MUST_CHECK int hd_incident_write(const char *dir, const char *id, const struct hd_incident_files *files,
				    struct hd_arena *arena, const char **ret_path, struct hd_err *err);
/* The ids in `dir`, oldest first; a directory that does not exist holds none.  Anything else that lies there is not named. */
HD_MUST_CHECK int hd_incident_list(const char *dir, struct hd_arena *arena, const char *const **ret_ids, size_t *ret_n,
				   struct hd_err *err);
/* The one incident whose id is or begins with `text`; "last" is the newest.  -ENOENT, or -ENOTUNIQ. */
HD_MUST_CHECK int hd_incident_find(const char *dir, const char *text, struct hd_arena *arena, const char **ret_id, struct hd_err *err);
/* "report.json", "report.txt" or "snapshot.hds" of it, as text. */
HD_MUST_CHECK int hd_incident_read(const char *dir, const char *id, const char *name, struct hd_arena *arena, const char **ret_text,
				   struct hd_err *err);
/* Removes those three files and their folder, never anything else. */
HD_MUST_CHECK int hd_incident_remove(const char *dir, const char *id, struct hd_err *err);
/* Removes all but the newest `keep`.  *ret_removed: how many went. */
HD_MUST_CHECK int hd_incident_prune(const char *dir, size_t keep, size_t *ret_removed, struct hd_err *err);
/* mkdir -p; new directories are for their owner only (0700). */
HD_MUST_CHECK int hd_dirs_make(const char *path, struct hd_err *err);
/* Atomic replace of one file (--report FILE, --metrics FILE). */
HD_MUST_CHECK int hd_file_replace(const char *path, const char *text, size_t len, struct hd_err *err);

#endif
