//! Protection of one direction: [`Sealer`] and [`Opener`].

use rustc_hash::FxHashMap;

use super::{
    cm::{self, Cm},
    gcm::{self, Gcm},
    header::{RTCP_CLEAR, RtpHeader, rtcp_ssrc},
    keys::MasterKey,
    window::Window,
};
use crate::shard::transport::{SrtpProfile, TransportError};

/// Sources that one peer may send from. A publisher of camera (three layers, each with
/// retransmission), screen and microphone needs eleven; the rest is room for renewed ones.
pub const MAX_OPENED_SOURCES: usize = 128;

/// Sources that the node may use towards one peer: every slot and its retransmission.
pub const MAX_SEALED_SOURCES: usize = 1024;

/// SRTCP indices have 31 bits (RFC 3711 section 3.4).
const RTCP_INDEX_END: u32 = 1 << 31;

/// Seals what goes out.
///
/// Never seals two packets under one index: an index that was used, or that is so old that nobody
/// knows, is refused. To send a packet again, keep its ciphertext.
#[derive(Debug)]
pub struct Sealer {
    cipher: Cipher,
    sources: FxHashMap<u32, Window>,
    /// One count for all sources keeps every (source, index) unique and needs no map.
    next_rtcp: u32,
}

/// Opens what comes in.
#[derive(Debug)]
pub struct Opener {
    cipher: Cipher,
    rtp: FxHashMap<u32, Window>,
    rtcp: FxHashMap<u32, Window>,
}

#[derive(Debug)]
enum Cipher {
    Gcm(Box<Gcm>),
    Cm(Box<Cm>),
}

impl Sealer {
    /// A context without history.
    pub fn new(profile: SrtpProfile, master: &MasterKey) -> Self {
        Self { cipher: Cipher::new(profile, master), sources: FxHashMap::default(), next_rtcp: 0 }
    }

    /// Encrypts the RTP packet in the first `len` bytes of `buffer` and gives the length of the SRTP
    /// packet.
    ///
    /// # Errors
    /// Malformed; [`TransportError::BufferTooSmall`] without 16 bytes of room;
    /// [`TransportError::Replayed`] where the source's index was used before or is older than the
    /// window of 960 packets; [`TransportError::TooManySources`].
    pub fn seal_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, TransportError> {
        let packet = buffer.get(..len).ok_or(TransportError::BufferTooSmall)?;
        let header = RtpHeader::parse(packet)?;
        if buffer.len() - len < self.cipher.tag_len() {
            return Err(TransportError::BufferTooSmall);
        }
        let full = self.sources.len() >= MAX_SEALED_SOURCES;
        if full && !self.sources.contains_key(&header.ssrc) {
            return Err(TransportError::TooManySources);
        }
        let window = self.sources.entry(header.ssrc).or_insert_with(Window::new);
        let index = window.index_of(header.seq)?;
        // Marked before it is used: a failure below costs a sequence number, never a nonce.
        window.mark(index);
        match &mut self.cipher {
            Cipher::Gcm(gcm) => gcm.seal_rtp(buffer, len, header.len, header.ssrc, index),
            Cipher::Cm(cm) => cm.seal_rtp(buffer, len, header.len, header.ssrc, index),
        }
    }

    /// Encrypts the RTCP packet in the first `len` bytes of `buffer` and gives the length of the
    /// SRTCP packet.
    ///
    /// # Errors
    /// Malformed; [`TransportError::BufferTooSmall`] without 20 bytes of room;
    /// [`TransportError::Replayed`] after 2^31 packets.
    pub fn seal_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, TransportError> {
        let packet = buffer.get(..len).ok_or(TransportError::BufferTooSmall)?;
        let ssrc = rtcp_ssrc(packet)?;
        if buffer.len() - len < self.cipher.tag_len() + 4 {
            return Err(TransportError::BufferTooSmall);
        }
        let index = self.next_rtcp;
        if index >= RTCP_INDEX_END {
            return Err(TransportError::Replayed);
        }
        self.next_rtcp += 1;
        match &mut self.cipher {
            Cipher::Gcm(gcm) => gcm.seal_rtcp(buffer, len, ssrc, index),
            Cipher::Cm(cm) => cm.seal_rtcp(buffer, len, ssrc, index),
        }
    }
}

