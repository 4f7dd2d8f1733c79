/// What is expected of one kind of decision, and learns from each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Probability of "no" in 65,536ths: [`LEAST`] to 65,536 - [`LEAST`].
    no: u16,
}

/// However often the same was decided, the other must not cost more than 11 bits.
const LEAST: u16 = 32;
/// Each decision moves the probability by 2 to the power of minus this of the way. Contexts start
/// trained and see few decisions, so they learn slowly.
const RATE: u32 = 5;

impl Context {
    /// "Yes" and "no" are as likely.
    pub const EVEN: Self = Self { no: 1 << 15 };

    /// Expects "no" with this probability in 65,536ths, or as near to it as can be.
    pub const fn new(no: u16) -> Self {
        let most = u16::MAX - LEAST + 1;
        Self {
            no: if no < LEAST {
                LEAST
            } else if no > most {
                most
            } else {
                no
            },
        }
    }

    /// Probability of "no" in 65,536ths.
    pub const fn no(self) -> u16 {
        self.no
    }

    /// Takes what was decided into account.
    pub const fn learn(&mut self, yes: bool) {
        let moved = if yes {
            self.no - (self.no >> RATE)
        } else {
            self.no + ((u16::MAX - self.no) >> RATE)
        };
        *self = Self::new(moved);
    }

    /// Bits that a decision takes: for encoders that look for what is cheap.
    pub fn cost(self, yes: bool) -> f32 {
        let no = f32::from(self.no) / 65_536.0;
        -if yes { 1.0 - no } else { no }.log2()
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::EVEN
    }
}
