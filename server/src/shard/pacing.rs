//! Packets of one peer that wait until its way carries them.

use std::{collections::VecDeque, time::Duration};

use sotto_core::{
    bandwidth::{PacketClass, Sender},
    forward::Forward,
    id::ExtensionId,
    time::Time,
};

/// A picture that waited longer is of no use: what waits is dropped and a keyframe asked for.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// Pictures that wait at most: half a second at 20 Mbit/s and 800 bytes a packet, and some more.
/// Beyond that all of them are dropped as if they had waited too long.
const MAX_VIDEO: usize = 2_048;

/// Repairs that wait at most. Full: the oldest is dropped, it is the first to come too late.
const MAX_RETRANSMISSIONS: usize = 256;

/// The congestion controller of one connection and what it holds back.
#[derive(Debug)]
pub(super) struct Pacing {
    pub(super) sender: Sender,
    /// What the transport-wide number is called on this connection.
    pub(super) id: ExtensionId,
    retransmissions: VecDeque<Waiting>,
    video: VecDeque<Waiting>,
    /// Of all that waits, about what it takes on the wire.
    bytes: usize,
    /// Video was refused for want of room.
    overfull: bool,
}

#[derive(Debug)]
struct Waiting {
    forward: Forward,
    since: Time,
    bytes: u32,
}

impl Pacing {
    pub(super) fn new(now: Time, id: ExtensionId) -> Self {
        Self {
            sender: Sender::new(now),
            id,
            retransmissions: VecDeque::new(),
            video: VecDeque::new(),
            bytes: 0,
            overfull: false,
        }
    }

    /// Whether a packet of this class may leave at once: it need not wait for others of its class,
    /// or more urgent ones, and the way carries it.
    pub(super) fn admits(&mut self, now: Time, class: PacketClass) -> bool {
        let first = match class {
            PacketClass::Audio => return true,
            PacketClass::Retransmission => self.retransmissions.is_empty(),
            PacketClass::Video | PacketClass::Padding => self.is_idle(),
        };
        first && self.sender.may_send(now, class)
    }

    /// Whether nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.video.is_empty() && self.retransmissions.is_empty()
    }

    /// Holds a packet back. Gives one to drop if there is no room: of repairs the oldest, of pictures
    /// the newest.
    pub(super) fn hold(&mut self, now: Time, forward: Forward, bytes: usize) -> Option<Forward> {
        let waiting = Waiting { forward, since: now, bytes: bytes as u32 };
        if waiting.forward.class == PacketClass::Retransmission {
            self.bytes += bytes;
            self.retransmissions.push_back(waiting);
            if self.retransmissions.len() <= MAX_RETRANSMISSIONS {
                return None;
            }
            let oldest = self.retransmissions.pop_front();
            return oldest.map(|oldest| self.forget(oldest));
        }
        if self.video.len() == MAX_VIDEO {
            self.overfull = true;
            return Some(waiting.forward);
        }
        self.bytes += bytes;
        self.video.push_back(waiting);
        None
    }

    /// The most urgent packet that waits, if it may leave now.
    pub(super) fn next(&mut self, now: Time) -> Option<Forward> {
        let (queue, class) = if self.retransmissions.is_empty() {
            (&mut self.video, PacketClass::Video)
        } else {
            (&mut self.retransmissions, PacketClass::Retransmission)
        };
        if queue.is_empty() || !self.sender.may_send(now, class) {
            return None;
        }
        let waiting = queue.pop_front()?;
        Some(self.forget(waiting))
    }

    /// How long a packet of padding shall leave now, with everything around it, if any: only when
    /// nothing waits that is of more use.
    pub(super) fn padding(&mut self, now: Time) -> Option<usize> {
        if self.is_idle() { self.sender.poll_padding(now) } else { None }
    }

    /// Whether what waits has become useless. Then it is to be [`Self::drain`]ed.
    pub(super) fn is_stale(&self, now: Time) -> bool {
        let oldest = self.video.front();
        self.overfull || oldest.is_some_and(|oldest| now.saturating_since(oldest.since) > MAX_WAIT)
    }

    /// Takes everything out that waits.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Forward> + '_ {
        (self.bytes, self.overfull) = (0, false);
        self.retransmissions.drain(..).chain(self.video.drain(..)).map(|waiting| waiting.forward)
    }

    /// Tells the controller what waits; gives when to come again.
    pub(super) fn next_time(&mut self, now: Time) -> Option<Time> {
        self.sender.queued(now, self.bytes);
        self.sender.poll_timeout()
    }

    fn forget(&mut self, waiting: Waiting) -> Forward {
        self.bytes -= waiting.bytes as usize;
        waiting.forward
    }
}
