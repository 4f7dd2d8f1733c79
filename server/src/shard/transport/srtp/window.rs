//! Packet index and replay protection of one source (RFC 3711 sections 3.3.1 and 3.3.2).

use crate::shard::transport::TransportError;

/// Bits of the window. More than a second of reordering at 500 packets per second.
const BITS: u64 = 1024;

/// Indices that the window can tell apart behind the highest: one word less than its bits, because
/// the word that the highest index enters is cleared as a whole.
pub(super) const SPAN: u64 = BITS - 64;

/// Which indices of one source were used: each may be used once.
#[derive(Clone, Debug)]
pub(super) struct Window {
    highest: Option<u64>,
    /// One bit an index, indexed modulo [`BITS`] (RFC 6479).
    used: [u64; (BITS / 64) as usize],
}

impl Window {
    pub(super) const fn new() -> Self {
        Self { highest: None, used: [0; (BITS / 64) as usize] }
    }

    /// The 48-bit index of a packet with this sequence number: the one nearest to the highest index
    /// used so far. Refuses an index that was used, or that is too old to know.
    pub(super) fn index_of(&self, seq: u16) -> Result<u64, TransportError> {
        let Some(highest) = self.highest else { return Ok(u64::from(seq)) };
        let distance = i64::from(seq.wrapping_sub(highest as u16) as i16);
        let index = highest.checked_add_signed(distance).ok_or(TransportError::Replayed)?;
        self.check(index)?;
        Ok(index)
    }

    /// Refuses an index that was used, is too old to know, or has no successor: 2^48 packets under
    /// one key is the end (RFC 3711 section 9.2).
    pub(super) fn check(&self, index: u64) -> Result<(), TransportError> {
        if index >= 1 << 48 {
            return Err(TransportError::Replayed);
        }
        match self.highest {
            Some(highest) if index <= highest => {
                let word = self.used[word_of(index)];
                if highest - index >= SPAN || word & (1 << (index % 64)) != 0 {
                    return Err(TransportError::Replayed);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Marks an index as used. Call only with one that [`Self::check`] accepted.
    pub(super) fn mark(&mut self, index: u64) {
        let highest = *self.highest.get_or_insert(index);
        if index > highest {
            let words = (index / 64 - highest / 64).min(BITS / 64);
            for step in 0..words {
                self.used[word_of(index - step * 64)] = 0;
            }
            self.highest = Some(index);
        }
        self.used[word_of(index)] |= 1 << (index % 64);
    }
}

const fn word_of(index: u64) -> usize {
    (index % BITS / 64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn accept(window: &mut Window, seq: u16) -> Result<u64, TransportError> {
        let index = window.index_of(seq)?;
        window.mark(index);
        Ok(index)
    }

    #[test]
    fn the_roll_over_counter_grows_at_the_wrap_and_serves_stragglers() {
        let mut window = Window::new();
        assert_eq!(accept(&mut window, 65_534), Ok(65_534));
        assert_eq!(accept(&mut window, 1), Ok(65_537));
        assert_eq!(accept(&mut window, 65_535), Ok(65_535));
        assert_eq!(accept(&mut window, 0), Ok(65_536));
        assert_eq!(accept(&mut window, 65_535), Err(TransportError::Replayed));
    }

    #[test]
    fn an_index_before_the_first_roll_over_does_not_exist() {
        let mut window = Window::new();
        accept(&mut window, 3).unwrap();
        assert_eq!(window.index_of(65_530), Err(TransportError::Replayed));
    }

    #[test]
    fn the_last_index_is_refused_instead_of_wrapping() {
        let mut window = Window::new();
        window.mark((1 << 48) - 1);
        assert_eq!(window.index_of(0), Err(TransportError::Replayed));
    }

    /// Against a set that forgets nothing, over a walk of steps of every size.
    #[test]
    fn no_index_is_ever_accepted_twice_and_none_within_the_span_is_lost() {
        let mut window = Window::new();
        let mut used = BTreeSet::new();
        let (mut state, mut at) = (0x9E37_79B9_7F4A_7C15_u64, 5_000_u64);
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = state >> 33;
            at = match random % 8 {
                0 => at.saturating_sub(random >> 3 & 0xfff),
                1 => at + (random >> 3 & 0x7ff),
                _ => at + 1,
            };
            let highest = used.last().copied().unwrap_or(0);
            let expected = !used.contains(&at) && (at > highest || highest - at < SPAN);
            assert_eq!(window.check(at).is_ok(), expected, "{at} with highest {highest}");
            if expected {
                window.mark(at);
                used.insert(at);
            }
            at = at.max(used.last().copied().unwrap_or(0).saturating_sub(2_000));
        }
    }
}
