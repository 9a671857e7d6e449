// EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process kind=mutex
// CRATES: parking_lot
// OBJECT: a parking_lot::Mutex in the heap
// Two mutexes of parking_lot taken crosswise: its threads wait on words of their own, far from the locks.
use parking_lot::Mutex;
use std::sync::{Arc, Barrier};
use std::thread;

fn main() {
    let s = Arc::new((Mutex::new(0), Mutex::new(0), Barrier::new(2)));
    let t = s.clone();
    let other = thread::spawn(move || {
        let _b = t.1.lock();
        t.2.wait();
        let _a = t.0.lock();
    });
    let _a = s.0.lock();
    s.2.wait();
    let _b = s.1.lock();
    other.join().unwrap();
}
