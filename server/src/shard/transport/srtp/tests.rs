//! Test vectors, a second opinion, and what a hostile peer may try.

use rtc_crypto::{RTCCryptoProvider as _, providers::RingProvider};
use rtc_srtp::{context::Context, protection_profile::ProtectionProfile};

use super::{gcm::Gcm, keys::MasterKey, *};
use crate::shard::transport::{SEAL_OVERHEAD, SrtpProfile, TransportError};

const PROFILES: [SrtpProfile; 2] = [SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmHmacSha1_80];

const RTP: &str = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064\
                   697669736120696e207061727465732074726573";
const SRTP: &str = "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd5\
                    0d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce";
const RTCP: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61\
                    deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";
const SRTCP: &str = "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32d\
                     c676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf872\
                     45d9eade800005d4";

#[test]
fn the_rtp_vector_of_rfc_7714_section_16_1_is_sealed_and_opened() {
    let mut buffer = unhex(RTP);
    let len = buffer.len();
    buffer.resize(len + 16, 0);
    let sealed = Sealer::with_gcm(vector_keys(), &[], 0).seal_rtp(&mut buffer, len);
    assert_eq!((sealed, &buffer), (Ok(len + 16), &unhex(SRTP)));
    assert_eq!(Opener::with_gcm(vector_keys()).open_rtp(&mut buffer), Ok(len));
    assert_eq!(buffer[..len], unhex(RTP));
}

#[test]
fn the_rtcp_vector_of_rfc_7714_section_17_1_is_sealed_and_opened() {
    let mut buffer = unhex(RTCP);
    let len = buffer.len();
    buffer.resize(len + 20, 0);
    let sealed = Sealer::with_gcm(vector_keys(), &[], 0x5d4).seal_rtcp(&mut buffer, len);
    assert_eq!((sealed, &buffer), (Ok(len + 20), &unhex(SRTCP)));
    assert_eq!(Opener::with_gcm(vector_keys()).open_rtcp(&mut buffer), Ok(len));
    assert_eq!(buffer[..len], unhex(RTCP));
}

/// The tagged but unencrypted packet of RFC 7714 section 17.3.
#[test]
fn rtcp_without_encryption_is_refused() {
    let mut packet = unhex(RTCP);
    packet.extend(unhex("841dd9683dd78ec92ae58790125f62b3000005d4"));
    let opened = Opener::with_gcm(vector_keys()).open_rtcp(&mut packet);
    assert_eq!(opened, Err(TransportError::Malformed));
}

#[test]
fn the_published_context_reads_what_we_seal_and_we_read_what_it_seals() {
    for profile in PROFILES {
        let mut ours = Sealer::new(profile, &master());
        let mut reader = Opener::new(profile, &master());
        let (mut theirs, mut their_reader) = (published(profile), published(profile));
        // Across two roll-overs of two sources, payloads and headers of all sizes.
        for step in 0..150_000_u32 {
            if step % 7 != 0 && step % 65_536 > 40 && step % 65_536 < 65_500 {
                continue;
            }
            let ssrc = 0x1111_0000 | (step % 2);
            let packet = rtp(ssrc, (step / 2 + 60_000) as u16, (step % 1_150) as usize);
            let sealed = seal_rtp(&mut ours, &packet).unwrap();
            let their_sealed = theirs.encrypt_rtp(&packet).unwrap();
            assert_eq!(sealed, their_sealed, "{profile:?} at {step}");
            assert_eq!(their_reader.decrypt_rtp(&sealed).unwrap(), packet);
            let mut buffer = sealed.clone();
            let len = reader.open_rtp(&mut buffer).unwrap();
            assert_eq!(buffer[..len], packet);
        }
    }
}

#[test]
fn the_published_context_reads_our_rtcp_and_we_read_its() {
    for profile in PROFILES {
        let mut ours = Sealer::new(profile, &master());
        let mut reader = Opener::new(profile, &master());
        let (mut theirs, mut their_reader) = (published(profile), published(profile));
        for words in 1..100_u16 {
            let mut packet = vec![0x80, 201];
            packet.extend(words.to_be_bytes());
            packet.extend((0..4 * words).map(|byte| byte as u8));
            let sealed = seal_rtcp(&mut ours, &packet).unwrap();
            assert_eq!(their_reader.decrypt_rtcp(&sealed).unwrap(), packet);
            let mut buffer = theirs.encrypt_rtcp(&packet).unwrap();
            let len = reader.open_rtcp(&mut buffer).unwrap();
            assert_eq!(buffer[..len], packet);
            let again = &mut theirs.encrypt_rtcp(&packet).unwrap()[..];
            again[9] ^= 1;
            assert_eq!(reader.open_rtcp(again), Err(TransportError::Unauthenticated));
        }
    }
}

#[test]
fn an_index_is_sealed_only_once_whatever_the_order() {
    for profile in PROFILES {
        let mut sealer = Sealer::new(profile, &master());
        for seq in [10, 12, 11] {
            seal_rtp(&mut sealer, &rtp(7, seq, 5)).unwrap();
        }
        for seq in [10, 11, 12] {
            let again = seal_rtp(&mut sealer, &rtp(7, seq, 6));
            assert_eq!(again, Err(TransportError::Replayed));
        }
        seal_rtp(&mut sealer, &rtp(7, 2_000, 5)).unwrap();
        let too_old = seal_rtp(&mut sealer, &rtp(7, 13, 5));
        assert_eq!(too_old, Err(TransportError::Replayed));
        assert!(seal_rtp(&mut sealer, &rtp(8, 13, 5)).is_ok(), "another source is another nonce");
    }
}

