//! Somebody in front of a camera, encoded by ffmpeg and cut into RTP payloads.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use sotto_core::media::Codec;

use crate::speaker::rtp;

/// Pixels of a side.
pub(crate) const SIDE: usize = 96;
/// Media time from one picture to the next: 15 a second.
const STEP: u32 = 6_000;
/// Most bytes of a payload.
const PAYLOAD: usize = 900;

/// A head that moves, a mouth that opens, eyes that blink, in planes.
fn picture(time: usize) -> Vec<u8> {
    let t = time as f32;
    let (shift_x, shift_y) = (5.0 * (t * 0.07).sin(), 3.0 * (t * 0.11).cos());
    let mouth = (2.5 + 2.5 * (t * 0.4).sin()).max(0.2);
    let lids = if time % 40 < 4 { 0.4 } else { 3.0 };
    let mut bytes = vec![128; SIDE * SIDE * 3 / 2];
    for row in 0..SIDE {
        for column in 0..SIDE {
            let (place_x, place_y) = (column as f32, row as f32);
            let (x, y) = (place_x - 48.0 - shift_x, place_y - 44.0 - shift_y);
            let mut luma = 90.0 + 20.0 * (place_x * 0.3).sin() * (place_y * 0.23).sin();
            let mut paint = |cover: f32, with: f32| luma += cover * (with - luma);
            paint(cover(x, y, 26.0, 34.0), 150.0 + 12.0 * (x * 0.5).sin() * (y * 0.4).cos());
            paint(cover(x - 10.0, y + 8.0, 6.0, lids), 60.0);
            paint(cover(x + 10.0, y + 8.0, 6.0, lids), 60.0);
            paint(cover(x, y - 16.0, 10.0, mouth), 80.0);
            bytes[row * SIDE + column] = luma as u8;
        }
    }
    bytes
}

/// How much of a pixel an ellipse covers, roughly.
fn cover(x: f32, y: f32, half_width: f32, half_height: f32) -> f32 {
    let depth = 1.0 - (x / half_width).powi(2) - (y / half_height).powi(2);
    (0.5 + depth * half_width.min(half_height) / 2.0).clamp(0.0, 1.0)
}

/// Encoded pictures of so many moments, scaled, the first of them a keyframe and no other.
pub(crate) fn frames(codec: Codec, count: usize, (width, height): (u32, u32)) -> Vec<Vec<u8>> {
    let options: &[&str] = match codec {
        Codec::Vp8 => &["libvpx", "-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"],
        Codec::Vp9 => {
            &["libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"]
        }
        Codec::H264 => {
            &["libx264", "-profile:v", "baseline", "-tune", "zerolatency", "-x264-params", "aud=1"]
        }
        Codec::Av1 => {
            &["libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"]
        }
        Codec::Opus => panic!("no video"),
    };
    let format = if codec == Codec::H264 { "h264" } else { "ivf" };
    let scale = format!("scale={width}:{height}");
    let size = format!("{SIDE}x{SIDE}");
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-f", "rawvideo", "-pix_fmt"])
        .args(["yuv420p", "-s", &size, "-r", "15", "-i", "pipe:0", "-vf", &scale, "-g", "9999"])
        .args(["-b:v", "400k", "-c:v"])
        .args(options)
        .args(["-f", format, "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = ffmpeg.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        (0..count).for_each(|time| input.write_all(&picture(time)).unwrap());
    });
    let output = ffmpeg.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let frames = match codec {
        Codec::H264 => access_units(&output.stdout),
        _ => ivf(&output.stdout),
    };
    assert_eq!(frames.len(), count, "a frame for each picture");
    frames
}

fn ivf(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[32..];
    let mut frames = Vec::new();
    while let Some((header, body)) = rest.split_first_chunk::<12>() {
        let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        frames.push(body[..len].to_vec());
        rest = &body[len..];
    }
    frames
}

/// Annex B, cut at access unit delimiters.
fn access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let delimiter = [0, 0, 0, 1, 9];
    let mut starts: Vec<_> =
        (0..stream.len()).filter(|&at| stream[at..].starts_with(&delimiter)).collect();
    starts.push(stream.len());
    starts.windows(2).map(|pair| stream[pair[0]..pair[1]].to_vec()).collect()
}

/// NAL units of a piece of Annex B.
fn units(frame: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<_> = (0..frame.len().saturating_sub(2))
        .filter(|&at| frame[at..].starts_with(&[0, 0, 1]))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([frame.len()]);
    let cut = |unit: &'_ [u8]| unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| &frame[start + 3..end])
        .map(|unit| &unit[..cut(unit)])
        .collect()
}

