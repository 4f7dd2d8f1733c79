//! The codecs that are measured beside it, set up as browsers do it for calls.

use serde::Serialize;

use super::super::video::Format;

/// Rates asked for, in kbit/s.
pub(crate) const RATES: [u32; 9] = [300, 150, 80, 50, 32, 20, 12, 8, 5];

/// A codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Codec {
    /// libaom, realtime, speed 8.
    Av1,
    /// libvpx, realtime, speed 7.
    Vp9,
    /// libvpx, realtime, speed 6.
    Vp8,
}

/// Size at which a clip is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resolution {
    /// As it is.
    Full,
    /// Half of each side, shown scaled up again (bicubic).
    Half,
}

impl Codec {
    pub(crate) const ALL: [Self; 3] = [Self::Av1, Self::Vp9, Self::Vp8];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Av1 => "av1",
            Self::Vp9 => "vp9",
            Self::Vp8 => "vp8",
        }
    }

    /// Arguments of ffmpeg for a constant rate: a buffer of 1 s, no look-ahead, one thread, no key
    /// pictures but the first.
    pub(crate) fn arguments(self, kilobits: u32) -> Vec<String> {
        let rate = format!("{kilobits}k");
        let own: &[&str] = match self {
            Self::Av1 => &[
                "-c:v",
                "libaom-av1",
                "-usage",
                "realtime",
                "-cpu-used",
                "8",
                "-aq-mode",
                "3",
                "-row-mt",
                "0",
                "-aom-params",
                "enable-palette=0",
            ],
            Self::Vp9 => &[
                "-c:v",
                "libvpx-vp9",
                "-deadline",
                "realtime",
                "-cpu-used",
                "7",
                "-aq-mode",
                "3",
                "-row-mt",
                "0",
            ],
            Self::Vp8 => &[
                "-c:v",
                "libvpx",
                "-deadline",
                "realtime",
                "-cpu-used",
                "6",
                "-auto-alt-ref",
                "0",
                "-undershoot-pct",
                "100",
                "-overshoot-pct",
                "15",
                "-static-thresh",
                "1",
            ],
        };
        let common = [
            "-lag-in-frames",
            "0",
            "-qmin",
            "2",
            "-qmax",
            "63",
            "-g",
            "9999",
            "-threads",
            "1",
            "-b:v",
            &rate,
            "-minrate",
            &rate,
            "-maxrate",
            &rate,
            "-bufsize",
            &rate,
        ];
        own.iter().chain(&common).map(|&argument| argument.to_owned()).collect()
    }
}

impl Resolution {
    pub(crate) const ALL: [Self; 2] = [Self::Full, Self::Half];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Half => "half",
        }
    }

    /// Width and height at which a clip is coded: even.
    pub(crate) const fn size(self, format: Format) -> [u32; 2] {
        match self {
            Self::Full => [format.width, format.height],
            Self::Half => [half(format.width), half(format.height)],
        }
    }
}

const fn half(side: u32) -> u32 {
    let half = side / 2;
    if half < 2 { 2 } else { half - half % 2 }
}
