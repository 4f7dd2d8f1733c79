//! The session descriptions of Janus' videoroom: our offer as a publisher, our answer as a subscriber.

use std::fmt::Write as _;

use sotto_core::{media::Kind, signal::Source};
use sotto_tests::client::{
    dtls::local_fingerprint,
    ice::Credentials,
    rtp::{EXT_AUDIO_LEVEL, EXT_MID},
    sdp::{OPUS, SENDING, VP8},
};

/// An offer that sends these sources.
pub(super) fn offer(ours: &Credentials, sends: &[(Source, u32)]) -> String {
    let mids: Vec<_> = sends.iter().map(|(source, _)| mid(*source)).collect();
    let mut sdp = session(&mids);
    for (source, ssrc) in sends {
        let (kind, format, name) = match source.kind() {
            Kind::Audio => ("audio", OPUS, "opus/48000/2"),
            Kind::Video => ("video", VP8, "VP8/90000"),
        };
        let _ = write!(sdp, "m={kind} 9 UDP/TLS/RTP/SAVPF {format}\r\n");
        transport(&mut sdp, ours, mid(*source));
        let _ = write!(
            sdp,
            "a=sendonly\r\na=rtpmap:{format} {name}\r\n\
             a=extmap:{EXT_MID} urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
        );
        match source.kind() {
            Kind::Audio => {
                let level = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
                let _ = write!(sdp, "a=extmap:{EXT_AUDIO_LEVEL} {level}\r\n");
            }
            Kind::Video => {
                let _ = write!(sdp, "a=rtcp-fb:{format} nack pli\r\n");
            }
        }
        let _ = write!(sdp, "a=msid:load {kind}\r\na=ssrc:{ssrc} cname:load\r\n");
    }
    sdp
}

/// The answer that takes all that an offer has, without asking again or telling of arrivals.
pub(super) fn answer(ours: &Credentials, offer: &str) -> String {
    let sections: Vec<&str> = offer.split("\r\nm=").skip(1).collect();
    let of = |section: &str| {
        let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"));
        mid.unwrap_or("0").to_owned()
    };
    let mids: Vec<String> = sections.iter().map(|section| of(section)).collect();
    let mut sdp = session(&mids);
    for (section, mid) in sections.iter().zip(&mids) {
        let mut words = section.lines().next().unwrap_or_default().split(' ');
        let kind = words.next().unwrap_or("audio");
        let format = words.nth(2).unwrap_or("96");
        let _ = write!(sdp, "m={kind} 9 UDP/TLS/RTP/SAVPF {format}\r\n");
        transport(&mut sdp, ours, mid);
        sdp.push_str("a=recvonly\r\n");
        let ours = [format!("a=rtpmap:{format} "), format!("a=fmtp:{format} ")];
        for line in section.lines().filter(|line| ours.iter().any(|ours| line.starts_with(ours))) {
            let _ = write!(sdp, "{line}\r\n");
        }
    }
    sdp
}

/// Tag of the m-line of a source, as packets carry it.
pub(super) fn mid(source: Source) -> &'static str {
    SENDING.iter().find(|(known, _)| *known == source).map_or("0", |(_, mid)| mid)
}

fn session(mids: &[impl AsRef<str>]) -> String {
    let mids: String = mids.iter().map(|mid| format!(" {}", mid.as_ref())).collect();
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{mids}\r\n\
         a=msid-semantic: WMS\r\n"
    )
}

/// Our side of the transport: our clients begin the handshake, as offerers too.
fn transport(sdp: &mut String, ours: &Credentials, mid: &str) {
    let fingerprint = local_fingerprint().map(|byte| format!("{byte:02X}")).join(":");
    let _ = write!(
        sdp,
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {fingerprint}\r\n\
         a=setup:active\r\na=mid:{mid}\r\na=rtcp-mux\r\n",
        ours.ufrag, ours.pwd,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_takes_the_first_format_of_each_line_and_nothing_else() {
        let offer = "v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\n\
                     a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
                     m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:b\r\na=rtpmap:96 VP8/90000\r\n\
                     a=rtpmap:97 rtx/90000\r\n";
        let answer = answer(&Credentials::random(), offer);
        assert!(answer.contains("a=group:BUNDLE a b\r\n"));
        assert!(answer.contains("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"));
        assert!(answer.contains("a=rtpmap:111 opus/48000/2\r\n") && answer.contains("VP8/90000"));
        assert!(!answer.contains("rtx") && !answer.contains("transport-cc"));
        assert_eq!(answer.matches("a=recvonly\r\n").count(), 2);
    }
}
