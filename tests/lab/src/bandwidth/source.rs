//! What the rooms would send: a voice, and cameras in three layers each.

use sotto_core::bandwidth::{Demand, PacketClass};

use crate::Rng;

/// Bits per second of the layers of a camera on the wire, smallest first.
const LAYERS: [u64; 3] = [100_000, 350_000, 1_200_000];
const FRAMES_PER_SECOND: u64 = 25;
/// Size of a keyframe, in frames of the usual size.
const KEYFRAME: f64 = 8.0;
/// Largest packet on the wire.
const PACKET_BYTES: u32 = 1_200;
/// Opus at 24 kbit/s, one packet each 20 ms, with all headers.
const VOICE_BYTES: u32 = 124;
const VOICE_US: u64 = 20_000;
/// Bits per second of the voice.
const VOICE: u64 = VOICE_BYTES as u64 * 8 * 1_000_000 / VOICE_US;
/// An estimate is acted upon when it changed by this share, or this long after the last time.
const SHARE: f64 = 0.15;
const AFTER_US: u64 = 5_000_000;

/// Bits per second of everything in its best layer.
pub(super) const fn wanted(cameras: usize) -> u64 {
    VOICE + LAYERS[2] * cameras as u64
}

/// One packet to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct MediaPacket {
    pub(super) bytes: u32,
    pub(super) class: PacketClass,
    /// Whose picture it is part of.
    pub(super) camera: usize,
}

/// Cameras and a voice.
#[derive(Debug)]
pub(super) struct Source {
    rng: Rng,
    cameras: Vec<Camera>,
    voice_us: u64,
    allocated: Option<(u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Camera {
    /// The layer that is sent; `None`: the picture is paused.
    layer: Option<usize>,
    next_us: u64,
    keyframe: bool,
}

impl Source {
    pub(super) fn new(cameras: usize, seed: u64) -> Self {
        let camera = |n: usize| Camera { layer: None, next_us: n as u64 * 7_000, keyframe: true };
        Self {
            rng: Rng::new(seed),
            cameras: (0..cameras).map(camera).collect(),
            voice_us: 0,
            allocated: None,
        }
    }

    /// Follows the estimate: every camera's smallest layer first, then improvements in order. What
    /// is wanted then, if the choice was looked at again.
    pub(super) fn allocate(&mut self, now_us: u64, estimate: u64) -> Option<Demand> {
        if let Some((at_us, before)) = self.allocated {
            let change = (estimate as f64 / before as f64 - 1.0).abs();
            if change < SHARE && now_us < at_us + AFTER_US {
                return None;
            }
        }
        self.allocated = Some((now_us, estimate));
        let mut layers = vec![None; self.cameras.len()];
        let mut used = VOICE;
        let mut next_step = None;
        'improve: for (layer, rate) in LAYERS.iter().enumerate() {
            for chosen in &mut layers {
                let more = rate - chosen.map_or(0, |l: usize| LAYERS[l]);
                if used + more > estimate {
                    next_step = Some(used + more);
                    break 'improve;
                }
                used += more;
                *chosen = Some(layer);
            }
        }
        for (camera, layer) in self.cameras.iter_mut().zip(layers) {
            camera.keyframe |= camera.layer != layer;
            camera.layer = layer;
        }
        let wanted = wanted(self.cameras.len());
        Some(Demand { allocated: used, wanted, next_step })
    }

    /// The pictures of a camera were dropped: it begins again.
    pub(super) fn restart(&mut self, camera: usize) {
        self.cameras[camera].keyframe = true;
    }

    /// What is to be sent up to `now_us`.
    pub(super) fn packets(&mut self, now_us: u64, out: &mut Vec<MediaPacket>) {
        while self.voice_us <= now_us {
            self.voice_us += VOICE_US;
            out.push(MediaPacket { bytes: VOICE_BYTES, class: PacketClass::Audio, camera: 0 });
        }
        for (index, camera) in self.cameras.iter_mut().enumerate() {
            while camera.next_us <= now_us {
                camera.next_us += 1_000_000 / FRAMES_PER_SECOND;
                let Some(layer) = camera.layer else { continue };
                let mean = LAYERS[layer] as f64 / 8.0 / FRAMES_PER_SECOND as f64;
                let size = if std::mem::take(&mut camera.keyframe) { KEYFRAME } else { 1.0 };
                let mut bytes = (mean * size * (0.7 + 0.6 * self.rng.unit())) as u32;
                while bytes > 0 {
                    let packet = bytes.clamp(80, PACKET_BYTES);
                    bytes = bytes.saturating_sub(packet);
                    out.push(MediaPacket {
                        bytes: packet,
                        class: PacketClass::Video,
                        camera: index,
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_was_allocated() {
        let mut source = Source::new(6, 1);
        let demand = source.allocate(0, 2_000_000).unwrap();
        assert_eq!(demand.allocated, VOICE + 6 * 100_000 + 5 * 250_000);
        assert_eq!(demand.next_step, Some(demand.allocated + 250_000));
        assert!(source.allocate(1_000, 2_100_000).is_none(), "not for five per cent");
        let mut packets = Vec::new();
        source.packets(20_000_000, &mut packets);
        let bits = packets.iter().map(|p| u64::from(p.bytes) * 8).sum::<u64>() / 20;
        assert!(bits.abs_diff(demand.allocated) < demand.allocated / 20, "{bits}");
    }
}
