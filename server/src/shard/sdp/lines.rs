//! Lines of a session description, within limits that are checked before anything is kept.

use super::SdpError;

/// Longest offer in bytes: what a signalling message may have.
pub const MAX_BYTES: usize = 64 * 1024;

/// Most lines of an offer. Chromium writes about a hundred for a video m-line with all its codecs,
/// 25 for one that was told which codecs to offer.
pub const MAX_LINES: usize = 2_500;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Counted from 1, for messages.
    pub(super) number: u32,
    /// The letter before `=`.
    pub(super) kind: u8,
    /// What follows it.
    pub(super) value: &'a str,
}

impl<'a> Line<'a> {
    /// An attribute's name and value; the value is empty where there is none.
    pub(super) fn attribute(&self) -> (&'a str, &'a str) {
        self.value.split_once(':').unwrap_or((self.value, ""))
    }

    pub(super) const fn malformed(&self) -> SdpError {
        SdpError::Malformed(self.number)
    }

    /// Reads a number that makes up a whole word.
    pub(super) fn number<T: std::str::FromStr>(&self, word: Option<&str>) -> Result<T, SdpError> {
        let word = word.filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        word.and_then(|word| word.parse().ok()).ok_or(self.malformed())
    }
}

/// Checks the limits, then reads line by line.
pub(super) fn lines(
    text: &str,
) -> Result<impl Iterator<Item = Result<Line<'_>, SdpError>>, SdpError> {
    if text.len() > MAX_BYTES {
        return Err(SdpError::TooLong);
    }
    if text.bytes().filter(|byte| *byte == b'\n').count() > MAX_LINES {
        return Err(SdpError::TooManyLines);
    }
    let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty());
    Ok(numbered.map(|(number, line)| match line.split_once('=') {
        Some((kind, value)) if kind.len() == 1 => {
            Ok(Line { number, kind: kind.as_bytes()[0], value })
        }
        _ => Err(SdpError::Malformed(number)),
    }))
}
