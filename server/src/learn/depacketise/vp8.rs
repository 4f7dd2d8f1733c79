//! VP8: the payload descriptor (RFC 7741 section 4.2) and the frame header (RFC 6386 section 9.1).

use super::{Malformed, Part, Size};

/// What a payload is of its frame, and where its data begin.
pub(super) fn part(payload: &[u8]) -> Result<(Part, usize), Malformed> {
    let byte = |at: usize| payload.get(at).copied().ok_or(Malformed);
    let flags = byte(0)?;
    let mut at = 1;
    if flags & 0x80 != 0 {
        let control = byte(1)?;
        at = 2;
        if control & 0x80 != 0 {
            // The picture id has 15 bits where its first one is set.
            at += if byte(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(control & 0x40 != 0); // TL0PICIDX
        at += usize::from(control & 0x30 != 0); // TID or KEYIDX
    }
    let is_first = flags & 0x10 != 0 && flags & 0x07 == 0;
    Ok((if is_first { Part::First } else { Part::Next }, at))
}

/// The size of a keyframe.
pub(super) fn keyframe(frame: &[u8]) -> Option<Size> {
    let &[tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = frame.first_chunk()? else { return None };
    // The two highest bits of each side say how it is scaled.
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    (tag & 1 == 0).then(|| Size { width: side(w0, w1), height: side(h0, h1) })
}
