//! One slot's packets, as a receiver may count on them.

use std::collections::HashMap;

use sotto_core::id::{RtpTime, SeqNo};

use crate::{media::Stamp, world::Got};

/// What came on one slot so far.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Every packet by its sequence number: a number stands for one packet.
    seen: HashMap<u16, Stamp>,
    highest: Option<(SeqNo, RtpTime)>,
    /// The content that runs now: one packet of it.
    run: Option<(SeqNo, RtpTime, Stamp)>,
}

impl Stream {
    /// The slot was pointed at something else, or its content begins anew.
    pub(crate) fn repoint(&mut self) {
        self.run = None;
    }

    /// Takes the next packet. `untold`: its slot may have paused without a word, as slots do whose
    /// line is short for less time than passes between two words about it.
    pub(crate) fn take(&mut self, got: &Got, untold: bool) {
        let Got { seq, timestamp, stamp, .. } = *got;
        if untold && self.highest.is_some_and(|(highest, _)| seq == highest.next()) {
            self.run = None;
        }
        // Tests are shorter than 2^16 packets of a slot.
        let before = self.seen.insert(seq.0, stamp);
        assert_eq!(before, None, "a sequence number stands for one packet: {got:?}");
        let same = |(_, _, before): &(_, _, Stamp)| {
            let origin = |stamp: &Stamp| (stamp.peer, stamp.line, stamp.epoch, stamp.layer);
            origin(before) == origin(&stamp)
        };
        match self.run.filter(same) {
            Some((run_seq, run_timestamp, run)) => {
                let counted = i64::from(stamp.count) - i64::from(run.count);
                let numbered = i64::from(seq.distance(run_seq));
                assert_eq!(numbered, counted, "gaps in are gaps out: {got:?} after {run:?}");
                let media_time = timestamp.distance(run_timestamp);
                assert!(i64::from(media_time) * counted >= 0, "time goes on: {got:?}");
            }
            None => {
                if let Some((highest, latest)) = self.highest {
                    assert_eq!(seq, highest.next(), "contents follow without a gap: {got:?}");
                    assert!(timestamp.distance(latest) > 0, "time goes on: {got:?}");
                }
                self.run = Some((seq, timestamp, stamp));
            }
        }
        let ahead = |(highest, _): (SeqNo, _)| seq.distance(highest) > 0;
        if self.highest.is_none_or(ahead) {
            self.highest = Some((seq, timestamp));
        }
    }
}
