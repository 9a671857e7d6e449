// EXPECT: verdict=deadlock cause=no-waker certainty=proven scope=process
// OBJECT: a message on a Rust channel
// NEEDS: rustc
// Two threads receive from each other's channel: Rust parks threads, so the words are no locks.
use std::sync::mpsc;
use std::thread;

fn main() {
    let (to_main, from_other) = mpsc::channel::<u32>();
    let (to_other, from_main) = mpsc::channel::<u32>();
    let other = thread::spawn(move || {
        let n = from_main.recv().unwrap();
        to_main.send(n).unwrap();
    });
    let n = from_other.recv().unwrap();
    to_other.send(n).unwrap();
    other.join().unwrap();
}
