// Rust's standard library synchronisation.  Same protocol as zoo.h.
use std::io::Write;
use std::sync::{mpsc, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::Duration;

extern "C" {
    fn gettid() -> i32;
    fn alarm(seconds: u32) -> u32;
    fn prctl(option: i32, a: u64, b: u64, c: u64, d: u64) -> i32;
}

static MUTEX: Mutex<u32> = Mutex::new(0);
static RWLOCK: RwLock<u32> = RwLock::new(0);
static CONDVAR: Condvar = Condvar::new();
static ONCE: Once = Once::new();

fn tid() -> i32 {
    unsafe { gettid() }
}

fn stay() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn start<F: FnOnce() + Send + 'static>(f: F) -> i32 {
    let (tx, rx) = mpsc::channel();
    thread::spawn(move || {
        tx.send(tid()).unwrap();
        f();
    });
    rx.recv().unwrap()
}

fn say(line: String) {
    println!("{line}");
    std::io::stdout().flush().unwrap();
}

fn mutex() {
    let _held = MUTEX.lock();
    let waiter = start(|| drop(MUTEX.lock()));
    say(format!("waiter={waiter} kind=RUST family=rust base={:p} owner=0 held=1 releases=0", &MUTEX));
    stay();
}

fn rwlock_read() {
    let _held = RWLOCK.write();
    let waiter = start(|| drop(RWLOCK.read()));
    say(format!("waiter={waiter} kind=RWLOCK_READ family=rust base={:p} owner=0 held=1", &RWLOCK));
    stay();
}

fn rwlock_write() {
    let _held = RWLOCK.read();
    let waiter = start(|| drop(RWLOCK.write()));
    say(format!("waiter={waiter} kind=RWLOCK_WRITE family=rust base={:p} owner=0 held=1 readers=1", &RWLOCK));
    stay();
}

fn condvar() {
    let waiter = start(|| drop(CONDVAR.wait(MUTEX.lock().unwrap())));
    say(format!("waiter={waiter} kind=CONDITION family=rust base={:p} owner=0", &CONDVAR));
    stay();
}

fn once() {
    let (tx, rx) = mpsc::channel();
    thread::spawn(move || {
        ONCE.call_once(|| {
            tx.send(()).unwrap();
            stay();
        })
    });
    rx.recv().unwrap();
    let waiter = start(|| ONCE.call_once(|| stay()));
    say(format!("waiter={waiter} kind=ONCE family=rust base={:p} owner=0", &ONCE));
    stay();
}

fn park() {
    let waiter = start(thread::park);
    say(format!("waiter={waiter} kind=PARKER family=rust base=0 owner=0"));
    stay();
}

fn channel() {
    let (tx, rx) = mpsc::channel::<u32>();
    let waiter = start(move || drop(rx.recv()));
    say(format!("waiter={waiter} kind=PARKER family=rust base=0 owner=0"));
    stay();
    #[allow(unreachable_code)]
    drop(tx);
}

fn join() {
    let (tx, rx) = mpsc::channel();
    let joined = thread::spawn(move || {
        tx.send(tid()).unwrap();
        stay();
    });
    let owner = rx.recv().unwrap();
    let waiter = start(move || drop(joined.join()));
    say(format!("waiter={waiter} kind=JOIN owner={owner} releases=1"));
    stay();
}

fn main() {
    unsafe {
        prctl(1, 9, 0, 0, 0);
        alarm(60);
    }
    let cases: [(&str, fn()); 8] = [
        ("mutex", mutex),
        ("rwlock_read", rwlock_read),
        ("rwlock_write", rwlock_write),
        ("condvar", condvar),
        ("once", once),
        ("park", park),
        ("channel", channel),
        ("join", join),
    ];
    let wanted = std::env::args().nth(1).unwrap_or_default();
    for (name, enter) in cases {
        if wanted == "--list" {
            println!("{name}");
        } else if wanted == name {
            enter();
        }
    }
}
