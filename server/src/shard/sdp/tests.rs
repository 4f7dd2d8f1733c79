//! Offers, whole and broken, and what we answer.

use std::net::SocketAddr;

use sotto_core::{
    id::{ExtensionId, Mid, PayloadType, Rid, Ssrc},
    media::{Answer, AnsweredMedia, Codec, Direction, Extension, Kind, PayloadFormat},
};

use super::*;
use crate::shard::transport::LocalParameters;

const FINGERPRINT: &str = "sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:\
                           15:16:17:18:19:1A:1B:1C:1D:1E:1f";

/// A small offer with everything that we read.
fn small() -> String {
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\n\
         a=extmap-allow-mixed\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0\r\nc=IN IP4 0.0.0.0\r\n\
         a=ice-ufrag:Ab+/\r\na=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\n\
         a=fingerprint:{FINGERPRINT}\r\na=setup:actpass\r\na=mid:0\r\n\
         a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
         a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
         a=extmap:3 urn:something:unknown\r\n\
         a=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
         a=rtcp-fb:111 nack\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
         a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:0 PCMU/8000\r\na=ssrc:4000000000 cname:x\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n\
         a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
         a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
         a=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
         a=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
         a=rtpmap:98 VP9/90000\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n\
         a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n\
         a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;~h;f,q\r\n\
         m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=bundle-only\r\n\
         a=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n\
         a=fmtp:97 apt=96\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:3\r\n\
         a=sctp-port:5001\r\na=max-message-size:262144\r\n"
    )
}

/// Offers as the browser test captured them: microphone and camera to send, one slot each, data.
const CHROMIUM: &str = include_str!("samples/chromium-156.sdp");
const FIREFOX: &str = include_str!("samples/firefox-153.sdp");

#[test]
fn offers_of_real_browsers_are_read_and_answered() {
    let number = |number| Some(PayloadType(number));
    let chromium = [
        (Codec::Vp8, PayloadType(96), number(97)),
        (Codec::H264, PayloadType(108), number(109)),
        (Codec::Av1, PayloadType(45), number(46)),
        (Codec::Vp9, PayloadType(98), number(99)),
    ];
    let firefox = [
        (Codec::Vp8, PayloadType(120), number(124)),
        (Codec::Vp9, PayloadType(121), number(125)),
        (Codec::Av1, PayloadType(99), number(100)),
    ];
    for (text, opus, red, video, extensions) in [
        (CHROMIUM, 111, number(63), &chromium[..], [3, 4, 3, 4]),
        (FIREFOX, 109, None, &firefox[..], [3, 2, 3, 2]),
    ] {
        let parsed = parse(text).unwrap();
        let media = &parsed.offer.media;
        let directions: Vec<_> = media.iter().map(|media| media.direction).collect();
        let (send, receive) = (Direction::Send, Direction::Receive);
        assert_eq!(directions, [send, send, receive, receive]);
        for (media, extensions) in media.iter().zip(extensions) {
            assert!(media.formats.iter().all(|format| format.transport_cc));
            match media.kind {
                Kind::Audio => {
                    let [format] = &media.formats[..] else { panic!("one codec for sound") };
                    assert_eq!(
                        (format.payload_type.0, format.rtx, format.red, format.nack),
                        (opus, None, red, false)
                    );
                }
                Kind::Video => {
                    let mut known: Vec<_> = media
                        .formats
                        .iter()
                        .map(|format| (format.codec, format.payload_type, format.rtx))
                        .collect();
                    assert!(media.formats.iter().all(|format| format.nack));
                    assert_eq!(known[0], video[0], "the client's first choice stays the first");
                    known.sort_by_key(|format| video.iter().position(|other| other == format));
                    assert_eq!(known, video);
                }
            }
            for wanted in [Extension::Mid, Extension::TransportCc] {
                assert!(media.extensions.iter().any(|(known, _)| *known == wanted));
            }
            assert_eq!(media.extensions.len(), extensions, "{media:?}");
        }
        assert!(media[0].ssrc.is_some() && media[1].ssrc.is_some());
        assert!(media[1].rtx_ssrc.is_some_and(|repair| Some(repair) != media[1].ssrc));
        assert_eq!(parsed.remote.sctp.map(|(port, _)| port), Some(5_000));
        let rejected = answer_text(&parsed.layout, &Answer::default());
        second_opinion(&rejected, 5);
        let everything = answer_text(&parsed.layout, &accept(&parsed.offer));
        second_opinion(&everything, 5);
        assert_eq!(everything.matches("a=ssrc-group:FID ").count(), 1, "of the one video slot");
        assert_eq!(everything.matches(" transport-cc\r\n").count(), 2 + 2 * video.len());
        assert!(everything.contains("a=extmap-allow-mixed\r\n"));
        for profile in ["profile-level-id=42e01f", "profile-id=0", "profile=0"] {
            assert_eq!(everything.contains(profile), text == CHROMIUM, "{profile}");
        }
    }
}

