//! Which plug-in a payload is for.

use std::fmt;

/// Number of a plug-in on the wire, 0 to 15: 0 to 7 carry sound, 8 to 15 pictures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginId(u8);

/// What a plug-in compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PluginKind {
    /// Someone's voice.
    Sound,
    /// Someone's picture.
    Picture,
}

/// A number above 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plug-in {0} does not fit 4 bits")]
pub struct InvalidPlugin(pub u8);

impl PluginId {
    /// The voice of a speaker.
    pub const VOICE: Self = Self(1);
    /// The face of a speaker.
    pub const FACE: Self = Self(9);

    /// Checks a number.
    ///
    /// # Errors
    /// [`InvalidPlugin`] above 15.
    pub const fn new(id: u8) -> Result<Self, InvalidPlugin> {
        if id < 16 { Ok(Self(id)) } else { Err(InvalidPlugin(id)) }
    }

    /// The plug-in that the low 4 bits of `bits` name.
    pub(crate) const fn from_low_bits(bits: u8) -> Self {
        Self(bits & 0x0f)
    }

    /// The number, 0 to 15.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// What it compresses.
    pub const fn kind(self) -> PluginKind {
        if self.0 < 8 { PluginKind::Sound } else { PluginKind::Picture }
    }
}

impl fmt::Debug for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PluginId({})", self.0)
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_half_is_sound_and_the_upper_half_pictures() {
        let kind = |id| PluginId::new(id).map(PluginId::kind);
        assert_eq!(kind(0), Ok(PluginKind::Sound));
        assert_eq!(kind(7), Ok(PluginKind::Sound));
        assert_eq!(kind(8), Ok(PluginKind::Picture));
        assert_eq!(kind(15), Ok(PluginKind::Picture));
        assert_eq!(kind(16), Err(InvalidPlugin(16)));
        assert_eq!(PluginId::VOICE.kind(), PluginKind::Sound);
        assert_eq!(PluginId::FACE.kind(), PluginKind::Picture);
    }
}
