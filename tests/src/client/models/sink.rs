//! The bundle stream as it arrives: whose payloads are in it, and whether they are whole, on time, and
//! all there.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sotto_codec::testing::{bar, tone};
use sotto_frame::{Bundle, Entry, MediaTime, PluginId};

use super::{
    Stamp,
    continuity::{Came, Continuity},
    report::ModelsReport,
    strand::{BAR, TONE},
};
use crate::{client::nack::Wanted, media::synthetic::wall_micros};

/// Media times of one person and plug-in that are remembered: 10 s of the shortest packets.
const REMEMBERED: usize = 256;

/// What the checks need to know of the world.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Now.
    pub now: Instant,
    /// Time since the websocket was opened.
    pub at: Duration,
    /// Bytes on the wire, headers included.
    pub wire_bytes: usize,
}

/// The bundle stream of a participant.
#[derive(Debug, Default)]
pub struct BundleSink {
    /// The highest number so far.
    newest: Option<u64>,
    wanted: Wanted,
    nack: bool,
    people: BTreeMap<(u32, u8), Heard>,
}

/// One person and plug-in.
#[derive(Debug, Default)]
struct Heard {
    numbers: Continuity,
    /// Media times that came, the latest last.
    times: Vec<MediaTime>,
    /// The latest media time, and when it came.
    latest: Option<(MediaTime, Instant)>,
}

impl BundleSink {
    /// Whether lost bundles are asked for.
    pub const fn negotiated(&mut self, nack: bool) {
        self.nack = nack;
    }

    /// Takes a bundle that came as RTP packet of this number.
    pub fn packet(
        &mut self,
        arrival: &Arrival,
        seq: u16,
        bundle: &[u8],
        report: &mut ModelsReport,
    ) {
        let seq = self.extend(seq);
        match self.newest {
            Some(newest) if seq > newest => {
                self.wanted.miss(arrival.now, newest + 1..seq);
                self.newest = Some(seq);
            }
            Some(_) => report.bundles.repaired += u64::from(self.wanted.came(seq)),
            None => self.newest = Some(seq),
        }
        self.bundle(arrival, bundle, report);
    }

    /// Takes a bundle.
    pub fn bundle(&mut self, arrival: &Arrival, bundle: &[u8], report: &mut ModelsReport) {
        report.bundles.packets += 1;
        report.bundles.wire_bytes += arrival.wire_bytes as u64;
        report.bundles.bytes += bundle.len() as u64;
        let Ok(bundle) = Bundle::parse(bundle) else {
            report.bundles.malformed += 1;
            return;
        };
        for block in bundle.blocks() {
            report.bundles.blocks += 1;
            for entry in block.entries() {
                self.entry(arrival, block.participant, block.time, &entry, report);
            }
        }
    }

    /// The bundles that are to be asked for now.
    pub fn poll_missing(&mut self, now: Instant) -> Vec<u16> {
        if self.nack { self.wanted.poll(now) } else { Vec::new() }
    }

    /// Gives up what was waited for long enough.
    pub fn settle(&mut self, now: Instant, report: &mut ModelsReport) {
        for (key, heard) in &mut self.people {
            heard.numbers.settle(now);
            let of = report.entries.entry(*key).or_default();
            (of.lost, of.waiting) = (heard.numbers.lost(), heard.numbers.waiting());
            of.paused = heard.numbers.paused();
        }
    }

