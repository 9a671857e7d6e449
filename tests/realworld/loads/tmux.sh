#!/bin/sh
# Sessions of tmux that start, split, run commands that wait for each other, and end.
t() { tmux -L load -f /dev/null "$@"; }
t new-session -d -s keep 'sleep 600'
for i in 1 2 3 4 5 6 7 8; do
	t new-session -d -s "s$i" "seq 20000 | sort -rn | tail -1 > one; tmux -L load wait-for -S one$i; cat"
	t split-window -t "s$i" "tmux -L load wait-for one$i; sort one > two; tmux -L load wait-for -S two$i"
	t send-keys -t "s$i.0" hello Enter
	t wait-for "two$i"
	until t capture-pane -p -t "s$i.0" | grep -q hello; do sleep 0.05; done
	echo "result $i $(cat two) $(t list-windows -t "s$i" | wc -l)"
	t resize-window -t "s$i" -x 100 -y 30
	t kill-session -t "s$i"
done
echo "result sessions $(t list-sessions | wc -l)"
t kill-server
