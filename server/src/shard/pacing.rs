//! Packets of one peer that wait until its way carries them.

use std::{collections::VecDeque, time::Duration};

use sotto_core::{
    bandwidth::{PacketClass, Sender},
    forward::Forward,
    id::ExtensionId,
    time::Time,
};

/// A picture that waited longer is of no use: what waits is dropped and a keyframe asked for. Less
/// would not do: the pace is little above the estimate, so that a keyframe, as large as several
/// hundred milliseconds of what follows it, is still seen to pass.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// On a way so slow that even the keyframe does not pass in that time, the next one may take twice as
/// long, and so on, this often: better a late picture than none.
const MAX_DOUBLINGS: u32 = 2;

/// Where packets are held so many that soon nobody's would find room, pictures wait no longer than
/// this, however slow the way: the ways of a few must not cost the meetings of all.
const CROWDED_WAIT: Duration = Duration::from_millis(250);

/// Pictures pass in good time again once nothing was dropped for so long.
const FORGIVEN: Duration = Duration::from_secs(10);

/// When to look again if the controller would be asked at once and yet lets nothing pass: it waits
/// for feedback, which wakes the peer by itself.
const RECHECK: Duration = Duration::from_millis(5);

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
    /// When pictures were last dropped, and how often in a row.
    dropped: Option<(Time, u32)>,
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
            dropped: None,
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

    /// Whether what waits has become useless, or takes room that others need more: `crowded` says
    /// whether packets run short of it. Then it is to be [`Self::drop_all`].
    pub(super) fn is_stale(&self, now: Time, crowded: bool) -> bool {
        let slow = MAX_WAIT * (1 << self.drops(now).min(MAX_DOUBLINGS));
        let patience = if crowded { CROWDED_WAIT } else { slow };
        let oldest = self.video.front();
        self.overfull || oldest.is_some_and(|oldest| now.saturating_since(oldest.since) > patience)
    }

    /// Takes everything out that waits, because it has become useless.
    pub(super) fn drop_all(&mut self, now: Time) -> impl Iterator<Item = Forward> + '_ {
        self.dropped = Some((now, self.drops(now) + 1));
        self.drain()
    }

    /// Takes everything out that waits.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Forward> + '_ {
        (self.bytes, self.overfull) = (0, false);
        self.retransmissions.drain(..).chain(self.video.drain(..)).map(|waiting| waiting.forward)
    }

    /// Tells the controller what waits; gives when to come again: at once if that is stale, and
    /// while pictures wait never much later than packets may have run short of room.
    pub(super) fn next_time(&mut self, now: Time, crowded: bool) -> Option<Time> {
        self.sender.queued(now, self.bytes);
        if self.is_stale(now, crowded) {
            return Some(now);
        }
        let next = self.sender.poll_timeout();
        let next = next.map(|next| if next > now { next } else { now + RECHECK });
        let look = (!self.video.is_empty()).then_some(now + CROWDED_WAIT);
        [next, look].into_iter().flatten().min()
    }

    /// How often in a row pictures were dropped.
    fn drops(&self, now: Time) -> u32 {
        let lately = self.dropped.filter(|(at, _)| now.saturating_since(*at) < FORGIVEN);
        lately.map_or(0, |(_, times)| times)
    }

    fn forget(&mut self, waiting: Waiting) -> Forward {
        self.bytes -= waiting.bytes as usize;
        waiting.forward
    }
}

#[cfg(test)]
mod tests {
    use sotto_core::{
        forward::{PayloadRewrite, Rewrite},
        id::{PacketId, PayloadType, PeerId, RtpTime, SeqNo, ShortId, Ssrc},
    };

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn start() -> Time {
        Time::from_micros(1_000_000)
    }

    fn forward(class: PacketClass, number: u32) -> Forward {
        let rewrite = Rewrite {
            header_len: 12,
            payload_len: 1_000,
            ssrc: Ssrc(1),
            payload_type: PayloadType(96),
            seq: SeqNo(number as u16),
            timestamp: RtpTime(0),
            marker: false,
            csrc: ShortId(1),
            original: None,
            payload: PayloadRewrite::Unchanged,
            dependency: None,
        };
        Forward { packet: PacketId(number), peer: PeerId(1), class, rewrite, redundancy: None }
    }

    /// A way on which so much was just sent that nothing but sound may follow.
    fn busy() -> Pacing {
        let mut pacing = Pacing::new(start(), ExtensionId(3));
        for _ in 0..20 {
            pacing.sender.sent(start(), 1_200, PacketClass::Video);
        }
        pacing
    }