    fn entry(
        &mut self,
        arrival: &Arrival,
        participant: u32,
        time: u16,
        entry: &Entry<'_>,
        report: &mut ModelsReport,
    ) {
        let key = (participant, entry.plugin.get());
        let is_held = report.holds_low(participant, key.1, entry.epoch);
        let heard = self.people.entry(key).or_default();
        let of = report.entries.entry(key).or_default();
        let bytes = entry.payload.len() as u64;
        if !heard.is_first(arrival.now, time) {
            of.repeats += 1;
            report.bundles.repeated_bytes += bytes;
            return;
        }
        report.bundles.payload_bytes += bytes;
        of.received += 1;
        of.first.get_or_insert(arrival.at);
        of.last = Some(arrival.at);
        of.unheld += u64::from(!is_held);
        let stamp = Stamp::read(entry.plugin, entry.payload);
        let stamp = stamp.filter(|stamp| {
            stamp.participant == participant && stamp.epoch % 8 == u16::from(entry.epoch)
        });
        let Some(stamp) = stamp else {
            if is_nameless(entry) {
                of.nameless += 1
            } else {
                of.misattributed += 1
            }
            return;
        };
        match heard.numbers.came(arrival.now, stamp.counter) {
            Came::New => {}
            Came::Missing => of.overtaken += 1,
            // Another media time under a number that was there.
            Came::Again => of.misattributed += 1,
        }
        let took = wall_micros().saturating_sub(stamp.sent_us);
        report.lateness.add(Duration::from_micros(took));
    }

    /// The sequence number with the cycles that bring it closest to the newest.
    fn extend(&self, seq: u16) -> u64 {
        let Some(newest) = self.newest else { return 0x1_0000 | u64::from(seq) };
        let distance = seq.wrapping_sub(newest as u16) as i16;
        newest.wrapping_add_signed(i64::from(distance))
    }
}

/// Whether a plug-in of the codec may have written such a payload: no test can tell what is in those
/// of people. Silence has none.
fn is_nameless(entry: &Entry<'_>) -> bool {
    match entry.plugin {
        TONE => entry.payload.is_empty() || tone::Frame::read(entry.payload).is_ok(),
        BAR => bar::Payload::read(entry.payload).is_ok(),
        PluginId::VOICE | PluginId::FACE => true,
        _ => false,
    }
}

impl Heard {
    /// Whether nothing has come of that time (low bits of milliseconds).
    fn is_first(&mut self, now: Instant, low: u16) -> bool {
        let expected = self.latest.map_or(MediaTime(low.into()), |(time, at)| {
            time.offset(now.saturating_duration_since(at).as_millis() as i32)
        });
        let time = MediaTime::unwrap(low, expected);
        if self.times.contains(&time) {
            return false;
        }
        if self.latest.is_none_or(|(latest, _)| time.distance(latest) > 0) {
            self.latest = Some((time, now));
        }
        if self.times.len() == REMEMBERED {
            self.times.remove(0);
        }
        self.times.push(time);
        true
    }
}

#[cfg(test)]
mod tests {
    use sotto_core::{
        id::ShortId,
        signal::{Form, ReceivedForm, Source},
    };
    use sotto_frame::{BundleWriter, ModelHash};

    use super::*;
    use crate::client::models::{EntriesReport, Held};

    struct Rig {
        sink: BundleSink,
        report: ModelsReport,
        at: Duration,
    }

    /// Somebody who holds the first epoch of the face of number 5.
    impl Default for Rig {
        fn default() -> Self {
            let mut report = ModelsReport::default();
            let form = ReceivedForm {
                participant: serde_json::from_value("0".repeat(32).into()).unwrap(),
                short_id: ShortId(5),
                source: Source::Camera,
                form: Form::Model,
                reason: None,
                epoch: Some(1),
                plugin: Some(BAR.get()),
                overlap: false,
                timestamp: None,
                capture_time: None,
            };
            let key = (form.participant, form.source);
            report
                .held
                .insert(key, vec![Held { epoch: 1, hash: ModelHash([0; 32]), plugin: BAR.get() }]);
            report.forms.insert(key, form);
            Self { sink: BundleSink::default(), report, at: Duration::ZERO }
        }
    }

    /// A payload of a picture: of whom, in which number.
    fn payload(participant: u32, counter: u32) -> Vec<u8> {
        Stamp { participant, epoch: 1, counter, sent_us: wall_micros() }.write(BAR, 24)
    }

