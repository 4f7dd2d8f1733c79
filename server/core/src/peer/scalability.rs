//! Names of what is inside of one encoding (W3C Scalable Video Coding Extension for WebRTC).

/// Most layers in either direction that the registered names have.
const MAX: u8 = 3;

/// What a scalability mode like `L3T3_KEY` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScalabilityMode {
    /// Spatial layers, 1 to 3.
    pub(crate) spatial: u8,
    /// Temporal layers, 1 to 3.
    pub(crate) temporal: u8,
    /// Whether the sizes of neighbouring spatial layers are 1.5 to 1 rather than 2 to 1.
    pub(crate) narrow: bool,
}

impl ScalabilityMode {
    /// One layer.
    pub(crate) const SINGLE: Self = Self { spatial: 1, temporal: 1, narrow: false };

    /// Reads a name from `L1T1` to `L3T3h_KEY_SHIFT`. `None` also for the `S` modes: several
    /// encodings in one RTP stream, of which each can be decoded alone, serve nobody here.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix('L')?;
        let (spatial, rest) = digit(rest)?;
        let (temporal, rest) = digit(rest.strip_prefix('T')?)?;
        let (narrow, rest) = match rest.strip_prefix('h') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let layered = spatial > 1;
        let fits = match rest {
            "" => layered || !narrow,
            "_KEY" | "_KEY_SHIFT" => layered,
            _ => false,
        };
        fits.then_some(Self { spatial, temporal, narrow })
    }

    /// A length (width, height) of a spatial layer, given that of the highest.
    pub(crate) const fn scale(self, length: u16, spatial: u8) -> u16 {
        let mut length = length as u32;
        let mut below = (self.spatial - 1).saturating_sub(spatial);
        while below > 0 {
            length = if self.narrow { length * 2 / 3 } else { length / 2 };
            below -= 1;
        }
        length as u16
    }
}

fn digit(text: &str) -> Option<(u8, &str)> {
    let digit = text.bytes().next().filter(u8::is_ascii_digit)? - b'0';
    (1..=MAX).contains(&digit).then_some((digit, &text[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_names_are_read_and_others_are_not() {
        let mode = |spatial, temporal, narrow| Some(ScalabilityMode { spatial, temporal, narrow });
        for (name, expected) in [
            ("L1T1", mode(1, 1, false)),
            ("L1T3", mode(1, 3, false)),
            ("L2T2h", mode(2, 2, true)),
            ("L3T3_KEY", mode(3, 3, false)),
            ("L2T2_KEY_SHIFT", mode(2, 2, false)),
            ("L3T1h_KEY", mode(3, 1, true)),
            ("L1T1h", None),
            ("L1T2_KEY", None),
            ("S2T1", None),
            ("L4T1", None),
            ("L0T1", None),
            ("L3T3_KEYS", None),
            ("L3", None),
            ("", None),
            ("Lä", None),
        ] {
            assert_eq!(ScalabilityMode::parse(name), expected, "{name}");
        }
    }

    #[test]
    fn sizes_of_lower_layers_follow_from_that_of_the_highest() {
        let sizes = |name: &str, height| {
            let mode = ScalabilityMode::parse(name).unwrap();
            [0, 1, 2].map(|spatial| mode.scale(height, spatial))
        };
        assert_eq!(sizes("L3T3_KEY", 720), [180, 360, 720]);
        assert_eq!(sizes("L3T3h", 720), [320, 480, 720]);
        assert_eq!(sizes("L1T3", 720), [720, 720, 720]);
    }
}
