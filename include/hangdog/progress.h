/* Does a guarded tree get anywhere?  What counts is the user's choice (--progress): output, CPU time, files, a GPU.
 *
 * output  what stdout and stderr of the tree's processes are.  A regular file, a FIFO and a terminal have a newer time when
 *         they were written to (drivers/tty/tty_io.c tty_update_time: to 8 s).  Anonymous pipes have not (Linux 6.15 and
 *         later), nor have sockets: there it is the bytes that their writers wrote at all (/proc/PID/io, wchar), and only
 *         those count that the root has too, for others are talk among the processes.  /dev/null never counts.
 * cpu     more than HD_CPU_SHARE of one CPU over a window: heartbeats and polling loops stay below it.  Loops that wait and
 *         get nowhere (spin.h) are left out by the caller.
 * file    a file that matches appears, grows or is touched.
 * gpu     a GPU worked for a process of the tree, as the driver counts it in the fdinfo of the process's DRM descriptors
 *         (amdgpu, i915, xe, nouveau, msm, panfrost, v3d; kernel Documentation/gpu/drm-usage-stats.rst).  NVIDIA's own driver
 *         counts nothing there, and says how busy a GPU is only through its own library: that never counts. */
#ifndef HANGDOG_PROGRESS_H
#define HANGDOG_PROGRESS_H

#include "hangdog/model.h"

#define HD_CPU_SHARE 50 /* one part in so many of one CPU */

struct hd_progress_spec {
	bool output, cpu, gpu;
	const char *const *globs;
	unsigned n_globs;
};

struct hd_meter;

/* `spec` must outlive it; window_ns: over how long CPU time is measured. */
struct hd_meter *hd_meter_new(const struct hd_progress_spec *spec, int32_t root, int64_t window_ns);
void hd_meter_free(struct hd_meter *m); /* NULL is fine */
/* Has the tree moved since the last call?  cpu_ns: CPU time of the tree so far (hd_look).  The first call says no. */
bool hd_meter_read(struct hd_meter *m, const struct hd_model *model, uint64_t cpu_ns, int64_t now_ns);

/* Is there a GPU whose driver may show its work?  A driver that does not is found out only when it is used. */
bool hd_progress_sees_gpus(void);
/* For how long has nothing but CPU time moved? */
int64_t hd_meter_silent_ns(const struct hd_meter *m, int64_t now_ns);

/* Do the files of `spec` look otherwise than when the meter was made? */
bool hd_meter_files_changed(const struct hd_meter *m);

#endif
