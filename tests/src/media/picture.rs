//! Looking: decodes VP8 with an ffmpeg child process into small RGB pictures.

use std::{process::Stdio, time::Instant};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    sync::mpsc,
};

use super::{ClipError, ivf};

/// Size of every decoded picture. Small, because tests ask for colours, not for details.
pub(crate) const WIDTH: usize = 32;
/// As [`WIDTH`].
pub(crate) const HEIGHT: usize = 18;
/// Frames waiting for the decoder. When it is full the newest is dropped, and a later keyframe
/// mends the picture.
const QUEUE: usize = 64;

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Number of the frame, in the order of [`PictureDecoder::push`].
    pub number: u64,
    /// When it came out of the decoder.
    pub decoded: Instant,
    /// 32 × 18 pixels, three bytes each, row by row.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// The colour of a corner, averaged over 4 × 4 pixels: what the clips of [`super::make`] tell
    /// people apart by.
    pub fn corner(&self) -> [u8; 3] {
        let mut sums = [0_u32; 3];
        for (row, column) in (0..4).flat_map(|row| (0..4).map(move |column| (row, column))) {
            let at = (row * WIDTH + column) * 3;
            for (sum, value) in sums.iter_mut().zip(&self.rgb[at..at + 3]) {
                *sum += u32::from(*value);
            }
        }
        sums.map(|sum| (sum / 16) as u8)
    }
}

/// One ffmpeg process that decodes one stream.
pub struct PictureDecoder {
    frames: mpsc::Sender<Bytes>,
    pictures: mpsc::Receiver<Picture>,
    dropped: u64,
    child: Child,
}

impl PictureDecoder {
    /// Starts ffmpeg. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// ffmpeg is not there.
    pub fn start() -> Result<Self, ClipError> {
        let scale = format!("scale={WIDTH}:{HEIGHT}:flags=area");
        let mut child = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-threads", "1"])
            // Not `nobuffer`: it throws the frame away by which the stream was recognised.
            .args(["-flags", "low_delay", "-analyzeduration", "0", "-fpsprobesize", "0"])
            .args(["-f", "ivf", "-i", "pipe:0"])
            .args(["-vf", &scale, "-fps_mode", "passthrough", "-flush_packets", "1"])
            .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let missing = || ClipError::Ffmpeg("a standard stream is missing".into());
        let mut stdin = child.stdin.take().ok_or_else(missing)?;
        let mut stdout = child.stdout.take().ok_or_else(missing)?;
        let (frames, mut queue) = mpsc::channel::<Bytes>(QUEUE);
        let (out, pictures) = mpsc::channel(QUEUE);

        tokio::spawn(async move {
            let mut chunk = ivf::stream_header(640, 360).to_vec();
            for millis in (0..).step_by(33) {
                let Some(frame) = queue.recv().await else { break };
                chunk.extend(ivf::frame_header(frame.len(), millis));
                chunk.extend_from_slice(&frame);
                if stdin.write_all(&chunk).await.is_err() || stdin.flush().await.is_err() {
                    break;
                }
                chunk.clear();
            }
        });
        tokio::spawn(async move {
            for number in 0.. {
                let mut rgb = vec![0; WIDTH * HEIGHT * 3];
                if stdout.read_exact(&mut rgb).await.is_err() {
                    break;
                }
                let picture = Picture { number, decoded: Instant::now(), rgb };
                if out.send(picture).await.is_err() {
                    break;
                }
            }
        });
        Ok(Self { frames, pictures, dropped: 0, child })
    }

    /// Hands over the next frame of the stream.
    pub fn push(&mut self, frame: Bytes) {
        if self.frames.try_send(frame).is_err() {
            self.dropped += 1;
        }
    }

    /// The next decoded picture, if one is there.
    pub fn poll(&mut self) -> Option<Picture> {
        self.pictures.try_recv().ok()
    }

    /// Waits for the next decoded picture; `None` when the decoder ended.
    pub async fn next(&mut self) -> Option<Picture> {
        self.pictures.recv().await
    }

    /// Frames that found the queue full.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Process id, for diagnosis.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }
}
