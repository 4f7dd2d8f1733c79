//! Session keys from master keys: the pseudo-random function of RFC 3711 section 4.3.3, with a key
//! derivation rate of zero as DTLS-SRTP has it (RFC 5764 section 4.1.2).

use rtc_crypto::{BlockCipherAlgorithm, RTCCryptoProvider as _, providers::RingProvider};

use super::keys::MasterKey;

/// What a derived key is for (RFC 3711 section 4.3.2).
#[derive(Clone, Copy, Debug)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// Derives `N` bytes: AES in counter mode under the master key, from the salt with the label mixed
/// in, over zeros.
pub(super) fn derive<const N: usize>(master: &MasterKey, label: Label) -> [u8; N] {
    let provider = RingProvider::new();
    let mut counter = [0_u8; 16];
    counter[..14].copy_from_slice(&master.salt);
    counter[7] ^= label as u8;
    let mut out = [0; N];
    for (number, chunk) in (0_u16..).zip(out.chunks_mut(16)) {
        let mut block = counter;
        block[14..].copy_from_slice(&number.to_be_bytes());
        provider
            .crypto()
            .block_encrypt(BlockCipherAlgorithm::Aes128, &master.key, &mut block)
            .expect("AES-128 takes a 16-byte key and a 16-byte block");
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 appendix B.3.
    #[test]
    fn the_vectors_of_rfc_3711_appendix_b_3_come_out() {
        let master = MasterKey {
            key: 0xE1F9_7A0D_3E01_8BE0_D64F_A32C_06DE_4139_u128.to_be_bytes(),
            salt: [
                0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6,
            ],
        };
        assert_eq!(
            derive::<16>(&master, Label::RtpEncryption),
            0xC61E_7A93_744F_39EE_1073_4AFE_3FF7_A087_u128.to_be_bytes()
        );
        assert_eq!(
            derive::<14>(&master, Label::RtpSalt),
            [0x30, 0xCB, 0xBC, 0x08, 0x86, 0x3D, 0x8C, 0x85, 0xD4, 0x9D, 0xB3, 0x4A, 0x9A, 0xE1]
        );
        assert_eq!(
            derive::<20>(&master, Label::RtpAuthentication),
            [
                0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7, 0x71, 0x6B, 0x6F, 0xD4, 0xAB, 0x49, 0xAF, 0x25,
                0x6A, 0x15, 0x6D, 0x38, 0xBA, 0xA4
            ]
        );
    }
}