#[test]
fn of_h264_only_baseline_in_packetization_mode_one_is_taken() {
    let cases = [
        ("packetization-mode=1;profile-level-id=42e01f", true),
        ("profile-level-id=42C033; packetization-mode=1", true),
        ("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f", true),
        ("packetization-mode=0;profile-level-id=42e01f", false),
        ("profile-level-id=42e01f", false),
        ("packetization-mode=1", false),
        ("packetization-mode=1;profile-level-id=4d001f", false),
        ("packetization-mode=1;profile-level-id=640c1f", false),
        ("packetization-mode=1;profile-level-id=42e01", false),
        ("packetization-mode=1;profile-level-id=+2e01f", false),
    ];
    for (parameters, taken) in cases {
        let map = format!("a=rtpmap:98 H264/90000\r\na=fmtp:98 {parameters}\r\n");
        let text = small().replacen("a=rtpmap:98 VP9/90000\r\n", &map, 1);
        let parsed = parse(&text).unwrap();
        let h264 = parsed.offer.media[1].formats.iter().find(|it| it.codec == Codec::H264);
        assert_eq!(h264.is_some(), taken, "{parameters}");
        if taken {
            let answer = answer_text(&parsed.layout, &accept(&parsed.offer));
            assert!(answer.contains(&map), "{answer}");
        }
    }
}

#[test]
fn other_profiles_than_zero_and_formats_listed_twice_are_left_out() {
    for (from, to) in [
        ("VP9/90000", "VP9/90000\r\na=fmtp:98 profile-id=2"),
        ("VP9/90000", "AV1/90000\r\na=fmtp:98 level-idx=5;profile=1"),
        ("VP9/90000", "VP8/90000"),
        ("96 97 98 99", "96 97 96 99"),
        ("96 97 98 99", "96 97 70 99"),
    ] {
        let parsed = parse(&small().replacen(from, to, 1)).unwrap();
        assert_eq!(parsed.offer.media[1].formats, [vp8(true, true)], "{to}");
    }
}

/// An answer that takes all that is offered.
fn accept(offer: &sotto_core::media::Offer) -> Answer {
    let media = offer.media.iter().map(|media| {
        let slot = media.direction == Direction::Receive;
        let repaired = slot && media.formats.iter().any(|format| format.rtx.is_some());
        AnsweredMedia {
            mid: media.mid,
            direction: media.direction,
            formats: media.formats.clone(),
            extensions: media.extensions.clone(),
            rids: media.rids.clone(),
            ssrc: slot.then_some(Ssrc(77)),
            rtx_ssrc: repaired.then_some(Ssrc(78)),
        }
    });
    Answer { media: media.collect() }
}

fn vp8(rtx: bool, nack: bool) -> PayloadFormat {
    let rtx = rtx.then_some(PayloadType(97));
    PayloadFormat {
        payload_type: PayloadType(96),
        codec: Codec::Vp8,
        rtx,
        red: None,
        nack,
        transport_cc: false,
    }
}