/// OBUs of a temporal unit, without sizes and without the delimiter.
fn obus(unit: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = unit;
    let mut obus = Vec::new();
    while let Some((&header, after)) = rest.split_first() {
        assert_eq!(header & 0x06, 0x02, "a size, and no extension");
        let (mut len, mut shift) = (0, 0);
        let mut at = 0;
        loop {
            len |= usize::from(after[at] & 0x7f) << shift;
            shift += 7;
            at += 1;
            if after[at - 1] & 0x80 == 0 {
                break;
            }
        }
        if header >> 3 & 0x0f != 2 {
            obus.push([&[header & !0x02][..], &after[at..at + len]].concat());
        }
        rest = &after[at + len..];
    }
    obus
}

/// The payloads of a frame.
pub(crate) fn payloads(codec: Codec, frame: &[u8], is_key: bool) -> Vec<Vec<u8>> {
    let pieces: Vec<&[u8]> = frame.chunks(PAYLOAD).collect();
    let last = pieces.len() - 1;
    let with = |header: &[u8], piece: &[u8]| [header, piece].concat();
    match codec {
        // X, S; a picture id of two bytes and a temporal layer.
        Codec::Vp8 => {
            let head = |at: usize| [0x80 | if at == 0 { 0x10 } else { 0 }, 0xa0, 0x80, 7, 0];
            pieces.iter().enumerate().map(|(at, piece)| with(&head(at), piece)).collect()
        }
        // I, P, L, B, E; a picture id of two bytes, layers, TL0PICIDX.
        Codec::Vp9 => {
            let flags = |at: usize| {
                0xa0 | if is_key { 0 } else { 0x40 }
                    | if at == 0 { 0x08 } else { 0 }
                    | if at == last { 0x04 } else { 0 }
            };
            let head = |at: usize| [flags(at), 0x80, 7, 0, 9];
            pieces.iter().enumerate().map(|(at, piece)| with(&head(at), piece)).collect()
        }
        Codec::H264 => h264_payloads(frame),
        Codec::Av1 => av1_payloads(frame, is_key),
        Codec::Opus => panic!("no video"),
    }
}

/// Parameter sets together (STAP-A), what is long in fragments (FU-A), the rest as it is.
fn h264_payloads(frame: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    let mut together = vec![0x78];
    for unit in units(frame) {
        match unit[0] & 0x1f {
            9 => {}
            6..=8 => {
                together.extend((unit.len() as u16).to_be_bytes());
                together.extend_from_slice(unit);
            }
            kind if unit.len() > PAYLOAD => {
                let pieces: Vec<_> = unit[1..].chunks(PAYLOAD).collect();
                for (at, piece) in pieces.iter().enumerate() {
                    let first = if at == 0 { 0x80 } else { 0 };
                    let last = if at + 1 == pieces.len() { 0x40 } else { 0 };
                    let head = [unit[0] & 0xe0 | 28, first | last | kind];
                    payloads.push([&head[..], piece].concat());
                }
            }
            _ => payloads.push(unit.to_vec()),
        }
    }
    if together.len() > 1 {
        payloads.insert(0, together);
    }
    payloads
}

/// All OBUs one behind the other, cut wherever a payload is full.
fn av1_payloads(frame: &[u8], is_key: bool) -> Vec<Vec<u8>> {
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    let obus = obus(frame);
    for (index, obu) in obus.iter().enumerate() {
        let pieces: Vec<_> = obu.chunks(PAYLOAD).collect();
        for (at, piece) in pieces.iter().enumerate() {
            let continues = if at > 0 { 0x80 } else { 0 };
            let goes_on = if at + 1 < pieces.len() { 0x40 } else { 0 };
            let new_sequence = if is_key && index == 0 && at == 0 { 0x08 } else { 0 };
            // Each a packet of its own; the odd ones with a count, the even ones with a length.
            let mut payload = vec![continues | goes_on | new_sequence];
            if index % 2 == 0 {
                payload[0] |= 0x10;
            } else {
                payload.extend([piece.len() as u8 & 0x7f | 0x80, (piece.len() >> 7) as u8]);
            }
            payload.extend_from_slice(piece);
            payloads.push(payload);
        }
    }
    payloads
}

/// Numbers packets, round after round.
#[derive(Default)]
pub(crate) struct Sender {
    seq: u16,
    timestamp: u32,
}

impl Sender {
    /// The packets of frames, which begin with a keyframe.
    pub(crate) fn packets(&mut self, codec: Codec, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for (at, frame) in frames.iter().enumerate() {
            let payloads = payloads(codec, frame, at == 0);
            self.timestamp = self.timestamp.wrapping_add(STEP);
            for (index, payload) in payloads.iter().enumerate() {
                let marker = index + 1 == payloads.len();
                packets.push(rtp(96, self.seq, self.timestamp, marker, payload));
                self.seq = self.seq.wrapping_add(1);
            }
        }
        packets
    }
}
