//! Packets in the order in which they were sent.

use std::collections::VecDeque;

use sotto_core::id::SeqNo;

/// A number so far from what is expected belongs to another stream: two seconds of video at 1 Mbit/s.
const MAX_JUMP: i16 = 256;

/// Puts packets in order, and gives up what does not come.
///
/// Holds as many packets as its window, counted from the first that is missing; full: what is missing
/// is given up.
#[derive(Debug)]
pub struct Reorder<T> {
    window: usize,
    /// Number of the first in `held`, once one has come.
    next: Option<SeqNo>,
    held: VecDeque<Option<T>>,
    /// The numbers have begun anew.
    lost: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordered<T> {
    /// A packet.
    Packet(T),
    /// Some packets that will not come any more.
    Lost,
}

impl<T> Reorder<T> {
    /// Gives a packet up once so many numbers, itself included, are waited for or held.
    pub const fn new(window: usize) -> Self {
        Self { window, next: None, held: VecDeque::new(), lost: false }
    }

    /// Takes a packet. One that was there already, or was given up, is passed over.
    pub fn push(&mut self, seq: SeqNo, packet: T) {
        let next = *self.next.get_or_insert(seq);
        let ahead = seq.distance(next);
        if !(-MAX_JUMP..MAX_JUMP).contains(&ahead) {
            self.restart();
            self.next = Some(seq);
            self.held.push_back(Some(packet));
            return;
        }
        let Ok(place) = usize::try_from(ahead) else { return };
        if self.held.len() <= place {
            self.held.resize_with(place + 1, || None);
        }
        self.held[place].get_or_insert(packet);
    }

    /// The next in order, if it is known.
    pub fn pop(&mut self) -> Option<Ordered<T>> {
        if std::mem::take(&mut self.lost) {
            return Some(Ordered::Lost);
        }
        match self.held.front() {
            Some(Some(_)) => {
                self.advance(1);
                self.held.pop_front().flatten().map(Ordered::Packet)
            }
            Some(None) if self.held.len() > self.window => {
                let missing = self.held.iter().take_while(|packet| packet.is_none()).count();
                self.held.drain(..missing);
                self.advance(missing);
                Some(Ordered::Lost)
            }
            _ => None,
        }
    }

    /// Another stream begins: what is held is dropped.
    pub fn restart(&mut self) {
        self.lost = self.next.take().is_some();
        self.held.clear();
    }

    fn advance(&mut self, by: usize) {
        self.next = self.next.map(|next| SeqNo(next.0.wrapping_add(by as u16)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const LOST: Ordered<u16> = Ordered::Lost;

    fn packet(number: u16) -> Ordered<u16> {
        Ordered::Packet(number)
    }

    /// What comes out of packets that come in this order.
    fn check(numbers: &[u16], expected: &[Ordered<u16>]) {
        let mut reorder = Reorder::new(4);
        let mut out = Vec::new();
        for &number in numbers {
            reorder.push(SeqNo(number), number);
            out.extend(std::iter::from_fn(|| reorder.pop()));
        }
        assert_eq!(out, expected, "{numbers:?}");
    }

    #[test]
    fn packets_come_out_in_order_and_once() {
        check(&[7, 8, 9], &[packet(7), packet(8), packet(9)]);
        check(&[7, 9, 8, 9, 7], &[packet(7), packet(8), packet(9)]);
        check(&[65_535, 1, 0], &[packet(65_535), packet(0), packet(1)]);
    }

    #[test]
    fn what_does_not_come_is_given_up_once_the_window_is_full() {
        check(&[1, 3, 4, 5], &[packet(1)]);
        check(&[1, 3, 4, 5, 6], &[packet(1), LOST, packet(3), packet(4), packet(5), packet(6)]);
        check(&[1, 4, 5, 6, 7, 2], &[packet(1), LOST, packet(4), packet(5), packet(6), packet(7)]);
        check(&[1, 9, 2], &[packet(1), LOST, packet(9)]);
    }

    #[test]
    fn a_stream_that_begins_anew_is_followed() {
        check(
            &[1, 2, 30_000, 30_001],
            &[packet(1), packet(2), LOST, packet(30_000), packet(30_001)],
        );
        check(&[30_000, 5], &[packet(30_000), LOST, packet(5)]);
    }

    proptest! {
        #[test]
        fn no_order_gives_a_packet_twice_or_holds_more_than_the_window(
            numbers in vec(prop_oneof![0u16..40, any::<u16>()], 0..200),
        ) {
            let mut reorder = Reorder::new(16);
            let mut last: Option<u16> = None;
            for number in numbers {
                reorder.push(SeqNo(number), number);
                while let Some(ordered) = reorder.pop() {
                    match ordered {
                        Ordered::Packet(number) => {
                            let follows = last.is_none_or(|last| number == last.wrapping_add(1));
                            prop_assert!(follows, "{last:?}, then {number}");
                            last = Some(number);
                        }
                        Ordered::Lost => last = None,
                    }
                }
                prop_assert!(reorder.held.len() <= 16);
            }
        }
    }
}