#[test]
fn a_packet_is_opened_only_once() {
    for profile in PROFILES {
        let mut sealer = Sealer::new(profile, &master());
        let mut opener = Opener::new(profile, &master());
        let sealed = seal_rtp(&mut sealer, &rtp(7, 1, 50)).unwrap();
        assert!(opener.open_rtp(&mut sealed.clone()).is_ok());
        assert_eq!(opener.open_rtp(&mut sealed.clone()), Err(TransportError::Replayed));
        let report = seal_rtcp(&mut sealer, &[0x80, 201, 0, 1, 0, 0, 0, 7]).unwrap();
        assert!(opener.open_rtcp(&mut report.clone()).is_ok());
        assert_eq!(opener.open_rtcp(&mut report.clone()), Err(TransportError::Replayed));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed_and_changes_no_state() {
    for profile in PROFILES {
        let mut sealer = Sealer::new(profile, &master());
        let mut opener = Opener::new(profile, &master());
        let sealed = seal_rtp(&mut sealer, &rtp(7, 40_000, 20)).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut packet = sealed.clone();
            packet[bit / 8] ^= 1 << (bit % 8);
            assert!(opener.open_rtp(&mut packet).is_err(), "{profile:?} bit {bit}");
        }
        assert!(opener.open_rtp(&mut sealed.clone()).is_ok());
    }
}

#[test]
fn junk_of_every_length_is_refused_without_panic() {
    for profile in PROFILES {
        let mut sealer = Sealer::new(profile, &master());
        let mut opener = Opener::new(profile, &master());
        let mut state = 1_u32;
        for len in 0..400 {
            let mut packet: Vec<u8> = (0..len)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            for first in [0x80, 0x8f, 0x90, 0xbf, 0x00] {
                if let Some(byte) = packet.first_mut() {
                    *byte = first;
                }
                assert!(opener.open_rtp(&mut packet.clone()).is_err());
                assert!(opener.open_rtcp(&mut packet.clone()).is_err());
                assert_eq!(
                    sealer.seal_rtp(&mut packet.clone(), len + 1),
                    Err(TransportError::BufferTooSmall)
                );
                assert!(sealer.seal_rtp(&mut packet.clone(), len).is_err());
                assert!(sealer.seal_rtcp(&mut packet.clone(), len).is_err());
            }
        }
    }
}

#[test]
fn sources_are_bounded_on_both_sides() {
    let profile = SrtpProfile::AeadAes128Gcm;
    let mut sealer = Sealer::new(profile, &master());
    let mut opener = Opener::new(profile, &master());
    for ssrc in 0..MAX_SEALED_SOURCES as u32 {
        let mut sealed = seal_rtp(&mut sealer, &rtp(ssrc, 1, 1)).unwrap();
        let expected = (ssrc as usize) < MAX_OPENED_SOURCES;
        assert_eq!(opener.open_rtp(&mut sealed).is_ok(), expected, "{ssrc}");
    }
    let one_more = seal_rtp(&mut sealer, &rtp(u32::MAX, 1, 1));
    assert_eq!(one_more, Err(TransportError::TooManySources));
    assert!(seal_rtp(&mut sealer, &rtp(0, 2, 1)).is_ok(), "known sources go on");
}

#[test]
fn exported_material_is_cut_as_rfc_5764_says() {
    let material: Vec<u8> = (0..60).collect();
    let keys = Keys::from_exported(SrtpProfile::Aes128CmHmacSha1_80, &material).unwrap();
    assert_eq!((keys.client.key[0], keys.server.key[0]), (0, 16));
    assert_eq!((keys.client.salt[0], keys.server.salt[0]), (32, 46));
    let keys = Keys::from_exported(SrtpProfile::AeadAes128Gcm, &material[..56]).unwrap();
    assert_eq!((keys.client.salt[0], keys.server.salt[0]), (32, 44));
    assert_eq!(keys.server.salt[12..], [0, 0]);
    assert_eq!(Keys::from_exported(SrtpProfile::AeadAes128Gcm, &material), None);
}

fn vector_keys() -> Gcm {
    let key = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_be_bytes();
    Gcm::from_session_key(key, *b"Quid pro quo")
}

fn master() -> MasterKey {
    let mut salt = [0; 14];
    salt[..12].copy_from_slice(b"twelve bytes");
    MasterKey { key: *b"sixteen byte key", salt }
}

fn published(profile: SrtpProfile) -> Context {
    let (profile, salt) = match profile {
        SrtpProfile::AeadAes128Gcm => (ProtectionProfile::AeadAes128Gcm, 12),
        SrtpProfile::Aes128CmHmacSha1_80 => (ProtectionProfile::Aes128CmHmacSha1_80, 14),
    };
    let (provider, master) = (RingProvider::new(), master());
    Context::new(&master.key, &master.salt[..salt], profile, None, None, provider.crypto()).unwrap()
}

fn rtp(ssrc: u32, seq: u16, payload: usize) -> Vec<u8> {
    let mut packet = vec![0x91, 111];
    packet.extend(seq.to_be_bytes());
    packet.extend([1, 2, 3, 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([9, 9, 9, 9, 0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]);
    packet.extend((0..payload).map(|byte| byte as u8));
    packet
}

fn seal_rtp(sealer: &mut Sealer, packet: &[u8]) -> Result<Vec<u8>, TransportError> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + SEAL_OVERHEAD, 0);
    let len = sealer.seal_rtp(&mut buffer, packet.len())?;
    buffer.truncate(len);
    Ok(buffer)
}

fn seal_rtcp(sealer: &mut Sealer, packet: &[u8]) -> Result<Vec<u8>, TransportError> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + SEAL_OVERHEAD, 0);
    let len = sealer.seal_rtcp(&mut buffer, packet.len())?;
    buffer.truncate(len);
    Ok(buffer)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}
