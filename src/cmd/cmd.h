/* One file a command.  Each gets valid options and gives the exit status; it prints its own output and errors. */
#ifndef HD_CMD_CMD_H
#define HD_CMD_CMD_H

#include "cmd/options.h"

#define HD_EXIT_HUNG 124
#define HD_EXIT_ERROR 125

#define COMMAND(id, name, ...) int hd_cmd_##name(const struct hd_options *options);
#include "cmd/commands.def"
#undef COMMAND

#endif
