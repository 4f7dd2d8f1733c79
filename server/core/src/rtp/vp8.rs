//! The VP8 payload descriptor (RFC 7741 section 4.2) and the one bit of the payload header
//! (section 4.3) that tells a keyframe.

use super::{BuildError, VideoDescriptor};

/// X: extended control bits are present.
const EXTENDED: u8 = 0x80;
/// S: start of a partition.
const START: u8 = 0x10;
/// PID: partition index.
const PARTITION: u8 = 0x07;
/// I: picture id present.
const PICTURE_ID: u8 = 0x80;
/// L: TL0PICIDX present.
const TL0_PICTURE_INDEX: u8 = 0x40;
/// T: temporal layer present.
const TEMPORAL_LAYER: u8 = 0x20;
/// K: key index present, in the same byte as the temporal layer.
const KEY_INDEX: u8 = 0x10;
/// Y: the frame depends on temporal layer 0 alone.
const LAYER_SYNC: u8 = 0x20;
/// M: the picture id has 15 bits.
const LONG: u8 = 0x80;
/// P of the payload header, inverted: zero in keyframes.
const INTER_FRAME: u8 = 0x01;

/// Where the counters of a descriptor lie, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    picture_id: Option<(usize, bool)>,
    tl0_picture_index: Option<usize>,
    temporal_layer: Option<usize>,
    len: usize,
}

/// Reads a descriptor; `None` where the payload ends inside of it.
pub(super) fn parse(payload: &[u8], opaque: bool) -> Option<VideoDescriptor> {
    let flags = *payload.first()?;
    let layout = layout(payload)?;
    let start_of_frame = flags & START != 0 && flags & PARTITION == 0;
    let byte = |at: usize| payload[at];
    let keyframe = start_of_frame
        && !opaque
        && payload.get(layout.len).is_some_and(|header| header & INTER_FRAME == 0);
    Some(VideoDescriptor::Vp8 {
        start_of_frame,
        keyframe,
        picture_id: layout.picture_id.map(|(at, long)| match long {
            true => (u16::from_be_bytes([byte(at) & !LONG, byte(at + 1)]), true),
            false => (u16::from(byte(at)), false),
        }),
        tl0_picture_index: layout.tl0_picture_index.map(byte),
        temporal_layer: layout.temporal_layer.map(|at| (byte(at) >> 6, byte(at) & LAYER_SYNC != 0)),
    })
}

/// Overwrites the counters that the descriptor has, each in its width. `None` where the payload
/// ends inside of the descriptor; then nothing is written.
pub(crate) fn patch(payload: &mut [u8], picture_id: u16, tl0_picture_index: u8) -> Option<()> {
    let layout = layout(payload)?;
    match layout.picture_id {
        Some((at, true)) => {
            let [high, low] = picture_id.to_be_bytes();
            payload[at] = LONG | high;
            payload[at + 1] = low;
        }
        Some((at, false)) => payload[at] = picture_id as u8 & !LONG,
        None => {}
    }
    if let Some(at) = layout.tl0_picture_index {
        payload[at] = tl0_picture_index;
    }
    Some(())
}

/// Writes a descriptor and gives its length.
pub(super) fn write(
    start_of_frame: bool,
    picture_id: Option<(u16, bool)>,
    tl0_picture_index: Option<u8>,
    temporal_layer: Option<(u8, bool)>,
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let control = picture_id.map_or(0, |_| PICTURE_ID)
        | tl0_picture_index.map_or(0, |_| TL0_PICTURE_INDEX)
        | temporal_layer.map_or(0, |_| TEMPORAL_LAYER);
    let mut bytes = [0; 6];
    let mut len = 1;
    let mut push = |byte| {
        bytes[len] = byte;
        len += 1;
    };
    if control != 0 {
        push(control);
    }
    match picture_id {
        Some((id, true)) if id < 1 << 15 => id
            .to_be_bytes()
            .into_iter()
            .zip([LONG, 0])
            .for_each(|(byte, length)| push(byte | length)),
        Some((id, false)) if id < 1 << 7 => push(id as u8),
        Some(_) => return Err(BuildError::Value),
        None => {}
    }
    tl0_picture_index.into_iter().for_each(&mut push);
    match temporal_layer {
        Some((layer, sync)) if layer < 4 => {
            push(layer << 6 | if sync { LAYER_SYNC } else { 0 });
        }
        Some(_) => return Err(BuildError::Value),
        None => {}
    }
    bytes[0] = if control != 0 { EXTENDED } else { 0 } | if start_of_frame { START } else { 0 };
    out.get_mut(..len).ok_or(BuildError::Buffer)?.copy_from_slice(&bytes[..len]);
    Ok(len)
}

/// Finds the fields. All offsets in the result lie within `payload`.
fn layout(payload: &[u8]) -> Option<Layout> {
    let mut layout =
        Layout { picture_id: None, tl0_picture_index: None, temporal_layer: None, len: 1 };
    if payload.first()? & EXTENDED != 0 {
        let control = *payload.get(1)?;
        layout.len = 2;
        if control & PICTURE_ID != 0 {
            let long = payload.get(layout.len)? & LONG != 0;
            layout.picture_id = Some((layout.len, long));
            layout.len += if long { 2 } else { 1 };
        }
        if control & TL0_PICTURE_INDEX != 0 {
            layout.tl0_picture_index = Some(layout.len);
            layout.len += 1;
        }
        if control & (TEMPORAL_LAYER | KEY_INDEX) != 0 {
            if control & TEMPORAL_LAYER != 0 {
                layout.temporal_layer = Some(layout.len);
            }
            layout.len += 1;
        }
    }
    (layout.len <= payload.len()).then_some(layout)
}