#[test]
fn an_offer_is_read_into_types() {
    let parsed = parse(&small()).unwrap();
    let [audio, camera, slot] = &parsed.offer.media[..] else { panic!("three media lines") };
    assert_eq!((audio.kind, audio.direction), (Kind::Audio, Direction::Send));
    let opus = PayloadFormat {
        payload_type: PayloadType(111),
        codec: Codec::Opus,
        rtx: None,
        red: Some(PayloadType(63)),
        nack: true,
        transport_cc: true,
    };
    assert_eq!(audio.formats, [opus]);
    assert_eq!(
        audio.extensions,
        [(Extension::AudioLevel, ExtensionId(1)), (Extension::Mid, ExtensionId(4))]
    );
    assert_eq!(audio.ssrc, Some(Ssrc(4_000_000_000)));
    let vp9 = PayloadFormat {
        payload_type: PayloadType(98),
        codec: Codec::Vp9,
        rtx: Some(PayloadType(99)),
        nack: false,
        ..vp8(true, true)
    };
    assert_eq!(camera.formats, [vp8(true, true), vp9]);
    assert!(camera.extensions.contains(&(Extension::RepairedRid, ExtensionId(11))));
    assert_eq!(camera.rids, ["q", "h", "f"].map(|rid| Rid::new(rid).unwrap()));
    assert_eq!((slot.direction, &slot.formats[..]), (Direction::Receive, &[vp8(true, false)][..]));
    assert_eq!(parsed.remote.ufrag, "Ab+/");
    assert_eq!(parsed.remote.fingerprint, std::array::from_fn(|at| at as u8));
    assert_eq!(parsed.remote.sctp, Some((5_001, 262_144)));
}

#[test]
fn what_we_cannot_serve_is_refused_by_name() {
    let cases = [
        ("v=0", "v=1", SdpError::Malformed(0)),
        ("a=mid:1\r\n", "", SdpError::Mid),
        ("a=mid:1\r\n", "a=mid:0\r\n", SdpError::Mid),
        ("BUNDLE 0 1 2 3", "BUNDLE 0 1 3", SdpError::NotBundled),
        ("a=group:BUNDLE 0 1 2 3\r\n", "", SdpError::NotBundled),
        ("a=rtcp-mux\r\na=rtpmap:111", "a=rtpmap:111", SdpError::NoRtcpMux),
        ("a=ice-ufrag:Ab+/\r\n", "", SdpError::Ice),
        ("ice-ufrag:Ab+/", "ice-ufrag:Ab ", SdpError::Ice),
        ("ice-pwd:0123456789012345678901", "ice-pwd:012345678901234567890", SdpError::Ice),
        ("sha-256", "sha-1", SdpError::Fingerprint),
        ("0D:0E", "0D:+E", SdpError::Malformed(0)),
        ("0D:0E", "0D", SdpError::Malformed(0)),
        ("setup:actpass", "setup:passive", SdpError::Setup),
        ("a=setup:actpass\r\n", "", SdpError::Setup),
        ("rtpmap:98 VP9", "rtpmap:128 VP9", SdpError::Malformed(0)),
        ("rtpmap:98 VP9", "rtpmap:x VP9", SdpError::Malformed(0)),
        ("extmap:10 ", "extmap:4 ", SdpError::Extensions),
        ("m=video 9 UDP", "m=video 99999 UDP", SdpError::Malformed(0)),
        ("t=0 0", "nonsense", SdpError::Malformed(0)),
    ];
    for (from, to, error) in cases {
        let text = small().replacen(from, to, 1);
        let whole = small();
        let mut changed = (1..).zip(text.lines().zip(whole.lines()));
        let changed = changed.find(|(_, (now, before))| now != before);
        let (line, _) = changed.unwrap_or_else(|| panic!("{from} is not there"));
        let error = match error {
            SdpError::Malformed(_) => SdpError::Malformed(line),
            error => error,
        };
        assert_eq!(parse(&text), Err(error), "{from:?} made {to:?}");
    }
}

#[test]
fn an_offer_of_ten_thousand_lines_is_refused_before_it_is_read() {
    // Reading them would find that none of them is a line of SDP.
    let many = "nonsense\r\n".repeat(6_000);
    assert_eq!(parse(&many), Err(SdpError::TooManyLines));
    assert_eq!(parse(&many.repeat(2)), Err(SdpError::TooLong));
    let sections = format!("{}{}", small(), "m=audio 9 X 0\r\n".repeat(200));
    assert_eq!(parse(&sections), Err(SdpError::TooManySections));
}

