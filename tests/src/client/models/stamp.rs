//! Payloads that no encoder made: each says whose it is, of which epoch, which number it has, and
//! when it was sent, and what is behind that follows from it. So a receiver can tell whether every
//! byte came as it was sent and under the right name, whatever the headers around it say.
//!
//! ```text
//!  0    participant u32, short id      4    epoch u16, low bits
//!  6    counter u32                    10   sent at u64, microseconds since 1970
//!  18   bytes that follow from these and from the plug-in, until the end
//! ```

use sotto_frame::PluginId;

/// Fewest bytes of a payload with a stamp.
pub(super) const MIN_LEN: usize = HEADER_LEN + 2;

const HEADER_LEN: usize = 18;

/// What a payload says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Short id of the sender in its room.
    pub participant: u32,
    /// Low bits of the epoch.
    pub epoch: u16,
    /// Number among the payloads of its sender and plug-in.
    pub counter: u32,
    /// When it was sent, in microseconds since 1970: comparable on one machine.
    pub sent_us: u64,
}

impl Stamp {
    /// A payload of `len` bytes, or [`MIN_LEN`] if that is less.
    pub fn write(&self, plugin: PluginId, len: usize) -> Vec<u8> {
        let mut payload = Vec::with_capacity(len.max(MIN_LEN));
        payload.extend(self.participant.to_be_bytes());
        payload.extend(self.epoch.to_be_bytes());
        payload.extend(self.counter.to_be_bytes());
        payload.extend(self.sent_us.to_be_bytes());
        let filler = filler(plugin, &payload);
        payload.extend(filler.take(len.max(MIN_LEN) - HEADER_LEN));
        payload
    }

    /// What a payload says. `None`: it is not as it was sent, or not of that plug-in.
    pub fn read(plugin: PluginId, payload: &[u8]) -> Option<Self> {
        let (header, rest) = payload.split_first_chunk::<HEADER_LEN>()?;
        let whole = rest.len() >= MIN_LEN - HEADER_LEN
            && rest.iter().copied().eq(filler(plugin, header).take(rest.len()));
        let [p0, p1, p2, p3, e0, e1, c0, c1, c2, c3, sent @ ..] = *header;
        whole.then_some(Self {
            participant: u32::from_be_bytes([p0, p1, p2, p3]),
            epoch: u16::from_be_bytes([e0, e1]),
            counter: u32::from_be_bytes([c0, c1, c2, c3]),
            sent_us: u64::from_be_bytes(sent),
        })
    }
}

/// The bytes behind a header: a generator (Numerical Recipes) that begins with its hash (FNV-1a).
fn filler(plugin: PluginId, header: &[u8]) -> impl Iterator<Item = u8> + use<> {
    let bytes = header.iter().copied().chain([plugin.get()]);
    let seed = bytes
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    std::iter::successors(Some(seed), |state| {
        Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    })
    .map(|state| (state >> 24) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: Stamp =
        Stamp { participant: 300, epoch: 9, counter: 77, sent_us: 1_795_244_400_123_456 };

    #[test]
    fn a_payload_says_what_was_written_whatever_its_length() {
        for len in [0, MIN_LEN, 26, 1_100] {
            let payload = SAID.write(PluginId::VOICE, len);
            assert_eq!(payload.len(), len.max(MIN_LEN));
            assert_eq!(Stamp::read(PluginId::VOICE, &payload), Some(SAID));
        }
    }

    #[test]
    fn one_wrong_bit_another_length_or_another_plug_in_is_noticed() {
        let payload = SAID.write(PluginId::VOICE, 24);
        for bit in 0..payload.len() * 8 {
            let mut wrong = payload.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Stamp::read(PluginId::VOICE, &wrong), None, "bit {bit}");
        }
        assert_eq!(Stamp::read(PluginId::FACE, &payload), None);
        assert_eq!(Stamp::read(PluginId::VOICE, &payload[..19]), None);
    }
}
