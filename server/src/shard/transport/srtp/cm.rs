//! `AES128_CM_HMAC_SHA1_80` (RFC 3711 sections 4.1.1 and 4.2.1).

use std::fmt;

use ring::hmac;
use rtc_crypto::{
    RTCCryptoProvider as _, StreamCipher, StreamCipherAlgorithm, constant_time_eq,
    providers::RingProvider,
};

use super::{
    derive::{Label, derive},
    header::RTCP_CLEAR,
    keys::MasterKey,
};
use crate::shard::transport::TransportError;

/// Authentication tag in bytes.
pub(super) const TAG: usize = 10;

/// Session keys of one direction.
#[derive(Debug)]
pub(super) struct Cm {
    rtp: Half,
    rtcp: Half,
}

struct Half {
    cipher: Box<dyn StreamCipher>,
    authentication: hmac::Key,
    salt: [u8; 14],
}

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Half(..)")
    }
}

impl Cm {
    pub(super) fn new(master: &MasterKey) -> Self {
        Self {
            rtp: Half::new(
                derive(master, Label::RtpEncryption),
                derive(master, Label::RtpAuthentication),
                derive(master, Label::RtpSalt),
            ),
            rtcp: Half::new(
                derive(master, Label::RtcpEncryption),
                derive(master, Label::RtcpAuthentication),
                derive(master, Label::RtcpSalt),
            ),
        }
    }

    /// Seals `packet[..len]`; the tag goes behind it. Gives the length with the tag.
    pub(super) fn seal_rtp(
        &mut self,
        packet: &mut [u8],
        len: usize,
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, TransportError> {
        self.rtp.apply(ssrc, index, &mut packet[header..len]);
        let tag = self.rtp.tag(&packet[..len], &roll_over(index));
        packet[len..len + TAG].copy_from_slice(&tag);
        Ok(len + TAG)
    }

    /// Opens a packet and gives its length without the tag.
    pub(super) fn open_rtp(
        &mut self,
        packet: &mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, TransportError> {
        let (sealed, tag) = packet.split_last_chunk::<TAG>().ok_or(TransportError::Malformed)?;
        let len = sealed.len();
        if len < header {
            return Err(TransportError::Malformed);
        }
        if !constant_time_eq(&self.rtp.tag(sealed, &roll_over(index)), tag) {
            return Err(TransportError::Unauthenticated);
        }
        self.rtp.apply(ssrc, index, &mut packet[header..len]);
        Ok(len)
    }

    /// Seals `packet[..len]`; index and tag go behind it. Gives the length with both.
    pub(super) fn seal_rtcp(
        &mut self,
        packet: &mut [u8],
        len: usize,
        ssrc: u32,
        index: u32,
    ) -> Result<usize, TransportError> {
        self.rtcp.apply(ssrc, index.into(), &mut packet[RTCP_CLEAR..len]);
        packet[len..len + 4].copy_from_slice(&(index | 1 << 31).to_be_bytes());
        let tag = self.rtcp.tag(&packet[..len + 4], &[]);
        packet[len + 4..len + 4 + TAG].copy_from_slice(&tag);
        Ok(len + 4 + TAG)
    }

    /// Opens a packet whose index, with the E flag, stands before the tag.
    pub(super) fn open_rtcp(
        &mut self,
        packet: &mut [u8],
        ssrc: u32,
        word: [u8; 4],
    ) -> Result<usize, TransportError> {
        let (sealed, tag) = packet.split_last_chunk::<TAG>().ok_or(TransportError::Malformed)?;
        let len = sealed.len().checked_sub(4).ok_or(TransportError::Malformed)?;
        if len < RTCP_CLEAR {
            return Err(TransportError::Malformed);
        }
        if !constant_time_eq(&self.rtcp.tag(sealed, &[]), tag) {
            return Err(TransportError::Unauthenticated);
        }
        let index = u32::from_be_bytes(word) & !(1 << 31);
        self.rtcp.apply(ssrc, index.into(), &mut packet[RTCP_CLEAR..len]);
        Ok(len)
    }
}

impl Half {
    fn new(key: [u8; 16], authentication: [u8; 20], salt: [u8; 14]) -> Self {
        let cipher = RingProvider::new()
            .crypto()
            .new_stream_cipher(StreamCipherAlgorithm::Aes128Ctr, &key)
            .expect("an AES-128 key has 16 bytes");
        let authentication = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authentication);
        Self { cipher, authentication, salt }
    }

    /// Encrypts or decrypts: counter mode from salt, source and index (RFC 3711 section 4.1.1).
    fn apply(&mut self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut iv = [0; 16];
        iv[4..8].copy_from_slice(&ssrc.to_be_bytes());
        iv[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
        for (byte, salt) in iv.iter_mut().zip(self.salt) {
            *byte ^= salt;
        }
        self.cipher.apply_keystream(&iv, data).expect("the counter block has 16 bytes");
    }

    fn tag(&self, sealed: &[u8], trailer: &[u8]) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(sealed);
        context.update(trailer);
        *context.sign().as_ref().first_chunk().expect("SHA-1 gives 20 bytes")
    }
}

/// The roll-over counter of an index, as it is authenticated (RFC 3711 section 4.2).
fn roll_over(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}
