//! Processor time of this thread, which other programs do not lengthen.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Adds what `work` takes to `spent`.
pub(crate) fn timed<T>(spent: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = now();
    let result = work();
    *spent += now().saturating_sub(start);
    result
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
