//! What the pool and a learner in a process of its own say to each other, over two pipes.
//!
//! ```text
//!  0  kind u8     1  length u32, big-endian     5  body
//!
//!  to the learner     Start    what to learn         Packet   one RTP packet
//!  from the learner   Alive    packets are read      Progress how far it is, 0 to 1000
//!                     Keyframe one is wanted         Model    epoch u32, container
//!                     Unfit    not this speaker      Refused, Failed: why, and the last word
//! ```
//!
//! Both ends check everything: the learner decodes what strangers send, and may be theirs by now. A
//! length is checked before its body is waited for, so no more is held than the longest body of that
//! kind and what was read behind it.

use sotto_core::{
    id::PayloadType,
    media::{Codec, PayloadFormat},
};
use sotto_frame::{Epoch, container::MAX_CONTAINER_LEN};

use super::{FailedReason, RefusedReason};

/// Most bytes of an RTP packet, headers included: what Ethernet carries.
pub const MAX_PACKET_LEN: usize = 1_500;
/// Most bytes of the path of the decoder's program: PATH_MAX of Linux.
pub const MAX_PATH_LEN: usize = 4_096;

const HEADER_LEN: usize = 5;

const START: u8 = 1;
const PACKET: u8 = 2;
const ALIVE: u8 = 16;
const PROGRESS: u8 = 17;
const KEYFRAME: u8 = 18;
const MODEL: u8 = 19;
const UNFIT: u8 = 20;
const REFUSED: u8 = 21;
const FAILED: u8 = 22;

/// Why what came is no message. The other end is not what it should be: end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WireError {
    /// No message of that direction has this number.
    #[error("unknown message {0}")]
    Kind(u8),
    /// More than messages of this kind have.
    #[error("message {kind} of {len} bytes")]
    Length {
        /// Which.
        kind: u8,
        /// What it says it has.
        len: u32,
    },
    /// The body is not what messages of this kind have.
    #[error("malformed message {0}")]
    Body(u8),
}

/// What the pool says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToLearner<'a> {
    /// What to learn: the first message, and only that.
    Start(Start),
    /// A packet of it.
    Packet(&'a [u8]),
}

/// What to learn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The media. Feedback is not told: a learner sends none.
    pub format: PayloadFormat,
    /// Epoch of the first model.
    pub first_epoch: Epoch,
    /// The program that decodes video, as a path or a name to look for.
    pub ffmpeg: String,
}

/// What a learner says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromLearner<'a> {
    /// Packets are read.
    Alive,
    /// How much it has of what it would like to have, 0 to 1000.
    Progress(u16),
    /// A picture that can be decoded alone is wanted.
    Keyframe,
    /// A model.
    Model {
        /// Its epoch.
        epoch: Epoch,
        /// Its container, unchecked.
        container: &'a [u8],
    },
    /// What was learned so far does not fit the speaker.
    Unfit,
    /// There will be no model: the last message.
    Refused(RefusedReason),
    /// It broke: the last message.
    Failed(FailedReason),
}

/// Messages in what comes out of a pipe, piece by piece.
#[derive(Debug)]
pub struct Messages {
    bytes: Vec<u8>,
    /// Bytes of it that were read.
    at: usize,
    longest: fn(u8) -> Option<usize>,
}

impl Messages {
    /// Of the pool.
    pub const fn to_learner() -> Self {
        Self { bytes: Vec::new(), at: 0, longest: longest_to_learner }
    }

    /// Of a learner.
    pub const fn from_learner() -> Self {
        Self { bytes: Vec::new(), at: 0, longest: longest_from_learner }
    }

