//! AV1: payloads (RTP Payload Format For AV1, section 4) to temporal units, and the size that a sequence
//! header says (AV1 specification, section 5.5).

use super::{MAX_FRAME_LEN, Malformed, Size, bits::Bits};

/// OBU types (AV1 specification, section 6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
/// A temporal delimiter with its size, which is nothing.
const DELIMITER: [u8; 2] = [TEMPORAL_DELIMITER << 3 | HAS_SIZE, 0];

const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;

/// Appends the OBUs of a payload, each with its size; what is not whole yet stays in `fragment`.
pub(super) fn append(
    payload: &[u8],
    fragment: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let (&header, mut rest) = payload.split_first().ok_or(Malformed)?;
    let continues = header & 0x80 != 0;
    let goes_on = header & 0x40 != 0;
    let count = header >> 4 & 0x03;
    if continues == fragment.is_empty() {
        return Err(Malformed); // the beginning, or the end, of an OBU did not come
    }
    if out.is_empty() && fragment.is_empty() {
        out.extend(DELIMITER);
    }
    let mut index = 0;
    while !rest.is_empty() {
        index += 1;
        // With a count, the last element has no length.
        let len = if count != 0 && index == count { rest.len() } else { leb128(&mut rest)? };
        let (element, after) = rest.split_at_checked(len).ok_or(Malformed)?;
        rest = after;
        fragment.extend_from_slice(element);
        if fragment.len() > MAX_FRAME_LEN || (count != 0 && index > count) {
            return Err(Malformed);
        }
        let is_whole = !(rest.is_empty() && goes_on);
        if is_whole {
            obu(fragment, out)?;
            fragment.clear();
        }
    }
    Ok(())
}

/// Appends one OBU with its size. Of several spatial layers the lowest; without what a decoder does not
/// need.
fn obu(obu: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let (&header, mut rest) = obu.split_first().ok_or(Malformed)?;
    let extension = match header & HAS_EXTENSION {
        0 => None,
        _ => {
            let (&extension, after) = rest.split_first().ok_or(Malformed)?;
            rest = after;
            Some(extension)
        }
    };
    if header & HAS_SIZE != 0 {
        let len = leb128(&mut rest)?;
        rest = rest.get(..len).ok_or(Malformed)?;
    }
    let is_upper = extension.is_some_and(|extension| extension >> 3 & 0x03 > 0);
    if is_upper || matches!(header >> 3 & 0x0f, TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
        return Ok(());
    }
    out.push(header | HAS_SIZE);
    out.extend(extension);
    let mut len = rest.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(rest);
    Ok(())
}

/// A length of at most four bytes, which is more than a frame may have.
fn leb128(rest: &mut &[u8]) -> Result<usize, Malformed> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let (&byte, after) = rest.split_first().ok_or(Malformed)?;
        *rest = after;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

/// The size in a temporal unit that begins a coded video sequence: a sequence header stands in front of
/// each keyframe.
pub(super) fn keyframe(unit: &[u8]) -> Option<Size> {
    let mut rest = unit;
    while let Some((&header, after)) = rest.split_first() {
        rest = after;
        if header & HAS_EXTENSION != 0 {
            rest = rest.get(1..)?;
        }
        let len = leb128(&mut rest).ok()?;
        let (body, after) = rest.split_at_checked(len)?;
        if header >> 3 & 0x0f == SEQUENCE_HEADER {
            return sequence(body);
        }
        rest = after;
    }
    None
}

fn sequence(body: &[u8]) -> Option<Size> {
    let mut bits = Bits::new(body);
    bits.take(4)?; // seq_profile, still_picture
    let reduced = bits.flag()?;
    if reduced {
        bits.take(5)?; // seq_level_idx
    } else {
        operating_points(&mut bits)?;
    }
    let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
    Some(Size { width: bits.take(width_bits)? + 1, height: bits.take(height_bits)? + 1 })
}

fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.take(32)?; // num_units_in_display_tick
        bits.take(32)?; // time_scale
        if bits.flag()? {
            bits.exp_golomb()?; // num_ticks_per_picture_minus_1
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? + 1);
            bits.take(32)?; // num_units_in_decoding_tick
            bits.take(10)?; // buffer_removal_time and frame_presentation_time lengths
        }
    }
    let has_initial_delay = bits.flag()?;
    for _ in 0..=bits.take(5)? {
        bits.take(12)?; // operating_point_idc
        if bits.take(5)? > 7 {
            bits.take(1)?; // seq_tier
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.take(delay_bits)?;
            bits.take(delay_bits)?;
            bits.take(1)?; // low_delay_mode_flag
        }
        if has_initial_delay && bits.flag()? {
            bits.take(4)?;
        }
    }
    Some(())
}
