//! Descriptors for those who originate packets.

use super::super::{BuildError, bits::BitWriter};

/// What a frame is to a decode target (section A.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Indication {
    /// Not part of it.
    NotPresent,
    /// Part of it, and nothing of it depends on the frame.
    Discardable,
    /// Part of it, and the frames of the target after this one can be decoded from here on.
    Switch,
    /// Part of it.
    Required,
}

impl Indication {
    /// From its two bits; higher ones are ignored.
    pub(crate) const fn from_bits(bits: u32) -> Self {
        match bits & 0x03 {
            0 => Self::NotPresent,
            1 => Self::Discardable,
            2 => Self::Switch,
            _ => Self::Required,
        }
    }
}

/// One template of a structure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameTemplate {
    /// Spatial layer. Templates are in the order of their spatial layers, then of their temporal
    /// ones.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// What its frames are to each decode target.
    pub indications: Vec<Indication>,
    /// How many frames back its references are, 1 to 16.
    pub references: Vec<u8>,
    /// For each chain, how many frames back its previous frame is, 0 to 15.
    pub chains: Vec<u8>,
}

/// A template dependency structure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DependencyStructure {
    /// Id of the first template, 0 to 63.
    pub id_offset: u8,
    /// At least one.
    pub templates: Vec<FrameTemplate>,
    /// For each decode target the chain that protects it; empty if there are no chains.
    pub protected_by: Vec<u8>,
    /// Width and height in pixels of each spatial layer, or nothing.
    pub resolutions: Vec<(u16, u16)>,
}

/// A whole dependency descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency<'a> {
    /// First packet of a frame.
    pub start_of_frame: bool,
    /// Last packet of a frame.
    pub end_of_frame: bool,
    /// Which template of the structure, from 0.
    pub template: u8,
    /// Number of the frame.
    pub frame_number: u16,
    /// The structure of the stream.
    pub structure: &'a DependencyStructure,
    /// Whether the structure is attached.
    pub attached: bool,
    /// The targets that are made from now on, the first one in the lowest bit, where that is said.
    pub active: Option<u16>,
    /// What the frame is to each decode target, where that is not what its template says.
    pub indications: Option<&'a [Indication]>,
    /// How many frames back its references are, 1 to 4096, where that is not what its template says.
    pub references: Option<&'a [u16]>,
    /// As the template's chains, 0 to 255, where they differ.
    pub chains: Option<&'a [u8]>,
}

impl Dependency<'_> {
    /// Writes the data of the extension to the front of `out` and gives its length.
    ///
    /// # Errors
    /// [`BuildError`] if `out` is too short or a value does not fit its field.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        let targets = self.structure.targets()?;
        let mut bits = BitWriter::new(out);
        bits.flag(self.start_of_frame)?;
        bits.flag(self.end_of_frame)?;
        bits.bits(u32::from(self.template.wrapping_add(self.structure.id_offset) & 0x3f), 6)?;
        bits.bits(u32::from(self.frame_number), 16)?;
        let flags = [
            self.attached,
            self.active.is_some(),
            self.indications.is_some(),
            self.references.is_some(),
            self.chains.is_some(),
        ];
        if !flags.contains(&true) {
            return bits.finish();
        }
        flags.into_iter().try_for_each(|flag| bits.flag(flag))?;
        if self.attached {
            self.structure.write(&mut bits)?;
        }
        if let Some(active) = self.active {
            bits.bits(u32::from(active), targets)?;
        }
        for &indication in self.indications.into_iter().flatten() {
            bits.bits(indication as u32, 2)?;
        }
        if let Some(references) = self.references {
            for &back in references {
                let back = u32::from(back).checked_sub(1).ok_or(BuildError::Value)?;
                let nibbles =
                    (1..=3).find(|size| back >> (4 * size) == 0).ok_or(BuildError::Value)?;
                bits.bits(nibbles, 2)?;
                bits.bits(back, 4 * nibbles)?;
            }
            bits.bits(0, 2)?;
        }
        for &chain in self.chains.into_iter().flatten() {
            bits.bits(u32::from(chain), 8)?;
        }
        bits.finish()
    }
}

impl DependencyStructure {
    /// How many decode targets there are.
    fn targets(&self) -> Result<u32, BuildError> {
        let targets = self.templates.first().map_or(0, |template| template.indications.len());
        let even = self.templates.iter().all(|template| template.indications.len() == targets);
        let chains = self.protected_by.is_empty() || self.protected_by.len() == targets;
        if !(1..=32).contains(&targets) || !even || !chains {
            return Err(BuildError::Value);
        }
        Ok(targets as u32)
    }

    fn write(&self, bits: &mut BitWriter<'_>) -> Result<(), BuildError> {
        let targets = self.targets()?;
        bits.bits(u32::from(self.id_offset), 6)?;
        bits.bits(targets - 1, 5)?;
        for (at, template) in self.templates.iter().enumerate() {
            let next = match self.templates.get(at + 1).map(|next| (next.spatial, next.temporal)) {
                None => 3,
                Some(next) if next == (template.spatial, template.temporal) => 0,
                Some(next) if next == (template.spatial, template.temporal + 1) => 1,
                Some(next) if next == (template.spatial + 1, 0) => 2,
                Some(_) => return Err(BuildError::Value),
            };
            bits.bits(next, 2)?;
        }
        for indication in self.templates.iter().flat_map(|template| &template.indications) {
            bits.bits(*indication as u32, 2)?;
        }
        for template in &self.templates {
            for &back in &template.references {
                bits.flag(true)?;
                bits.bits(u32::from(back).checked_sub(1).ok_or(BuildError::Value)?, 4)?;
            }
            bits.flag(false)?;
        }
        let chains = self.protected_by.iter().max().map_or(0, |&chain| u32::from(chain) + 1);
        bits.non_symmetric(chains, targets + 1)?;
        for &chain in &self.protected_by {
            bits.non_symmetric(u32::from(chain), chains)?;
        }
        for template in &self.templates {
            if template.chains.len() != chains as usize {
                return Err(BuildError::Value);
            }
            template.chains.iter().try_for_each(|&back| bits.bits(u32::from(back), 4))?;
        }
        bits.flag(!self.resolutions.is_empty())?;
        for &(width, height) in &self.resolutions {
            bits.bits(u32::from(width.wrapping_sub(1)), 16)?;
            bits.bits(u32::from(height.wrapping_sub(1)), 16)?;
        }
        Ok(())
    }
}
