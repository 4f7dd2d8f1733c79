//! A line that loses packets, by a model with a memory and a seed.

/// How a line loses packets: a Gilbert model, in which losses come in bursts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// Share of packets that are lost, 0 to 1.
    pub share: f64,
    /// Mean length of a run of lost packets, at least 1; 1 is independent loss.
    pub burst: f64,
}

impl Loss {
    /// Loses packets one by one.
    pub const fn random(share: f64) -> Self {
        Self { share, burst: 1.0 }
    }
}

/// One direction of a line.
#[derive(Clone, Debug)]
pub struct Line {
    loss: Loss,
    state: u64,
    losing: bool,
    dropped: u64,
}

impl Line {
    /// A line that loses packets like this, the same ones for the same seed.
    pub const fn new(loss: Loss, seed: u64) -> Self {
        Self { loss, state: seed ^ 0x9e37_79b9_7f4a_7c15, losing: false, dropped: 0 }
    }

    /// Packets that were lost.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether the next packet is lost.
    pub fn drops(&mut self) -> bool {
        if self.loss.share <= 0.0 {
            return false;
        }
        let share = self.loss.share.min(0.99);
        let burst = self.loss.burst.max(1.0);
        let chance = if self.losing && burst > 1.0 {
            1.0 - 1.0 / burst
        } else if burst > 1.0 {
            share / (burst * (1.0 - share))
        } else {
            share
        };
        self.losing = self.uniform() < chance;
        self.dropped += u64::from(self.losing);
        self.losing
    }

    /// Between 0 and 1 (xorshift64*).
    fn uniform(&mut self) -> f64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let bits = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        bits as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share of lost packets, and mean length of a run of them.
    fn measure(loss: Loss) -> (f64, f64) {
        let mut line = Line::new(loss, 7);
        let lost: Vec<bool> = (0..200_000).map(|_| line.drops()).collect();
        let count = lost.iter().filter(|lost| **lost).count();
        let runs = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert_eq!(line.dropped(), count as u64);
        (count as f64 / lost.len() as f64, count as f64 / runs.max(1) as f64)
    }

    #[test]
    fn the_share_and_the_bursts_are_those_asked_for() {
        let (share, burst) = measure(Loss::random(0.05));
        assert!((share - 0.05).abs() < 0.005 && (burst - 1.05).abs() < 0.05, "{share} {burst}");
        let (share, burst) = measure(Loss { share: 0.05, burst: 10.0 });
        assert!((share - 0.05).abs() < 0.01 && (burst - 10.0).abs() < 1.0, "{share} {burst}");
        assert_eq!(measure(Loss::default()).0, 0.0);
    }
}
