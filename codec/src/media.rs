//! Raw media as plug-ins see them: views of somebody else's samples and pixels.

/// Sampling rate of the media of sound plug-ins in Hz.
pub const SOUND_RATE: u32 = 16_000;
/// Duration of what one payload holds, in milliseconds.
pub const FRAME_MS: u32 = 80;
/// Samples of one payload of a sound plug-in.
pub const FRAME_SAMPLES: usize = (SOUND_RATE / 1000 * FRAME_MS) as usize;
/// Samples of extended sound for one of a sound plug-in.
pub const EXTENSION_FACTOR: usize = 3;
/// Sampling rate of extended sound in Hz.
pub const EXTENDED_RATE: u32 = SOUND_RATE * EXTENSION_FACTOR as u32;
/// Samples of one payload of extended sound.
pub const EXTENDED_SAMPLES: usize = FRAME_SAMPLES * EXTENSION_FACTOR;
/// Most pixels of one side of a picture.
pub const MAX_SIDE: u32 = 4_096;

/// Raw media of either kind.
#[derive(Clone, Copy, Debug)]
pub enum Raw<'a> {
    /// For plug-ins of [`sotto_frame::PluginKind::Sound`].
    Sound(Sound<'a>),
    /// For plug-ins of [`sotto_frame::PluginKind::Picture`].
    Picture(Picture<'a>),
}

/// Why raw media cannot be used: a fault of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MediaError {
    /// Sound for a plug-in of pictures, or the other way round.
    #[error("media of the other kind")]
    Kind,
    /// Another sampling rate than the plug-in takes.
    #[error("unsupported sampling rate")]
    Rate,
    /// A side of 0 or more than [`MAX_SIDE`] pixels, or fewer bytes than the size needs.
    #[error("pixels that do not fit the size")]
    Size,
    /// More or less than one payload holds.
    #[error("not the media of one payload")]
    Amount,
}

impl<'a> Raw<'a> {
    /// The sound.
    ///
    /// # Errors
    /// [`MediaError::Kind`].
    pub const fn sound(&self) -> Result<Sound<'a>, MediaError> {
        match self {
            Self::Sound(sound) => Ok(*sound),
            Self::Picture(_) => Err(MediaError::Kind),
        }
    }

    /// The picture.
    ///
    /// # Errors
    /// [`MediaError::Kind`].
    pub const fn picture(&self) -> Result<Picture<'a>, MediaError> {
        match self {
            Self::Picture(picture) => Ok(*picture),
            Self::Sound(_) => Err(MediaError::Kind),
        }
    }
}

/// Mono sound.
#[derive(Clone, Copy, Debug)]
pub struct Sound<'a> {
    /// Sampling rate in Hz.
    pub rate: u32,
    /// Samples, -1 to 1; what is beyond is taken as it is.
    pub samples: &'a [f32],
}

impl<'a> Sound<'a> {
    /// Sound at [`SOUND_RATE`].
    pub const fn new(samples: &'a [f32]) -> Self {
        Self { rate: SOUND_RATE, samples }
    }

    /// The samples, at the rate that sound plug-ins take.
    ///
    /// # Errors
    /// [`MediaError::Rate`].
    pub const fn at_model_rate(&self) -> Result<&'a [f32], MediaError> {
        if self.rate == SOUND_RATE { Ok(self.samples) } else { Err(MediaError::Rate) }
    }

    /// Level as it travels with an entry: 0 loudest to 15 silence, in steps of 8 dB below
    /// overload (RFC 6464 divided by 8).
    pub fn level(&self) -> u8 {
        let energy: f64 = self.samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        let mean = energy / self.samples.len().max(1) as f64;
        let below = (-10.0 * mean.log10()).clamp(0.0, 127.0); // of silence: infinity
        below as u8 >> 3
    }
}

/// A picture of any size up to [`MAX_SIDE`] a side.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    width: u32,
    height: u32,
    pixels: Pixels<'a>,
}

/// Where the pixels of a picture are.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// Red, green, blue, alpha: 4 bytes a pixel, rows without gaps, top to bottom.
    Rgba(&'a [u8]),
    /// Planes as video decoders give them.
    I420(I420<'a>),
}

/// BT.601 luma and chroma in video range, chroma at half the size, rounded up.
#[derive(Clone, Copy, Debug)]
pub struct I420<'a> {
    /// Luma.
    pub y: &'a [u8],
    /// Blue difference.
    pub u: &'a [u8],
    /// Red difference.
    pub v: &'a [u8],
    /// Bytes from one row of `y` to the next.
    pub y_stride: usize,
    /// Bytes from one row of `u` and `v` to the next.
    pub uv_stride: usize,
}

impl<'a> Picture<'a> {
    /// A picture of `width` by `height` pixels.
    ///
    /// # Errors
    /// [`MediaError::Size`].
    pub fn new(width: u32, height: u32, pixels: Pixels<'a>) -> Result<Self, MediaError> {
        let (columns, rows) = sides(width, height)?;
        let holds = |plane: &[u8], stride: usize, columns: usize, rows: usize| {
            stride >= columns
                && stride.checked_mul(rows - 1).is_some_and(|rest| plane.len() >= rest + columns)
        };
        let whole = match pixels {
            Pixels::Rgba(bytes) => bytes.len() == columns * rows * 4,
            Pixels::I420(planes) => {
                let (half_columns, half_rows) = (columns.div_ceil(2), rows.div_ceil(2));
                holds(planes.y, planes.y_stride, columns, rows)
                    && holds(planes.u, planes.uv_stride, half_columns, half_rows)
                    && holds(planes.v, planes.uv_stride, half_columns, half_rows)
            }
        };
        if whole { Ok(Self { width, height, pixels }) } else { Err(MediaError::Size) }
    }

