use super::{Context, SETTLED, share};

/// Reads what an [`Encoder`](super::Encoder) wrote, given the same contexts. Any bytes decode to
/// something; what no encoder writes is told at the end, as far as it shows.
#[derive(Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    /// How many were read, those past the end included.
    position: usize,
    /// What was read, above the lower end of the interval.
    code: u32,
    /// Length of the interval.
    range: u32,
}

/// Bytes that no encoder writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("bytes that no entropy encoder writes")]
pub struct CorruptError;

impl<'a> Decoder<'a> {
    /// Reads from the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { bytes, position: 0, code: 0, range: u32::MAX };
        for _ in 0..size_of::<u32>() {
            decoder.read();
        }
        decoder
    }

    /// Reads a decision that was expected like `context`.
    pub fn decide(&mut self, context: Context) -> bool {
        let no = share(self.range, context.no());
        let yes = self.code >= no;
        if yes {
            self.code -= no;
            self.range -= no;
        } else {
            self.range = no;
        }
        while self.range < SETTLED {
            self.range <<= 8;
            self.read();
        }
        yes
    }

    /// Reads a decision, and lets `context` learn from it.
    pub fn adapt(&mut self, context: &mut Context) -> bool {
        let yes = self.decide(*context);
        context.learn(yes);
        yes
    }

    /// Reads a number of `count` bits, at most 32.
    pub fn bits(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| value << 1 | u32::from(self.decide(Context::EVEN)))
    }

    /// Ends.
    ///
    /// # Errors
    /// [`CorruptError`] where there are more bytes than the decisions need, where they end with a
    /// zero, or where they lie beyond every interval.
    pub fn finish(self) -> Result<(), CorruptError> {
        let spelled = self.bytes.len() <= self.position && self.bytes.last() != Some(&0);
        // All other numbers lie below the first range, and then below every one.
        let beyond = self.bytes.starts_with(&u32::MAX.to_be_bytes());
        if spelled && !beyond { Ok(()) } else { Err(CorruptError) }
    }

    fn read(&mut self) {
        let byte = self.bytes.get(self.position).copied().unwrap_or(0);
        self.code = self.code << 8 | u32::from(byte);
        self.position += 1;
    }
}
