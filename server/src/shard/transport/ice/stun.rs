//! STUN messages as ICE uses them (RFC 8489), read in place.
//!
//! Read by hand rather than with `rtc-stun`, which allocates the message, every attribute and a keyed
//! MAC before it knows whether the sender may speak at all, and whose fingerprint check trusts the
//! attribute to be the last. Its CRC is used, and it is the second opinion in the tests.

use std::net::{IpAddr, SocketAddr};

use ring::hmac;
use rtc_crypto::constant_time_eq;
use rtc_stun::fingerprint::fingerprint_value;

use crate::shard::transport::TransportError;

const HEADER: usize = 20;
const MAGIC: u32 = 0x2112_A442;
const INTEGRITY: usize = 20;

/// Attribute types (RFC 8489 section 18.3, RFC 8445 section 16.1).
mod attribute {
    pub(super) const USERNAME: u16 = 0x0006;
    pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(super) const ERROR_CODE: u16 = 0x0009;
    pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(super) const PRIORITY: u16 = 0x0024;
    pub(super) const USE_CANDIDATE: u16 = 0x0025;
    pub(super) const FINGERPRINT: u16 = 0x8028;
    pub(super) const ICE_CONTROLLED: u16 = 0x8029;
}

/// Class of a binding message (RFC 8489 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// A binding message whose header fits its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    bytes: &'a [u8],
    class: Class,
}

/// What a connectivity check says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes<'a> {
    /// Both fragments of the user name: ours, theirs.
    pub(super) user_name: Option<(&'a str, &'a str)>,
    /// Offset of the MESSAGE-INTEGRITY attribute.
    integrity: Option<usize>,
    /// Whether a FINGERPRINT is there, last and right.
    pub(super) fingerprint: bool,
    pub(super) priority: Option<u32>,
    pub(super) use_candidate: bool,
    /// The sender believes that it is the controlled side.
    pub(super) controlled: bool,
    /// An attribute that must be understood and is not.
    pub(super) unknown: bool,
}

impl<'a> Message<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, TransportError> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(TransportError::Malformed)?;
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let magic = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        if magic != MAGIC || length + HEADER != bytes.len() || length % 4 != 0 {
            return Err(TransportError::Malformed);
        }
        let class = match kind {
            0x0001 => Class::Request,
            0x0011 => Class::Indication,
            0x0101 => Class::Success,
            0x0111 => Class::Error,
            _ => return Err(TransportError::Malformed),
        };
        Ok(Self { bytes, class })
    }

    pub(super) const fn class(&self) -> Class {
        self.class
    }

    /// Walks the attributes once. What follows the integrity is ignored, the fingerprint excepted
    /// (RFC 8489 section 14.5).
    pub(super) fn attributes(&self) -> Result<Attributes<'a>, TransportError> {
        let mut found = Attributes::default();
        let mut at = HEADER;
        while at < self.bytes.len() {
            let head: &[u8; 4] = self.bytes[at..].first_chunk().ok_or(TransportError::Malformed)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = self.bytes.get(at + 4..at + 4 + length).ok_or(TransportError::Malformed)?;
            let next = at + 4 + length.next_multiple_of(4);
            if kind == attribute::FINGERPRINT {
                let expected = fingerprint_value(&self.bytes[..at]).to_be_bytes();
                found.fingerprint = next == self.bytes.len() && value == expected;
            } else if found.integrity.is_none() {
                found.read(kind, value, at)?;
            }
            at = next;
        }
        Ok(found)
    }

    /// Whether the message was made by someone who knows the password.
    pub(super) fn is_authentic(&self, attributes: &Attributes<'_>, password: &hmac::Key) -> bool {
        let Some(at) = attributes.integrity else { return false };
        let Some(given) = self.bytes.get(at + 4..at + 4 + INTEGRITY) else { return false };
        constant_time_eq(&integrity(self.bytes, at, password), given)
    }

    fn transaction(&self) -> &'a [u8] {
        &self.bytes[8..HEADER]
    }

    /// Says to the sender where it was seen (RFC 8445 section 7.3).
    pub(super) fn success(&self, seen: SocketAddr, password: &hmac::Key) -> Vec<u8> {
        let mut reply = Builder::new(0x0101, self.transaction());
        let cookie_and_transaction = &self.bytes[4..HEADER];
        let mut value = [0; 20];
        let port = seen.port() ^ (MAGIC >> 16) as u16;
        value[2..4].copy_from_slice(&port.to_be_bytes());
        let address = match seen.ip().to_canonical() {
            IpAddr::V4(ip) => {
                value[1] = 1;
                value[4..8].copy_from_slice(&ip.octets());
                4
            }
            IpAddr::V6(ip) => {
                value[1] = 2;
                value[4..].copy_from_slice(&ip.octets());
                16
            }
        };
        for (byte, mask) in value[4..4 + address].iter_mut().zip(cookie_and_transaction) {
            *byte ^= mask;
        }
        reply.attribute(attribute::XOR_MAPPED_ADDRESS, &value[..4 + address]);
        reply.integrity(password);
        reply.finish()
    }

    /// An error response (RFC 8489 section 6.3.3), or `None` where it would be longer than the
    /// request: we never amplify. `password` signs it, which a 401 cannot be (section 9.1.3).
    pub(super) fn error(&self, code: u16, password: Option<&hmac::Key>) -> Option<Vec<u8>> {
        let mut reply = Builder::new(0x0111, self.transaction());
        let value = [0, 0, (code / 100) as u8, (code % 100) as u8];
        reply.attribute(attribute::ERROR_CODE, &value);
        if let Some(password) = password {
            reply.integrity(password);
        }
        let reply = reply.finish();
        (reply.len() <= self.bytes.len()).then_some(reply)
    }
}