    /// The packets that leave until nothing waits or `until`, in that order.
    fn left(pacing: &mut Pacing, until: Time) -> Vec<u32> {
        let mut now = start();
        let mut left = Vec::new();
        while now < until && !pacing.is_idle() {
            while let Some(forward) = pacing.next(now) {
                left.push(forward.packet.0);
            }
            now = now + MS;
        }
        left
    }

    #[test]
    fn sound_never_waits_and_repairs_overtake_pictures() {
        let mut pacing = busy();
        assert!(pacing.admits(start(), PacketClass::Audio));
        for class in [PacketClass::Video, PacketClass::Retransmission] {
            assert!(!pacing.admits(start(), class));
        }
        for number in 0..4 {
            let class = [PacketClass::Video, PacketClass::Retransmission][number as usize % 2];
            assert_eq!(pacing.hold(start(), forward(class, number), 1_080), None);
        }
        assert_eq!(left(&mut pacing, start() + MS * 20_000), [1, 3, 0, 2]);
        assert_eq!(pacing.bytes, 0);
    }

    #[test]
    fn a_picture_does_not_overtake_one_that_waits() {
        let mut pacing = Pacing::new(start(), ExtensionId(3));
        assert!(pacing.admits(start(), PacketClass::Video));
        pacing.hold(start(), forward(PacketClass::Video, 1), 1_080);
        assert!(!pacing.admits(start(), PacketClass::Video));
        assert!(pacing.admits(start(), PacketClass::Retransmission));
        assert_eq!(pacing.padding(start()), None, "nor does padding");
    }

    #[test]
    fn of_repairs_the_oldest_and_of_pictures_the_newest_are_dropped_for_want_of_room() {
        let mut pacing = busy();
        for number in 0..MAX_RETRANSMISSIONS as u32 {
            let held = forward(PacketClass::Retransmission, number);
            assert_eq!(pacing.hold(start(), held, 1_080), None);
        }
        let dropped = pacing.hold(start(), forward(PacketClass::Retransmission, 9_999), 1_080);
        assert_eq!(dropped.map(|forward| forward.packet.0), Some(0));
        for number in 0..MAX_VIDEO as u32 {
            assert_eq!(pacing.hold(start(), forward(PacketClass::Video, number), 1_080), None);
        }
        assert!(!pacing.is_stale(start(), false));
        let dropped = pacing.hold(start(), forward(PacketClass::Video, 9_999), 1_080);
        assert_eq!(dropped.map(|forward| forward.packet.0), Some(9_999));
        assert!(pacing.is_stale(start(), false), "there is more than can ever be of use");
        let dropped = pacing.drop_all(start()).count();
        assert_eq!(dropped, MAX_RETRANSMISSIONS + MAX_VIDEO);
        assert!(pacing.is_idle() && !pacing.is_stale(start(), false) && pacing.bytes == 0);
    }

    #[test]
    fn pictures_that_waited_a_second_are_stale_and_twice_as_long_after_each_drop() {
        let mut pacing = busy();
        let mut now = start();
        for wait in [1_000, 2_000, 4_000, 4_000] {
            pacing.hold(now, forward(PacketClass::Video, 1), 1_080);
            now = now + MS * wait;
            assert!(!pacing.is_stale(now, false), "after {wait} ms");
            now = now + MS;
            assert!(pacing.is_stale(now, false), "after {wait} ms");
            assert_eq!(pacing.drop_all(now).count(), 1);
        }
        now = now + FORGIVEN;
        pacing.hold(now, forward(PacketClass::Video, 1), 1_080);
        assert!(pacing.is_stale(now + MS * 1_001, false));
    }

    #[test]
    fn where_packets_run_short_of_room_pictures_wait_a_quarter_of_a_second_at_most() {
        let mut pacing = busy();
        pacing.dropped = Some((start(), MAX_DOUBLINGS));
        pacing.hold(start(), forward(PacketClass::Video, 1), 1_080);
        assert!(!pacing.is_stale(start() + MS * 250, true));
        let late = start() + MS * 251;
        assert!(pacing.is_stale(late, true) && !pacing.is_stale(late, false));
        assert_eq!(pacing.next_time(late, true), Some(late), "dropped at once");
        let next = pacing.next_time(late, false).unwrap();
        assert!(next > late && next <= late + CROWDED_WAIT, "looked at again in good time");
    }
}
