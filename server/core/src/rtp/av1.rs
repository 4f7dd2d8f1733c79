//! What an AV1 payload says about its frame (RTP Payload Format For AV1, section 4.4).

use super::{BuildError, VideoDescriptor};

/// Z: the first OBU element goes on with one of the packet before.
const CONTINUES: u8 = 0x80;
/// W: number of OBU elements; zero: each has a length.
const COUNT: u8 = 0x30;
/// N: first packet of a coded video sequence.
const NEW_SEQUENCE: u8 = 0x08;
/// A sequence header OBU (AV1 specification, section 6.2.2).
const SEQUENCE_HEADER: u8 = 1;
/// A temporal delimiter OBU, which ought to have been left out.
const TEMPORAL_DELIMITER: u8 = 2;

/// Reads the aggregation header; `None` where there is none. A coded video sequence opens with a
/// sequence header; where the payload is `opaque` the aggregation header is believed.
pub(super) fn parse(payload: &[u8], opaque: bool) -> Option<VideoDescriptor> {
    let header = *payload.first()?;
    let continues = header & CONTINUES != 0;
    let opens = header & NEW_SEQUENCE != 0 && !continues;
    Some(VideoDescriptor::Av1 {
        continues,
        new_sequence: opens
            && (opaque
                || matches!(
                    first_obu(header, &payload[1..]),
                    Some(SEQUENCE_HEADER | TEMPORAL_DELIMITER)
                )),
    })
}

/// The type of the first OBU.
fn first_obu(header: u8, mut rest: &[u8]) -> Option<u8> {
    if header & COUNT != 0x10 {
        // The length of the element, in LEB128: at most 3 bytes in a packet.
        let bytes = rest.iter().take(3).take_while(|&&byte| byte & 0x80 != 0).count() + 1;
        rest = rest.get(bytes..)?;
    }
    rest.first().map(|header| header >> 3 & 0x0f)
}

/// Writes the aggregation header of a packet with one OBU element, and for a new sequence the header
/// byte of a sequence header OBU, and gives their length.
pub(super) fn write(
    continues: bool,
    new_sequence: bool,
    out: &mut [u8],
) -> Result<usize, BuildError> {
    if continues && new_sequence {
        return Err(BuildError::Value);
    }
    let header = if continues { CONTINUES } else { 0 } | 0x10;
    let bytes = [header | if new_sequence { NEW_SEQUENCE } else { 0 }, SEQUENCE_HEADER << 3];
    let len = if new_sequence { 2 } else { 1 };
    out.get_mut(..len).ok_or(BuildError::Buffer)?.copy_from_slice(&bytes[..len]);
    Ok(len)
}
