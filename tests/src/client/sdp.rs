//! The offer written by hand, and the answer read by the line.

use std::{fmt::Write as _, net::SocketAddr};

use sotto_core::{media::Kind, signal::Source};

use super::{
    Repair,
    dtls::local_fingerprint,
    ice::Credentials,
    rtp::{EXT_AUDIO_LEVEL, EXT_MID, EXT_TRANSPORT_CC},
};

/// Payload type of Opus in our offers.
pub const OPUS: u8 = 111;
/// Payload type of redundant audio in our offers.
pub const RED: u8 = 63;
/// Payload type of VP8 in our offers.
pub const VP8: u8 = 96;
/// Payload type of retransmissions in our offers.
pub const RTX: u8 = 97;

/// The sending m-lines in their order, and their tags.
pub const SENDING: [(Source, &str); 3] =
    [(Source::Microphone, "0"), (Source::Camera, "1"), (Source::Screen, "2")];

/// Tag of the line of our model stream.
pub const MODELS_SEND: &str = "m";
/// Tag of the line of the bundle stream.
pub const MODELS_RECEIVE: &str = "b";

/// Which lines of models an offer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelMedia {
    /// Source of our model stream.
    pub send: Option<u32>,
    /// Whether there is one for bundles.
    pub receive: bool,
}

/// An offer of a client.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Our ICE credentials.
    pub credentials: Credentials,
    /// Sources of the sending m-lines, in the order of [`SENDING`].
    pub ssrcs: [u32; 3],
    /// The lines of models, behind the sending ones.
    pub models: ModelMedia,
    /// What is offered against loss.
    pub repair: Repair,
    /// Audio slots.
    pub audio_slots: u16,
    /// Video slots.
    pub video_slots: u16,
    /// Version of the session (RFC 8866 section 5.2): grows with each offer.
    pub version: u32,
}

impl Offer {
    /// Tag and kind of every slot, in order. Slots keep their tags when more are offered: audio
    /// slots are `a0`, `a1`, …, video slots `v0`, `v1`, ….
    pub fn slots(&self) -> impl Iterator<Item = (String, Kind)> + '_ {
        let audio = (0..self.audio_slots).map(|i| (format!("a{i}"), Kind::Audio));
        audio.chain((0..self.video_slots).map(|i| (format!("v{i}"), Kind::Video)))
    }

    /// Tags of the lines of models, and our source on them.
    fn model_lines(&self) -> impl Iterator<Item = (&'static str, Option<u32>)> + use<> {
        let ModelMedia { send, receive } = self.models;
        let send = send.map(|ssrc| (MODELS_SEND, Some(ssrc)));
        send.into_iter().chain(receive.then_some((MODELS_RECEIVE, None)))
    }

    /// The text.
    pub fn to_sdp(&self) -> String {
        let mut bundle = String::from("a=group:BUNDLE");
        for (_, mid) in SENDING {
            let _ = write!(bundle, " {mid}");
        }
        for (mid, _) in self.model_lines() {
            let _ = write!(bundle, " {mid}");
        }
        for (mid, _) in self.slots() {
            let _ = write!(bundle, " {mid}");
        }
        let mut sdp = format!(
            "v=0\r\no=- 4611731400430051336 {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{bundle} data\r\n\
             a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n",
            self.version
        );
        for ((source, mid), ssrc) in SENDING.into_iter().zip(self.ssrcs) {
            let kind = LineKind::of(source.kind());
            self.media(&mut sdp, kind, mid, "sendonly");
            let _ = write!(sdp, "a=msid:- {mid}\r\n");
            if self.repair.nack && source.kind() == Kind::Video {
                let rtx = rtx_of(ssrc);
                let _ = write!(
                    sdp,
                    "a=ssrc-group:FID {ssrc} {rtx}\r\na=ssrc:{ssrc} cname:native!!\r\n\
                     a=ssrc:{rtx} cname:native!!\r\n"
                );
            } else {
                let _ = write!(sdp, "a=ssrc:{ssrc} cname:native!!\r\n");
            }
        }
        for (mid, ssrc) in self.model_lines() {
            let direction = if ssrc.is_some() { "sendonly" } else { "recvonly" };
            self.media(&mut sdp, LineKind::Models, mid, direction);
            if let Some(ssrc) = ssrc {
                let _ = write!(sdp, "a=msid:- {mid}\r\na=ssrc:{ssrc} cname:native!!\r\n");
            }
        }
        for (mid, kind) in self.slots() {
            self.media(&mut sdp, LineKind::of(kind), &mid, "recvonly");
        }
        sdp.push_str("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n");
        self.transport(&mut sdp, "data");
        sdp.push_str("a=sctp-port:5000\r\na=max-message-size:262144\r\n");
        sdp
    }

    fn media(&self, sdp: &mut String, kind: LineKind, mid: &str, direction: &str) {
        let Repair { nack, red, transport_cc } = self.repair;
        let red = red && kind == LineKind::Voice;
        let (name, formats) = match kind {
            LineKind::Voice if red => ("audio", "111 63"),
            LineKind::Voice | LineKind::Models => ("audio", "111"),
            LineKind::Picture if nack => ("video", "96 97"),
            LineKind::Picture => ("video", "96"),
        };
        let _ = write!(
            sdp,
            "m={name} 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
        );
        self.transport(sdp, mid);
        let _ = write!(sdp, "a=extmap:{EXT_MID} urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
        if kind == LineKind::Voice {
            let _ = write!(
                sdp,
                "a=extmap:{EXT_AUDIO_LEVEL} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
            );
        }
        if transport_cc {
            let _ = write!(
                sdp,
                "a=extmap:{EXT_TRANSPORT_CC} \
                 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
            );
        }
        let _ = write!(sdp, "a={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n");
        let format = match kind {
            LineKind::Voice | LineKind::Models => {
                sdp.push_str(
                    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n",
                );
                if red {
                    sdp.push_str("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n");
                }
                OPUS
            }
            LineKind::Picture => {
                sdp.push_str(
                    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack pli\r\n",
                );
                if nack {
                    sdp.push_str("a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n");
                }
                VP8
            }
        };
        for (offered, feedback) in [(nack, "nack"), (transport_cc, "transport-cc")] {
            if offered {
                let _ = write!(sdp, "a=rtcp-fb:{format} {feedback}\r\n");
            }
        }
    }

    fn transport(&self, sdp: &mut String, mid: &str) {
        let Credentials { ufrag, pwd } = &self.credentials;
        let fingerprint = local_fingerprint().map(|byte| format!("{byte:02X}")).join(":");
        let _ = write!(
            sdp,
            "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=ice-options:trickle\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:{mid}\r\n"
        );
    }
}

