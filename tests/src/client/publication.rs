//! One publication: frames of a clip or synthetic ones, cut into RTP packets when they are due.

use std::time::{Duration, Instant};

use sotto_core::{media::Kind, signal::Source};

use super::{Media, models::Talking, nack::Kept, rtp, sdp};
use crate::media::{
    Clip, synthetic,
    synthetic::{Note, wall_micros},
    vp8,
};

/// Largest RTP payload behind the VP8 descriptor, in bytes.
const PART: usize = 1_100;
/// Between sender reports (RFC 3550 section 6.2 allows less than its 5 s).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// A synthetic keyframe has so many times the bytes of another frame.
const KEYFRAME_FACTOR: usize = 4;
/// A synthetic stream has a keyframe at least this often, in frames.
const SYNTHETIC_INTERVAL: u32 = 300;

/// A publication and its clock.
pub struct Publication {
    source: Source,
    mid: &'static str,
    ssrc: u32,
    feed: Feed,
    muted: bool,
    /// Whether anybody is to get it.
    wanted: bool,
    started: Instant,
    first_timestamp: u32,
    seq: u16,
    counters: vp8::Counters,
    packets: u32,
    octets: u32,
    frames: u64,
    kept: Kept,
    repeated: u32,
    behind: Duration,
    next_report: Instant,
}

impl Publication {
    /// Starts at `now`: publications that start at the same instant share a clock.
    pub fn new(now: Instant, source: Source, ssrc: u32, media: Media, muted: bool) -> Self {
        let mid =
            sdp::SENDING.iter().find(|(known, _)| *known == source).map_or("0", |(_, mid)| mid);
        let synthetic =
            matches!(media, Media::SyntheticVideo { .. } | Media::SyntheticAudio { .. });
        let video = source.kind() == Kind::Video;
        Self {
            source,
            mid,
            ssrc,
            feed: Feed::new(media),
            muted,
            wanted: true,
            started: now,
            // Far enough from the end that a wrap comes early in a long test.
            first_timestamp: ssrc.wrapping_mul(2_654_435_761),
            seq: (ssrc >> 3) as u16,
            counters: vp8::Counters {
                picture_id: (ssrc >> 5) as u16 & 0x7fff,
                tl0_picture_index: synthetic.then_some((ssrc >> 7) as u8),
            },
            packets: 0,
            octets: 0,
            frames: 0,
            kept: Kept::new(video.then(|| (sdp::rtx_of(ssrc), sdp::RTX))),
            repeated: 0,
            behind: Duration::ZERO,
            next_report: now,
        }
    }

    /// Begins anew at `now`: nothing can be sent before the connection is up.
    pub const fn start(&mut self, now: Instant) {
        self.started = now;
    }

