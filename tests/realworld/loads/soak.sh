#!/usr/bin/env bash
# soak.sh SECONDS: a shell's pipelines, Python pools of every kind, node, Java and tmux beside each other, again and again.
here=$(cd "$(dirname "$0")" && pwd)
end=$((SECONDS + $1))
expect() { # WANT COMMAND...
	local want=$1 got
	shift
	got=$("$@" 2> /dev/null | tail -1)
	[ "$got" = "$want" ] || echo "wrong '$got' instead of '$want': $*"
}
pool() { # METHOD
	expect 4950 python3 -c "
import multiprocessing as m, concurrent.futures as f, threading, queue, subprocess
if __name__ == '__main__':
    q = queue.Queue()
    t = [threading.Thread(target=lambda: q.put(q.get() + 1)) for _ in range(20)]
    [x.start() for x in t]; q.put(0); [x.join() for x in t]
    with f.ProcessPoolExecutor(2, mp_context=m.get_context('$1')) as p: a = sum(p.map(int, range(100)))
    with m.get_context('$1').Pool(3) as p: b = sum(p.imap(int, range(100), 7))
    for i in range(10): subprocess.run(['true'])
    print(a if a == b else 'apart')"
}
shell() {
	expect 20000 sh -c 'seq 20000 | sort -rn | tee /dev/null | head -1'
	expect 55 bash -c 'for i in {1..10}; do (sleep 0.0$((i % 10)); echo $i) & done | { s=0; while read -r n; do ((s += n)); done; echo $s; }'
	expect 7 bash -c 'coproc cat; echo 7 >&"${COPROC[1]}"; read -r x <&"${COPROC[0]}"; echo $x'
	for _ in {1..100}; do /bin/true; done
}
rounds=0
while ((SECONDS < end)); do
	shell &
	pool fork &
	wait
	pool forkserver &
	expect 'result end ok' java "$here/Crowd.java" &
	wait
	expect 'result serve 40000' node "$here/node.js" &
	pool spawn &
	wait
	expect 'result sessions 1' sh "$here/tmux.sh" &
	shell &
	wait
	((rounds++))
done
echo "rounds $rounds"
echo end
