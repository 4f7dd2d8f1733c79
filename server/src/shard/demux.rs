//! Whose datagram is this, and what is in it.

use rustc_hash::FxHashMap;

use super::transport::{Path, ice::MAX_PATHS};

/// What the first bytes of a datagram say (RFC 7983 section 7, RFC 5761 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// STUN: first byte 0 to 3.
    Stun,
    /// DTLS: 20 to 63.
    Dtls,
    /// SRTP: 128 to 191.
    Rtp,
    /// SRTCP: 128 to 191, and a packet type of 192 to 223.
    Rtcp,
}

/// Reads the first two bytes. `None`: nothing that a peer of ours would send.
pub fn classify(datagram: &[u8]) -> Option<Class> {
    match (*datagram.first()?, datagram.get(1)) {
        (0..=3, _) => Some(Class::Stun),
        (20..=63, _) => Some(Class::Dtls),
        (128..=191, Some(192..=223)) => Some(Class::Rtcp),
        (128..=191, _) => Some(Class::Rtp),
        _ => None,
    }
}

/// Paths of one peer that are known at once: all that its ICE agent holds, and the selected one from
/// before a restart. A transport that names more loses the oldest.
const PATHS_PER_PEER: usize = MAX_PATHS + 1;

/// The place of a peer in the shard's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerIndex(pub u32);

/// Which peer a path or a user name fragment belongs to.
///
/// Only paths that a STUN check with the peer's password came over are in here, so a stranger can
/// neither make it grow nor choose its keys.
#[derive(Debug, Default)]
pub struct Demux {
    paths: FxHashMap<Path, PeerIndex>,
    names: FxHashMap<String, PeerIndex>,
    of_peer: FxHashMap<PeerIndex, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    name: Option<String>,
    paths: Vec<Path>,
}

impl Demux {
    /// The peer that validated this path.
    pub fn by_path(&self, path: &Path) -> Option<PeerIndex> {
        self.paths.get(path).copied()
    }

    /// The peer to whom we gave this user name fragment.
    pub fn by_name(&self, name: &str) -> Option<PeerIndex> {
        self.names.get(name).copied()
    }

    /// A peer's user name fragment; replaces the one that it had.
    pub fn set_name(&mut self, peer: PeerIndex, name: &str) {
        let entry = self.of_peer.entry(peer).or_default();
        if entry.name.as_deref() == Some(name) {
            return;
        }
        if let Some(old) = entry.name.replace(name.to_owned()) {
            self.names.remove(&old);
        }
        self.names.insert(name.to_owned(), peer);
    }

    /// A peer proved that it is at the other end of this path. A path that belonged to another peer
    /// changes hands: the proof is newer.
    pub fn add_path(&mut self, peer: PeerIndex, path: Path) {
        if self.by_path(&path) == Some(peer) {
            return;
        }
        if let Some(before) = self.paths.insert(path, peer)
            && let Some(entry) = self.of_peer.get_mut(&before)
        {
            entry.paths.retain(|known| *known != path);
        }
        let entry = self.of_peer.entry(peer).or_default();
        if entry.paths.len() == PATHS_PER_PEER {
            let oldest = entry.paths.remove(0);
            self.paths.remove(&oldest);
        }
        entry.paths.push(path);
    }

    /// A peer is no longer at the other end of this path.
    pub fn remove_path(&mut self, peer: PeerIndex, path: &Path) {
        if self.by_path(path) == Some(peer) {
            self.paths.remove(path);
            if let Some(entry) = self.of_peer.get_mut(&peer) {
                entry.paths.retain(|known| known != path);
            }
        }
    }

    /// Forgets a peer.
    pub fn remove(&mut self, peer: PeerIndex) {
        let Some(entry) = self.of_peer.remove(&peer) else { return };
        for path in entry.paths {
            self.paths.remove(&path);
        }
        if let Some(name) = entry.name {
            self.names.remove(&name);
        }
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.names.is_empty() && self.of_peer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path { local: ([127, 0, 0, 1], 1).into(), remote: ([127, 0, 0, 1], port).into() }
    }

    #[test]
    fn the_first_two_bytes_tell_the_protocols_apart() {
        for (bytes, class) in [
            (&[][..], None),
            (&[0, 1], Some(Class::Stun)),
            (&[3], Some(Class::Stun)),
            (&[4, 0], None),
            (&[19, 0], None),
            (&[20, 254], Some(Class::Dtls)),
            (&[63, 254], Some(Class::Dtls)),
            (&[64, 0], None),
            (&[127, 200], None),
            (&[128, 96], Some(Class::Rtp)),
            (&[0x90, 0xe0], Some(Class::Rtp)),
            (&[128, 191], Some(Class::Rtp)),
            (&[128, 192], Some(Class::Rtcp)),
            (&[128, 200], Some(Class::Rtcp)),
            (&[191, 223], Some(Class::Rtcp)),
            (&[128, 224], Some(Class::Rtp)),
            (&[128], Some(Class::Rtp)),
            (&[192, 200], None),
            (&[255, 255], None),
        ] {
            assert_eq!(classify(bytes), class, "{bytes:?}");
        }
    }

    #[test]
    fn a_name_finds_its_peer_until_it_is_replaced() {
        let mut demux = Demux::default();
        let peer = PeerIndex(3);
        demux.set_name(peer, "first");
        assert_eq!(demux.by_name("first"), Some(peer));
        demux.set_name(peer, "second");
        assert_eq!(demux.by_name("first"), None);
        assert_eq!(demux.by_name("second"), Some(peer));
    }

    #[test]
    fn a_peer_keeps_its_newest_paths() {
        let mut demux = Demux::default();
        let peer = PeerIndex(0);
        for port in 1..=20 {
            demux.add_path(peer, path(port));
            demux.add_path(peer, path(port));
        }
        assert_eq!(demux.paths.len(), PATHS_PER_PEER);
        assert_eq!(demux.by_path(&path(11)), None);
        assert_eq!(demux.by_path(&path(12)), Some(peer));
    }

    #[test]
    fn a_path_changes_hands_to_whoever_proved_it_last() {
        let mut demux = Demux::default();
        let (first, second) = (PeerIndex(0), PeerIndex(1));
        demux.add_path(first, path(9));
        demux.add_path(second, path(9));
        assert_eq!(demux.by_path(&path(9)), Some(second));
        demux.remove(first);
        assert_eq!(demux.by_path(&path(9)), Some(second), "the first owner took nothing along");
    }

    #[test]
    fn a_lost_path_is_forgotten_unless_it_changed_hands() {
        let mut demux = Demux::default();
        let (first, second) = (PeerIndex(0), PeerIndex(1));
        demux.add_path(first, path(1));
        demux.remove_path(first, &path(1));
        assert_eq!(demux.by_path(&path(1)), None);
        demux.add_path(first, path(2));
        demux.add_path(second, path(2));
        demux.remove_path(first, &path(2));
        assert_eq!(demux.by_path(&path(2)), Some(second));
    }

    #[test]
    fn nothing_of_a_removed_peer_remains() {
        let mut demux = Demux::default();
        let peer = PeerIndex(0);
        demux.set_name(peer, "name");
        demux.add_path(peer, path(1));
        demux.add_path(peer, path(2));
        demux.remove(peer);
        assert!(demux.is_empty());
    }
}
