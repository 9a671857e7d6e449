// EXPECT: verdict=deadlock cause=missing-thread|inherited-lock certainty=proven scope=process kind=condition
// CRATES: rayon
// OBJECT: the threads of a rayon pool
// A rayon pool that was used before the fork: the copy hands work to threads that stayed behind.
use rayon::prelude::*;

extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn prctl(option: i32, arg: u64) -> i32;
    fn _exit(status: i32) -> !;
}

fn sum() -> u64 {
    (0..10_000u64).into_par_iter().map(|x| x * x % 7).sum()
}

fn main() {
    unsafe { prctl(1, 9) };
    sum();
    let pid = unsafe { fork() };
    if pid == 0 {
        unsafe { prctl(1, 9) };
        let status = if sum() > 0 { 0 } else { 1 };
        unsafe { _exit(status) };
    }
    unsafe { waitpid(pid, std::ptr::null_mut(), 0) };
}
