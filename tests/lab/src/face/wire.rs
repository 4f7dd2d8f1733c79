//! What payloads cost on the wire.

use serde::Serialize;
use sotto_frame::{
    Entry, MediaTime, PacketWriter, PluginId,
    bundle::{block_len, entry_len},
};

use super::coded::Payload;
use crate::voice::wire::HEADER_BYTES;

/// Rates with all that is around payloads, in bit/s, one payload each 80 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct WireFigures {
    /// In packets of the model stream that hold nothing else.
    pub alone_bps: f64,
    /// Headers of those: IPv4 20, UDP 8, RTP 12, the tag of SRTP's AES-GCM 16, the packet's own.
    pub alone_headers_bps: f64,
    /// In a block of its own of a bundle that is sent anyway.
    pub bundled_bps: f64,
    /// Headers of those: the block's and the entry's.
    pub bundled_headers_bps: f64,
    /// The same in bytes an entry.
    pub bundled_header_bytes: f64,
}

impl WireFigures {
    pub(super) fn of(payloads: &[Payload], plugin: PluginId, seconds: f64) -> Self {
        let rate = |bytes: usize| bytes as f64 * 8.0 / seconds;
        let sum = |of: &dyn Fn(&[u8]) -> usize| -> usize {
            let sent = payloads.iter().filter(|payload| !payload.bytes.is_empty());
            sent.map(|payload| of(&payload.bytes)).sum()
        };
        let payload = sum(&|bytes| bytes.len());
        let alone = sum(&|bytes| HEADER_BYTES + in_packet(bytes, plugin));
        let bundled = sum(&|bytes| block_len(1, entry_len(bytes.len())));
        let entries = sum(&|_| 1).max(1);
        Self {
            alone_bps: rate(alone),
            alone_headers_bps: rate(alone - payload),
            bundled_bps: rate(bundled),
            bundled_headers_bps: rate(bundled - payload),
            bundled_header_bytes: (bundled - payload) as f64 / entries as f64,
        }
    }
}

/// Payload rate with the model's bytes over so many minutes, in bit/s.
pub(super) fn with_model(payload_bps: f64, model_bytes: usize, minutes: f64) -> f64 {
    payload_bps + model_bytes as f64 * 8.0 / (minutes * 60.0)
}

/// Payload rate in bit/s of those pictures that are `shown`: of each payload its share, over their
/// time.
pub(super) fn shown_rate(payloads: &[Payload], shown: &[bool], rate: f64) -> Option<f64> {
    let (mut bytes, mut pictures) = (0.0, 0);
    for payload in payloads {
        let of_payload = &shown[payload.pictures.clone()];
        let count = of_payload.iter().filter(|shown| **shown).count();
        bytes += payload.bytes.len() as f64 * count as f64 / of_payload.len() as f64;
        pictures += count;
    }
    (pictures > 0).then(|| bytes * 8.0 * rate / pictures as f64)
}

fn in_packet(payload: &[u8], plugin: PluginId) -> usize {
    let entry = Entry { plugin, epoch: 1, activity: None, payload };
    let mut bytes = Vec::new();
    let mut packet = PacketWriter::begin(&mut bytes, MediaTime(0), false);
    packet
        .entry(&entry)
        .and_then(|()| packet.finish())
        .expect("a plug-in writes payloads that an entry can hold")
}
