//! What a client was sent and may have missed.
//!
//! As in stream management (XEP-0198), both sides count the messages that they had. The node's pings
//! carry how many it has sent, and a pong says that those have arrived: the websocket keeps their order.

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;

/// Most messages that are kept: about a minute of a lively room.
const MAX_MESSAGES: usize = 1024;

/// Most bytes that are kept.
const MAX_BYTES: usize = 256 * 1024;

/// So many bytes that nobody has confirmed are reason enough to ask, before the next ping is due.
const ASK_BYTES: usize = 8 * 1024;

/// The messages of one session that are not known to have arrived.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// All that were sent in this session.
    sent: u64,
    /// The last of them, as they were written.
    kept: VecDeque<Utf8Bytes>,
    bytes: usize,
    /// How many had been sent when the client was last asked, if it has not answered.
    asked: Option<u64>,
}

impl Outbox {
    /// Keeps a message that is sent. Full: the oldest go, and a client that missed them joins anew.
    pub(super) fn push(&mut self, text: Utf8Bytes) {
        self.sent += 1;
        self.bytes += text.len();
        self.kept.push_back(text);
        while self.kept.len() > MAX_MESSAGES || self.bytes > MAX_BYTES {
            self.forget_oldest();
        }
    }

    /// The first `count` messages have arrived.
    pub(super) fn acknowledge(&mut self, count: u64) {
        if self.asked.is_some_and(|asked| asked <= count) {
            self.asked = None;
        }
        let kept = self.sent.saturating_sub(count);
        while self.kept.len() as u64 > kept {
            self.forget_oldest();
        }
        if self.kept.is_empty() {
            // There are many sessions, and most of them are quiet.
            self.kept.shrink_to(8);
        }
    }

    /// Whether the client should be asked now what it has had.
    pub(super) const fn is_heavy(&self) -> bool {
        self.bytes > ASK_BYTES && self.asked.is_none()
    }

    /// The client is asked: how many messages were sent before that.
    pub(super) const fn ask(&mut self) -> u64 {
        self.asked = Some(self.sent);
        self.sent
    }

    /// What a client that has had `received` messages has missed. `None`: not all of it is here.
    pub(super) fn after(&mut self, received: u64) -> Option<impl Iterator<Item = Utf8Bytes> + '_> {
        let missed = self.sent.checked_sub(received)?;
        // Over another websocket, on which nobody was asked yet.
        self.asked = None;
        let skipped = (self.kept.len() as u64).checked_sub(missed)?;
        Some(self.kept.iter().skip(skipped as usize).cloned())
    }

    fn forget_oldest(&mut self) {
        if let Some(text) = self.kept.pop_front() {
            self.bytes -= text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(count: u64) -> Outbox {
        let mut outbox = Outbox::default();
        (1..=count).for_each(|number| outbox.push(number.to_string().into()));
        outbox
    }

    fn missed(outbox: &mut Outbox, received: u64) -> Option<Vec<String>> {
        Some(outbox.after(received)?.map(|text| text.to_string()).collect())
    }

    #[test]
    fn a_client_is_told_again_what_it_missed_and_nothing_else() {
        let mut outbox = outbox(5);
        assert_eq!(missed(&mut outbox, 3), Some(vec!["4".into(), "5".into()]));
        assert_eq!(missed(&mut outbox, 5), Some(vec![]));
        assert_eq!(missed(&mut outbox, 6), None, "it had more than was sent");
    }

    #[test]
    fn what_has_arrived_is_kept_no_longer() {
        let mut outbox = outbox(5);
        outbox.acknowledge(3);
        assert_eq!((outbox.kept.len(), outbox.bytes), (2, 2));
        assert_eq!(missed(&mut outbox, 3), Some(vec!["4".into(), "5".into()]));
        assert_eq!(missed(&mut outbox, 2), None, "that was confirmed before");
        outbox.acknowledge(9);
        assert_eq!((outbox.kept.len(), outbox.bytes), (0, 0));
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_in_bytes() {
        let mut many = outbox(MAX_MESSAGES as u64 + 10);
        assert_eq!(many.kept.len(), MAX_MESSAGES);
        assert_eq!(missed(&mut many, 9), None);
        assert_eq!(missed(&mut many, 10).map(|texts| texts.len()), Some(MAX_MESSAGES));
        let mut large = Outbox::default();
        (0..9).for_each(|_| large.push("x".repeat(MAX_BYTES / 4).into()));
        assert_eq!((large.kept.len(), large.bytes), (4, MAX_BYTES));
    }

    #[test]
    fn a_client_is_asked_once_when_much_is_not_confirmed() {
        let mut outbox = Outbox::default();
        assert!(!outbox.is_heavy());
        outbox.push("x".repeat(ASK_BYTES + 1).into());
        assert!(outbox.is_heavy());
        let asked = outbox.ask();
        outbox.push("y".into());
        assert!(!outbox.is_heavy(), "it was asked");
        outbox.acknowledge(asked);
        assert_eq!((outbox.bytes, outbox.is_heavy()), (1, false));
    }
}