#[test]
fn the_answer_mirrors_the_offer_and_rejects_what_the_core_did_not_take() {
    let parsed = parse(&small()).unwrap();
    let offered = &parsed.offer.media;
    let answered = |at: usize, ssrc| AnsweredMedia {
        mid: offered[at].mid,
        direction: offered[at].direction,
        formats: offered[at].formats.clone(),
        extensions: offered[at].extensions.clone(),
        rids: offered[at].rids.clone(),
        ssrc,
        rtx_ssrc: ssrc.map(|_| Ssrc(78)),
    };
    let mut answer =
        Answer { media: vec![answered(0, None), answered(1, None), answered(2, Some(Ssrc(77)))] };
    let text = answer_text(&parsed.layout, &answer);
    for expected in [
        "a=group:BUNDLE 0 1 2 3\r\n",
        "a=ice-lite\r\n",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n",
        "a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n",
        "a=rtcp-fb:111 transport-cc\r\na=rtcp-fb:111 nack\r\na=extmap:1 ",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\n",
        "a=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\n",
        "a=simulcast:recv q;h;f\r\n",
        "a=ssrc-group:FID 77 78\r\na=ssrc:77 cname:sotto\r\na=ssrc:78 cname:sotto\r\n",
        "a=extmap-allow-mixed\r\n",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 7000 typ host\r\na=end-of-candidates\r\n",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
    }
    assert_eq!(text.matches("typ host").count(), 2, "candidates stand once");
    assert_eq!(text.matches("a=setup:passive").count(), 4);
    second_opinion(&text, 4);

    answer.media[0].formats.clear();
    answer.media.remove(1);
    let text = answer_text(&parsed.layout, &answer);
    assert!(text.contains("a=group:BUNDLE 2 3\r\n"));
    assert!(text.contains("m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"));
    assert!(text.contains("m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"));
    assert_eq!(text.matches("typ host").count(), 2);
    second_opinion(&text, 4);
}

#[test]
fn an_m_line_of_port_zero_or_of_an_unknown_kind_keeps_its_place() {
    let text = small()
        .replace("m=video 9", "m=video 0")
        .replace("BUNDLE 0 1 2 3", "BUNDLE 0 2 3")
        .replace("m=application 9 UDP", "m=text 9 RTP/AVP 0\r\na=mid:t\r\nm=application 9 UDP");
    let parsed = parse(&text).unwrap();
    assert_eq!(parsed.offer.media.len(), 2);
    let answer = answer_text(&parsed.layout, &Answer::default());
    let heads: Vec<_> = answer.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(heads[1], "m=video 0 UDP/TLS/RTP/SAVPF 96");
    assert_eq!(heads[3], "m=text 0 RTP/AVP 0");
    assert_eq!(heads[4], "m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
    assert_eq!(heads.len(), 5);
}

#[test]
fn broken_offers_never_panic() {
    let whole = format!("{}{}", small(), CHROMIUM.split_once("m=").unwrap().1);
    let lines: Vec<&str> = whole.lines().collect();
    let mut state = 11_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for _ in 0..20_000 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..1 + random(6) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = random(128) as u8,
                1 => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
                2 => drop(bytes.splice(at..at, *b"\r\n")),
                _ => {
                    let line = lines[random(lines.len())];
                    bytes.splice(at..at, line.bytes());
                }
            }
        }
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(parsed) = parse(&text) {
            answer_text(&parsed.layout, &Answer::default());
        }
    }
}

fn answer_text(layout: &Layout, answer: &Answer) -> String {
    let local = LocalParameters {
        ufrag: "abcdefgh".into(),
        pwd: "abcdefghabcdefghabcdefgh".into(),
        fingerprint: [0xab; 32],
    };
    let candidates: Vec<SocketAddr> =
        vec!["192.0.2.1:7000".parse().unwrap(), "[2001:db8::1]:7000".parse().unwrap()];
    let answering = Answering { local: &local, candidates: &candidates, session: 9, version: 1 };
    render(layout, answer, &answering)
}

/// The published reader takes what we wrote.
fn second_opinion(text: &str, sections: usize) {
    let mut reader = std::io::Cursor::new(text.as_bytes());
    let read = rtc_sdp::SessionDescription::unmarshal(&mut reader).unwrap();
    assert_eq!(read.media_descriptions.len(), sections);
    for media in &read.media_descriptions {
        assert!(media.attribute("mid").flatten().is_some_and(|mid| Mid::new(mid).is_ok()));
    }
}
