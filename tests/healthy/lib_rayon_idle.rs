// EXPECT: verdict=none
// CRATES: rayon
// A rayon pool whose threads idle while the first thread sleeps, and a copy that never touches the pool.
use rayon::prelude::*;
use std::{thread::sleep, time::Duration};

extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

fn main() {
    let late = Duration::from_millis(400);
    let slow = |x: u64| {
        if x % 4 == 0 {
            sleep(Duration::from_millis(100));
        }
        x
    };
    for _ in 0..2 {
        let sum: u64 = (0..16u64).into_par_iter().map(slow).sum();
        assert!(sum > 0);
        sleep(late);
    }
    let pid = unsafe { fork() };
    if pid == 0 {
        sleep(late);
        unsafe { _exit(0) };
    }
    unsafe { waitpid(pid, std::ptr::null_mut(), 0) };
}
