// EXPECT: verdict=none
// CRATES: parking_lot
// Every lock of parking_lot, each of which a sleeping thread gives back late.
use parking_lot::{Condvar, Mutex, RwLock};
use std::sync::Arc;
use std::thread::{sleep, spawn};
use std::time::Duration;

fn main() {
    let late = Duration::from_millis(400);
    let s = Arc::new((Mutex::new(0), RwLock::new(0), Condvar::new()));
    let t = s.clone();
    let taken = Arc::new(std::sync::Barrier::new(2));
    let told = taken.clone();
    let other = spawn(move || {
        let m = t.0.lock();
        let w = t.1.write();
        told.wait();
        sleep(late);
        drop(m);
        sleep(late);
        drop(w);
        sleep(late);
        *t.0.lock() = 1;
        t.2.notify_all();
    });
    taken.wait();
    drop(s.0.lock());
    drop(s.1.read());
    let mut m = s.0.lock();
    while *m == 0 {
        s.2.wait(&mut m);
    }
    drop(m);
    other.join().unwrap();
}
