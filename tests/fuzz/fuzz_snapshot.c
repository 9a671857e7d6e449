/* The snapshot reader over any bytes: no crash, no endless loop; and whatever it accepts is written and read again to
 * the same bytes. */
#include <string.h>

#include "hangdog/snapshot_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hd_snapshot *snap = NULL, *again = NULL;
	struct hd_err err = {0};
	if (hd_snapshot_read((const char *)data, size, &snap, &err) != 0) {
		HD_ASSERT(err.text[0] != '\0');
		return 0;
	}
	struct hd_buf first HD_CLEAN_BUF = {0}, second HD_CLEAN_BUF = {0};
	hd_snapshot_write(snap, &first);
	int rc = hd_snapshot_read(first.text, first.len, &again, &err);
	HD_ASSERT(rc == 0);
	hd_snapshot_write(again, &second);
	HD_ASSERT(first.len == second.len && memcmp(first.text, second.text, first.len) == 0);
	hd_snapshot_free(again);
	hd_snapshot_free(snap);
	return 0;
}
