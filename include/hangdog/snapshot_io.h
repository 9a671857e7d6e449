/* `hangdog.snapshot/1`: a snapshot as versioned, diffable text (docs/snapshot-format.md), read defensively. */
#ifndef HANGDOG_SNAPSHOT_IO_H
#define HANGDOG_SNAPSHOT_IO_H

#include "hangdog/buf.h"
#include "hangdog/err.h"
#include "hangdog/snapshot.h"

void hd_snapshot_write(const struct hd_snapshot *snap, struct hd_buf *out);
/* 0 and a checked snapshot, or a negative errno with err filled (line number, what is wrong, what to do): damaged text,
 * newer schema, a reference out of range.  Bounded by the caps of snapshot.h. */
HD_MUST_CHECK int hd_snapshot_read(const char *text, size_t len, struct hd_snapshot **ret, struct hd_err *err);

#endif
