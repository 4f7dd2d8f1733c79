#![allow(
    unsafe_code,
    reason = "eventfd, ppoll and CPU affinity have no door in the standard library"
)]
//! What a shard's thread asks of Linux beside its socket: to be woken, to wait, to stay on one core.

use std::{
    fs::File,
    io::{self, Read, Write},
    mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
    time::Duration,
};

/// Wakes a thread that waits in [`wait`]; an eventfd(2).
#[derive(Debug)]
pub(super) struct Wake(File);

impl Wake {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: takes two numbers and gives a new descriptor or -1.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new, open and nobody else's.
        Ok(Self(File::from(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// Ends the wait, now or next time.
    pub(super) fn wake(&self) {
        // Fails only where the counter is full, and then the thread wakes anyway.
        if let Err(error) = (&self.0).write(&1_u64.to_ne_bytes()) {
            tracing::trace!(%error, "wake counter is full");
        }
    }

    /// Forgets the wakes so far, and says whether there were any.
    pub(super) fn clear(&self) -> bool {
        (&self.0).read(&mut [0; 8]).is_ok()
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until one of them can be read or the time is over (`None`: however long it takes), and says
/// which can. Wakes early for a signal.
pub(super) fn wait<const N: usize>(
    fds: [BorrowedFd<'_>; N],
    at_most: Option<Duration>,
) -> io::Result<[bool; N]> {
    let watch =
        |fd: BorrowedFd<'_>| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut watched = fds.map(watch);
    let timeout = at_most.map(|duration| libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(duration.subsec_nanos()),
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the array has as many elements as is said, the timeout is null or lives in this function,
    // and a null signal mask leaves the mask alone.
    let ready = unsafe {
        libc::ppoll(watched.as_mut_ptr(), watched.len() as libc::nfds_t, timeout, ptr::null())
    };
    if ready < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        return Ok([false; N]);
    }
    Ok(watched.map(|fd| fd.revents != 0))
}

/// Keeps the calling thread on one core.
pub(super) fn pin(core: usize) -> io::Result<()> {
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: `cpu_set_t` is a bit mask; all zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the core was just checked to be within the mask.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: 0 is the calling thread; pointer and length describe a live mask.
    let status = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_wake_ends_the_wait_and_is_then_forgotten() {
        let (wake, other) = (Wake::new().unwrap(), Wake::new().unwrap());
        wake.wake();
        wake.wake();
        let start = Instant::now();
        assert_eq!(wait([other.as_fd(), wake.as_fd()], None).unwrap(), [false, true]);
        assert!(wake.clear());
        assert!(!wake.clear());
        let a_moment = Some(Duration::from_millis(1));
        assert_eq!(wait([other.as_fd(), wake.as_fd()], a_moment).unwrap(), [false, false]);
        assert!(start.elapsed() >= Duration::from_millis(1));
    }

    #[test]
    fn a_core_that_does_not_exist_is_an_error() {
        assert!(pin(usize::MAX).is_err());
        assert!(pin(libc::CPU_SETSIZE as usize - 1).is_err());
    }
}
