/* Texts made from the tables of options.h: help, man page, README table.  Pure: text into a buffer. */
#ifndef HD_CMD_OPTDOC_H
#define HD_CMD_OPTDOC_H

#include "cmd/options.h"
#include "hangdog/buf.h"

void hd_optdoc_help(struct hd_buf *out);                                        /* hangdog --help */
void hd_optdoc_command_help(const struct hd_command *command, struct hd_buf *out); /* hangdog COMMAND --help */
/* kind: man, readme.  -EINVAL when it is none of these. */
HD_MUST_CHECK int hd_optdoc_generate(const char *kind, struct hd_buf *out, struct hd_err *err);

#endif
