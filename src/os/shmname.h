/* Has a file of a tmpfs that was mapped by a name which is gone still another one (a hard link)?  For who may not ask the
 * kernel for its count of links: /proc/PID/map_files needs CAP_CHECKPOINT_RESTORE (fs/proc/base.c, proc_map_files_get_link).
 * A tmpfs lists all names there are, with their inode numbers, so all of its directories are read. */
#ifndef HD_OS_SHMNAME_H
#define HD_OS_SHMNAME_H

#include "hangdog/base.h"

/* As seen by process `pid`: HD_NO means that there was none at one moment, and then there never is one again (a file
 * without links cannot be linked, fs/namei.c vfs_link).  HD_UNKNOWN: a directory could not be read, or changed meanwhile, or there are too many. */
enum hd_tri hd_shm_has_name(int32_t pid, uint32_t dev_major, uint32_t dev_minor, uint64_t ino);

/* A name that nobody knows who was not told: random, and so as good as a descriptor.  CPython's multiprocessing calls its
 * semaphores mp-RANDOM (Lib/multiprocessing/synchronize.py, _make_name); whoever makes one has it mapped by glibc's own random
 * name (sysdeps/pthread/sem_open.c, sem.XXXXXX, before 2.34 XXXXXX), which does not tell how it was called then: that
 * it is multiprocessing's must be seen from its SemLock object. */
enum hd_shm_secret { HD_SHM_PUBLIC, HD_SHM_MADE_HERE, HD_SHM_RANDOM };
enum hd_shm_secret hd_shm_secret(const char *path);

#endif
