//! IVF, the container in which ffmpeg hands over VP8: a 32-byte header, then frames with a
//! 12-byte header each, all little-endian.

use bytes::Bytes;

use super::{Clip, ClipError, Frame, vp8};

const FILE_HEADER: usize = 32;
const FRAME_HEADER: usize = 12;
const CLOCK_RATE: u32 = 90_000;

/// Reads a whole file.
///
/// # Errors
/// [`ClipError::Ivf`], and what is wrong.
pub fn read(bytes: &[u8]) -> Result<Clip, ClipError> {
    let header = bytes.get(..FILE_HEADER).ok_or(ClipError::Ivf("shorter than its header"))?;
    if &header[..4] != b"DKIF" || &header[8..12] != b"VP80" {
        return Err(ClipError::Ivf("not marked as VP8"));
    }
    let header_len = usize::from(u16::from_le_bytes([header[6], header[7]]));
    let rate = u64::from(le32(&header[16..20]));
    let scale = u64::from(le32(&header[20..24]));
    if rate == 0 || scale == 0 {
        return Err(ClipError::Ivf("time base of zero"));
    }

    let mut frames = Vec::new();
    let mut rest = bytes.get(header_len..).ok_or(ClipError::Ivf("shorter than its header"))?;
    while let Some((head, body)) = rest.split_at_checked(FRAME_HEADER) {
        let len = le32(&head[..4]) as usize;
        let ticks = u64::from(le32(&head[4..8])) | u64::from(le32(&head[8..12])) << 32;
        let (data, next) =
            body.split_at_checked(len).ok_or(ClipError::Ivf("ends inside a frame"))?;
        let at = ticks * scale * u64::from(CLOCK_RATE) / rate;
        let keyframe = vp8::is_keyframe(data);
        frames.push(Frame { at, keyframe, data: Bytes::copy_from_slice(data) });
        rest = next;
    }
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        return Err(ClipError::Ivf("no frames"));
    };
    if !first.keyframe {
        return Err(ClipError::Ivf("does not begin with a keyframe"));
    }
    let step = if frames.len() > 1 { last.at / (frames.len() as u64 - 1) } else { 3_000 };
    let duration = last.at + step.max(1);
    Ok(Clip { clock_rate: CLOCK_RATE, frames: frames.into(), duration })
}

/// A file header for a stream of frames counted in milliseconds, for ffmpeg's standard input. The
/// size matters to nobody: every keyframe carries its own.
pub fn stream_header(width: u16, height: u16) -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..4].copy_from_slice(b"DKIF");
    header[6..8].copy_from_slice(&(FILE_HEADER as u16).to_le_bytes());
    header[8..12].copy_from_slice(b"VP80");
    header[12..14].copy_from_slice(&width.to_le_bytes());
    header[14..16].copy_from_slice(&height.to_le_bytes());
    header[16..20].copy_from_slice(&1_000_u32.to_le_bytes());
    header[20..24].copy_from_slice(&1_u32.to_le_bytes());
    header
}

/// The header of one frame.
pub fn frame_header(len: usize, millis: u64) -> [u8; FRAME_HEADER] {
    let mut header = [0; FRAME_HEADER];
    header[..4].copy_from_slice(&(len as u32).to_le_bytes());
    header[4..].copy_from_slice(&millis.to_le_bytes());
    header
}

fn le32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_with_their_times_in_the_rtp_clock() {
        let mut file = stream_header(16, 16).to_vec();
        let keyframe = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00];
        file.extend(frame_header(keyframe.len(), 0));
        file.extend(keyframe);
        file.extend(frame_header(3, 40));
        file.extend([0x11, 0, 0]);
        let clip = read(&file).unwrap();
        let seen: Vec<_> = clip.frames.iter().map(|frame| (frame.at, frame.keyframe)).collect();
        assert_eq!(seen, [(0, true), (3_600, false)]);
        assert_eq!(clip.duration, 7_200);
    }

    #[test]
    fn a_truncated_file_is_refused() {
        let mut file = stream_header(16, 16).to_vec();
        file.extend(frame_header(100, 0));
        assert!(matches!(read(&file), Err(ClipError::Ivf(_))));
        assert!(matches!(read(b"DKIF"), Err(ClipError::Ivf(_))));
    }
}
