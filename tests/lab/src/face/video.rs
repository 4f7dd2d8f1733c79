//! Pictures in a file: YUV4MPEG2, 4:2:0 of 8 bits, both sides even.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// What stands before the planes of each picture.
const PICTURE: &[u8] = b"FRAME\n";
/// Most bytes of the header that are looked at.
const MAX_HEADER: u64 = 1_024;

/// Why a file is not a video.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("{0}: not a YUV4MPEG2 file of 4:2:0 with even sides")]
    Format(PathBuf),
}

/// Size and rate of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Pixels of a row, even.
    pub width: u32,
    /// Rows, even.
    pub height: u32,
    /// Pictures in [`Self::seconds`].
    pub pictures: u32,
    /// See [`Self::pictures`].
    pub seconds: u32,
}

impl Format {
    /// Pixels of a picture.
    pub const fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Bytes of a picture: luma, then both chromas at half the size, without gaps.
    pub const fn bytes(&self) -> usize {
        self.pixels() * 3 / 2
    }

    /// Pictures per second.
    pub fn rate(&self) -> f64 {
        f64::from(self.pictures) / f64::from(self.seconds)
    }

    /// When a picture is shown, in milliseconds from the first.
    pub const fn time_ms(&self, at: usize) -> u64 {
        at as u64 * 1_000 * self.seconds as u64 / self.pictures as u64
    }

    /// Pictures in so many seconds.
    pub fn count(&self, seconds: f64) -> usize {
        (seconds * self.rate()).round() as usize
    }

    fn parse(header: &str) -> Option<Self> {
        let mut fields = header.trim_end().split(' ');
        if fields.next() != Some("YUV4MPEG2") {
            return None;
        }
        let (mut width, mut height, mut rate) = (0, 0, None);
        for field in fields {
            let (kind, value) = field.split_at_checked(1)?;
            match kind {
                "W" => width = value.parse().ok()?,
                "H" => height = value.parse().ok()?,
                "F" => rate = value.split_once(':'),
                "C" if !value.starts_with("420") || value.starts_with("420p") => return None,
                _ => {}
            }
        }
        let (pictures, seconds) = rate?;
        let format = Self {
            width,
            height,
            pictures: pictures.parse().ok()?,
            seconds: seconds.parse().ok()?,
        };
        let even = |side: u32| side > 0 && side.is_multiple_of(2);
        let valid = even(width) && even(height) && format.pictures > 0 && format.seconds > 0;
        valid.then_some(format)
    }
}

/// A file of pictures.
#[derive(Debug)]
pub struct Video {
    path: PathBuf,
    file: File,
    format: Format,
    header: u64,
    pictures: usize,
}

impl Video {
    /// Opens a file.
    ///
    /// # Errors
    /// [`VideoError`].
    pub fn open(path: &Path) -> Result<Self, VideoError> {
        let failed = |source| VideoError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let mut header = Vec::new();
        io::Read::take(BufReader::new(&file), MAX_HEADER)
            .read_until(b'\n', &mut header)
            .map_err(failed)?;
        let format = str::from_utf8(&header).ok().and_then(Format::parse);
        let format = format.ok_or_else(|| VideoError::Format(path.to_owned()))?;
        let rest = file.metadata().map_err(failed)?.len() - header.len() as u64;
        let pictures = rest / (PICTURE.len() + format.bytes()) as u64;
        let header = header.len() as u64;
        Ok(Self { path: path.to_owned(), file, format, header, pictures: pictures as usize })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Of its pictures.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// How many pictures there are.
    pub const fn pictures(&self) -> usize {
        self.pictures
    }

    /// One picture, from 0: its planes.
    ///
    /// # Errors
    /// [`VideoError`], also where there is none.
    pub fn picture(&self, at: usize) -> Result<Vec<u8>, VideoError> {
        let len = self.format.bytes();
        let start = self.header + (at * (PICTURE.len() + len) + PICTURE.len()) as u64;
        let mut planes = vec![0; len];
        self.file
            .read_exact_at(&mut planes, start)
            .map_err(|source| VideoError::Io { path: self.path.clone(), source })?;
        Ok(planes)
    }

    /// Writes some of its pictures to another file.
    ///
    /// # Errors
    /// [`VideoError`].
    pub(super) fn copy(&self, path: &Path, pictures: Range<usize>) -> Result<Self, VideoError> {
        let mut writer = VideoWriter::create(path, self.format)?;
        for at in pictures {
            writer.push(&self.picture(at)?)?;
        }
        writer.finish()
    }
}

/// Writes pictures to a file.
#[derive(Debug)]
pub(super) struct VideoWriter {
    path: PathBuf,
    file: BufWriter<File>,
    format: Format,
}

impl VideoWriter {
    pub(super) fn create(path: &Path, format: Format) -> Result<Self, VideoError> {
        let Format { width, height, pictures, seconds } = format;
        let failed = |source| VideoError::Io { path: path.to_owned(), source };
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        writeln!(file, "YUV4MPEG2 W{width} H{height} F{pictures}:{seconds} Ip A1:1 C420mpeg2")
            .map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, format })
    }

    /// Appends a picture.
    ///
    /// # Panics
    /// Where it has another size.
    pub(super) fn push(&mut self, planes: &[u8]) -> Result<(), VideoError> {
        assert_eq!(planes.len(), self.format.bytes(), "planes of another size");
        let written = self.file.write_all(PICTURE).and_then(|()| self.file.write_all(planes));
        written.map_err(|source| VideoError::Io { path: self.path.clone(), source })
    }

    /// All that was pushed.
    pub(super) fn finish(mut self) -> Result<Video, VideoError> {
        let failed = |source| VideoError::Io { path: self.path.clone(), source };
        self.file.flush().map_err(failed)?;
        Video::open(&self.path)
    }
}
