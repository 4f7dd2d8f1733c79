//! What a sender tells the node of its gate, as the web client does: worse at once, better only when
//! it lasts.

use sotto_codec::Verdict;
use sotto_core::signal::GateState;

/// Green blocks in a row after which the gate is believed: 240 ms.
const GREENS: u32 = 3;

/// A gate as it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    state: Verdict,
    greens: u32,
}

impl Default for Told {
    fn default() -> Self {
        Self { state: Verdict::Green, greens: 0 }
    }
}

impl Told {
    /// What is told after a block of this verdict.
    pub(super) fn observe(&mut self, verdict: Verdict) -> GateState {
        self.greens = if verdict == Verdict::Green { self.greens + 1 } else { 0 };
        if verdict > self.state || self.greens >= GREENS {
            self.state = verdict;
        }
        match self.state {
            Verdict::Green => GateState::Green,
            Verdict::Amber => GateState::Amber,
            Verdict::Red => GateState::Red,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_gets_worse_at_once_and_better_after_three_green_blocks() {
        use Verdict::{Amber, Green, Red};
        let mut told = Told::default();
        let said = [Green, Amber, Red, Amber, Green, Green, Green, Green]
            .map(|verdict| told.observe(verdict));
        let (green, amber, red) = (GateState::Green, GateState::Amber, GateState::Red);
        assert_eq!(said, [green, amber, red, red, red, red, green, green]);
    }
}
