//! Video decoded by a child process.
//!
//! ```text
//!  Frame ─► IVF ─► stdin ═ ffmpeg, with limits: decode, at most 15 a second, scale ═ stdout ─► Pictures
//! ```
//!
//! ffmpeg reads what a stranger sent, so nothing of it is believed: its pictures have the size that was
//! asked for, there are no more of them than frames went in, and where it hangs or ends by itself it is
//! killed and another one goes on from the next keyframe.

use std::{
    ffi::OsStr,
    io::{self, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use rustix::process::Pid;
use sotto_core::{id::RtpTime, media::Codec};
use tracing::debug;

use super::{
    depacketise::{Frame, Size},
    limits,
    pictures::{Decoded, Pictures},
};

/// Pixels of the longer side of pictures that faces are learned from: of a face no more is kept.
const MAX_SIDE: u32 = 512;
/// Least time between two pictures in seconds, a little less than 1/15: of 30 a second every other one.
const PICTURE_INTERVAL: &str = "0.0655";
/// Pictures a second, at most.
const PICTURE_RATE: &str = "15";
/// Frames that may go in without a picture coming out, 20 s at 15 a second, and bytes: more than lie in
/// its pipe and its own buffers, unread.
const MAX_SILENT: (u64, u64) = (300, 256 << 10);
/// How far media time may go on from one frame to the next, in units of 90 kHz: a millisecond to two
/// seconds.
const STEP: std::ops::RangeInclusive<i32> = 90..=180_000;

/// Codecs that ffmpeg has, and what decodes each: the first of these that is there.
const DECODERS: [(Codec, &str, &[&str]); 4] = [
    (Codec::Vp8, "VP80", &["vp8", "libvpx"]),
    (Codec::Vp9, "VP90", &["vp9", "libvpx-vp9"]),
    (Codec::H264, "H264", &["h264", "libopenh264"]),
    // The one called av1 needs a graphics processor.
    (Codec::Av1, "AV01", &["libdav1d", "libaom-av1"]),
];

/// The decoders of an ffmpeg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoders {
    names: Vec<String>,
}

impl Decoders {
    /// Asks an ffmpeg what it has, which takes it some 50 ms.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn of(ffmpeg: &OsStr) -> io::Result<Self> {
        let mut command = Command::new(ffmpeg);
        command.args(["-hide_banner", "-loglevel", "quiet", "-nostdin", "-decoders"]);
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
        let listing = String::from_utf8_lossy(&output.stdout);
        // Flags, name, description.
        let names = listing.lines().filter_map(|line| line.split_whitespace().nth(1));
        Ok(Self { names: names.map(str::to_owned).collect() })
    }

    /// What decodes a codec; `None`: nothing does.
    pub fn decoder(&self, codec: Codec) -> Option<&'static str> {
        let (_, _, names) = DECODERS.iter().find(|(known, ..)| *known == codec)?;
        names.iter().copied().find(|name| self.names.iter().any(|known| known == name))
    }
}

/// A decoder of one stream, between two keyframes of different size.
#[derive(Debug)]
pub(super) struct VideoDecoder {
    child: Child,
    input: ChildStdin,
    reader: Option<JoinHandle<()>>,
    size: Size,
    /// Media time of the last frame, and how far it is from the first in units of 90 kHz.
    clock: Option<(RtpTime, u64)>,
    counts: Arc<Counts>,
    /// Frames and bytes since a picture was seen.
    silent: (u64, u64),
    /// Pictures that were seen.
    seen: u64,
}

#[derive(Debug, Default)]
struct Counts {
    frames: AtomicU64,
    pictures: AtomicU64,
}

/// It hangs, or ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the video decoder is of no use")]
pub(super) struct Broken;

impl VideoDecoder {
    /// Starts one for frames of a size.
    pub(super) fn start(
        ffmpeg: &OsStr,
        codec: Codec,
        decoder: &str,
        size: Size,
        pictures: Arc<Pictures>,
    ) -> io::Result<Self> {
        let target = target(size);
        let mut command = Command::new(ffmpeg);
        command.args(arguments(decoder, target));
        // What it complains about is of no use here, and would fill a pipe.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let input = child.stdin.take().expect("stdin is a pipe: set above");
        let output = child.stdout.take().expect("stdout is a pipe: set above");
        let counts = Arc::<Counts>::default();
        // From here on it is ended where something fails.
        let mut decoder = Self {
            child,
            input,
            reader: None,
            size,
            clock: None,
            counts: counts.clone(),
            silent: (0, 0),
            seen: 0,
        };
        let read = move || read(output, target, &pictures, &counts);
        decoder.reader = Some(thread::Builder::new().name("pictures".into()).spawn(read)?);
        // It has read nothing yet, so nothing of a stranger runs without limits.
        if let Some(pid) = i32::try_from(decoder.child.id()).ok().and_then(Pid::from_raw) {
            limits::limit_decoder(pid)?;
        }
        decoder.write(&file_header(codec, size))?;
        Ok(decoder)
    }

    /// Size of the frames that it takes.
    pub(super) const fn size(&self) -> Size {
        self.size
    }

    /// Gives it the next frame. Waits while it is busy.
    pub(super) fn decode(&mut self, frame: &Frame) -> Result<(), Broken> {
        self.counts.frames.fetch_add(1, Ordering::AcqRel);
        let seen = self.counts.pictures.load(Ordering::Acquire);
        if seen > self.seen {
            (self.seen, self.silent) = (seen, (0, 0));
        }
        self.silent.0 += 1;
        self.silent.1 += frame.bytes.len() as u64;
        if self.silent.0 > MAX_SILENT.0 && self.silent.1 > MAX_SILENT.1 {
            debug!("the video decoder gives no pictures");
            return Err(Broken);
        }
        let time = self.time(frame.timestamp);
        let header = frame_header(frame.bytes.len(), time);
        let written = self.write(&header).and_then(|()| self.write(&frame.bytes));
        written.map_err(|error| {
            debug!(%error, "the video decoder ended");
            Broken
        })
    }

