//! The answer as text.

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
};

use sotto_core::{
    id::Mid,
    media::{Answer, AnsweredMedia, Codec, Direction, Kind, PayloadFormat},
};

use super::{
    offer::{Entry, Head, Layout, Parameters},
    section::EXTENSIONS,
};
use crate::shard::transport::{LocalParameters, MAX_MESSAGE};

/// The node's side of an answer that is not the core's.
#[derive(Clone, Copy, Debug)]
pub struct Answering<'a> {
    /// Credentials and fingerprint.
    pub local: &'a LocalParameters,
    /// Where the shard can be reached, best first.
    pub candidates: &'a [SocketAddr],
    /// Number of the session (RFC 8866 section 5.2): the same for every answer to a peer.
    pub session: u64,
    /// Grows with every answer.
    pub version: u32,
}

/// Renders an answer: every m-line of the offer in its order; the ones that the core did not accept,
/// or does not know, are rejected.
pub fn render(layout: &Layout, answer: &Answer, answering: &Answering<'_>) -> String {
    let mut text = String::with_capacity(1_024 + 768 * layout.entries.len());
    write(&mut text, layout, answer, answering).expect("writing to a string cannot fail");
    text
}

fn write(
    out: &mut String,
    layout: &Layout,
    answer: &Answer,
    answering: &Answering<'_>,
) -> fmt::Result {
    let accepted = |mid: Mid| {
        let found = answer.media.iter().find(|media| media.mid == mid);
        found.filter(|media| !media.formats.is_empty())
    };
    let Answering { session, version, .. } = answering;
    write!(out, "v=0\r\no=- {session} {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")?;
    out.push_str("a=group:BUNDLE");
    for entry in &layout.entries {
        match entry {
            Entry::Media { mid, .. } if accepted(*mid).is_some() => write!(out, " {mid}")?,
            Entry::Data { mid, .. } => write!(out, " {mid}")?,
            _ => {}
        }
    }
    out.push_str("\r\na=ice-lite\r\na=msid-semantic: WMS *\r\n");
    if layout.mixed_extensions {
        out.push_str("a=extmap-allow-mixed\r\n");
    }
    // Candidates stand once, in the first m-line of the bundle.
    let mut candidates = Some(answering.candidates);
    for entry in &layout.entries {
        match entry {
            Entry::Media { mid, head, parameters } => match accepted(*mid) {
                Some(media) => {
                    write_media(out, media, head, parameters, |out| {
                        write_transport(out, answering, candidates.take())
                    })?;
                }
                None => write_rejected(out, Some(*mid), head)?,
            },
            Entry::Data { mid, head } => {
                let Head { protocol, first_format, .. } = head;
                write!(out, "m=application 9 {protocol} {first_format}\r\n")?;
                write!(out, "c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n")?;
                write_transport(out, answering, candidates.take())?;
                write!(out, "a=sctp-port:5000\r\na=max-message-size:{MAX_MESSAGE}\r\n")?;
            }
            Entry::Rejected { mid, head } => write_rejected(out, *mid, head)?,
        }
    }
    Ok(())
}

fn write_media(
    out: &mut String,
    media: &AnsweredMedia,
    head: &Head,
    parameters: &Parameters,
    transport: impl FnOnce(&mut String) -> fmt::Result,
) -> fmt::Result {
    let AnsweredMedia { mid, direction, formats, extensions, rids, ssrc, rtx_ssrc } = media;
    write!(out, "m={} 9 {}", head.media, head.protocol)?;
    for format in formats {
        write!(out, " {}", format.payload_type.0)?;
        for companion in [format.red, format.rtx].into_iter().flatten() {
            write!(out, " {}", companion.0)?;
        }
    }
    write!(out, "\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n")?;
    transport(out)?;
    // Seen from the node: it receives what the client may send.
    out.push_str(match direction {
        Direction::Send => "a=recvonly\r\n",
        Direction::Receive => "a=sendonly\r\n",
        Direction::Inactive => "a=inactive\r\n",
    });
    out.push_str("a=rtcp-mux\r\n");
    if head.reduced_rtcp {
        out.push_str("a=rtcp-rsize\r\n");
    }
    if head.mixed_extensions {
        out.push_str("a=extmap-allow-mixed\r\n");
    }
    for format in formats {
        let own = parameters.iter().find(|(of, _)| *of == format.payload_type);
        write_format(out, format, own.map(|(_, text)| text.as_str()))?;
    }
    for (extension, id) in extensions {
        let known = EXTENSIONS.iter().find(|(known, _)| known == extension);
        if let Some((_, uri)) = known {
            write!(out, "a=extmap:{} {uri}\r\n", id.0)?;
        }
    }
    if !rids.is_empty() {
        for rid in rids {
            write!(out, "a=rid:{rid} recv\r\n")?;
        }
        out.push_str("a=simulcast:recv ");
        for (number, rid) in rids.iter().enumerate() {
            let separator = if number == 0 { "" } else { ";" };
            write!(out, "{separator}{rid}")?;
        }
        out.push_str("\r\n");
    }
    if let (Direction::Receive, Some(ssrc)) = (direction, ssrc) {
        // A stream of its own for each slot: who is in it changes, so that no browser may pair it.
        write!(out, "a=msid:slot-{mid} {mid}\r\n")?;
        if let Some(repair) = rtx_ssrc {
            write!(out, "a=ssrc-group:FID {} {}\r\n", ssrc.0, repair.0)?;
        }
        for ssrc in std::iter::once(ssrc).chain(rtx_ssrc) {
            write!(out, "a=ssrc:{} cname:sotto\r\n", ssrc.0)?;
        }
    }
    Ok(())
}

