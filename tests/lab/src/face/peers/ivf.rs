//! Bytes of the pictures in an IVF file, which is a header of 32 bytes, and for each picture its
//! length as u32, its time as u64, both little-endian, and its bytes.

const SIGNATURE: &[u8] = b"DKIF";
const HEADER: usize = 32;
/// An AV1 temporal delimiter, which stands before each picture in a file and is not sent over RTP
/// (RTP Payload Format For AV1, 5).
const DELIMITER: &[u8] = &[0x12, 0x00];

/// Times and bytes of the pictures; `None` where it is no such file.
pub(crate) fn pictures(file: &[u8]) -> Option<Vec<(u64, usize)>> {
    let (signature, _) = file.split_first_chunk::<4>()?;
    if signature != SIGNATURE {
        return None;
    }
    let mut rest = file.get(HEADER..)?;
    let mut pictures = Vec::new();
    while !rest.is_empty() {
        let (len, behind) = rest.split_first_chunk()?;
        let (time, behind) = behind.split_first_chunk()?;
        let (bytes, behind) = behind.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        let sent = bytes.strip_prefix(DELIMITER).unwrap_or(bytes);
        pictures.push((u64::from_le_bytes(*time), sent.len()));
        rest = behind;
    }
    Some(pictures)
}
