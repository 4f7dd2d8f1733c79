//! Calls into state machines that are not ours and that a peer's bytes drive.
//!
//! They are fed within bounds, and where they were seen to panic (a cause of an SCTP ABORT that is
//! longer than its chunk) such bytes are kept from them. But a shard carries many peers, so that what
//! was not seen must cost one of them at most. A machine that failed is never called again.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The machine gave up, or panicked. The peer's connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed;

/// Runs one call.
pub(super) fn run<T, E: std::fmt::Display>(
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T, Failed> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::debug!(%error, "protocol machine failed");
            Err(Failed)
        }
        Err(_) => {
            #[cfg(test)]
            PANICS.with(|panics| panics.set(panics.get() + 1));
            tracing::error!("protocol machine panicked: its peer is dropped");
            Err(Failed)
        }
    }
}

#[cfg(test)]
thread_local! {
    /// Panics caught on this thread: tests demand that there are none.
    pub(super) static PANICS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}
