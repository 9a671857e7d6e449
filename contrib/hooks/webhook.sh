#!/bin/sh
# The report by POST: WEBHOOK_URL=https://... hangdog run --on-hang exec:contrib/hooks/webhook.sh -- COMMAND
# WEBHOOK_STYLE=text sends one line as {"text": "..."}, as chat programs take it.
set -eu
: "${WEBHOOK_URL:?say where to: WEBHOOK_URL=https://...}"
post() {
	curl --silent --show-error --fail --max-time 20 --retry 3 --header 'Content-Type: application/json' "$@" "$WEBHOOK_URL" >/dev/null
}
if [ "${WEBHOOK_STYLE:-report}" = text ]; then
	# The summary is taken as it stands in the JSON, so it is escaped already.
	text=$(sed -n 's/^ *"summary": "\(.*\)",*$/\1/p' "$HANGDOG_REPORT" | head -1)
	post --data-binary "{\"text\": \"$HANGDOG_VERDICT in process $HANGDOG_PID ($HANGDOG_CAUSE): $text\"}"
else
	post --data-binary "@$HANGDOG_REPORT"
fi