impl<'a> Attributes<'a> {
    fn read(&mut self, kind: u16, value: &'a [u8], at: usize) -> Result<(), TransportError> {
        match kind {
            attribute::USERNAME => {
                let text = std::str::from_utf8(value).map_err(|_| TransportError::Malformed)?;
                self.user_name = Some(text.split_once(':').ok_or(TransportError::Malformed)?);
            }
            attribute::MESSAGE_INTEGRITY if value.len() == INTEGRITY => self.integrity = Some(at),
            attribute::PRIORITY => {
                let bytes = value.try_into().map_err(|_| TransportError::Malformed)?;
                self.priority = Some(u32::from_be_bytes(bytes));
            }
            attribute::USE_CANDIDATE => self.use_candidate = true,
            attribute::ICE_CONTROLLED => self.controlled = true,
            // Types below 0x8000 must be understood (RFC 8489 section 14).
            0x0000..=0x7fff => self.unknown = true,
            _ => {}
        }
        Ok(())
    }
}

/// HMAC-SHA1 over the message up to the attribute at `at`, with the length that it would have if it
/// ended behind that attribute (RFC 8489 section 14.5).
fn integrity(bytes: &[u8], at: usize, password: &hmac::Key) -> [u8; INTEGRITY] {
    let length = (at + 4 + INTEGRITY - HEADER) as u16;
    let mut context = hmac::Context::with_key(password);
    context.update(&bytes[..2]);
    context.update(&length.to_be_bytes());
    context.update(&bytes[4..at]);
    *context.sign().as_ref().first_chunk().expect("SHA-1 gives 20 bytes")
}

struct Builder {
    bytes: Vec<u8>,
}

impl Builder {
    fn new(kind: u16, transaction: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(MAGIC.to_be_bytes());
        bytes.extend(transaction);
        Self { bytes }
    }