    /// A picture whose planes follow each other without gaps: y, u, v.
    ///
    /// # Errors
    /// [`MediaError::Size`].
    pub fn packed_i420(width: u32, height: u32, bytes: &'a [u8]) -> Result<Self, MediaError> {
        let (columns, rows) = sides(width, height)?;
        let (luma, chroma) = (columns * rows, columns.div_ceil(2) * rows.div_ceil(2));
        if bytes.len() != luma + 2 * chroma {
            return Err(MediaError::Size);
        }
        let (y, rest) = bytes.split_at(luma);
        let (u, v) = rest.split_at(chroma);
        let planes = I420 { y, u, v, y_stride: columns, uv_stride: columns.div_ceil(2) };
        Self::new(width, height, Pixels::I420(planes))
    }

    /// Pixels of a row.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Where the pixels are.
    pub const fn pixels(&self) -> Pixels<'a> {
        self.pixels
    }

    /// Red, green and blue of one pixel; of one outside, the nearest inside.
    pub fn rgb(&self, x: u32, y: u32) -> [u8; 3] {
        let (x, y) = (x.min(self.width - 1) as usize, y.min(self.height - 1) as usize);
        match self.pixels {
            Pixels::Rgba(bytes) => {
                let at = (y * self.width as usize + x) * 4;
                [bytes[at], bytes[at + 1], bytes[at + 2]]
            }
            Pixels::I420(planes) => {
                let chroma = y / 2 * planes.uv_stride + x / 2;
                let luma = planes.y[y * planes.y_stride + x];
                rgb_of(luma, planes.u[chroma], planes.v[chroma])
            }
        }
    }
}

/// A picture to be drawn: red, green, blue, alpha, 4 bytes a pixel, rows without gaps.
#[derive(Debug)]
pub struct PictureMut<'a> {
    width: u32,
    height: u32,
    rgba: &'a mut [u8],
}

impl<'a> PictureMut<'a> {
    /// A picture of `width` by `height` pixels.
    ///
    /// # Errors
    /// [`MediaError::Size`].
    pub fn new(width: u32, height: u32, rgba: &'a mut [u8]) -> Result<Self, MediaError> {
        let (columns, rows) = sides(width, height)?;
        if rgba.len() != columns * rows * 4 {
            return Err(MediaError::Size);
        }
        Ok(Self { width, height, rgba })
    }

    /// Pixels of a row.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The rows, top to bottom, each as long as the width says.
    pub fn rows(&mut self) -> impl Iterator<Item = &mut [[u8; 4]]> {
        let (pixels, _) = self.rgba.as_chunks_mut::<4>();
        pixels.chunks_exact_mut(self.width as usize)
    }
}

fn sides(width: u32, height: u32) -> Result<(usize, usize), MediaError> {
    let valid = 1..=MAX_SIDE;
    if valid.contains(&width) && valid.contains(&height) {
        Ok((width as usize, height as usize))
    } else {
        Err(MediaError::Size)
    }
}

/// ITU-R BT.601 in video range, in 1/256.
fn rgb_of(y: u8, u: u8, v: u8) -> [u8; 3] {
    let (y, u, v) = (298 * (i32::from(y) - 16), i32::from(u) - 128, i32::from(v) - 128);
    let to_byte = |value: i32| ((value + 128) >> 8).clamp(0, 255) as u8;
    [to_byte(y + 409 * v), to_byte(y - 100 * u - 208 * v), to_byte(y + 516 * u)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_an_eighth_of_the_decibels_below_overload() {
        let level = |amplitude: f32| Sound::new(&[amplitude, -amplitude]).level();
        assert_eq!(level(1.0), 0);
        assert_eq!(level(0.1), 2);
        assert_eq!(level(0.01), 5);
        assert_eq!(level(0.0), 15);
        assert_eq!(Sound::new(&[]).level(), 15);
    }

    #[test]
    fn pixels_must_fit_the_size() {
        let check = |width, height, len: usize| {
            Picture::new(width, height, Pixels::Rgba(&vec![0; len])).map(|_| ())
        };
        assert_eq!(check(2, 3, 24), Ok(()));
        for (width, height, len) in [(2, 3, 23), (2, 3, 25), (0, 3, 0), (MAX_SIDE + 1, 1, 20_000)] {
            assert_eq!(check(width, height, len), Err(MediaError::Size));
        }
        assert!(Picture::packed_i420(3, 3, &[0; 9 + 2 * 4]).is_ok());
        assert!(Picture::packed_i420(3, 3, &[0; 9 + 2 * 4 - 1]).is_err());
        let planes = I420 { y: &[0; 9], u: &[0; 4], v: &[0; 4], y_stride: 2, uv_stride: 2 };
        assert!(Picture::new(3, 3, Pixels::I420(planes)).is_err(), "rows that overlap");
        let planes = I420 { y_stride: usize::MAX, ..planes };
        assert!(Picture::new(3, 3, Pixels::I420(planes)).is_err());
    }

    #[test]
    fn colours_of_planes_are_those_of_the_standard() {
        let colour =
            |y, u, v| Picture::packed_i420(1, 1, &[y, u, v]).map(|picture| picture.rgb(9, 9));
        assert_eq!(colour(16, 128, 128), Ok([0, 0, 0]));
        assert_eq!(colour(235, 128, 128), Ok([255, 255, 255]));
        assert_eq!(colour(81, 90, 240), Ok([255, 0, 0]));
    }
}
