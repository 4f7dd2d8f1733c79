//! One m-line with its attributes.

use sotto_core::{
    id::{ExtensionId, Mid, PayloadType, Rid, Ssrc},
    media::{Direction, Extension, Kind, OfferedMedia},
};

use super::{SdpError, format::Formats, lines::Line};

/// Simulcast layers of one m-line. WebRTC clients send three.
const MAX_LAYERS: usize = 8;

/// The header extensions that we know (RFC 8285).
pub(super) const EXTENSIONS: [(Extension, &str); 6] = [
    (Extension::Mid, "urn:ietf:params:rtp-hdrext:sdes:mid"),
    (Extension::Rid, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
    (Extension::RepairedRid, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"),
    (
        Extension::TransportCc,
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    ),
    (Extension::AudioLevel, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
    (
        Extension::DependencyDescriptor,
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    ),
];

/// Transport attributes, which may stand in the session part or in any m-line.
#[derive(Clone, Debug, Default)]
pub(super) struct TransportLines<'a> {
    pub(super) ufrag: Option<&'a str>,
    pub(super) pwd: Option<&'a str>,
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) setup: Option<&'a str>,
}

impl<'a> TransportLines<'a> {
    /// Takes an attribute. False if it is none of these.
    pub(super) fn read(&mut self, line: Line<'a>) -> Result<bool, SdpError> {
        let (name, value) = line.attribute();
        match name {
            "ice-ufrag" => self.ufrag = Some(value),
            "ice-pwd" => self.pwd = Some(value),
            "setup" => self.setup = Some(value),
            "fingerprint" => {
                let (hash, digits) = value.split_once(' ').ok_or(line.malformed())?;
                if hash.eq_ignore_ascii_case("sha-256") {
                    self.fingerprint = Some(fingerprint(digits).ok_or(line.malformed())?);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// An m-line as it was read.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// `audio`, `video`, `application`, or what we do not know.
    pub(super) media: &'a str,
    port: u16,
    pub(super) protocol: &'a str,
    /// Payload types, or `webrtc-datachannel`.
    listed: Vec<&'a str>,
    pub(super) mid: Option<&'a str>,
    bundle_only: bool,
    rtcp_mux: bool,
    /// The client takes RTCP packets that are no compound (RFC 5506).
    pub(super) reduced_rtcp: bool,
    /// The client reads both forms of header extensions in one stream (RFC 8285 section 6).
    pub(super) mixed_extensions: bool,
    direction: Direction,
    formats: Formats<'a>,
    extensions: Vec<(Extension, ExtensionId)>,
    rids: Vec<Rid>,
    simulcast: Option<&'a str>,
    ssrc: Option<Ssrc>,
    /// A source and that of its retransmissions.
    pair: Option<(Ssrc, Ssrc)>,
    pub(super) sctp_port: u16,
    /// Largest message that the client takes, in bytes.
    pub(super) max_message_size: u32,
    pub(super) transport: TransportLines<'a>,
}

impl<'a> Section<'a> {
    /// Reads the value of an `m=` line: media, port, protocol, formats.
    pub(super) fn start(line: Line<'a>) -> Result<Self, SdpError> {
        let mut words = line.value.split(' ');
        let media = words.next().filter(|media| is_token(media)).ok_or(line.malformed())?;
        let port = line.number(words.next())?;
        let protocol = words.next().filter(|word| is_protocol(word)).ok_or(line.malformed())?;
        let listed: Vec<_> = words.collect();
        if listed.is_empty() || !listed.iter().all(|format| is_token(format)) {
            return Err(line.malformed());
        }
        Ok(Self {
            media,
            port,
            protocol,
            listed,
            mid: None,
            bundle_only: false,
            rtcp_mux: false,
            reduced_rtcp: false,
            mixed_extensions: false,
            direction: Direction::Send,
            formats: Formats::default(),
            extensions: Vec::new(),
            rids: Vec::new(),
            simulcast: None,
            ssrc: None,
            pair: None,
            // Defaults of RFC 8841 sections 5 and 6.
            sctp_port: 5_000,
            max_message_size: 65_536,
            transport: TransportLines::default(),
        })
    }

    /// Takes an attribute.
    pub(super) fn read(&mut self, line: Line<'a>) -> Result<(), SdpError> {
        if self.transport.read(line)? || self.formats.read(line)? {
            return Ok(());
        }
        let (name, value) = line.attribute();
        match name {
            "mid" => self.mid = Some(value),
            "bundle-only" => self.bundle_only = true,
            "rtcp-mux" | "rtcp-mux-only" => self.rtcp_mux = true,
            "rtcp-rsize" => self.reduced_rtcp = true,
            "extmap-allow-mixed" => self.mixed_extensions = true,
            // What the client would send and receive at once is a publication: the node sends on
            // m-lines of their own.
            "sendonly" | "sendrecv" => self.direction = Direction::Send,
            "recvonly" => self.direction = Direction::Receive,
            "inactive" => self.direction = Direction::Inactive,
            "extmap" => self.read_extension(line, value)?,
            "rid" => {
                let mut words = value.split(' ');
                let rid = words.next().and_then(|id| Rid::new(id).ok()).ok_or(line.malformed())?;
                if words.next() == Some("send") && !self.rids.contains(&rid) {
                    self.rids.push(rid);
                }
            }
            "simulcast" => self.simulcast = Some(value),
            "ssrc" => {
                let ssrc = Ssrc(line.number(value.split(' ').next())?);
                self.ssrc.get_or_insert(ssrc);
            }
            "ssrc-group" => {
                if let Some(sources) = value.strip_prefix("FID ") {
                    let mut sources = sources.split(' ');
                    let ssrc = Ssrc(line.number(sources.next())?);
                    let repair = Ssrc(line.number(sources.next())?);
                    self.pair.get_or_insert((ssrc, repair));
                }
            }
            "sctp-port" => self.sctp_port = line.number(Some(value))?,
            "max-message-size" => {
                let size: u64 = line.number(Some(value))?;
                // Zero: any size (RFC 8841 section 6).
                let size = if size == 0 { u64::MAX } else { size };
                self.max_message_size = u32::try_from(size).unwrap_or(u32::MAX);
            }
            _ => {}
        }
        Ok(())
    }

    fn read_extension(&mut self, line: Line<'a>, value: &str) -> Result<(), SdpError> {
        let mut words = value.split(' ');
        let id = words.next().and_then(|word| word.split('/').next());
        let id: u16 = line.number(id)?;
        let uri = words.next().ok_or(line.malformed())?;
        let known = EXTENSIONS.iter().find(|(_, known)| *known == uri);
        // Ids above 14 need the two-byte form, which we do not ask for (RFC 8285 section 4.3).
        if let (Some((extension, _)), 1..=14) = (known, id) {
            self.extensions.push((*extension, ExtensionId(id as u8)));
        }
        Ok(())
    }

    /// Whether the client offers anything here: port 0 takes the offer back, unless it only says that
    /// the m-line lives in its bundle (RFC 8843 section 6).
    pub(super) const fn is_offered(&self) -> bool {
        self.port != 0 || self.bundle_only
    }

    /// Audio or video over SRTP.
    pub(super) fn kind(&self) -> Option<Kind> {
        match (self.media, self.protocol) {
            ("audio", "UDP/TLS/RTP/SAVPF" | "TCP/TLS/RTP/SAVPF") => Some(Kind::Audio),
            ("video", "UDP/TLS/RTP/SAVPF" | "TCP/TLS/RTP/SAVPF") => Some(Kind::Video),
            _ => None,
        }
    }

    /// Data channels.
    pub(super) fn is_data(&self) -> bool {
        self.media == "application"
            && matches!(self.protocol, "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP")
            && self.listed == ["webrtc-datachannel"]
    }

    /// The first format: what a rejection repeats.
    pub(super) fn first_format(&self) -> &'a str {
        self.listed[0]
    }

    /// What the core sees of an audio or video m-line.
    pub(super) fn media(&self, mid: Mid, kind: Kind) -> Result<OfferedMedia, SdpError> {
        if !self.rtcp_mux {
            return Err(SdpError::NoRtcpMux);
        }
        let rids = self.layers()?;
        // With layers the sources are found by their rid.
        let pair = self.pair.filter(|_| rids.is_empty());
        let ssrc = pair.map(|(ssrc, _)| ssrc).or(self.ssrc).filter(|_| rids.is_empty());
        Ok(OfferedMedia {
            mid,
            kind,
            direction: self.direction,
            formats: self.formats.known(kind, &self.listed),
            extensions: self.extensions.clone(),
            rids,
            ssrc,
            rtx_ssrc: pair.map(|(_, repair)| repair),
        })
    }

    /// The parameters of an m-line's format that the answer repeats.
    pub(super) fn parameters(&self, of: PayloadType) -> Option<&'a str> {
        self.formats.parameters(of)
    }

    /// Layers that the client would send, in its order. Of alternatives the first is taken, and `~`
    /// (starts paused) makes no difference (RFC 8853 section 5.1).
    fn layers(&self) -> Result<Vec<Rid>, SdpError> {
        let Some(simulcast) = self.simulcast else { return Ok(Vec::new()) };
        let mut words = simulcast.split(' ');
        while let Some(word) = words.next() {
            let Some(list) = words.next() else { break };
            if word != "send" {
                continue;
            }
            let first = list.split(';').filter_map(|alternatives| alternatives.split(',').next());
            let rids = first.filter_map(|id| Rid::new(id.trim_start_matches('~')).ok());
            let rids: Vec<_> = rids.filter(|rid| self.rids.contains(rid)).collect();
            return if rids.len() > MAX_LAYERS { Err(SdpError::Layers) } else { Ok(rids) };
        }
        Ok(Vec::new())
    }
}

/// `AB:CD:…`, 32 bytes.
fn fingerprint(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let mut pairs = digits.split(':');
    for byte in &mut bytes {
        let pair = pairs.next().filter(|pair| pair.len() == 2 && !pair.starts_with('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(bytes)
}

fn is_token(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
}

fn is_protocol(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-".contains(&b))
}
