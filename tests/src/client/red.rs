//! Redundant audio (RFC 2198), read.

/// One block of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Payload type of its codec.
    pub payload_type: u8,
    /// How far its media time is behind that of the packet.
    pub behind: u32,
    /// Its payload.
    pub payload: &'a [u8],
}

/// The blocks of a payload in their order: the last one is what the packet was sent for. `None`: the
/// payload is malformed.
pub fn blocks(payload: &[u8]) -> Option<Vec<Block<'_>>> {
    let (mut heads, mut rest) = (Vec::new(), payload);
    let last = loop {
        let (&first, after) = rest.split_first()?;
        if first < 0x80 {
            rest = after;
            break first;
        }
        let (head, after) = rest.split_first_chunk::<4>()?;
        let word = u32::from_be_bytes(*head);
        heads.push(((word >> 24) as u8 & 0x7f, word >> 10 & 0x3fff, (word & 0x3ff) as usize));
        rest = after;
    };
    let mut blocks = Vec::new();
    for (payload_type, behind, len) in heads {
        let (payload, after) = rest.split_at_checked(len)?;
        blocks.push(Block { payload_type, behind, payload });
        rest = after;
    }
    blocks.push(Block { payload_type: last, behind: 0, payload: rest });
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_in_their_order() {
        // 960 units behind, two bytes; then the rest.
        let payload = [0x80 | 111, 0b0000_1111, 0b0000_0000, 2, 111, 1, 2, 3];
        let read = blocks(&payload).unwrap();
        assert_eq!(read[0], Block { payload_type: 111, behind: 960, payload: &[1, 2] });
        assert_eq!(read[1], Block { payload_type: 111, behind: 0, payload: &[3] });
        assert_eq!(blocks(&payload[..6]), None);
        assert_eq!(blocks(&[]), None);
    }
}
