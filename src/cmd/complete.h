/* Shell completion: what may stand in place of the last word of a command line.  The scripts of contrib/completion ask
 * with 'hangdog --complete WORD...' (the words after "hangdog"; the last one may be empty), so that they know nothing of options
 * themselves.
 *
 * Answer: one line a candidate, the whole word, then a tab and a hint where there is one.  Or one line that begins with
 * ':': ":files" and ":dirs" (the shell completes a path), ":command N" (what follows the first N words is another command line). */
#ifndef HD_CMD_COMPLETE_H
#define HD_CMD_COMPLETE_H

#include "hangdog/buf.h"

void hd_complete(int n, char *const words[], struct hd_buf *out);

#endif
