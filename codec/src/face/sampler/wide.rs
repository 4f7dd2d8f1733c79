//! Weights as vectors of 8 numbers of 16 bits have them.

use super::{PHASES, WEIGHTS};

/// Weights of a phase as vectors have them.
#[repr(align(16))]
pub(super) struct Wide {
    /// Across: those of four samples, twice.
    pub(super) across: [i16; 8],
    /// Down: those of the first two rows of four samples, then those of the last two.
    pub(super) down: [[i16; 8]; 2],
}

pub(super) static WIDE: [Wide; PHASES] = wide();

const fn wide() -> [Wide; PHASES] {
    let mut all = [const { Wide { across: [0; 8], down: [[0; 8]; 2] } }; PHASES];
    let mut phase = 0;
    while phase < PHASES {
        let mut lane = 0;
        while lane < 8 {
            all[phase].across[lane] = WEIGHTS[phase][lane % 4];
            all[phase].down[0][lane] = WEIGHTS[phase][lane / 4];
            all[phase].down[1][lane] = WEIGHTS[phase][2 + lane / 4];
            lane += 1;
        }
        phase += 1;
    }
    all
}
