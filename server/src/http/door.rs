//! What comes in over the HTTP port before anybody knows what it is.
//!
//! ```text
//!  accept ─► Waiting: a place ─► first byte ─┬ TLS ClientHello ─► handshake ─► HTTP/1.1
//!                                            └ text ─► HTTP/1.1, or a redirect to https
//! ```
//!
//! A stranger has to say what it is within `http.handshake_timeout_ms`, and few strangers of one
//! address may take their time at once: a flood of half open handshakes finds its own places taken,
//! not everybody's. Accepting never waits for any of them.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{net::TcpStream, time};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// First byte of a TLS record with a handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// The part of all places that one address may take.
const SHARE: usize = 8;

/// Sorts connections by what they begin with.
pub(super) struct Door {
    /// `None`: plain HTTP only.
    tls: Option<TlsAcceptor>,
    waiting: Arc<Waiting>,
    timeout: Duration,
}

/// A connection that said what it is.
pub(super) enum Opened {
    /// HTTP as it comes.
    Plain(TcpStream),
    /// HTTP behind a handshake.
    Tls(Box<TlsStream<TcpStream>>),
    /// HTTP as it comes, where TLS is wanted.
    Misled(TcpStream),
}

/// Why a connection was closed before it was one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Closed {
    /// Every place that it might have is taken.
    #[error("too many handshakes at once")]
    Crowded,
    /// It did not say in time what it is.
    #[error("no handshake in time")]
    Late,
    /// It went away, or spoke neither.
    #[error(transparent)]
    Failed(#[from] io::Error),
}

impl Door {
    pub(super) fn new(tls: Option<TlsAcceptor>, places: usize, timeout: Duration) -> Self {
        Self { tls, waiting: Arc::new(Waiting::new(places)), timeout }
    }

    /// What was counted.
    pub(super) fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    /// Finds out what a connection is.
    pub(super) async fn open(&self, stream: TcpStream, remote: IpAddr) -> Result<Opened, Closed> {
        // Without TLS there is nothing to find out.
        let Some(tls) = &self.tls else { return Ok(Opened::Plain(stream)) };
        // Full: this one, the newest, is closed.
        let _place = self.waiting.enter(remote).ok_or(Closed::Crowded)?;
        let sorted = time::timeout(self.timeout, sort(tls, stream)).await;
        sorted.unwrap_or(Err(Closed::Late)).inspect_err(|closed| self.waiting.count(closed))
    }
}

async fn sort(tls: &TlsAcceptor, stream: TcpStream) -> Result<Opened, Closed> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    if first[0] == TLS_HANDSHAKE {
        return Ok(Opened::Tls(Box::new(tls.accept(stream).await?)));
    }
    Ok(Opened::Misled(stream))
}

/// Those who have not said yet what they are.
#[derive(Debug)]
pub struct Waiting {
    places: usize,
    taken: Mutex<Taken>,
    crowded: AtomicU64,
    late: AtomicU64,
    failed: AtomicU64,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Only addresses that have a place: no flood makes it longer than there are places.
    by_address: HashMap<IpAddr, usize>,
}

/// Strangers that were sent away so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentAway {
    /// There was no place.
    pub crowded: u64,
    /// They did not say in time what they are.
    pub late: u64,
    /// They went away, or their handshake failed.
    pub failed: u64,
}

impl Waiting {
    fn new(places: usize) -> Self {
        Self {
            places,
            taken: Mutex::default(),
            crowded: AtomicU64::new(0),
            late: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Those who wait now.
    pub fn now(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Those who were sent away.
    pub fn sent_away(&self) -> SentAway {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SentAway {
            crowded: read(&self.crowded),
            late: read(&self.late),
            failed: read(&self.failed),
        }
    }

    fn count(&self, closed: &Closed) {
        let counter = match closed {
            Closed::Crowded => &self.crowded,
            Closed::Late => &self.late,
            Closed::Failed(_) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A place for a stranger of this address. `None`: all are taken, or all that it may have.
    fn enter(self: &Arc<Self>, remote: IpAddr) -> Option<Place> {
        let address = neighbourhood(remote);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.all >= self.places || own >= self.places.div_ceil(SHARE) {
            drop(taken);
            self.count(&Closed::Crowded);
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, own + 1);
        Some(Place { waiting: self.clone(), address })
    }
}

/// What one person can have many addresses of: an IPv6 network of 64 bits counts as one.
fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let network = u128::from(ip) & !u128::from(u64::MAX);
            Ipv6Addr::from(network).into()
        }
        v4 => v4,
    }
}

/// One place, until it is dropped.
struct Place {
    waiting: Arc<Waiting>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.waiting.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_has_an_eighth_of_the_places_and_all_together_have_no_more_than_all() {
        let waiting = Arc::new(Waiting::new(16));
        let first: Vec<_> = (0..3).map(|_| waiting.enter(ip("192.0.2.1"))).collect();
        assert!(first[0].is_some() && first[1].is_some() && first[2].is_none());
        let mapped = waiting.enter(ip("::ffff:192.0.2.1"));
        assert!(mapped.is_none(), "the same address in another form");
        let others: Vec<_> =
            (2..20).filter_map(|n| waiting.enter(ip(&format!("192.0.2.{n}")))).collect();
        assert_eq!((others.len(), waiting.now()), (14, 16));
        drop(first);
        assert_eq!(waiting.now(), 14);
        drop(others);
        assert_eq!(waiting.now(), 0);
        assert!(waiting.taken.lock().unwrap().by_address.is_empty(), "nothing stays");
        assert_eq!(waiting.sent_away().crowded, 1 + 1 + 4);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let waiting = Arc::new(Waiting::new(8));
        let one = waiting.enter(ip("2001:db8::1"));
        assert!(one.is_some() && waiting.enter(ip("2001:db8::2")).is_none());
        assert!(waiting.enter(ip("2001:db8:0:1::2")).is_some());
    }
}
