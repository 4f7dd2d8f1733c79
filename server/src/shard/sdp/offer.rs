//! The offer as a whole.

use sotto_core::{
    id::{Mid, PayloadType},
    media::{Codec, Offer, PayloadFormat},
    rtp::ExtensionMap,
};

use super::{
    SdpError,
    lines::{Line, lines},
    section::{Section, TransportLines},
};
use crate::shard::transport::RemoteParameters;

/// Most m-lines of an offer: a hundred slots and what a client publishes.
pub const MAX_SECTIONS: usize = 128;

/// An offer, apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// For the core: the audio and video m-lines.
    pub offer: Offer,
    /// For the transport.
    pub remote: RemoteParameters,
    /// For the answer.
    pub layout: Layout,
}

/// The order of the m-lines, kept until the answer is rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub(super) entries: Vec<Entry>,
    /// Whether `a=extmap-allow-mixed` was offered for the whole session.
    pub(super) mixed_extensions: bool,
}

impl Layout {
    /// Whether the client takes RTCP packets that are no compound (RFC 5506): every audio and video
    /// m-line says so.
    pub fn takes_reduced_rtcp(&self) -> bool {
        self.entries.iter().all(|entry| match entry {
            Entry::Media { head, .. } => head.reduced_rtcp,
            Entry::Data { .. } | Entry::Rejected { .. } => true,
        })
    }
}

/// What an m-line is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Audio or video; the core answers it.
    Media { mid: Mid, head: Head, parameters: Parameters },
    /// Data channels.
    Data { mid: Mid, head: Head },
    /// Taken back by the client, or nothing that we know: rejected.
    Rejected { mid: Option<Mid>, head: Head },
}

/// Format parameters that an answer repeats: those that tell which profile of a codec is meant.
pub(super) type Parameters = Vec<(PayloadType, String)>;

/// What an answer repeats of an m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) media: String,
    pub(super) protocol: String,
    pub(super) first_format: String,
    /// Whether `a=rtcp-rsize` was offered.
    pub(super) reduced_rtcp: bool,
    /// Whether `a=extmap-allow-mixed` was offered.
    pub(super) mixed_extensions: bool,
}

/// Reads an offer.
///
/// # Errors
/// [`SdpError`]. What is unknown is left out; what is wrong is refused.
pub fn parse(text: &str) -> Result<Parsed, SdpError> {
    let mut all = lines(text)?;
    match all.next() {
        Some(Ok(Line { kind: b'v', value: "0", .. })) => {}
        _ => return Err(SdpError::Malformed(1)),
    }
    let mut session = TransportLines::default();
    let mut bundle = None;
    let mut mixed_extensions = false;
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in all {
        let line = line?;
        match line.kind {
            b'm' if sections.len() == MAX_SECTIONS => return Err(SdpError::TooManySections),
            b'm' => sections.push(Section::start(line)?),
            b'a' => match sections.last_mut() {
                Some(section) => section.read(line)?,
                None if session.read(line)? => {}
                None => match line.attribute() {
                    ("group", group) => {
                        if let Some(mids) = group.strip_prefix("BUNDLE") {
                            bundle.get_or_insert(mids);
                        }
                    }
                    ("extmap-allow-mixed", _) => mixed_extensions = true,
                    _ => {}
                },
            },
            _ => {}
        }
    }
    let mut parsed = assemble(&session, bundle.unwrap_or(""), &sections)?;
    parsed.layout.mixed_extensions = mixed_extensions;
    Ok(parsed)
}

fn assemble(
    session: &TransportLines<'_>,
    bundle: &str,
    sections: &[Section<'_>],
) -> Result<Parsed, SdpError> {
    let mut offer = Offer::default();
    let mut layout = Layout::default();
    let mut sctp = None;
    let mut transport = session.clone();
    let mut extensions = ExtensionMap::default();
    let mut seen: Vec<Mid> = Vec::new();
    for section in sections {
        let head = Head {
            media: section.media.into(),
            protocol: section.protocol.into(),
            first_format: section.first_format().into(),
            reduced_rtcp: section.reduced_rtcp,
            mixed_extensions: section.mixed_extensions,
        };
        let mid = section.mid.map(Mid::new).transpose().map_err(|_| SdpError::Mid)?;
        if mid.is_some_and(|mid| seen.contains(&mid)) {
            return Err(SdpError::Mid);
        }
        seen.extend(mid);
        let kind = section.kind();
        if !section.is_offered() || (kind.is_none() && !section.is_data()) {
            layout.entries.push(Entry::Rejected { mid, head });
            continue;
        }
        let mid = mid.ok_or(SdpError::Mid)?;
        if !bundle.split(' ').any(|bundled| bundled == mid.as_str()) {
            return Err(SdpError::NotBundled);
        }
        adopt(&mut transport, &section.transport);
        if let Some(kind) = kind {
            let media = section.media(mid, kind)?;
            for (extension, id) in &media.extensions {
                if extensions.get(*id).is_some_and(|known| known != *extension) {
                    return Err(SdpError::Extensions);
                }
                extensions.insert(*id, *extension);
            }
            let parameters = repeated(section, &media.formats);
            offer.media.push(media);
            layout.entries.push(Entry::Media { mid, head, parameters });
        } else if sctp.is_none() {
            sctp = Some((section.sctp_port, section.max_message_size));
            layout.entries.push(Entry::Data { mid, head });
        } else {
            layout.entries.push(Entry::Rejected { mid: Some(mid), head });
        }
    }
    Ok(Parsed { offer, remote: remote(&transport, sctp)?, layout })
}

/// Opus has parameters of ours; VP8 has none that we would set.
fn repeated(section: &Section<'_>, formats: &[PayloadFormat]) -> Parameters {
    let profiled = formats
        .iter()
        .filter(|format| matches!(format.codec, Codec::Vp9 | Codec::H264 | Codec::Av1));
    let texts = profiled.filter_map(|format| {
        let text = section.parameters(format.payload_type)?;
        Some((format.payload_type, text.to_owned()))
    });
    texts.collect()
}

/// The transport of a bundle is that of its first m-line (RFC 8843 section 7.1.3); what it leaves out
/// may stand in the session part or, harmlessly, in another m-line.
fn adopt<'a>(transport: &mut TransportLines<'a>, section: &TransportLines<'a>) {
    transport.ufrag = transport.ufrag.or(section.ufrag);
    transport.pwd = transport.pwd.or(section.pwd);
    transport.fingerprint = transport.fingerprint.or(section.fingerprint);
    transport.setup = transport.setup.or(section.setup);
}

fn remote(
    transport: &TransportLines<'_>,
    sctp: Option<(u16, u32)>,
) -> Result<RemoteParameters, SdpError> {
    let credential = |text: Option<&str>, least: usize| {
        let text = text.filter(|text| (least..=256).contains(&text.len()));
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        // Chromium and Firefox keep to ice-char; `-` and `_` are seen from others.
        let text = text.filter(|text| text.bytes().all(|b| fits(b) || b == b'-' || b == b'_'));
        text.map(str::to_owned).ok_or(SdpError::Ice)
    };
    if !matches!(transport.setup, Some("actpass" | "active")) {
        return Err(SdpError::Setup);
    }
    Ok(RemoteParameters {
        ufrag: credential(transport.ufrag, 4)?,
        pwd: credential(transport.pwd, 22)?,
        fingerprint: transport.fingerprint.ok_or(SdpError::Fingerprint)?,
        sctp,
    })
}
