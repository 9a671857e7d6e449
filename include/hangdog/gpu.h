/* Who of the guarded tree has a GPU open, and whether the GPU has given its memory back after they ended: a restart that
 * comes before that fails for want of memory.
 *
 * Who: links in /proc/PID/fd to /dev/nvidia*, /dev/kfd and /dev/dri/renderD*.  Given back: the kernel driver frees memory when
 * the last descriptor is closed, for NVIDIA partly later; nvidia-smi --query-compute-apps lists who has a context (by pids
 * of the host: in a container that does not see them, only the sum of memory.used tells); amdgpu keeps
 * /sys/class/kfd/kfd/proc/PID as long (drivers/gpu/drm/amd/amdkfd/kfd_process.c). */
#ifndef HANGDOG_GPU_H
#define HANGDOG_GPU_H

#include "hangdog/err.h"
#include "hangdog/model.h"

struct hd_gpu_users;
struct hd_tracer;

/* Before the first signal.  NULL: nobody has a GPU open, the usual case. */
struct hd_gpu_users *hd_gpu_users_note(const struct hd_model *model);
void hd_gpu_users_free(struct hd_gpu_users *users); /* NULL is fine */
/* After their end.  0: none of them is listed any more, and the used memory does not shrink any more; also if there is
 * nobody to ask.  -ETIMEDOUT after limit_ms, with a sentence.  Calls pump(ctx) meanwhile, as hd_kill_tree does. */
HD_MUST_CHECK int hd_gpu_users_wait(const struct hd_gpu_users *users, struct hd_tracer *tracer, int64_t limit_ms,
				    void (*pump)(void *ctx), void *ctx, struct hd_err *err);

#endif