    /// What it is.
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Its m-line.
    pub const fn mid(&self) -> &'static str {
        self.mid
    }

    /// Its RTP source.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Frames sent so far.
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Longest time by which a frame was sent after it was due: how long the machine had no time
    /// for us.
    pub const fn behind(&self) -> Duration {
        self.behind
    }

    /// Packets sent so far.
    pub const fn packets(&self) -> u32 {
        self.packets
    }

    /// Packets sent again so far.
    pub const fn repeated(&self) -> u32 {
        self.repeated
    }

    /// The packets that the node asks for again, as far as they are still there.
    pub fn repeat(&mut self, missing: &[u16]) -> Vec<Vec<u8>> {
        let packets: Vec<_> = missing.iter().filter_map(|seq| self.kept.answer(*seq)).collect();
        self.repeated += packets.len() as u32;
        packets
    }

    /// Stops or starts sending. Video starts with a keyframe.
    pub fn set_muted(&mut self, muted: bool) {
        if self.muted && !muted {
            self.feed.request_keyframe();
        }
        self.muted = muted;
    }

    /// Whether anybody is to get it.
    pub const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Says whether anybody is to get it. What is wanted again starts with a keyframe.
    pub fn set_wanted(&mut self, wanted: bool) {
        if wanted && !self.wanted {
            self.feed.request_keyframe();
        }
        self.wanted = wanted;
    }

    /// The node wants a keyframe.
    pub fn request_keyframe(&mut self) {
        self.feed.request_keyframe();
    }

    /// When [`Self::emit`] has something to send.
    pub fn due(&self) -> Instant {
        self.started + ticks(self.feed.next_at(), self.feed.clock_rate())
    }

    /// Writes the packets of every frame that is due. `sender` is our short id in the room.
    pub fn emit(&mut self, now: Instant, sender: u32, out: &mut Vec<Vec<u8>>) {
        while self.due() <= now {
            let late = now.saturating_duration_since(self.due());
            let at = self.feed.next_at();
            let timestamp = self.first_timestamp.wrapping_add(at as u32);
            let frame = self.feed.take(sender);
            if !self.muted && self.wanted {
                self.behind = self.behind.max(late);
                self.packetise(timestamp, &frame, out);
                self.frames += 1;
            }
        }
    }

    /// The sender report that is due.
    pub fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next_report || self.packets == 0 {
            return None;
        }
        self.next_report = now + REPORT_INTERVAL;
        let elapsed = now.saturating_duration_since(self.started).as_secs_f64();
        let units = (elapsed * f64::from(self.feed.clock_rate())) as u64;
        let rtp = self.first_timestamp.wrapping_add(units as u32);
        Some(rtp::write_sender_report(self.ssrc, rtp::ntp(now), rtp, self.packets, self.octets))
    }

    fn packetise(&mut self, timestamp: u32, frame: &Taken, out: &mut Vec<Vec<u8>>) {
        match frame {
            Taken::Audio { data, level } => {
                let mut packet = self.header(timestamp, false, sdp::OPUS, Some(*level));
                packet.extend_from_slice(data);
                self.finish(packet, data.len(), out);
            }
            Taken::Video(data) => {
                let count = vp8::split(data, PART).len();
                for (i, part) in vp8::split(data, PART).enumerate() {
                    self.video_packet(timestamp, (i, count), out, |packet| {
                        packet.extend_from_slice(part);
                    });
                }
                self.counters.advance();
            }
            Taken::Synthetic { note, keyframe, bytes } => {
                let count = bytes.div_ceil(PART);
                for i in 0..count {
                    let len = bytes.div_ceil(count).max(64);
                    self.video_packet(timestamp, (i, count), out, |packet| {
                        synthetic::video_part(*note, *keyframe, i, len, packet);
                    });
                }
                self.counters.advance();
            }
        }
    }

    fn video_packet(
        &mut self,
        timestamp: u32,
        (index, count): (usize, usize),
        out: &mut Vec<Vec<u8>>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let mut packet = self.header(timestamp, index + 1 == count, sdp::VP8, None);
        let header = packet.len();
        self.counters.write(index == 0, &mut packet);
        write(&mut packet);
        let payload = packet.len() - header;
        self.finish(packet, payload, out);
    }

    fn header(&self, timestamp: u32, marker: bool, payload_type: u8, level: Option<u8>) -> Vec<u8> {
        let mut packet = Vec::with_capacity(1_300);
        let (seq, ssrc, mid) = (self.seq, self.ssrc, self.mid);
        rtp::Outgoing { payload_type, marker, seq, timestamp, ssrc, mid, level }.write(&mut packet);
        packet
    }

    fn finish(&mut self, packet: Vec<u8>, payload: usize, out: &mut Vec<Vec<u8>>) {
        self.kept.push(self.seq, &packet);
        self.seq = self.seq.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
        out.push(packet);
    }
}

/// Where frames come from. Positions are clock units since the publication started.
enum Feed {
    Clip { clip: Clip, seek: bool, index: usize, shift: i64, talking: Talking },
    Video { fps: u32, bytes: usize, frame: u32, since_keyframe: u32, wanted: bool },
    Audio { level: u8, frame: u32 },
}

/// A frame on its way into packets.
enum Taken {
    Audio { data: bytes::Bytes, level: u8 },
    Video(bytes::Bytes),
    Synthetic { note: Note, keyframe: bool, bytes: usize },
}

/// Loudness that a clip's packets claim, in -dBov: a voice at arm's length.
const CLIP_LEVEL: u8 = 25;
/// The same of silence.
const SILENT_LEVEL: u8 = 127;
/// Opus, 20 ms of silence: CELT, full band, mono.
const SILENT_PACKET: &[u8] = &[0xf8, 0xff, 0xfe];