impl Opener {
    /// A context without history.
    pub fn new(profile: SrtpProfile, master: &MasterKey) -> Self {
        Self {
            cipher: Cipher::new(profile, master),
            rtp: FxHashMap::default(),
            rtcp: FxHashMap::default(),
        }
    }

    /// Decrypts an SRTP packet and gives the length of the RTP packet.
    ///
    /// # Errors
    /// Malformed, not authentic, replayed, or from one source too many. Nothing that is not
    /// authentic changes the state.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, TransportError> {
        let header = RtpHeader::parse(packet)?;
        let index = match self.rtp.get(&header.ssrc) {
            Some(window) => window.index_of(header.seq)?,
            None if self.rtp.len() >= MAX_OPENED_SOURCES => {
                return Err(TransportError::TooManySources);
            }
            None => header.seq.into(),
        };
        let len = match &mut self.cipher {
            Cipher::Gcm(gcm) => gcm.open_rtp(packet, header.len, header.ssrc, index),
            Cipher::Cm(cm) => cm.open_rtp(packet, header.len, header.ssrc, index),
        }?;
        self.rtp.entry(header.ssrc).or_insert_with(Window::new).mark(index);
        Ok(len)
    }

    /// Decrypts an SRTCP packet and gives the length of the RTCP packet.
    ///
    /// # Errors
    /// As [`Self::open_rtp`]. SRTCP without encryption (E flag clear) counts as malformed: no
    /// WebRTC endpoint may send it (RFC 8827 section 6.5).
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, TransportError> {
        let ssrc = rtcp_ssrc(packet)?;
        let behind = match &self.cipher {
            Cipher::Gcm(_) => 0,
            Cipher::Cm(_) => cm::TAG,
        };
        let word = packet
            .get(RTCP_CLEAR..packet.len().saturating_sub(behind))
            .and_then(|rest| rest.last_chunk::<4>())
            .copied()
            .ok_or(TransportError::Malformed)?;
        let index = u32::from_be_bytes(word);
        if index & RTCP_INDEX_END == 0 {
            return Err(TransportError::Malformed);
        }
        let index = u64::from(index & !RTCP_INDEX_END);
        match self.rtcp.get(&ssrc) {
            Some(window) => window.check(index)?,
            None if self.rtcp.len() >= MAX_OPENED_SOURCES => {
                return Err(TransportError::TooManySources);
            }
            None => {}
        }
        let len = match &mut self.cipher {
            Cipher::Gcm(gcm) => gcm.open_rtcp(packet, ssrc, word),
            Cipher::Cm(cm) => cm.open_rtcp(packet, ssrc, word),
        }?;
        self.rtcp.entry(ssrc).or_insert_with(Window::new).mark(index);
        Ok(len)
    }
}

impl Cipher {
    fn new(profile: SrtpProfile, master: &MasterKey) -> Self {
        match profile {
            SrtpProfile::AeadAes128Gcm => Self::Gcm(Box::new(Gcm::new(master))),
            SrtpProfile::Aes128CmHmacSha1_80 => Self::Cm(Box::new(Cm::new(master))),
        }
    }

    const fn tag_len(&self) -> usize {
        match self {
            Self::Gcm(_) => gcm::TAG,
            Self::Cm(_) => cm::TAG,
        }
    }
}

#[cfg(test)]
impl Sealer {
    /// A context with session keys given, for test vectors.
    pub(super) fn with_gcm(gcm: Gcm, roll_over: &[(u32, u64)], next_rtcp: u32) -> Self {
        let mut sealer =
            Self { cipher: Cipher::Gcm(Box::new(gcm)), sources: FxHashMap::default(), next_rtcp };
        for (ssrc, index) in roll_over {
            let mut window = Window::new();
            window.mark(*index);
            sealer.sources.insert(*ssrc, window);
        }
        sealer
    }
}

#[cfg(test)]
impl Opener {
    /// A context with session keys given, for test vectors.
    pub(super) fn with_gcm(gcm: Gcm) -> Self {
        Self {
            cipher: Cipher::Gcm(Box::new(gcm)),
            rtp: FxHashMap::default(),
            rtcp: FxHashMap::default(),
        }
    }
}