    fn bundle(blocks: &[(u32, u16, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = BundleWriter::begin(&mut out);
        for &(participant, time, payload) in blocks {
            let entry = Entry { plugin: BAR, epoch: 1, activity: None, payload };
            writer.push_block(participant, time, [entry]).unwrap();
        }
        out
    }

    impl Rig {
        fn take(&mut self, start: Instant, seq: u16, blocks: &[(u32, u16, &[u8])]) {
            self.at += Duration::from_millis(80);
            let arrival = Arrival { now: start + self.at, at: self.at, wire_bytes: 100 };
            self.sink.packet(&arrival, seq, &bundle(blocks), &mut self.report);
            self.sink.settle(start + self.at, &mut self.report);
        }

        fn of(&self, participant: u32) -> EntriesReport {
            self.report.of(participant, BAR)
        }
    }

    #[test]
    fn payloads_are_counted_once_whenever_and_however_often_they_come() {
        let (start, mut rig) = (Instant::now(), Rig::default());
        let payloads: Vec<_> = (0..4).map(|counter| payload(5, counter)).collect();
        let block = |i: usize| (5, 65_500_u16.wrapping_add(80 * i as u16), &payloads[i][..]);
        rig.take(start, 65_535, &[block(0)]);
        rig.take(start, 1, &[block(2), block(0)]);
        rig.take(start, 2, &[block(3), block(2)]);
        assert_eq!(rig.of(5).waiting, 1);
        rig.take(start, 0, &[block(1)]);
        let of = rig.of(5);
        assert_eq!((of.received, of.repeats, of.overtaken, of.waiting), (4, 2, 1, 0));
        assert_eq!((of.misattributed, of.unheld, of.lost), (0, 0, 0));
        assert_eq!((rig.report.bundles.packets, rig.report.bundles.wire_bytes), (4, 400));
        assert_eq!((rig.report.bundles.payload_bytes, rig.report.bundles.repeated_bytes), (96, 48));
        assert_eq!(rig.report.lateness.count(), 4);
    }

    #[test]
    fn what_never_comes_is_lost_and_asked_for_where_that_was_agreed() {
        let (start, mut rig) = (Instant::now(), Rig::default());
        rig.sink.negotiated(true);
        for i in (0..20).filter(|i| *i != 3) {
            rig.take(start, i, &[(5, i * 80, &payload(5, i.into()))]);
        }
        assert_eq!(rig.sink.poll_missing(start + rig.at), [3]);
        assert_eq!((rig.of(5).lost, rig.of(5).received), (1, 19));
        assert!((rig.of(5).share_lost() - 0.05).abs() < 1e-9);
        rig.sink.negotiated(false);
        assert!(rig.sink.poll_missing(start + rig.at * 2).is_empty());
    }

    #[test]
    fn a_payload_under_a_wrong_name_is_noticed() {
        let (start, mut rig) = (Instant::now(), Rig::default());
        rig.take(start, 0, &[(6, 0, &payload(5, 0))]);
        rig.take(start, 1, &[(5, 80, &payload(5, 1)), (5, 160, &payload(5, 1))]);
        rig.take(start, 2, &[(5, 240, &[7; 24])]);
        assert_eq!((rig.of(6).misattributed, rig.of(6).unheld), (1, 1));
        assert_eq!((rig.of(5).misattributed, rig.of(5).unheld), (2, 0));
    }

    #[test]
    fn what_is_no_bundle_is_counted() {
        let mut rig = Rig::default();
        let arrival = Arrival { now: Instant::now(), at: rig.at, wire_bytes: 9 };
        rig.sink.bundle(&arrival, &[0xff; 9], &mut rig.report);
        assert_eq!((rig.report.bundles.malformed, rig.report.bundles.packets), (1, 1));
        assert_eq!(rig.report.of(5, PluginId::VOICE), EntriesReport::default());
    }
}
