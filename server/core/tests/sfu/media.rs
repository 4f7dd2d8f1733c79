//! What clients send: offers and packets.

use std::time::Duration;

use sotto_core::{
    Time,
    id::{ExtensionId, LayerIndex, Mid, PayloadType, PeerId, Rid, RtpTime, SeqNo, Ssrc},
    media::{Codec, Direction, Extension, Kind, Offer, OfferedMedia, PayloadFormat},
    rtp::{PacketBuilder, VideoDescriptor},
};

pub(crate) const OPUS: PayloadType = PayloadType(111);
pub(crate) const VP8: PayloadType = PayloadType(96);
const MID_ID: ExtensionId = ExtensionId(4);
const LEVEL_ID: ExtensionId = ExtensionId(1);
const DEPENDENCY_ID: ExtensionId = ExtensionId(12);
const RID_ID: ExtensionId = ExtensionId(10);

/// The simulcast layers of [`simulcast_offer`], smallest first.
pub(crate) const RIDS: [&str; 3] = ["q", "h", "f"];

/// Bytes of a VP8 payload before what the encoder wrote: the descriptor of [`Sender`]s and the first
/// byte of the frame.
const FRAME_AT: usize = 7;

/// One offered m-line as a browser writes it.
pub(crate) fn media(mid: &str, kind: Kind, direction: Direction) -> OfferedMedia {
    let (format, extension) = match kind {
        Kind::Audio => (
            PayloadFormat {
                payload_type: OPUS,
                codec: Codec::Opus,
                rtx: None,
                red: None,
                nack: false,
                transport_cc: false,
            },
            (Extension::AudioLevel, LEVEL_ID),
        ),
        Kind::Video => (
            PayloadFormat {
                payload_type: VP8,
                codec: Codec::Vp8,
                rtx: Some(PayloadType(97)),
                red: None,
                nack: true,
                transport_cc: false,
            },
            (Extension::DependencyDescriptor, DEPENDENCY_ID),
        ),
    };
    OfferedMedia {
        mid: Mid::new(mid).unwrap(),
        kind,
        direction,
        formats: vec![format],
        extensions: vec![(Extension::Mid, MID_ID), extension],
        rids: Vec::new(),
        ssrc: None,
        rtx_ssrc: None,
    }
}

/// The usual m-lines: microphone, camera, screen and its sound, and slots `a0`, `a1`, …, `v0`, `v1`,
/// ….
pub(crate) fn offer(audio: usize, video: usize) -> Offer {
    let senders = [
        ("mic", Kind::Audio, 1_001),
        ("cam", Kind::Video, 1_002),
        ("scr", Kind::Video, 1_003),
        ("sca", Kind::Audio, 1_004),
    ];
    let senders = senders.into_iter().map(|(mid, kind, ssrc)| OfferedMedia {
        ssrc: Some(Ssrc(ssrc)),
        ..media(mid, kind, Direction::Send)
    });
    let slots = |prefix: &'static str, kind, count| {
        (0..count).map(move |n| media(&format!("{prefix}{n}"), kind, Direction::Receive))
    };
    let audio = slots("a", Kind::Audio, audio);
    let video = slots("v", Kind::Video, video);
    Offer { media: senders.chain(audio).chain(video).collect(), ..Offer::default() }
}

/// As [`offer`], and the camera has the simulcast layers [`RIDS`].
pub(crate) fn simulcast_offer(audio: usize, video: usize) -> Offer {
    let mut offer = offer(audio, video);
    let camera = &mut offer.media[1];
    camera.ssrc = None;
    camera.rids = RIDS.map(rid).to_vec();
    camera.extensions.push((Extension::Rid, RID_ID));
    offer
}