fn write_format(out: &mut String, format: &PayloadFormat, own: Option<&str>) -> fmt::Result {
    let number = format.payload_type.0;
    let name = match format.codec {
        Codec::Opus => "opus/48000/2",
        Codec::Vp8 => "VP8/90000",
        Codec::Vp9 => "VP9/90000",
        Codec::H264 => "H264/90000",
        Codec::Av1 => "AV1/90000",
    };
    write!(out, "a=rtpmap:{number} {name}\r\n")?;
    let ours = (format.codec == Codec::Opus).then_some("minptime=10;useinbandfec=1");
    if let Some(parameters) = own.or(ours) {
        write!(out, "a=fmtp:{number} {parameters}\r\n")?;
    }
    if let Some(red) = format.red {
        write!(out, "a=rtpmap:{0} red/48000/2\r\na=fmtp:{0} {number}/{number}\r\n", red.0)?;
    }
    if format.transport_cc {
        write!(out, "a=rtcp-fb:{number} transport-cc\r\n")?;
    }
    if format.nack {
        write!(out, "a=rtcp-fb:{number} nack\r\n")?;
    }
    if format.codec.kind() == Kind::Video {
        write!(out, "a=rtcp-fb:{number} nack pli\r\na=rtcp-fb:{number} ccm fir\r\n")?;
    }
    if let Some(rtx) = format.rtx {
        let clock = format.codec.clock_rate();
        write!(out, "a=rtpmap:{0} rtx/{clock}\r\na=fmtp:{0} apt={number}\r\n", rtx.0)?;
    }
    Ok(())
}

fn write_transport(
    out: &mut String,
    answering: &Answering<'_>,
    candidates: Option<&[SocketAddr]>,
) -> fmt::Result {
    let LocalParameters { ufrag, pwd, fingerprint } = answering.local;
    write!(out, "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:sha-256 ")?;
    for (number, byte) in fingerprint.iter().enumerate() {
        let separator = if number == 0 { "" } else { ":" };
        write!(out, "{separator}{byte:02X}")?;
    }
    out.push_str("\r\na=setup:passive\r\n");
    let Some(candidates) = candidates else { return Ok(()) };
    for (number, address) in (0_u32..).zip(candidates) {
        // Host type, local preference falling with the position, component 1 (RFC 8445 section
        // 5.1.2.1).
        let priority = 126 << 24 | (65_535 - number.min(65_535)) << 8 | 255;
        let (ip, port) = (address.ip(), address.port());
        write!(out, "a=candidate:{} 1 udp {priority} {ip} {port} typ host\r\n", number + 1)?;
    }
    out.push_str("a=end-of-candidates\r\n");
    Ok(())
}

fn write_rejected(out: &mut String, mid: Option<Mid>, head: &Head) -> fmt::Result {
    write!(out, "m={} 0 {} {}\r\n", head.media, head.protocol, head.first_format)?;
    out.push_str("c=IN IP4 0.0.0.0\r\n");
    if let Some(mid) = mid {
        write!(out, "a=mid:{mid}\r\n")?;
    }
    out.push_str("a=inactive\r\n");
    Ok(())
}
