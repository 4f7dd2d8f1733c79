//! `AEAD_AES_128_GCM` (RFC 7714).

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{
    derive::{Label, derive},
    header::RTCP_CLEAR,
    keys::MasterKey,
};
use crate::shard::transport::TransportError;

/// Authentication tag in bytes.
pub(super) const TAG: usize = 16;

/// Session keys of one direction.
#[derive(Debug)]
pub(super) struct Gcm {
    rtp: Half,
    rtcp: Half,
}

#[derive(Debug)]
struct Half {
    key: LessSafeKey,
    /// 96 bits.
    salt: u128,
}

impl Gcm {
    pub(super) fn new(master: &MasterKey) -> Self {
        let half = |key, salt| Half::new(derive(master, key), derive(master, salt));
        Self {
            rtp: half(Label::RtpEncryption, Label::RtpSalt),
            rtcp: half(Label::RtcpEncryption, Label::RtcpSalt),
        }
    }

    /// Session keys as they are, for test vectors that leave the derivation out.
    #[cfg(test)]
    pub(super) fn from_session_key(key: [u8; 16], salt: [u8; 12]) -> Self {
        Self { rtp: Half::new(key, salt), rtcp: Half::new(key, salt) }
    }

    /// Seals `packet[..len]`; the tag goes behind it. Gives the length with the tag.
    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        len: usize,
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, TransportError> {
        let (clear, payload) = packet.split_at_mut(header);
        self.rtp.seal(rtp_nonce(ssrc, index), clear, payload, len - header)?;
        Ok(len + TAG)
    }

    /// Opens a packet and gives its length without the tag.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, TransportError> {
        let (clear, payload) = packet.split_at_mut(header);
        Ok(header + self.rtp.open(rtp_nonce(ssrc, index), clear, payload)?)
    }

    /// Seals `packet[..len]`; tag and index go behind it. Gives the length with both.
    pub(super) fn seal_rtcp(
        &self,
        packet: &mut [u8],
        len: usize,
        ssrc: u32,
        index: u32,
    ) -> Result<usize, TransportError> {
        let word = (index | 1 << 31).to_be_bytes();
        let associated = rtcp_associated(packet, word);
        let payload = &mut packet[RTCP_CLEAR..];
        self.rtcp.seal(rtcp_nonce(ssrc, index), &associated, payload, len - RTCP_CLEAR)?;
        packet[len + TAG..len + TAG + 4].copy_from_slice(&word);
        Ok(len + TAG + 4)
    }

    /// Opens a packet whose last four bytes are `word`, the index with the E flag.
    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        ssrc: u32,
        word: [u8; 4],
    ) -> Result<usize, TransportError> {
        let associated = rtcp_associated(packet, word);
        let index = u32::from_be_bytes(word) & !(1 << 31);
        let end = packet.len() - 4;
        let payload = packet.get_mut(RTCP_CLEAR..end).ok_or(TransportError::Malformed)?;
        Ok(RTCP_CLEAR + self.rtcp.open(rtcp_nonce(ssrc, index), &associated, payload)?)
    }
}

impl Half {
    fn new(key: [u8; 16], salt: [u8; 12]) -> Self {
        let key = UnboundKey::new(&AES_128_GCM, &key).expect("an AES-128 key has 16 bytes");
        let mut wide = [0; 16];
        wide[4..].copy_from_slice(&salt);
        Self { key: LessSafeKey::new(key), salt: u128::from_be_bytes(wide) }
    }

    fn nonce(&self, iv: u128) -> Nonce {
        // The upper 32 bits of both are zero.
        let [_, _, _, _, nonce @ ..] = (iv ^ self.salt).to_be_bytes();
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(
        &self,
        iv: u128,
        associated: &[u8],
        payload: &mut [u8],
        len: usize,
    ) -> Result<(), TransportError> {
        let (plain, rest) = payload.split_at_mut(len);
        let room = rest.first_chunk_mut::<TAG>().ok_or(TransportError::BufferTooSmall)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(iv), Aad::from(associated), plain)
            .map_err(|_| TransportError::Malformed)?;
        room.copy_from_slice(tag.as_ref());
        Ok(())
    }

    fn open(
        &self,
        iv: u128,
        associated: &[u8],
        payload: &mut [u8],
    ) -> Result<usize, TransportError> {
        if payload.len() < TAG {
            return Err(TransportError::Malformed);
        }
        self.key
            .open_in_place(self.nonce(iv), Aad::from(associated), payload)
            .map(|plain| plain.len())
            .map_err(|_| TransportError::Unauthenticated)
    }
}

/// RFC 7714 section 8.1, before the salt: the 96 bits of a nonce as a number. Put together of bytes
/// it costs more than its share, since a processor waits when it reads wider than it just wrote.
fn rtp_nonce(ssrc: u32, index: u64) -> u128 {
    u128::from(ssrc) << 48 | u128::from(index & 0xffff_ffff_ffff)
}

/// RFC 7714 section 9.1, before the salt.
fn rtcp_nonce(ssrc: u32, index: u32) -> u128 {
    u128::from(ssrc) << 48 | u128::from(index)
}

/// The clear header and the index with the E flag (RFC 7714 section 9.2).
fn rtcp_associated(packet: &[u8], word: [u8; 4]) -> [u8; RTCP_CLEAR + 4] {
    let mut associated = [0; RTCP_CLEAR + 4];
    associated[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
    associated[RTCP_CLEAR..].copy_from_slice(&word);
    associated
}
