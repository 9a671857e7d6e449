#[cfg(test)]
mod tests {
    use std::sync::{mpsc, Arc, Condvar, Mutex, RwLock};
    use std::thread;
    fn cross(n: usize) {
        let shared = Arc::new((Mutex::new(0usize), Condvar::new(), RwLock::new(0usize)));
        let (tx, rx) = mpsc::sync_channel(1);
        let workers: Vec<_> = (0..n).map(|i| {
            let (s, tx) = (shared.clone(), tx.clone());
            thread::spawn(move || for _ in 0..2000 {
                let mut turn = s.0.lock().unwrap();
                while *turn % n != i { turn = s.1.wait(turn).unwrap(); }
                *turn += 1;
                s.1.notify_all();
                *s.2.write().unwrap() += 1;
                tx.send(*turn).unwrap();
            })
        }).collect();
        drop(tx);
        assert_eq!(rx.iter().count(), 2000 * n);
        for w in workers { w.join().unwrap(); }
        assert_eq!(*shared.2.read().unwrap(), 2000 * n);
    }
    #[test] fn two() { cross(2) }
    #[test] fn three() { cross(3) }
    #[test] fn seven() { cross(7) }
}