impl Feed {
    fn new(media: Media) -> Self {
        match media {
            Media::Clip { clip, seek } => {
                Self::Clip { clip, seek, index: 0, shift: 0, talking: Talking::Always }
            }
            Media::Spoken { clip, talking } => {
                Self::Clip { clip, seek: false, index: 0, shift: 0, talking }
            }
            Media::SyntheticVideo { fps, bytes } => {
                Self::Video { fps, bytes, frame: 0, since_keyframe: 0, wanted: true }
            }
            Media::SyntheticAudio { level } => Self::Audio { level, frame: 0 },
        }
    }

    const fn clock_rate(&self) -> u32 {
        match self {
            Self::Clip { clip, .. } => clip.clock_rate,
            Self::Video { .. } => 90_000,
            Self::Audio { .. } => 48_000,
        }
    }

    /// Position of the next frame.
    fn next_at(&self) -> u64 {
        match self {
            Self::Clip { clip, index, shift, .. } => {
                u64::try_from(clip.frames[*index].at as i64 + shift).unwrap_or(0)
            }
            Self::Video { fps, frame, .. } => u64::from(*frame) * 90_000 / u64::from((*fps).max(1)),
            Self::Audio { frame, .. } => u64::from(*frame) * 960,
        }
    }

    fn take(&mut self, sender: u32) -> Taken {
        match self {
            Self::Clip { clip, index, shift, talking, .. } => {
                let data = clip.frames[*index].data.clone();
                *index += 1;
                if *index == clip.frames.len() {
                    *index = 0;
                    *shift += clip.duration as i64;
                }
                match kind(clip) {
                    Kind::Audio if !talking.at(wall_micros() / 1_000) => {
                        Taken::Audio { data: SILENT_PACKET.into(), level: SILENT_LEVEL }
                    }
                    Kind::Audio => Taken::Audio { data, level: CLIP_LEVEL },
                    Kind::Video => Taken::Video(data),
                }
            }
            Self::Video { bytes, frame, since_keyframe, wanted, .. } => {
                let note = Note::now(sender, *frame);
                let keyframe = std::mem::take(wanted) || *since_keyframe >= SYNTHETIC_INTERVAL;
                *frame = frame.wrapping_add(1);
                *since_keyframe = if keyframe { 0 } else { *since_keyframe + 1 };
                let bytes = if keyframe { *bytes * KEYFRAME_FACTOR } else { *bytes };
                Taken::Synthetic { note, keyframe, bytes }
            }
            Self::Audio { level, frame } => {
                let mut data = Vec::with_capacity(32);
                synthetic::audio_packet(Note::now(sender, *frame), &mut data);
                *frame = frame.wrapping_add(1);
                Taken::Audio { data: data.into(), level: *level }
            }
        }
    }

    fn request_keyframe(&mut self) {
        match self {
            Self::Clip { clip, seek: true, index, shift, .. } => {
                let at = clip.frames[*index].at as i64 + *shift;
                let later = (*index..clip.frames.len()).find(|i| clip.frames[*i].keyframe);
                *index = later.unwrap_or(0);
                *shift = at - clip.frames[*index].at as i64;
            }
            Self::Video { wanted, .. } => *wanted = true,
            Self::Clip { seek: false, .. } | Self::Audio { .. } => {}
        }
    }
}

/// The clock tells: only Opus runs at 48 kHz.
const fn kind(clip: &Clip) -> Kind {
    if clip.clock_rate == 48_000 { Kind::Audio } else { Kind::Video }
}

