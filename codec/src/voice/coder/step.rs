/// How finely a packet is quantised: one step size for all of its numbers, in the scale of what is
/// heard, where 1 is about 2.4 dB in each band of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// 0.35.
    Finest,
    /// 0.5.
    Fine,
    /// 0.65.
    Medium,
    /// 0.8.
    Coarse,
    /// 1.3: words can be understood.
    Coarsest,
}

impl Step {
    /// The finest first.
    pub const ALL: [Self; 5] =
        [Self::Finest, Self::Fine, Self::Medium, Self::Coarse, Self::Coarsest];

    /// The step size.
    pub const fn size(self) -> f32 {
        match self {
            Self::Finest => 0.35,
            Self::Fine => 0.5,
            Self::Medium => 0.65,
            Self::Coarse => 0.8,
            Self::Coarsest => 1.3,
        }
    }

    /// 8 × log₂ of the step size, rounded: what a standard deviation of that size would have.
    pub(super) const fn eighths(self) -> i32 {
        match self {
            Self::Finest => -12,
            Self::Fine => -8,
            Self::Medium => -5,
            Self::Coarse => -3,
            Self::Coarsest => 3,
        }
    }
}
