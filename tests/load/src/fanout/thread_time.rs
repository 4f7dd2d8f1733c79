#![allow(
    unsafe_code,
    reason = "the processor time of a thread has no safe door that valgrind lets through"
)]
//! The processor time of the calling thread.

use std::time::Duration;

/// Processor time that this thread has used, in the kernel too.
pub(super) fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live `timespec`.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0, "this clock exists");
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