/// What a line carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineKind {
    Voice,
    Picture,
    /// Frames of models in place of Opus: neither loudness nor redundant audio of their own.
    Models,
}

impl LineKind {
    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Audio => Self::Voice,
            Kind::Video => Self::Picture,
        }
    }
}

/// The source on which packets of a source of ours are sent again.
pub const fn rtx_of(ssrc: u32) -> u32 {
    ssrc ^ 0x5a5a_5a5a
}

/// What the node answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// ICE user name fragment.
    pub ufrag: String,
    /// ICE password.
    pub pwd: String,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// Where the node can be reached.
    pub candidates: Vec<SocketAddr>,
    /// Whether the node says that it is lite.
    pub lite: bool,
    /// Every m-line.
    pub lines: Vec<SlotLine>,
}

/// One m-line of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotLine {
    /// Its tag.
    pub mid: String,
    /// `audio`, `video` or `application`.
    pub kind: String,
    /// Whether it was refused (port 0).
    pub refused: bool,
    /// What the node does: `sendonly`, `recvonly`, `inactive`.
    pub direction: String,
    /// The source that the node announced.
    pub ssrc: Option<u32>,
    /// The source of its retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// Whether packets may be asked for again.
    pub nack: bool,
}

impl Answer {
    /// Reads the text.
    ///
    /// # Errors
    /// Names what is missing or malformed.
    pub fn parse(sdp: &str) -> Result<Self, String> {
        let mut answer = Self::default();
        let mut fingerprint = None;
        for line in sdp.lines() {
            if let Some(media) = line.strip_prefix("m=") {
                let mut words = media.split(' ');
                let kind = words.next().unwrap_or_default().into();
                let refused = words.next() == Some("0");
                answer.lines.push(SlotLine { kind, refused, ..SlotLine::default() });
            } else if let Some(attribute) = line.strip_prefix("a=") {
                let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
                match name {
                    "ice-ufrag" => answer.ufrag = value.into(),
                    "ice-pwd" => answer.pwd = value.into(),
                    "ice-lite" => answer.lite = true,
                    "fingerprint" => fingerprint = Some(parse_fingerprint(value)?),
                    "candidate" => answer.add_candidate(value)?,
                    _ => answer.media_attribute(name, value),
                }
            }
        }
        if answer.ufrag.is_empty() || answer.pwd.is_empty() {
            return Err("the answer has no ICE credentials".into());
        }
        answer.fingerprint = fingerprint.ok_or("the answer has no fingerprint")?;
        Ok(answer)
    }

