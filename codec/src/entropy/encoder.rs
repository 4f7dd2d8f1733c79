use super::{Context, SETTLED, share};

/// Writes decisions behind what is in a buffer.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    /// Where our bytes begin.
    start: usize,
    /// What is not settled of the lower end of the interval.
    low: u32,
    /// Length of the interval.
    range: u32,
}

impl<'a> Encoder<'a> {
    /// Writes behind what is in `out`.
    pub const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { start: out.len(), out, low: 0, range: u32::MAX }
    }

    /// Writes a decision that was expected like `context`.
    pub fn decide(&mut self, context: Context, yes: bool) {
        let no = share(self.range, context.no());
        if yes {
            self.raise(no);
            self.range -= no;
        } else {
            self.range = no;
        }
        while self.range < SETTLED {
            self.settle();
        }
    }

    /// Writes a decision, and lets `context` learn from it.
    pub fn adapt(&mut self, context: &mut Context, yes: bool) {
        self.decide(*context, yes);
        context.learn(yes);
    }

    /// Writes the lowest `count` bits of a number that may be any, the highest first.
    pub fn bits(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.decide(Context::EVEN, value >> at & 1 == 1);
        }
    }

    /// Writes what tells the interval from others. The bytes have no zero at their end: the decoder
    /// reads zeros past it.
    pub fn finish(mut self) {
        // The roundest number of the interval. Where the carry is part of it, it has 33 bits.
        let (low, range) = (u64::from(self.low), u64::from(self.range));
        let round_up = |zeros| low.next_multiple_of(1_u64 << zeros);
        let chosen = (0..=32).rev().map(round_up).find(|&number| number < low + range);
        self.raise((chosen.unwrap_or(low) - low) as u32);
        for _ in 0..size_of::<u32>() {
            self.settle();
        }
        while self.out.len() > self.start && self.out.last() == Some(&0) {
            self.out.pop();
        }
    }

    /// Moves the lower end up. A carry goes into the bytes before; it cannot pass the first, since
    /// the interval lies within that of all numbers.
    fn raise(&mut self, by: u32) {
        let (low, carry) = self.low.overflowing_add(by);
        self.low = low;
        if carry {
            for byte in self.out[self.start..].iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        }
    }

    fn settle(&mut self) {
        self.out.push((self.low >> 24) as u8);
        self.low <<= 8;
        self.range <<= 8;
    }
}