    /// Whether a picture came out of it.
    pub(super) fn works(&self) -> bool {
        self.counts.pictures.load(Ordering::Acquire) > 0
    }

    /// Media time of a frame in milliseconds from the first: it grows, whatever the publisher says.
    fn time(&mut self, timestamp: RtpTime) -> u64 {
        let units = match self.clock {
            None => 0,
            Some((last, units)) => {
                let step = timestamp.distance(last).clamp(*STEP.start(), *STEP.end());
                units + u64::from(step.unsigned_abs())
            }
        };
        self.clock = Some((timestamp, units));
        units / 90
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.write_all(bytes)
    }
}

impl Drop for VideoDecoder {
    fn drop(&mut self) {
        // Fails where it has ended by itself.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            debug!(%error, "the video decoder had ended");
        }
        if let Some(reader) = self.reader.take()
            && reader.join().is_err()
        {
            debug!("the reader of pictures panicked");
        }
    }
}

/// Hands on pictures until there are no more, or more than there can be.
fn read(mut output: ChildStdout, size: Size, pictures: &Pictures, counts: &Counts) {
    let Size { width, height } = size;
    let len = (width * height + 2 * width.div_ceil(2) * height.div_ceil(2)) as usize;
    let mut planes = vec![0; len];
    while output.read_exact(&mut planes).is_ok() {
        let count = counts.pictures.fetch_add(1, Ordering::AcqRel) + 1;
        if count > counts.frames.load(Ordering::Acquire) {
            debug!("the video decoder makes up pictures");
            return;
        }
        pictures.push(Decoded { width, height, planes: planes.clone() });
    }
}

/// The size at which frames are learned from: even sides, the longer one at most [`MAX_SIDE`].
fn target(Size { width, height }: Size) -> Size {
    let longer = width.max(height).max(1);
    let scaled = |side: u32| {
        let side = if longer > MAX_SIDE { side * MAX_SIDE / longer } else { side };
        (side & !1).max(2)
    };
    Size { width: scaled(width), height: scaled(height) }
}

fn arguments(decoder: &str, Size { width, height }: Size) -> Vec<String> {
    // Numbered anew behind the choice, so that nothing fills the gaps.
    let filter = format!(
        "select='isnan(prev_selected_t)+gte(t-prev_selected_t,{PICTURE_INTERVAL})',\
         scale={width}:{height}:flags=area,format=yuv420p,setpts=N/({PICTURE_RATE}*TB)"
    );
    let input = ["-hide_banner", "-loglevel", "quiet", "-nostdin", "-protocol_whitelist", "pipe"];
    // It looks at the first frame alone to know what it has, and must not drop that one behind it, which
    // "-fflags nobuffer" would: nothing could be decoded before the next keyframe.
    let reading = ["-probesize", "32", "-analyzeduration", "0"];
    let source =
        ["-threads", "1", "-flags", "low_delay", "-c:v", decoder, "-f", "ivf", "-i", "pipe:0"];
    let filters = ["-map", "0:v:0", "-filter_threads", "1", "-vf", &filter, "-r", PICTURE_RATE];
    let output = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"];
    [&input[..], &reading, &source, &filters, &output]
        .concat()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// IVF: a file of frames of any codec that are counted in milliseconds.
fn file_header(codec: Codec, size: Size) -> [u8; 32] {
    let name =
        DECODERS.iter().find(|(known, ..)| *known == codec).map_or("    ", |(_, name, _)| name);
    let mut header = [0; 32];
    header[..4].copy_from_slice(b"DKIF");
    header[6..8].copy_from_slice(&32_u16.to_le_bytes());
    header[8..12].copy_from_slice(name.as_bytes());
    header[12..14].copy_from_slice(&(size.width as u16).to_le_bytes());
    header[14..16].copy_from_slice(&(size.height as u16).to_le_bytes());
    header[16..20].copy_from_slice(&1_000_u32.to_le_bytes());
    header[20..24].copy_from_slice(&1_u32.to_le_bytes());
    header
}

fn frame_header(len: usize, millis: u64) -> [u8; 12] {
    let mut header = [0; 12];
    header[..4].copy_from_slice(&(len as u32).to_le_bytes());
    header[4..].copy_from_slice(&millis.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_have_even_sides() {
        let check = |width, height| {
            let target = target(Size { width, height });
            (target.width, target.height)
        };
        assert_eq!(check(640, 360), (512, 288));
        assert_eq!(check(360, 640), (288, 512));
        assert_eq!(check(320, 180), (320, 180));
        assert_eq!(check(1_280, 720), (512, 288));
        assert_eq!(check(321, 181), (320, 180));
        assert_eq!(check(4_096, 1), (512, 2));
    }

    #[test]
    fn a_listing_of_decoders_is_read() {
        let names = ["vp8", "libvpx-vp9", "av1"].map(str::to_owned).to_vec();
        let decoders = Decoders { names };
        assert_eq!(decoders.decoder(Codec::Vp8), Some("vp8"));
        assert_eq!(decoders.decoder(Codec::Vp9), Some("libvpx-vp9"));
        assert_eq!(decoders.decoder(Codec::H264), None);
        assert_eq!(decoders.decoder(Codec::Av1), None, "it needs a graphics processor");
        assert_eq!(decoders.decoder(Codec::Opus), None);
    }
}