    /// Takes the next piece. Take out the messages in it before the next one, or they pile up.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// Kind and body of the next message; `None`: it has not all come yet.
    ///
    /// # Errors
    /// [`WireError`]: nothing that follows can be read either.
    pub fn read(&mut self) -> Result<Option<(u8, &[u8])>, WireError> {
        let rest = &self.bytes[self.at..];
        let Some((&[kind, a, b, c, d], body)) = rest.split_first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([a, b, c, d]);
        let longest = (self.longest)(kind).ok_or(WireError::Kind(kind))?;
        if len as usize > longest {
            return Err(WireError::Length { kind, len });
        }
        let Some(body) = body.get(..len as usize) else { return Ok(None) };
        self.at += HEADER_LEN + body.len();
        Ok(Some((kind, body)))
    }

    /// Bytes that are held.
    pub fn held(&self) -> usize {
        self.bytes.len() - self.at
    }
}

fn longest_to_learner(kind: u8) -> Option<usize> {
    match kind {
        START => Some(START_LEN + MAX_PATH_LEN),
        PACKET => Some(MAX_PACKET_LEN),
        _ => None,
    }
}

fn longest_from_learner(kind: u8) -> Option<usize> {
    match kind {
        ALIVE | KEYFRAME | UNFIT => Some(0),
        PROGRESS => Some(2),
        MODEL => Some(4 + MAX_CONTAINER_LEN),
        REFUSED | FAILED => Some(1),
        _ => None,
    }
}

/// Codec, payload type, RTX, RED, epoch; the path follows.
const START_LEN: usize = 8;
/// In place of a payload type that is not there.
const NONE: u8 = 0xff;

impl<'a> ToLearner<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn parse(kind: u8, body: &'a [u8]) -> Result<Self, WireError> {
        match kind {
            START => Start::parse(body).map(Self::Start).ok_or(WireError::Body(kind)),
            PACKET => Ok(Self::Packet(body)),
            _ => Err(WireError::Kind(kind)),
        }
    }

    /// Appends it. What is longer than a message may be is cut: see [`MAX_PACKET_LEN`] and
    /// [`MAX_PATH_LEN`].
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Start(start) => message(START, out, |out| start.write(out)),
            Self::Packet(packet) => message(PACKET, out, |out| {
                out.extend_from_slice(&packet[..packet.len().min(MAX_PACKET_LEN)]);
            }),
        }
    }
}

impl Start {
    fn parse(body: &[u8]) -> Option<Self> {
        let (&[codec, payload_type, rtx, red, e0, e1, e2, e3], path) =
            body.split_first_chunk::<START_LEN>()?;
        let codec = match codec {
            0 => Codec::Opus,
            1 => Codec::Vp8,
            2 => Codec::Vp9,
            3 => Codec::H264,
            4 => Codec::Av1,
            _ => return None,
        };
        let number = |byte: u8| match byte {
            0..128 => Some(Some(PayloadType(byte))),
            NONE => Some(None),
            _ => None,
        };
        let format = PayloadFormat {
            payload_type: number(payload_type)??,
            codec,
            rtx: number(rtx)?,
            red: number(red)?,
            nack: false,
            transport_cc: false,
        };
        let ffmpeg = String::from_utf8(path.to_vec()).ok()?;
        Some(Self { format, first_epoch: Epoch(u32::from_be_bytes([e0, e1, e2, e3])), ffmpeg })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let PayloadFormat { payload_type, codec, rtx, red, .. } = self.format;
        let codec = match codec {
            Codec::Opus => 0,
            Codec::Vp8 => 1,
            Codec::Vp9 => 2,
            Codec::H264 => 3,
            Codec::Av1 => 4,
        };
        let number = |number: Option<PayloadType>| number.map_or(NONE, |number| number.0 & 0x7f);
        out.extend([codec, payload_type.0 & 0x7f, number(rtx), number(red)]);
        out.extend(self.first_epoch.0.to_be_bytes());
        let end = self.ffmpeg.floor_char_boundary(MAX_PATH_LEN);
        out.extend_from_slice(&self.ffmpeg.as_bytes()[..end]);
    }
}

