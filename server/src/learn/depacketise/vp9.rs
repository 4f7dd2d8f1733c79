//! VP9: the payload descriptor (RFC 9628 section 4.2) and the uncompressed header (VP9 bitstream
//! specification, section 6.2).

use super::{Malformed, Part, Size, bits::Bits};

/// What a payload is of its frame and where its data begin; and whether it is the last of that frame.
pub(super) fn part(payload: &[u8], marker: bool) -> Result<((Part, usize), bool), Malformed> {
    let byte = |at: usize| payload.get(at).copied().ok_or(Malformed);
    let flags = byte(0)?;
    let (predicted, flexible) = (flags & 0x40 != 0, flags & 0x10 != 0);
    let (begins, ends) = (flags & 0x08 != 0, flags & 0x04 != 0);
    let mut at = 1;
    if flags & 0x80 != 0 {
        at += if byte(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    let mut spatial = 0;
    if flags & 0x20 != 0 {
        spatial = byte(at)? >> 1 & 0x07;
        at += if flexible { 1 } else { 2 };
    }
    if flexible && predicted {
        // At most three references, each but the last with its lowest bit set.
        let more = (0..3).take_while(|&index| payload.get(at + index).is_some_and(|b| b & 1 == 1));
        at += (more.count() + 1).min(3);
    }
    if flags & 0x02 != 0 {
        at = skip_structure(payload, at)?;
    }
    if spatial > 0 {
        return Ok(((Part::Other, at), false));
    }
    Ok(((if begins { Part::First } else { Part::Next }, at), ends || marker))
}

/// The end of a scalability structure that begins at `at`.
fn skip_structure(payload: &[u8], mut at: usize) -> Result<usize, Malformed> {
    let byte = |at: usize| payload.get(at).copied().ok_or(Malformed);
    let head = byte(at)?;
    at += 1;
    if head & 0x10 != 0 {
        at += (usize::from(head >> 5) + 1) * 4;
    }
    if head & 0x08 != 0 {
        let pictures = byte(at)?;
        at += 1;
        for _ in 0..pictures {
            at += 1 + usize::from(byte(at)? >> 2 & 0x03);
        }
    }
    Ok(at)
}

/// The size of a keyframe of profile 0, the only one that is negotiated.
pub(super) fn keyframe(frame: &[u8]) -> Option<Size> {
    let mut bits = Bits::new(frame);
    let marker_and_profile = bits.take(4)?;
    let shows_existing = bits.flag()?;
    let is_inter = bits.flag()?;
    if marker_and_profile != 0b1000 || shows_existing || is_inter {
        return None;
    }
    bits.take(2)?; // show_frame, error_resilient_mode
    if bits.take(24)? != 0x49_83_42 {
        return None;
    }
    let colour_space = bits.take(3)?;
    if colour_space == 7 {
        return None; // RGB, which profile 0 has not
    }
    bits.take(1)?; // color_range
    Some(Size { width: bits.take(16)? + 1, height: bits.take(16)? + 1 })
}
