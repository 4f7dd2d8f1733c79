//! The one thing that must be known before the handshake starts: which SRTP profiles the client
//! offers (RFC 5764 section 4.1.1).
//!
//! `rtc-dtls` takes the first profile in the client's order that is allowed, and browsers put
//! AES-CM first. So the ClientHello is read here, and only the profile that we prefer is allowed.

use crate::shard::transport::SrtpProfile;

/// Why a ClientHello cannot lead to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Not a ClientHello, or its fields do not fit.
    #[error("malformed ClientHello")]
    Malformed,
    /// It offers no SRTP profile that we have, or none at all.
    #[error("no common SRTP profile")]
    NoProfile,
}

const CLIENT_HELLO: u8 = 1;
const USE_SRTP: u16 = 14;

/// The profiles that a ClientHello (handshake header included) offers and we have, ours first.
///
/// # Errors
/// [`HelloError`].
pub fn offered_profiles(message: &[u8]) -> Result<Vec<SrtpProfile>, HelloError> {
    let mut hello = Reader(message);
    if hello.take(12)?.first() != Some(&CLIENT_HELLO) {
        return Err(HelloError::Malformed);
    }
    hello.take(2 + 32)?; // version, random
    hello.vector8()?; // session
    hello.vector8()?; // cookie
    hello.vector16()?; // cipher suites
    hello.vector8()?; // compression methods
    let mut extensions = Reader(hello.vector16()?);
    let mut offered = &[][..];
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let value = extensions.vector16()?;
        if kind == USE_SRTP {
            offered = Reader(value).vector16()?;
        }
    }
    let offers = |id: u16| offered.chunks_exact(2).any(|profile| *profile == id.to_be_bytes());
    let ours = [(0x0007, SrtpProfile::AeadAes128Gcm), (0x0001, SrtpProfile::Aes128CmHmacSha1_80)];
    let common: Vec<_> =
        ours.into_iter().filter(|(id, _)| offers(*id)).map(|(_, profile)| profile).collect();
    if common.is_empty() { Err(HelloError::NoProfile) } else { Ok(common) }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], HelloError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(HelloError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, HelloError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(HelloError::Malformed)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*taken))
    }

    fn vector8(&mut self) -> Result<&'a [u8], HelloError> {
        let len = self.take(1)?[0];
        self.take(len.into())
    }

    fn vector16(&mut self) -> Result<&'a [u8], HelloError> {
        let len = self.u16()?;
        self.take(len.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(profiles: &[u16]) -> Vec<u8> {
        let mut message = vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xfd];
        message.extend([7; 32]);
        message.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        let mut extensions = vec![0xff, 0x01, 0, 1, 0];
        if !profiles.is_empty() {
            let len = profiles.len() as u8 * 2;
            extensions.extend([0, 14, 0, len + 3, 0, len]);
            extensions.extend(profiles.iter().flat_map(|profile| profile.to_be_bytes()));
            extensions.push(0);
        }
        message.extend((extensions.len() as u16).to_be_bytes());
        message.extend(extensions);
        message
    }

    #[test]
    fn gcm_comes_first_wherever_the_client_puts_it() {
        use SrtpProfile::{AeadAes128Gcm as Gcm, Aes128CmHmacSha1_80 as Cm};
        assert_eq!(offered_profiles(&hello(&[1, 8, 7])), Ok(vec![Gcm, Cm]));
        assert_eq!(offered_profiles(&hello(&[1, 2])), Ok(vec![Cm]));
        assert_eq!(offered_profiles(&hello(&[7])), Ok(vec![Gcm]));
        assert_eq!(offered_profiles(&hello(&[8])), Err(HelloError::NoProfile));
        assert_eq!(offered_profiles(&hello(&[])), Err(HelloError::NoProfile));
    }

    /// What the browser test captured: two fragments each, with a post-quantum key share and DTLS 1.3
    /// beside 1.2.
    #[test]
    fn the_hellos_of_real_browsers_are_read_in_either_order_of_their_fragments() {
        use super::super::{reassembly::Reassembly, records::Records};
        let samples: [[&[u8]; 2]; 2] = [
            [
                include_bytes!("samples/chromium-156-hello-1.bin"),
                include_bytes!("samples/chromium-156-hello-2.bin"),
            ],
            [
                include_bytes!("samples/firefox-153-hello-1.bin"),
                include_bytes!("samples/firefox-153-hello-2.bin"),
            ],
        ];
        for [first, second] in samples {
            for datagrams in [[first, second], [second, first]] {
                let mut reassembly = Reassembly::default();
                for datagram in datagrams {
                    assert_eq!(reassembly.pop(), None);
                    for record in Records::new(datagram) {
                        reassembly.push(record.body);
                    }
                }
                let profiles = offered_profiles(&reassembly.pop().unwrap()).unwrap();
                assert_eq!(profiles[0], SrtpProfile::AeadAes128Gcm);
                assert_eq!(profiles.len(), 2);
            }
        }
    }

    #[test]
    fn every_prefix_of_a_hello_is_malformed() {
        let whole = hello(&[1, 8, 7]);
        for end in 0..whole.len() {
            assert_eq!(offered_profiles(&whole[..end]), Err(HelloError::Malformed), "{end}");
        }
    }
}
