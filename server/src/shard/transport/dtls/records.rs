//! The record layer, as far as it can be read without keys (RFC 6347 section 4.1).

/// Bytes of a record header.
pub(super) const HEADER: usize = 13;

/// Content types (RFC 5246 section 6.2.1).
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// One record of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Content type.
    pub kind: u8,
    /// 0: in the clear. 1: encrypted.
    pub epoch: u16,
    /// What follows the header.
    pub body: &'a [u8],
    /// Header and body.
    pub whole: &'a [u8],
}

/// The records of a datagram, up to the first that does not fit: that one and all behind it are
/// discarded (RFC 6347 section 4.1.2.7).
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Starts at the beginning of a datagram.
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let header: &[u8; HEADER] = self.rest.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let known = (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&header[0]);
        let version = matches!([header[1], header[2]], [0xfe, 0xff | 0xfd]);
        if !known || !version || self.rest.len() < HEADER + length {
            self.rest = &[];
            return None;
        }
        let (whole, rest) = self.rest.split_at(HEADER + length);
        self.rest = rest;
        let epoch = u16::from_be_bytes([header[3], header[4]]);
        Some(Record { kind: header[0], epoch, body: &whole[HEADER..], whole })
    }
}

/// Appends a record in the clear with a sequence number of our choice.
pub(super) fn write_clear(out: &mut impl Extend<u8>, kind: u8, sequence: u64, body: &[u8]) {
    out.extend([kind, 0xfe, 0xfd, 0, 0]);
    out.extend(sequence.to_be_bytes()[2..].iter().copied());
    out.extend((body.len() as u16).to_be_bytes());
    out.extend(body.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_until_the_first_that_does_not_fit() {
        let mut datagram = Vec::new();
        write_clear(&mut datagram, HANDSHAKE, 7, b"hello");
        write_clear(&mut datagram, ALERT, 8, &[2, 40]);
        let both: Vec<_> = Records::new(&datagram).map(|r| (r.kind, r.epoch, r.body)).collect();
        assert_eq!(both, [(HANDSHAKE, 0, &b"hello"[..]), (ALERT, 0, &[2, 40][..])]);
        for end in 0..datagram.len() {
            let whole = usize::from(end >= HEADER + 5);
            assert_eq!(Records::new(&datagram[..end]).count(), whole);
        }
        datagram[1] = 3;
        assert_eq!(Records::new(&datagram).count(), 0);
    }
}
