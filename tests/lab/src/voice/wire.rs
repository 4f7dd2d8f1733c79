//! What payloads cost on the wire.

use sotto_codec::SOUND_RATE;
use sotto_frame::{Activity as Level, BundleWriter, Entry, MediaTime, PacketWriter, PluginId};

use super::activity::Activity;

/// Bytes around the payload of each packet: IPv4 20, UDP 8, RTP 12, the tag of SRTP's AES-GCM 16.
pub(crate) const HEADER_BYTES: usize = 20 + 8 + 12 + 16;

/// Talkers whose payloads are counted in one bundle.
pub(super) const BUNDLED: u32 = 3;

/// Bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Payloads alone.
    pub payload_bps: f64,
    /// With [`HEADER_BYTES`] for each packet.
    pub wire_bps: f64,
}

impl Rate {
    /// Of packets that each hold `packet_ms` and have `lens` bytes of payload, where somebody
    /// speaks in at least half of a packet. What is empty is not sent.
    ///
    /// A packet belongs to the samples that were pushed for it: codecs that look ahead put some
    /// of a sound into the packet after it.
    pub fn while_speaking(lens: &[usize], packet_ms: u32, activity: &Activity) -> Self {
        let samples = (SOUND_RATE / 1000 * packet_ms) as usize;
        let spoken = lens
            .iter()
            .enumerate()
            .filter(|(at, _)| activity.speaks(at * samples..(at + 1) * samples));
        Self::of(spoken.map(|(_, &len)| len), packet_ms)
    }

    /// Of all packets, pauses included.
    pub fn of(lens: impl Iterator<Item = usize>, packet_ms: u32) -> Self {
        let (mut packets, mut payload, mut wire) = (0, 0, 0);
        for len in lens {
            packets += 1;
            payload += len;
            wire += if len > 0 { len + HEADER_BYTES } else { 0 };
        }
        let seconds = f64::from(packets * packet_ms) / 1000.0;
        let per_second =
            |bytes: usize| if packets > 0 { bytes as f64 * 8.0 / seconds } else { 0.0 };
        Self { payload_bps: per_second(payload), wire_bps: per_second(wire) }
    }
}

/// Bytes of a payload in a packet of the model stream of its own, with all that goes around it
/// there; 0 for an empty one.
pub(super) fn in_packet(payload: &[u8], plugin: PluginId) -> usize {
    if payload.is_empty() {
        return 0;
    }
    let activity = Some(Level { level: 0, talking: true });
    let entry = Entry { plugin, epoch: 1, activity, payload };
    let mut bytes = Vec::new();
    let mut packet = PacketWriter::begin(&mut bytes, MediaTime(0), false);
    packet
        .entry(&entry)
        .and_then(|()| packet.finish())
        .expect("a plug-in writes payloads that an entry can hold")
}

/// Bytes of a bundle with a payload like this of each of [`BUNDLED`] talkers; 0 for an empty one.
pub(super) fn in_bundle(payload: &[u8], plugin: PluginId) -> usize {
    if payload.is_empty() {
        return 0;
    }
    let mut bytes = Vec::new();
    let mut bundle = BundleWriter::begin(&mut bytes);
    for participant in 1..=BUNDLED {
        let entry = Entry { plugin, epoch: 1, activity: None, payload };
        bundle.push_block(participant, 0, [entry]).expect("three voices fit into a bundle");
    }
    bundle.len()
}
