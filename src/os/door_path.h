/* Where the sockets of supervisors lie, and which of them are alive.  Shared by the door's two sides. */
#ifndef HANGDOG_OS_DOOR_PATH_H
#define HANGDOG_OS_DOOR_PATH_H

#include <sys/un.h>

#include "hangdog/err.h"

#define HD_DOOR_PATH_MAX 90 /* leaves room for "/2147483647.sock" in sun_path */

/* The folder: 0700 and ours, or an error (somebody else may have made it first).  ret has HD_DOOR_PATH_MAX bytes. */
HD_MUST_CHECK int hd_door_dir(bool make, char *ret, struct hd_err *err);
HD_MUST_CHECK int hd_door_address(const char *dir, int32_t pid, struct sockaddr_un *ret);
/* "123.sock" gives 123; 0 = another name. */
int32_t hd_door_pid_of(const char *name);
/* Removes the sockets of supervisors that do not exist any more. */
void hd_door_sweep(const char *dir);

#endif
