//! How many bytes of models there may be at once, counted for as long as they are really there.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The bytes that all models and deltas share.
#[derive(Clone, Debug)]
pub struct Space(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: u64,
    used: AtomicU64,
}

/// Bytes that are set aside, until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    account: Arc<Account>,
    bytes: u64,
}

/// There is no room left. Refuse the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this node holds as many models as it can")]
pub struct NoSpace;

/// Bytes of a model or a delta. Counted until the last download that reads them has ended, even if the
/// model is withdrawn meanwhile. Never printed.
pub struct Blob {
    bytes: Vec<u8>,
    _space: Reservation,
}

impl Space {
    /// Room for `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Account { limit, used: AtomicU64::new(0) }))
    }

    /// Nothing is set aside yet.
    pub fn reserve(&self) -> Reservation {
        Reservation { account: self.0.clone(), bytes: 0 }
    }

    /// Bytes that are set aside.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }
}

impl Reservation {
    /// Sets aside so many bytes in all, more or less than before.
    ///
    /// # Errors
    /// [`NoSpace`]; then nothing changed.
    pub fn resize(&mut self, bytes: usize) -> Result<(), NoSpace> {
        let Account { limit, used } = &*self.account;
        let (before, wanted) = (self.bytes, bytes as u64);
        let taken = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            let used = used - before + wanted;
            (used <= *limit || wanted <= before).then_some(used)
        });
        taken.map_err(|_| NoSpace)?;
        self.bytes = wanted;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.account.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Blob {
    /// Takes over bytes that `space` was set aside for.
    ///
    /// # Errors
    /// [`NoSpace`]: it was less, and there is no more.
    pub fn new(bytes: Vec<u8>, mut space: Reservation) -> Result<Self, NoSpace> {
        space.resize(bytes.len())?;
        Ok(Self { bytes, _space: space })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob(<{} bytes>)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_from_their_reservation_until_the_last_reader_has_gone() {
        let space = Space::new(100);
        let mut first = space.reserve();
        assert_eq!(first.resize(80), Ok(()));
        let mut second = space.reserve();
        assert_eq!((second.resize(21), second.resize(20)), (Err(NoSpace), Ok(())));
        assert_eq!(first.resize(81), Err(NoSpace));
        let blob = Arc::new(Blob::new(vec![7; 50], first).unwrap());
        let reader = blob.clone();
        assert_eq!(space.used(), 70);
        drop(blob);
        assert_eq!(space.used(), 70, "a download still reads it");
        drop((reader, second));
        assert_eq!(space.used(), 0);
    }

    #[test]
    fn more_than_was_set_aside_is_looked_for_again() {
        let space = Space::new(100);
        assert_eq!(Blob::new(vec![0; 101], space.reserve()).map(|_| ()), Err(NoSpace));
        assert!(Blob::new(vec![0; 100], space.reserve()).is_ok());
        assert_eq!(space.used(), 0);
    }
}
