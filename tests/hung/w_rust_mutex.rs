// EXPECT: verdict=deadlock cause=lock-cycle|no-waker certainty=proven|owned scope=process
// OBJECT: a Rust std::sync::Mutex
// NEEDS: rustc
// Two mutexes of Rust's standard library taken crosswise.
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

fn main() {
    let s = Arc::new((Mutex::new(0), Mutex::new(0), Barrier::new(2)));
    let t = s.clone();
    let other = thread::spawn(move || {
        let _b = t.1.lock().unwrap();
        t.2.wait();
        let _a = t.0.lock().unwrap();
    });
    let _a = s.0.lock().unwrap();
    s.2.wait();
    let _b = s.1.lock().unwrap();
    other.join().unwrap();
}