impl<'a> FromLearner<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn parse(kind: u8, body: &'a [u8]) -> Result<Self, WireError> {
        let of = |reason: Option<Self>| reason.ok_or(WireError::Body(kind));
        match (kind, body) {
            (ALIVE, []) => Ok(Self::Alive),
            (PROGRESS, &[high, low]) => {
                let per_mille = u16::from_be_bytes([high, low]);
                of((per_mille <= 1_000).then_some(Self::Progress(per_mille)))
            }
            (KEYFRAME, []) => Ok(Self::Keyframe),
            (MODEL, &[a, b, c, d, ref container @ ..]) => {
                Ok(Self::Model { epoch: Epoch(u32::from_be_bytes([a, b, c, d])), container })
            }
            (UNFIT, []) => Ok(Self::Unfit),
            (REFUSED, &[reason]) => {
                of(REFUSALS.get(usize::from(reason)).map(|r| Self::Refused(*r)))
            }
            (FAILED, &[reason]) => of(FAILURES.get(usize::from(reason)).map(|r| Self::Failed(*r))),
            (ALIVE | PROGRESS | KEYFRAME | MODEL | UNFIT | REFUSED | FAILED, _) => {
                Err(WireError::Body(kind))
            }
            _ => Err(WireError::Kind(kind)),
        }
    }

    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Alive => message(ALIVE, out, |_| ()),
            Self::Progress(per_mille) => {
                message(PROGRESS, out, |out| out.extend(per_mille.min(1_000).to_be_bytes()));
            }
            Self::Keyframe => message(KEYFRAME, out, |_| ()),
            Self::Model { epoch, container } => message(MODEL, out, |out| {
                out.extend(epoch.0.to_be_bytes());
                out.extend_from_slice(container);
            }),
            Self::Unfit => message(UNFIT, out, |_| ()),
            Self::Refused(reason) => {
                message(REFUSED, out, |out| out.push(place(&REFUSALS, reason)))
            }
            Self::Failed(reason) => message(FAILED, out, |out| out.push(place(&FAILURES, reason))),
        }
    }
}

/// The reasons by their numbers.
const REFUSALS: [RefusedReason; 3] =
    [RefusedReason::Disabled, RefusedReason::NoDecoder, RefusedReason::QueueFull];
const FAILURES: [FailedReason; 5] = [
    FailedReason::NotStarted,
    FailedReason::Crashed,
    FailedReason::Hung,
    FailedReason::Garbage,
    FailedReason::Decoder,
];

fn place<T: PartialEq>(reasons: &[T], reason: T) -> u8 {
    reasons.iter().position(|known| *known == reason).expect("all reasons have a number") as u8
}

