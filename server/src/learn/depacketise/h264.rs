//! H.264: payloads (RFC 6184, packetisation modes 0 and 1) to Annex B, and the size that a sequence
//! parameter set says (H.264 section 7.3.2.1.1).

use super::{MAX_FRAME_LEN, Malformed, Size, bits::Bits};

/// Slice of an instantaneous decoding refresh picture (H.264 table 7-1).
const IDR: u8 = 5;
/// Sequence parameter set.
const SPS: u8 = 7;
/// Several NAL units in one packet (RFC 6184 section 5.7.1).
const STAP_A: u8 = 24;
/// A fragment of a NAL unit (RFC 6184 section 5.8).
const FU_A: u8 = 28;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Appends the NAL units of a payload, each behind a start code.
pub(super) fn append(payload: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let (&header, rest) = payload.split_first().ok_or(Malformed)?;
    match header & 0x1f {
        1..=23 => unit(payload, out),
        STAP_A => {
            let mut rest = rest;
            while let Some((len, after)) = rest.split_first_chunk::<2>() {
                let len = usize::from(u16::from_be_bytes(*len));
                let (next, after) = after.split_at_checked(len).ok_or(Malformed)?;
                if next.is_empty() {
                    return Err(Malformed);
                }
                unit(next, out);
                rest = after;
            }
            if !rest.is_empty() {
                return Err(Malformed);
            }
        }
        FU_A => {
            let (&fragment, data) = rest.split_first().ok_or(Malformed)?;
            if fragment & 0x80 != 0 {
                unit(&[header & 0xe0 | fragment & 0x1f], out);
            } else if out.is_empty() {
                return Err(Malformed); // goes on from a unit that was not begun
            }
            out.extend_from_slice(data);
        }
        _ => return Err(Malformed),
    }
    Ok(())
}

fn unit(unit: &[u8], out: &mut Vec<u8>) {
    out.extend(START_CODE);
    out.extend_from_slice(unit);
}

/// The size of a picture that can be decoded alone: with its parameter set, as browsers send them.
pub(super) fn keyframe(frame: &[u8]) -> Option<Size> {
    let mut size = None;
    let mut is_idr = false;
    for unit in units(frame) {
        match unit.first()? & 0x1f {
            SPS => size = parameters(&unescaped(&unit[1..])),
            IDR => is_idr = true,
            _ => {}
        }
    }
    size.filter(|_| is_idr)
}

/// What stands behind start codes of three bytes. A zero in front of one is of the code.
fn units(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts: Vec<usize> = frame
        .windows(3)
        .enumerate()
        .filter(|(_, window)| *window == [0, 0, 1])
        .map(|(at, _)| at)
        .collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([frame.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| &frame[start + 3..end])
        .filter(|unit| !unit.is_empty())
}

/// Without the bytes that keep start codes out of a unit (H.264 section 7.3.1). Parameter sets are
/// short.
fn unescaped(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut zeros = 0;
    for &byte in unit.iter().take(MAX_FRAME_LEN.min(1_024)) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

fn parameters(set: &[u8]) -> Option<Size> {
    let mut bits = Bits::new(set);
    let profile = bits.take(8)?;
    bits.take(16)?; // constraints, level
    bits.exp_golomb()?; // seq_parameter_set_id
    let mut chroma = 1;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.exp_golomb()?;
        if chroma == 3 {
            bits.take(1)?; // separate_colour_plane_flag
        }
        bits.exp_golomb()?; // bit_depth_luma_minus8
        bits.exp_golomb()?; // bit_depth_chroma_minus8
        bits.take(1)?; // qpprime_y_zero_transform_bypass_flag
        if bits.flag()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.exp_golomb()?; // log2_max_frame_num_minus4
    match bits.exp_golomb()? {
        0 => {
            bits.exp_golomb()?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            bits.take(1)?; // delta_pic_order_always_zero_flag
            bits.signed_exp_golomb()?;
            bits.signed_exp_golomb()?;
            let count = bits.exp_golomb().filter(|&count| count < 256)?;
            (0..count).try_for_each(|_| bits.signed_exp_golomb().map(drop))?;
        }
        _ => {}
    }
    bits.exp_golomb()?; // max_num_ref_frames
    bits.take(1)?; // gaps_in_frame_num_value_allowed_flag
    let columns = bits.exp_golomb()?.checked_add(1)?;
    let map_rows = bits.exp_golomb()?.checked_add(1)?;
    let frames_only = bits.flag()?;
    if !frames_only {
        bits.take(1)?; // mb_adaptive_frame_field_flag
    }
    bits.take(1)?; // direct_8x8_inference_flag
    let mut cut = [0; 4];
    if bits.flag()? {
        for side in &mut cut {
            *side = bits.exp_golomb()?;
        }
    }
    let fields = if frames_only { 1 } else { 2 };
    // Cropping counts in pixels of chroma, and in both fields.
    let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
    let unit_y = if chroma == 1 { 2 } else { 1 } * fields;
    let [left, right, top, bottom] = cut;
    let side = |whole: Option<u32>, unit: u32, before: u32, after: u32| {
        whole?.checked_sub(before.checked_add(after)?.checked_mul(unit)?)
    };
    Some(Size {
        width: side(columns.checked_mul(16), unit_x, left, right)?,
        height: side(map_rows.checked_mul(16 * fields), unit_y, top, bottom)?,
    })
}

fn skip_scaling_list(bits: &mut Bits<'_>, len: u32) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..len {
        if next != 0 {
            next = (last + bits.signed_exp_golomb()?).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}
