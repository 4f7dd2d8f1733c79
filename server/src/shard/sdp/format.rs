//! Payload formats of one m-line: which of them we forward, with their companions and parameters.

use sotto_core::{
    id::PayloadType,
    media::{Codec, Kind, PayloadFormat},
};

use super::{SdpError, lines::Line};

/// What `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` say.
#[derive(Debug, Default)]
pub(super) struct Formats<'a> {
    /// Name and clock of each payload type.
    maps: Vec<(PayloadType, &'a str)>,
    /// Parameters of each payload type.
    parameters: Vec<(PayloadType, &'a str)>,
    /// Feedback that we know; no payload type stands for all of them (`*`).
    feedback: Vec<(Option<PayloadType>, Feedback)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feedback {
    Nack,
    TransportCc,
}

impl<'a> Formats<'a> {
    /// Takes an attribute. False if it is none of these.
    pub(super) fn read(&mut self, line: Line<'a>) -> Result<bool, SdpError> {
        let (name, value) = line.attribute();
        match name {
            "rtpmap" => self.maps.push(payload_type(line, value)?),
            "fmtp" => self.parameters.push(payload_type(line, value)?),
            "rtcp-fb" => self.read_feedback(line, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read_feedback(&mut self, line: Line<'a>, value: &str) -> Result<(), SdpError> {
        let (number, kind) = value.split_once(' ').ok_or(line.malformed())?;
        let feedback = match kind {
            "nack" => Feedback::Nack,
            "transport-cc" => Feedback::TransportCc,
            _ => return Ok(()),
        };
        let payload_type = match number {
            "*" => None,
            number => Some(PayloadType(line.number(Some(number))?)),
        };
        self.feedback.push((payload_type, feedback));
        Ok(())
    }

    /// The formats that we forward, in the order in which the m-line lists them. Of one codec only
    /// one is taken: the one that most decoders know, else the first.
    pub(super) fn known(&self, kind: Kind, listed: &[&str]) -> Vec<PayloadFormat> {
        let mut known: Vec<PayloadFormat> = Vec::new();
        let mut seen = 0_u128;
        for payload_type in listed.iter().filter_map(|text| text.parse().ok().map(PayloadType)) {
            // 64 to 95 look like RTCP on a shared port (RFC 5761 section 4).
            if !matches!(payload_type.0, 0..=63 | 96..=127) || seen >> payload_type.0 & 1 == 1 {
                continue;
            }
            seen |= 1 << payload_type.0;
            let Some(codec) = self.codec(payload_type).filter(|codec| codec.kind() == kind) else {
                continue;
            };
            match known.iter().position(|other| other.codec == codec) {
                None => known.push(self.format(payload_type, codec)),
                Some(at)
                    if self.is_constrained(payload_type)
                        && !self.is_constrained(known[at].payload_type) =>
                {
                    known[at] = self.format(payload_type, codec);
                }
                Some(_) => {}
            }
        }
        known
    }

    /// The parameters of a format, as the client wrote them.
    pub(super) fn parameters(&self, of: PayloadType) -> Option<&'a str> {
        self.parameters.iter().find(|(known, _)| *known == of).map(|(_, text)| *text)
    }

    fn format(&self, payload_type: PayloadType, codec: Codec) -> PayloadFormat {
        let has = |wanted| {
            let named = |of: &Option<PayloadType>| of.is_none_or(|of| of == payload_type);
            self.feedback.iter().any(|(of, feedback)| *feedback == wanted && named(of))
        };
        PayloadFormat {
            payload_type,
            codec,
            rtx: self.companion(&format!("rtx/{}", codec.clock_rate()), |text| {
                parameter(text, "apt").and_then(|apt| apt.parse().ok()) == Some(payload_type.0)
            }),
            red: (codec == Codec::Opus)
                .then(|| {
                    // Every block of it is of this format (RFC 2198 section 5).
                    self.companion("red/48000/2", |text| {
                        text.split('/').all(|block| block.trim().parse() == Ok(payload_type.0))
                    })
                })
                .flatten(),
            nack: has(Feedback::Nack),
            transport_cc: has(Feedback::TransportCc),
        }
    }

    /// The format of that name whose parameters say that it belongs to another.
    fn companion(&self, name: &str, belongs: impl Fn(&str) -> bool) -> Option<PayloadType> {
        let is_named = |of: PayloadType| {
            self.maps.iter().any(|(known, map)| *known == of && map.eq_ignore_ascii_case(name))
        };
        let found = self.parameters.iter().find(|(of, text)| belongs(text) && is_named(*of));
        found.map(|(of, _)| *of)
    }

    /// The codec of a format, if its parameters are those that we forward.
    fn codec(&self, payload_type: PayloadType) -> Option<Codec> {
        let (_, map) = self.maps.iter().find(|(known, _)| *known == payload_type)?;
        let parameters = self.parameters(payload_type).unwrap_or_default();
        let is = |name: &str| map.eq_ignore_ascii_case(name);
        // Absent: zero (RFC 9628 section 6.1, RTP Payload Format For AV1 section 7.2.1).
        let zero = |name| parameter(parameters, name).is_none_or(|value| value == "0");
        if is("opus/48000/2") {
            Some(Codec::Opus)
        } else if is("VP8/90000") {
            Some(Codec::Vp8)
        } else if is("VP9/90000") {
            zero("profile-id").then_some(Codec::Vp9)
        } else if is("AV1/90000") {
            zero("profile").then_some(Codec::Av1)
        } else if is("H264/90000") {
            let mode = parameter(parameters, "packetization-mode");
            (mode == Some("1") && profile(parameters).is_some()).then_some(Codec::H264)
        } else {
            None
        }
    }

    /// H.264 constrained baseline, which every browser decodes.
    fn is_constrained(&self, payload_type: PayloadType) -> bool {
        let constraints = self.parameters(payload_type).and_then(profile);
        constraints.is_some_and(|constraints| constraints & CONSTRAINT_SET_1 != 0)
    }
}

/// `constraint_set1_flag`: baseline without what main profile lacks (H.264 annex A.2.1).
const CONSTRAINT_SET_1: u8 = 0x40;

/// The constraint flags of an H.264 baseline stream; `None`: another profile (RFC 6184 section 8.1).
/// Baseline proper is taken as well: what encoders send under that name is constrained.
fn profile(parameters: &str) -> Option<u8> {
    let level_id = parameter(parameters, "profile-level-id").filter(|id| id.len() == 6)?;
    let level_id = u32::from_str_radix(level_id, 16).ok()?;
    (level_id >> 16 == 66).then_some((level_id >> 8) as u8)
}

/// The value of one of `name=value;name=value`.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|one| {
        let (known, value) = one.split_once('=')?;
        known.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn payload_type<'a>(line: Line<'a>, value: &'a str) -> Result<(PayloadType, &'a str), SdpError> {
    let (number, rest) = value.split_once(' ').ok_or(line.malformed())?;
    let number: u8 = line.number(Some(number))?;
    if number > 127 { Err(line.malformed()) } else { Ok((PayloadType(number), rest)) }
}
