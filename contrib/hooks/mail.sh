#!/bin/sh
# A mail with the report: MAIL_TO=ann@example.org hangdog run --on-hang exec:contrib/hooks/mail.sh -- COMMAND
set -eu
text=${HANGDOG_REPORT%.json}.txt
[ -r "$text" ] || text=$HANGDOG_REPORT
exec mail -s "hangdog: $HANGDOG_VERDICT ($HANGDOG_CAUSE) in process $HANGDOG_PID on $(hostname)" "${MAIL_TO:-$(id -un)}" <"$text"
