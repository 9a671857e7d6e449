import java.io.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.*;

/** Pools, monitors, conditions, exchangers, fork/join and children: whatever a JVM waits with. */
public class Crowd {
	static void tell(String name, Object value) {
		System.out.println("result " + name + " " + value);
		System.out.flush();
	}

	static void monitors() throws Exception {
		final Object turn = new Object();
		final int[] n = {0};
		Thread[] threads = new Thread[6];
		for (int i = 0; i < threads.length; i++) {
			final int me = i;
			threads[i] = new Thread(() -> {
				for (int k = 0; k < 300; k++)
					synchronized (turn) {
						try {
							while (n[0] % threads.length != me)
								turn.wait();
						} catch (InterruptedException e) {
							return;
						}
						n[0]++;
						turn.notifyAll();
					}
			});
			threads[i].start();
		}
		for (Thread t : threads)
			t.join();
		tell("monitors", n[0]);
	}

	static void pools() throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(4);
		List<Future<Integer>> all = new ArrayList<>();
		CyclicBarrier barrier = new CyclicBarrier(4);
		for (int i = 0; i < 400; i++) {
			final int k = i;
			all.add(pool.submit(() -> { barrier.await(); return k; }));
		}
		int sum = 0;
		for (Future<Integer> f : all)
			sum += f.get();
		pool.shutdown();
		pool.awaitTermination(60, TimeUnit.SECONDS);
		tell("pools", sum);
		tell("join", ForkJoinPool.commonPool().submit(() -> java.util.stream.LongStream.range(0, 3000000).parallel().sum()).get());
	}

	static void queues() throws Exception {
		SynchronousQueue<Integer> hand = new SynchronousQueue<>();
		Thread giver = new Thread(() -> {
			try {
				for (int i = 0; i < 3000; i++)
					hand.put(i);
			} catch (InterruptedException e) {
			}
		});
		giver.start();
		long sum = 0;
		for (int i = 0; i < 3000; i++)
			sum += hand.take();
		giver.join();
		ReentrantReadWriteLock rw = new ReentrantReadWriteLock(true);
		AtomicLong reads = new AtomicLong();
		Thread[] threads = new Thread[5];
		for (int i = 0; i < threads.length; i++) {
			final boolean writes = i == 0;
			threads[i] = new Thread(() -> {
				for (int k = 0; k < 500; k++) {
					Lock l = writes ? rw.writeLock() : rw.readLock();
					l.lock();
					reads.incrementAndGet();
					l.unlock();
				}
			});
			threads[i].start();
		}
		for (Thread t : threads)
			t.join();
		tell("queues", sum + " " + reads.get());
	}

	static void children() throws Exception {
		int sum = 0;
		for (int i = 0; i < 20; i++)
			sum += new ProcessBuilder("sh", "-c", "exit " + i).start().waitFor();
		Process p = new ProcessBuilder("sort", "-rn").start();
		Thread writer = new Thread(() -> {
			try (PrintStream out = new PrintStream(p.getOutputStream())) {
				for (int i = 0; i < 100000; i++)
					out.println(i);
			}
		});
		writer.start();
		BufferedReader in = new BufferedReader(new InputStreamReader(p.getInputStream()));
		String first = in.readLine();
		while (in.readLine() != null) {
		}
		writer.join();
		tell("children", sum + " " + first + " " + p.waitFor());
	}

	public static void main(String[] args) throws Exception {
		monitors();
		pools();
		queues();
		children();
		for (int i = 0; i < 5; i++)
			System.gc();
		tell("end", "ok");
	}
}