    fn media_attribute(&mut self, name: &str, value: &str) {
        let Some(line) = self.lines.last_mut() else { return };
        match name {
            "mid" => line.mid = value.into(),
            "ssrc" => {
                let ssrc = value.split(' ').next().and_then(|ssrc| ssrc.parse().ok());
                line.ssrc = line.ssrc.or(ssrc);
            }
            "ssrc-group" => {
                let mut words = value.split(' ');
                if words.next() == Some("FID") {
                    let mut next = || words.next().and_then(|ssrc| ssrc.parse().ok());
                    (line.ssrc, line.rtx_ssrc) = (next(), next());
                }
            }
            "rtcp-fb" => line.nack |= value.split_once(' ').is_some_and(|(_, kind)| kind == "nack"),
            "sendonly" | "recvonly" | "inactive" | "sendrecv" => line.direction = name.into(),
            _ => {}
        }
    }

    fn add_candidate(&mut self, value: &str) -> Result<(), String> {
        let words: Vec<_> = value.split(' ').collect();
        let malformed = || format!("candidate {value:?}");
        let &[_, _, protocol, _, ip, port, ..] = words.as_slice() else {
            return Err(malformed());
        };
        if protocol.eq_ignore_ascii_case("udp") {
            let ip = ip.parse().map_err(|_| malformed())?;
            let port = port.parse().map_err(|_| malformed())?;
            let address = SocketAddr::new(ip, port);
            if !self.candidates.contains(&address) {
                self.candidates.push(address);
            }
        }
        Ok(())
    }
}

fn parse_fingerprint(value: &str) -> Result<[u8; 32], String> {
    let malformed = || format!("fingerprint {value:?}");
    let hex = value.strip_prefix("sha-256 ").ok_or_else(malformed)?;
    let bytes: Result<Vec<u8>, _> =
        hex.trim().split(':').map(|byte| u8::from_str_radix(byte, 16)).collect();
    bytes.ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_has_the_lines_of_a_browser() {
        let offer = Offer {
            credentials: Credentials::random(),
            ssrcs: [1, 2, 3],
            models: ModelMedia::default(),
            repair: Repair::ALL,
            audio_slots: 4,
            video_slots: 9,
            version: 1,
        };
        let sdp = offer.to_sdp();
        let kinds: Vec<_> = sdp.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(kinds.len(), 3 + 13 + 1);
        assert!(
            sdp.contains("a=group:BUNDLE 0 1 2 a0 a1 a2 a3 v0 v1 v2 v3 v4 v5 v6 v7 v8 data\r\n")
        );
        assert!(sdp.lines().all(|line| !line.starts_with(' ')), "{sdp}");
    }

    #[test]
    fn the_lines_of_models_have_neither_loudness_nor_redundant_audio() {
        let offer = Offer {
            credentials: Credentials::random(),
            ssrcs: [1, 2, 3],
            models: ModelMedia { send: Some(77), receive: true },
            repair: Repair::ALL,
            audio_slots: 1,
            video_slots: 0,
            version: 1,
        };
        let sdp = offer.to_sdp();
        assert!(sdp.contains("a=group:BUNDLE 0 1 2 m b a0 data\r\n"));
        let lines: Vec<_> = sdp.split("m=").collect();
        let [send, receive] = ["m", "b"].map(|mid| {
            let tag = format!("a=mid:{mid}\r\n");
            *lines.iter().find(|line| line.contains(&tag)).unwrap()
        });
        for line in [send, receive] {
            assert!(line.starts_with("audio 9 UDP/TLS/RTP/SAVPF 111\r\n"), "{line}");
            assert!(!line.contains("audio-level") && !line.contains("red/"), "{line}");
            assert!(line.contains("rtcp-fb:111 nack") && line.contains("transport-wide"), "{line}");
        }
        assert!(send.contains("a=sendonly") && send.contains("a=ssrc:77 "), "{send}");
        assert!(receive.contains("a=recvonly") && !receive.contains("a=ssrc:"), "{receive}");
    }

    #[test]
    fn an_answer_gives_addresses_credentials_and_slots() {
        let fingerprint = ["AB"; 32].join(":");
        let sdp = format!(
            "v=0\r\na=ice-lite\r\na=fingerprint:sha-256 {fingerprint}\r\n\
             m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=inactive\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=mid:v0\r\n\
             a=candidate:1 1 udp 2130706431 127.0.0.1 4000 typ host\r\na=sendonly\r\n\
             a=rtcp-fb:96 nack\r\na=ssrc-group:FID 77 78\r\na=ssrc:77 cname:x\r\n\
             a=ssrc:78 cname:x\r\n"
        );
        let answer = Answer::parse(&sdp).unwrap();
        assert_eq!(answer.candidates, [SocketAddr::from(([127, 0, 0, 1], 4000))]);
        assert_eq!((answer.lite, answer.fingerprint), (true, [0xab; 32]));
        assert!(answer.lines[0].refused);
        let line = &answer.lines[1];
        assert_eq!((line.mid.as_str(), line.ssrc, line.rtx_ssrc), ("v0", Some(77), Some(78)));
        assert!(line.nack && !answer.lines[0].nack);
    }
}
