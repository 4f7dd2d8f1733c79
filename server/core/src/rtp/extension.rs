//! RTP header extensions (RFC 8285).

use super::{ONE_BYTE_PROFILE, ParseError, TWO_BYTE_PROFILE};
use crate::{id::ExtensionId, media::Extension};

/// Which id stands for which extension on one connection. BUNDLE demands that an id means the same
/// on every m-line (RFC 8843 section 9.1), so there is one map per peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionMap {
    entries: Vec<(ExtensionId, Extension)>,
}

impl ExtensionMap {
    /// What `id` means here.
    pub fn get(&self, id: ExtensionId) -> Option<Extension> {
        self.entries.iter().find(|(known, _)| *known == id).map(|(_, extension)| *extension)
    }

    /// The id of `extension` here.
    pub fn id_of(&self, extension: Extension) -> Option<ExtensionId> {
        self.entries.iter().find(|(_, known)| *known == extension).map(|(id, _)| *id)
    }

    /// Adds a meaning; the first one given for an id stays.
    pub fn insert(&mut self, id: ExtensionId, extension: Extension) {
        if self.get(id).is_none() {
            self.entries.push((id, extension));
        }
    }
}

/// Client-to-mixer audio level (RFC 6464).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Loudness in -dBov: 0 is the loudest, 127 is silence.
    pub level: u8,
    /// Whether the sender believes that this is a voice.
    pub voice: bool,
}

impl AudioLevel {
    /// Reads the data of the extension (RFC 6464 section 3). The two-byte form may pad it.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        data.first().map(|&byte| Self { level: byte & 0x7f, voice: byte & 0x80 != 0 })
    }
}

/// Calls `element` with id, offset in `block` and data of each extension in `block`, whose form
/// `profile` names. A block of another profile is not ours to read and is passed over (RFC 3550
/// section 5.3.1).
pub(super) fn walk(
    profile: u16,
    block: &[u8],
    mut element: impl FnMut(ExtensionId, usize, &[u8]),
) -> Result<(), ParseError> {
    let one_byte = profile == ONE_BYTE_PROFILE;
    if !one_byte && profile & 0xfff0 != TWO_BYTE_PROFILE {
        return Ok(());
    }
    let mut at = 0;
    while let Some(&head) = block.get(at) {
        at += 1;
        if head == 0 {
            continue;
        }
        let (id, len) = if one_byte {
            if head >> 4 == 15 {
                return Ok(());
            }
            (head >> 4, usize::from(head & 0x0f) + 1)
        } else {
            let len = *block.get(at).ok_or(ParseError::Extension)?;
            at += 1;
            (head, usize::from(len))
        };
        let data = block.get(at..at + len).ok_or(ParseError::Extension)?;
        // Id 0 with a length is padding that lies about itself: RFC 8285 section 4.2 has it ignored.
        if id != 0 {
            element(ExtensionId(id), at, data);
        }
        at += len;
    }
    Ok(())
}