/// A camera and a slot as Chromium offers them, and a voice and its slot, with all that is known.
pub(crate) fn rich_offer() -> Offer {
    let format = |codec, payload_type| PayloadFormat {
        payload_type: PayloadType(payload_type),
        codec,
        rtx: (codec != Codec::Opus).then_some(PayloadType(payload_type + 1)),
        red: (codec == Codec::Opus).then_some(PayloadType(63)),
        nack: true,
        transport_cc: true,
    };
    let video = [(Codec::Vp9, 98), (Codec::Vp8, 96), (Codec::H264, 102), (Codec::Av1, 45)];
    let line = |mid, kind, direction| {
        let mut media = media(mid, kind, direction);
        media.formats = match kind {
            Kind::Audio => vec![format(Codec::Opus, 111)],
            Kind::Video => video.map(|(codec, number)| format(codec, number)).to_vec(),
        };
        let all = [(Extension::TransportCc, 3), (Extension::Rid, 10), (Extension::RepairedRid, 11)];
        media.extensions.extend(all.map(|(extension, id)| (extension, ExtensionId(id))));
        media
    };
    let camera = line("cam", Kind::Video, Direction::Send);
    Offer {
        media: vec![
            OfferedMedia { rids: ["q", "h", "f", "x"].map(rid).to_vec(), ..camera },
            line("v0", Kind::Video, Direction::Receive),
            line("mic", Kind::Audio, Direction::Send),
            line("a0", Kind::Audio, Direction::Receive),
        ],
        ..Offer::default()
    }
}

pub(crate) fn rid(name: &str) -> Rid {
    Rid::new(name).unwrap()
}

/// The encoder and packetiser behind one sending m-line: one packet a frame.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) mid: Mid,
    pub(crate) ssrc: Ssrc,
    pub(crate) kind: Kind,
    pub(crate) seq: SeqNo,
    /// Whether the next frame is a keyframe; the first one is.
    pub(crate) keyframe: bool,
    /// Loudness of the next packets in -dBov.
    pub(crate) level: u8,
    /// Whether packets name their m-line.
    pub(crate) tagged: bool,
    /// Whether frames are encrypted: known from their dependency descriptors alone.
    pub(crate) opaque: bool,
    /// Whether its encoder runs.
    pub(crate) active: bool,
    pub(crate) payload_type: PayloadType,
    /// Which simulcast layer it is, and what its packets call it.
    pub(crate) layer: LayerIndex,
    pub(crate) rid: Option<Rid>,
    pub(crate) peer: PeerId,
    pub(crate) epoch: u8,
    pub(crate) picture: u16,
    pub(crate) count: u32,
    /// Bytes of payload of a packet, at least 32.
    pub(crate) size: usize,
}

/// What a packet's payload says about its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Counts the packets of the sender.
    pub(crate) count: u32,
    pub(crate) peer: PeerId,
    pub(crate) line: Mid,
    /// Counts the restarts of the sender.
    pub(crate) epoch: u8,
    pub(crate) layer: LayerIndex,
}

impl Stamp {
    /// Reads what [`Sender::next`] wrote.
    pub(crate) fn read(kind: Kind, payload: &[u8]) -> Self {
        let front = if kind == Kind::Video { FRAME_AT } else { 0 };
        let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        Self {
            count: word(front),
            peer: PeerId(word(front + 4).into()),
            epoch: payload[front + 8],
            line: Mid::from_bytes(&payload[front + 9..front + 12]).unwrap(),
            layer: LayerIndex(payload[front + 12]),
        }
    }
}

impl Sender {
    pub(crate) fn new(media: &OfferedMedia, ssrc: Ssrc, peer: PeerId) -> Self {
        Self {
            mid: media.mid,
            ssrc,
            kind: media.kind,
            seq: SeqNo(65_500),
            keyframe: true,
            level: 127,
            tagged: false,
            opaque: false,
            active: true,
            payload_type: if media.kind == Kind::Audio { OPUS } else { VP8 },
            layer: LayerIndex(0),
            rid: None,
            peer,
            epoch: 0,
            picture: 0x7ff0,
            count: 0,
            size: 32,
        }
    }