    /// Appends an attribute whose length is a multiple of four.
    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend((value.len() as u16).to_be_bytes());
        self.bytes.extend(value);
        self.set_length(0);
    }

    fn integrity(&mut self, password: &hmac::Key) {
        let value = integrity(&self.bytes, self.bytes.len(), password);
        self.attribute(attribute::MESSAGE_INTEGRITY, &value);
    }

    fn finish(mut self) -> Vec<u8> {
        self.set_length(8);
        let value = fingerprint_value(&self.bytes).to_be_bytes();
        self.attribute(attribute::FINGERPRINT, &value);
        self.bytes
    }

    fn set_length(&mut self, more: usize) {
        let length = (self.bytes.len() - HEADER + more) as u16;
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// The key of a password (RFC 8489 section 9.1.1: short-term credentials).
pub(super) fn password_key(password: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2.1, password `VOkJxbRl1RmTxUk/WvJxBt`.
    const REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\
        \xfa\x87\xdf\xae\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\
        \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09\x65\x76\x74\x6a\
        \x3a\x68\x36\x76\x59\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\
        \x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    fn key() -> hmac::Key {
        password_key("VOkJxbRl1RmTxUk/WvJxBt")
    }

    #[test]
    fn the_request_of_rfc_5769_is_read_and_authentic() {
        let message = Message::parse(REQUEST).unwrap();
        let attributes = message.attributes().unwrap();
        assert_eq!(attributes.user_name, Some(("evtj", "h6vY")));
        assert_eq!(attributes.priority, Some(0x6e00_01ff));
        assert!(attributes.fingerprint && attributes.controlled && !attributes.unknown);
        assert!(message.is_authentic(&attributes, &key()));
        assert!(!message.is_authentic(&attributes, &password_key("another")));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..REQUEST.len() * 8 {
            let mut bytes = REQUEST.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let accepted = Message::parse(&bytes).is_ok_and(|message| {
                message.attributes().is_ok_and(|attributes| {
                    attributes.fingerprint && message.is_authentic(&attributes, &key())
                })
            });
            assert!(!accepted, "bit {bit}");
        }
    }

    #[test]
    fn every_prefix_and_any_junk_are_refused_without_panic() {
        for end in 0..REQUEST.len() {
            assert!(Message::parse(&REQUEST[..end]).is_err());
        }
        let mut state = 7_u32;
        for round in 0..20_000 {
            let mut bytes = REQUEST.to_vec();
            for _ in 0..1 + round % 8 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = HEADER + (state >> 8) as usize % (REQUEST.len() - HEADER);
                bytes[at] = (state >> 24) as u8;
            }
            if let Ok(attributes) = Message::parse(&bytes).unwrap().attributes() {
                Message::parse(&bytes).unwrap().is_authentic(&attributes, &key());
            }
        }
    }

    #[test]
    fn the_published_reader_understands_our_replies() {
        use rtc_stun::{
            error_code::ErrorCodeAttribute,
            fingerprint::FINGERPRINT,
            integrity::MessageIntegrity,
            message::{Getter as _, Message as Published},
            xoraddr::XorMappedAddress,
        };
        let request = Message::parse(REQUEST).unwrap();
        for seen in ["192.0.2.7:4000", "[2001:db8::7]:4000"] {
            let seen: SocketAddr = seen.parse().unwrap();
            let reply = request.success(seen, &key());
            let mut message = Published::new();
            message.unmarshal_binary(&reply).unwrap();
            FINGERPRINT.check(&message).unwrap();
            let provider = rtc_crypto::providers::RingProvider::new();
            let crypto = rtc_crypto::RTCCryptoProvider::crypto(&provider);
            MessageIntegrity::check(&mut message, b"VOkJxbRl1RmTxUk/WvJxBt", crypto).unwrap();
            let mut address = XorMappedAddress::default();
            address.get_from(&message).unwrap();
            assert_eq!(SocketAddr::new(address.ip, address.port), seen);
        }
        let reply = request.error(487, None).unwrap();
        assert!(reply.len() <= REQUEST.len());
        let mut message = Published::new();
        message.unmarshal_binary(&reply).unwrap();
        FINGERPRINT.check(&message).unwrap();
        let mut code = ErrorCodeAttribute::default();
        code.get_from(&message).unwrap();
        assert_eq!(code.code.0, 487);
    }
}