fn ticks(units: u64, rate: u32) -> Duration {
    let rate = u64::from(rate);
    Duration::from_secs(units / rate) + Duration::from_nanos(units % rate * 1_000_000_000 / rate)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::media::Frame;

    fn clip() -> Clip {
        let frame = |i: u64| Frame {
            at: i * 6_000,
            keyframe: i.is_multiple_of(4),
            data: Bytes::from(vec![u8::from(!i.is_multiple_of(4)), i as u8]),
        };
        Clip { clock_rate: 90_000, frames: (0..8).map(frame).collect(), duration: 48_000 }
    }

    fn timestamps(packets: &[Vec<u8>]) -> Vec<u32> {
        packets.iter().map(|packet| rtp::Header::parse(packet).unwrap().timestamp).collect()
    }

    fn publication(now: Instant, media: Media) -> Publication {
        Publication::new(now, Source::Camera, 9, media, false)
    }

    #[test]
    fn a_looped_clip_keeps_its_pace_across_the_seam() {
        let now = Instant::now();
        let mut publication = publication(now, Media::Clip { clip: clip(), seek: true });
        let mut packets = Vec::new();
        publication.emit(now + Duration::from_secs(2), 1, &mut packets);
        let times = timestamps(&packets);
        assert_eq!(times.len(), 31, "15 frames a second for two seconds, and the first");
        assert!(times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == 6_000));
    }

    #[test]
    fn a_voice_that_is_not_to_talk_sends_silence() {
        let now = Instant::now();
        let frame =
            |i: u64| Frame { at: i * 960, keyframe: true, data: Bytes::from_static(b"\x48voice") };
        let clip =
            Clip { clock_rate: 48_000, frames: (0..8).map(frame).collect(), duration: 7_680 };
        let sent = |talking| {
            let media = Media::Spoken { clip: clip.clone(), talking };
            let mut packets = Vec::new();
            publication(now, media).emit(now, 1, &mut packets);
            let header = rtp::Header::parse(&packets[0]).unwrap();
            packets[0][header.payload.0..].to_vec()
        };
        assert_eq!(sent(Talking::Always), b"\x48voice");
        assert_eq!(sent(Talking::Never), SILENT_PACKET);
    }

    #[test]
    fn a_keyframe_request_goes_on_at_the_next_keyframe_without_a_break_in_time() {
        let now = Instant::now();
        let mut publication = publication(now, Media::Clip { clip: clip(), seek: true });
        let mut packets = Vec::new();
        publication.emit(now, 1, &mut packets);
        publication.request_keyframe();
        publication.emit(now + Duration::from_millis(150), 1, &mut packets);
        let payload = packets[1].last().copied();
        assert_eq!(payload, Some(4), "frames 1 to 3 were passed over");
        assert!(timestamps(&packets).windows(2).all(|pair| pair[1] - pair[0] == 6_000));
    }

    #[test]
    fn it_tells_by_how_much_it_was_behind() {
        let now = Instant::now();
        let mut publication = publication(now, Media::SyntheticVideo { fps: 10, bytes: 500 });
        publication.emit(now, 1, &mut Vec::new());
        assert_eq!(publication.behind(), Duration::ZERO);
        publication.emit(now + Duration::from_millis(400), 1, &mut Vec::new());
        publication.emit(now + Duration::from_millis(500), 1, &mut Vec::new());
        assert_eq!(publication.behind(), Duration::from_millis(300));
    }

    #[test]
    fn a_muted_publication_sends_nothing_and_its_time_goes_on() {
        let now = Instant::now();
        let mut publication = publication(now, Media::SyntheticVideo { fps: 10, bytes: 500 });
        let mut packets = Vec::new();
        publication.emit(now, 1, &mut packets);
        publication.set_muted(true);
        publication.emit(now + Duration::from_secs(1), 1, &mut packets);
        let before = packets.len();
        publication.set_muted(false);
        publication.emit(now + Duration::from_millis(1_100), 1, &mut packets);
        let times = timestamps(&packets[before - 1..=before]);
        assert_eq!(times[1].wrapping_sub(times[0]), 99_000);
        let header = rtp::Header::parse(&packets[before]).unwrap();
        let part = vp8::part(&packets[before][header.payload.0..]).unwrap();
        assert!(part.first && vp8::is_keyframe(part.data));
    }

    #[test]
    fn a_sender_report_names_the_media_time_of_its_wall_clock_time() {
        let now = Instant::now();
        let mut publication = publication(now, Media::SyntheticVideo { fps: 10, bytes: 500 });
        assert_eq!(publication.report(now), None, "nothing was sent yet");
        publication.emit(now, 1, &mut Vec::new());
        let later = now + Duration::from_millis(500);
        let report = publication.report(later).unwrap();
        let [rtp::Feedback::SenderReport { ntp, rtp, .. }] = rtp::feedback(&report)[..] else {
            panic!("one sender report");
        };
        assert_eq!(rtp.wrapping_sub(publication.first_timestamp), 45_000);
        assert_eq!(ntp, rtp::ntp(later));
        assert_eq!(publication.report(later), None, "one a second");
    }
}
