#!/bin/sh
# A notification on the desktop: hangdog run --on-hang exec:contrib/hooks/desktop.sh -- COMMAND
set -eu
text=$(sed -n 's/^ *"summary": "\(.*\)",*$/\1/p' "$HANGDOG_REPORT" | head -1 | sed 's/\\"/"/g')
exec notify-send --urgency=critical --app-name=hangdog "$HANGDOG_VERDICT in process $HANGDOG_PID ($HANGDOG_CAUSE)" "$text"
