//! What an H.264 payload (RFC 6184, packetisation modes 0 and 1) says about its frame.

use super::VideoDescriptor;

/// Slice of an instantaneous decoding refresh picture (H.264 table 7-1).
const IDR: u8 = 5;
/// Sequence parameter set.
const SPS: u8 = 7;
/// Access unit delimiter.
const DELIMITER: u8 = 9;
/// Several NAL units in one packet (RFC 6184 section 5.7.1).
const STAP_A: u8 = 24;
/// A fragment of a NAL unit (RFC 6184 section 5.8).
const FU_A: u8 = 28;
/// S of a fragment: its first.
const FIRST_FRAGMENT: u8 = 0x80;

/// Reads the NAL unit headers of a payload; `None` where one is cut, or is of a kind that
/// packetisation mode 1 does not have.
pub(super) fn parse(payload: &[u8], opaque: bool) -> Option<VideoDescriptor> {
    let mut seen = Seen::default();
    let kind = payload.first()? & 0x1f;
    match kind {
        1..=23 => seen.unit(kind, payload.get(1).copied()),
        STAP_A => {
            let mut rest = &payload[1..];
            while let Some((len, after)) = rest.split_first_chunk::<2>() {
                let (unit, next) = after.split_at_checked(u16::from_be_bytes(*len).into())?;
                seen.unit(unit.first()? & 0x1f, unit.get(1).copied());
                rest = next;
            }
            if !rest.is_empty() {
                return None;
            }
        }
        FU_A => {
            let header = *payload.get(1)?;
            if header & FIRST_FRAGMENT != 0 {
                seen.unit(header & 0x1f, payload.get(2).copied());
            }
        }
        _ => return None,
    }
    Some(VideoDescriptor::H264 {
        start_of_frame: seen.start && !opaque,
        parameters: seen.parameters && !opaque,
        idr: seen.idr && !opaque,
    })
}

/// What the NAL units of one payload are.
#[derive(Default)]
struct Seen {
    start: bool,
    parameters: bool,
    idr: bool,
}

impl Seen {
    /// Takes the type of a unit, and the first byte of what follows its header.
    fn unit(&mut self, kind: u8, first: Option<u8>) {
        match kind {
            SPS => {
                self.start = true;
                self.parameters = true;
            }
            DELIMITER => self.start = true,
            1 | IDR => {
                // first_mb_in_slice is the first field, an Exp-Golomb code: zero is a single 1.
                let first_slice = first.is_some_and(|byte| byte & 0x80 != 0);
                self.start |= first_slice;
                self.idr |= kind == IDR && first_slice;
            }
            _ => {}
        }
    }
}