fn message(kind: u8, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([kind, 0, 0, 0, 0]);
    body(out);
    let len = (out.len() - start - HEADER_LEN) as u32;
    out[start + 1..start + HEADER_LEN].copy_from_slice(&len.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn start() -> Start {
        let format = PayloadFormat {
            payload_type: PayloadType(111),
            codec: Codec::Opus,
            rtx: None,
            red: Some(PayloadType(63)),
            nack: false,
            transport_cc: false,
        };
        Start { format, first_epoch: Epoch(7), ffmpeg: "/usr/bin/ffmpeg".into() }
    }

    fn answers() -> Vec<FromLearner<'static>> {
        let mut answers = vec![
            FromLearner::Alive,
            FromLearner::Progress(1_000),
            FromLearner::Keyframe,
            FromLearner::Model { epoch: Epoch(3), container: b"container" },
            FromLearner::Unfit,
        ];
        answers.extend(REFUSALS.map(FromLearner::Refused));
        answers.extend(FAILURES.map(FromLearner::Failed));
        answers
    }

    /// All that comes out when `bytes` come in pieces of `step`.
    fn read(
        mut messages: Messages,
        bytes: &[u8],
        step: usize,
    ) -> Result<Vec<(u8, Vec<u8>)>, WireError> {
        let mut all = Vec::new();
        for piece in bytes.chunks(step) {
            messages.push(piece);
            while let Some((kind, body)) = messages.read()? {
                all.push((kind, body.to_vec()));
            }
        }
        Ok(all)
    }

    #[test]
    fn messages_are_read_as_they_were_written_however_they_are_cut() {
        let mut bytes = Vec::new();
        answers().iter().for_each(|answer| answer.write(&mut bytes));
        for step in [1, 3, 7, bytes.len()] {
            let read = read(Messages::from_learner(), &bytes, step).unwrap();
            let read: Vec<_> =
                read.iter().map(|(kind, body)| FromLearner::parse(*kind, body).unwrap()).collect();
            assert_eq!(read, answers(), "in pieces of {step}");
        }
        let commands = [ToLearner::Start(start()), ToLearner::Packet(&[1, 2, 3])];
        let mut bytes = Vec::new();
        commands.iter().for_each(|command| command.write(&mut bytes));
        let read = read(Messages::to_learner(), &bytes, 2).unwrap();
        let read: Vec<_> =
            read.iter().map(|(kind, body)| ToLearner::parse(*kind, body).unwrap()).collect();
        assert_eq!(read, commands);
    }

    #[test]
    fn every_codec_and_companion_is_told() {
        for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
            for rtx in [None, Some(PayloadType(0)), Some(PayloadType(127))] {
                let said =
                    Start { format: PayloadFormat { codec, rtx, ..start().format }, ..start() };
                let mut bytes = Vec::new();
                ToLearner::Start(said.clone()).write(&mut bytes);
                let body = &bytes[HEADER_LEN..];
                assert_eq!(ToLearner::parse(START, body), Ok(ToLearner::Start(said)));
            }
        }
    }

    #[test]
    fn a_length_that_no_message_has_is_refused_before_its_body_is_held() {
        let check = |mut messages: Messages, kind: u8, len: u32| {
            messages.push(&[&[kind][..], &len.to_be_bytes()].concat());
            let said = messages.read().map(|message| message.is_some());
            (said, messages.held())
        };
        let too_long = |kind, len| Err(WireError::Length { kind, len });
        assert_eq!(check(Messages::from_learner(), MODEL, u32::MAX).0, too_long(MODEL, u32::MAX));
        assert_eq!(check(Messages::from_learner(), ALIVE, 1).0, too_long(ALIVE, 1));
        assert_eq!(check(Messages::to_learner(), PACKET, 1_501).0, too_long(PACKET, 1_501));
        assert_eq!(check(Messages::to_learner(), MODEL, 0).0, Err(WireError::Kind(MODEL)));
        assert_eq!(check(Messages::from_learner(), PACKET, 0).0, Err(WireError::Kind(PACKET)));
        assert_eq!(check(Messages::to_learner(), PACKET, 1_500), (Ok(false), HEADER_LEN));
    }

    #[test]
    fn bodies_that_are_not_of_their_kind_are_refused() {
        for (kind, body) in [
            (PROGRESS, &[3, 0xe9][..]),
            (PROGRESS, &[0]),
            (MODEL, &[0, 0, 0]),
            (REFUSED, &[3]),
            (FAILED, &[5]),
            (FAILED, &[]),
        ] {
            assert_eq!(FromLearner::parse(kind, body), Err(WireError::Body(kind)), "{body:?}");
        }
        for body in [&[5, 1, 1, 1, 0, 0, 0, 0][..], &[0; 7], &[0, 128, 1, 1, 0, 0, 0, 0]] {
            assert_eq!(ToLearner::parse(START, body), Err(WireError::Body(START)), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_the_same_in_any_pieces(
            bytes in vec(prop_oneof![Just(0), 0u8..24, any::<u8>()], 0..200),
            step in 1usize..20,
        ) {
            let whole = read(Messages::from_learner(), &bytes, bytes.len().max(1));
            prop_assert_eq!(&read(Messages::from_learner(), &bytes, step), &whole);
            for (kind, body) in whole.unwrap_or_default() {
                if let Ok(message) = FromLearner::parse(kind, &body) {
                    let mut again = Vec::new();
                    message.write(&mut again);
                    prop_assert_eq!(&again[HEADER_LEN..], &body);
                }
            }
        }
    }
}
