// Worker threads that wait for each other, children over pipes, a cluster, timers and files.
const { Worker, isMainThread, workerData, parentPort } = require('worker_threads');
const { spawn, execFile, fork } = require('child_process');
const cluster = require('cluster'), fs = require('fs'), http = require('http'), zlib = require('zlib'), dns = require('dns');

function waiter() { // each worker waits on shared memory for its turn
	const shared = new Int32Array(workerData.shared);
	for (let round = 0; round < 300; round++) {
		for (;;) {
			const turn = Atomics.load(shared, 0);
			if (turn % workerData.of === workerData.n) break;
			Atomics.wait(shared, 0, turn);
		}
		Atomics.add(shared, 0, 1);
		Atomics.notify(shared, 0);
	}
	parentPort.postMessage('done');
}

function turns() {
	const shared = new SharedArrayBuffer(4), of = 4;
	return Promise.all([...Array(of).keys()].map((n) => new Promise((ok) =>
		new Worker(__filename, { workerData: { shared, of, n } }).on('exit', ok)))).then(() => new Int32Array(shared)[0]);
}

function sort() { // backpressure over two pipes
	return new Promise((ok) => {
		const p = spawn('sort', ['-rn']);
		let first = '';
		p.stdout.on('data', (d) => { if (!first) first = String(d).split('\n')[0]; });
		p.on('close', (code) => ok(first + ' ' + code));
		for (let i = 0; i < 200000; i++) p.stdin.write(i + '\n');
		p.stdin.end();
	});
}

function children() {
	return Promise.all([...Array(20).keys()].map((i) => new Promise((ok) =>
		execFile('sh', ['-c', `exit ${i}`], (e) => ok(e ? e.code : 0))))).then((codes) => codes.join());
}

function pool() {
	return Promise.all([...Array(40).keys()].map(() => new Promise((ok) =>
		zlib.deflate(Buffer.alloc(2000000, 'x'), (e, out) => ok(out.length))))).then((n) => n.reduce((a, b) => a + b));
}

function serve() {
	return new Promise((ok) => {
		cluster.setupPrimary({ exec: __filename, args: ['serve'] });
		const workers = [cluster.fork(), cluster.fork()];
		let up = 0;
		cluster.on('listening', async (w, address) => {
			if (++up < workers.length) return;
			let sum = 0;
			for (let i = 0; i < 200; i++) sum += await new Promise((got) =>
				http.get({ port: address.port, host: '127.0.0.1', agent: false }, (r) => { r.resume(); r.on('end', () => got(r.statusCode)); }));
			cluster.disconnect(() => ok(sum));
		});
	});
}

async function main() {
	for (const [name, load] of Object.entries({ turns, sort, children, pool, serve })) console.log('result', name, await load());
}

if (!isMainThread) waiter();
else if (process.argv[2] === 'serve') http.createServer((q, s) => s.end('x'.repeat(70000))).listen(0, '127.0.0.1');
else main();