    /// One simulcast layer of a camera: a source that only its tags tell.
    pub(crate) fn layer(peer: PeerId, index: u8) -> Self {
        let camera = media("cam", Kind::Video, Direction::Send);
        Self {
            tagged: true,
            layer: LayerIndex(index),
            rid: Some(rid(RIDS[usize::from(index)])),
            seq: SeqNo(1_000 * u16::from(index)),
            ..Self::new(&camera, Ssrc(200_000 + 100_000 * u32::from(index)), peer)
        }
    }

    /// The media time of what is captured now.
    pub(crate) fn clock(&self, now: Time) -> RtpTime {
        let rate = match self.kind {
            Kind::Audio => 48,
            Kind::Video => 90,
        };
        let millis = Duration::from_micros(now.as_micros()).as_millis() as u64;
        RtpTime((millis * rate) as u32)
    }

    /// The encoder starts anew: another source, named by its m-line.
    pub(crate) fn restart(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.ssrc = Ssrc(self.ssrc.0 + 1_000);
        self.seq = SeqNo(self.seq.0.wrapping_mul(31));
        self.tagged = true;
        self.keyframe = true;
    }

    /// The next packet, sent now.
    pub(crate) fn next(&mut self, now: Time) -> Vec<u8> {
        let mut payload = vec![0; self.size];
        let front = match self.kind {
            Kind::Audio => 0,
            Kind::Video => {
                let descriptor = VideoDescriptor::Vp8 {
                    start_of_frame: true,
                    keyframe: self.keyframe,
                    picture_id: Some((self.picture & 0x7fff, true)),
                    tl0_picture_index: Some(self.picture as u8),
                    temporal_layer: Some((0, false)),
                };
                let len = descriptor.write(&mut payload).unwrap();
                assert_eq!(len + 1, FRAME_AT);
                // The first bit of a VP8 frame says that it is not a keyframe (RFC 6386 section 9.1).
                payload[len] = u8::from(!self.keyframe || self.opaque);
                len + 1
            }
        };
        payload[front..front + 4].copy_from_slice(&self.count.to_be_bytes());
        payload[front + 4..front + 8].copy_from_slice(&(self.peer.0 as u32).to_be_bytes());
        payload[front + 8] = self.epoch;
        payload[front + 9..front + 12].copy_from_slice(self.mid.as_str().as_bytes());
        payload[front + 12] = self.layer.0;
        let level = [self.level];
        let mid = self.mid;
        let mut extensions: Vec<(ExtensionId, &[u8])> = Vec::new();
        if self.tagged {
            extensions.push((MID_ID, mid.as_str().as_bytes()));
            if let Some(rid) = &self.rid {
                extensions.push((RID_ID, rid.as_str().as_bytes()));
            }
        }
        if self.kind == Kind::Audio {
            extensions.push((LEVEL_ID, &level));
        }
        // Start and end of frame, template 0, frame number; and for keyframes a template structure
        // (AV1 RTP specification, appendix A).
        let [high, low] = self.picture.to_be_bytes();
        let dependency = [0xc0, high, low, 0x80, 0, 0];
        if self.opaque {
            let len = if self.keyframe { 6 } else { 3 };
            extensions.push((DEPENDENCY_ID, &dependency[..len]));
        }
        let builder = PacketBuilder {
            ssrc: self.ssrc,
            payload_type: self.payload_type,
            seq: self.seq,
            timestamp: self.clock(now),
            marker: self.kind == Kind::Video,
            csrcs: &[],
            extensions: &extensions,
            payload: &payload,
            padding: 0,
        };
        let mut bytes = vec![0; self.size + 200];
        let len = builder.write(&mut bytes).unwrap();
        bytes.truncate(len);
        self.seq = self.seq.next();
        self.count += 1;
        if self.kind == Kind::Video {
            self.picture = self.picture.wrapping_add(1);
            self.keyframe = false;
        }
        bytes
    }
}
