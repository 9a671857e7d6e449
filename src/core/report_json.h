/* Parts of hangdog.report/1 that other JSON texts have too.  Private to core.  New references. */
#ifndef HANGDOG_CORE_REPORT_JSON_H
#define HANGDOG_CORE_REPORT_JSON_H

#include <jansson.h>

#include "hangdog/buf.h"
#include "hangdog/snapshot.h"

json_t *hd_json_text(const char *text); /* null when there is none; broken bytes become '?' */
void hd_json_write(json_t *root, struct hd_buf *out); /* with a newline behind it; takes the reference */
json_t *hd_json_fork(const struct hd_fork *fork); /* NULL = null */

#endif
