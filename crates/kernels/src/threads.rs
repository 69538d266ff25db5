//! Threads that stay awake between the operations of a step.
//!
//! A step of a decoder is some hundred small operations. A thread that falls asleep between two of them
//! takes longer to wake than most of them take to compute.

use std::{
    cell::Cell,
    hint::spin_loop,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use rayon::Yield;

/// Looks for work in vain, about a millisecond of them, after which a thread sleeps all the same.
const PATIENCE: u32 = 1 << 13;
/// Looks after which the thread lets others have its core, if there are any.
const LOOKS: u32 = 64;

thread_local! {
    /// Whether the thread is in a step or awake for one.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Calls `step` on a thread of the current rayon pool, while the others look for the work in it without
/// sleeping, for as long as they find some within about a millisecond.
///
/// Nobody waits for a thread that has found nothing: one whose core is taken away does not hold up the
/// others, and steps of several callers can run side by side.
pub fn awake<R: Send>(step: impl FnOnce() -> R + Send) -> R {
    let over = AtomicBool::new(false);
    rayon::scope(|scope| {
        for _ in 1..rayon::current_num_threads() {
            scope.spawn(|_| {
                // The thread of a step, waiting for its own work, must not wait here for its end.
                if !BUSY.replace(true) {
                    look_for_work(|| over.load(Ordering::Acquire));
                    BUSY.set(false);
                }
            });
        }
        let _end = End { over: &over, before: BUSY.replace(true) };
        step()
    })
}

/// Ends a step, even one that panics.
struct End<'a> {
    over: &'a AtomicBool,
    /// Whether the thread was busy before.
    before: bool,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        BUSY.set(self.before);
        self.over.store(true, Ordering::Release);
    }
}

/// Calls `work` for every item, on all threads of the current rayon pool: each takes the next item when it
/// is done with one, and none is waited for that has taken no item.
pub fn for_each<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync) {
    let others = items.len().min(rayon::current_num_threads()).saturating_sub(1);
    if others == 0 {
        return items.into_iter().for_each(work);
    }
    let items = Mutex::new(items.into_iter());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let at_work = AtomicUsize::new(others);
    rayon::in_place_scope(|scope| {
        for _ in 0..others {
            scope.spawn(|_| {
                while let Some(item) = next() {
                    work(item);
                }
                at_work.fetch_sub(1, Ordering::Release);
            });
        }
        while let Some(item) = next() {
            work(item);
        }
        look_for_work(|| at_work.load(Ordering::Acquire) == 0);
    });
}

/// What `work` makes of every item, in their order, as [`for_each`] calls it.
pub fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let mut made: Vec<Option<R>> = Vec::new();
    made.resize_with(items.len(), || None);
    let pairs = items.into_iter().zip(&mut made).collect();
    for_each(pairs, |(item, made)| *made = Some(work(item)));
    made.into_iter().flatten().collect()
}

/// Does what others leave to do until it is over, or there was nothing for a while.
fn look_for_work(over: impl Fn() -> bool) {
    let mut looks = 0;
    while looks < PATIENCE && !over() {
        if rayon::yield_now() == Some(Yield::Executed) {
            looks = 0;
            continue;
        }
        spin_loop();
        looks += 1;
        if looks.is_multiple_of(LOOKS) {
            thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rayon::ThreadPoolBuilder;

    use super::*;

    fn on<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        pool.install(work)
    }

    #[test]
    fn what_is_made_of_items_is_in_their_order_on_any_number_of_threads() {
        let squares: Vec<usize> = (0..1000).map(|i| i * i).collect();
        for threads in [1, 2, 5] {
            let made = on(threads, || awake(|| map((0..1000).collect(), |i: usize| i * i)));
            assert_eq!(made, squares);
            assert_eq!(on(threads, || map((0..1000).collect(), |i: usize| i * i)), squares);
        }
        assert!(map(Vec::<usize>::new(), |i| i).is_empty());
    }

    #[test]
    fn steps_in_steps_and_side_by_side_come_to_an_end() {
        let sum = |n: usize| map((0..n).collect(), |i: usize| i).into_iter().sum::<usize>();
        let nested = on(3, || {
            map((0..20).collect(), |n: usize| {
                awake(|| map((0..9).collect(), |_: usize| sum(n)).len())
            })
        });
        assert_eq!(nested, [9; 20]);
        let callers: Vec<usize> = on(2, || {
            thread::scope(|scope| {
                let callers: Vec<_> = (0..4)
                    .map(|_| scope.spawn(|| (0..200).map(|n| awake(|| sum(n))).sum()))
                    .collect();
                callers.into_iter().map(|caller| caller.join().expect("no panic")).collect()
            })
        });
        let expected: usize = (0..200_usize).map(|n| n * n.saturating_sub(1) / 2).sum();
        assert_eq!(callers, [expected; 4]);
    }

    #[test]
    fn a_step_that_panics_leaves_the_threads_usable() {
        on(2, || {
            for _ in 0..3 {
                let work = || awake(|| for_each(vec![1, 2, 3], |i| assert!(i != 2, "two")));
                assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
                assert!(!BUSY.get());
                assert_eq!(awake(|| map(vec![1, 2, 3], |i| i + 1)), [2, 3, 4]);
            }
        });
    }
}
