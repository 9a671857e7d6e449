// EXPECT: verdict=none
// NEEDS: rustc
// Rust's mutex, channel, condition variable and join, each served by a sleeping thread.
use std::sync::{mpsc, Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

fn nap() {
    thread::sleep(Duration::from_millis(400));
}

fn main() {
    let (send, receive) = mpsc::channel();
    let s = Arc::new((Mutex::new(false), Condvar::new()));
    let t = s.clone();
    let other = thread::spawn(move || {
        let mut held = t.0.lock().unwrap();
        send.send(1).unwrap();
        nap();
        *held = true;
        drop(held);
        nap();
        t.1.notify_all();
        send.send(2).unwrap();
        nap();
        send.send(3).unwrap();
        nap();
    });
    receive.recv().unwrap();
    let held = s.0.lock().unwrap();
    drop(s.1.wait(held).unwrap());
    receive.recv().unwrap();
    receive.recv().unwrap();
    other.join().unwrap();
}
