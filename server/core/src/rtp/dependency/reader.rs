//! Reading descriptors by the structure that came with the last keyframe.

use super::{
    super::bits::BitReader, DecodeTargets, FrameDependency, Indication, MANDATORY_LEN,
    MAX_DECODE_TARGETS,
};

/// Templates of a structure: what their 6-bit ids can name.
const MAX_TEMPLATES: usize = 64;

/// Decode targets that the 5 bits of their count can name (section A.8.3).
const ALL_TARGETS: usize = 32;

/// Reads the descriptors of one stream: keeps the latest template structure.
#[derive(Clone, Debug, Default)]
pub struct DependencyReader {
    /// Made with the first structure, overwritten by those that follow.
    structure: Option<Box<Structure>>,
    /// See [`FrameDependency::active`].
    active: u16,
}

/// What decisions need of a template structure.
#[derive(Clone, Debug)]
struct Structure {
    id_offset: u8,
    targets: DecodeTargets,
    count: u8,
    templates: [Template; MAX_TEMPLATES],
}

#[derive(Clone, Copy, Debug, Default)]
struct Template {
    spatial: u8,
    temporal: u8,
    indications: u32,
}

impl DependencyReader {
    /// A stream of which no structure is known.
    pub const fn new() -> Self {
        Self { structure: None, active: 0 }
    }

    /// Reads the data of a descriptor. `None` if it is not well-formed, no structure is known, or the
    /// structure does not have its template: then the frame is forwarded to those who already get
    /// the stream, as if it had no descriptor.
    pub fn read(&mut self, data: &[u8]) -> Option<FrameDependency> {
        let mut bits = BitReader::new(data);
        bits.bits(2)?;
        let template = bits.bits(6)? as u8;
        bits.bits(16)?;
        let extended = data.len() > MANDATORY_LEN;
        let mut flag = || if extended { bits.flag() } else { Some(false) };
        let (structure, active_present, custom) = (flag()?, flag()?, flag()?);
        // Custom references and chains come behind what is read here.
        let (_, _) = (flag()?, flag()?);
        if structure {
            self.read_structure(&mut bits)?;
        }
        let structure = self.structure.as_deref()?;
        let count = u32::from(structure.targets.count);
        let active_at = bits.position() as u16;
        if active_present {
            self.active = bits.bits(count)? as u16;
        }
        let index = template.wrapping_sub(structure.id_offset) & 0x3f;
        if index >= structure.count {
            return None;
        }
        let template = structure.templates[usize::from(index)];
        let indications =
            if custom { read_indications(&mut bits, count)? } else { template.indications };
        Some(FrameDependency {
            spatial: template.spatial,
            temporal: template.temporal,
            indications,
            targets: structure.targets,
            active: self.active,
            active_at,
            active_present,
        })
    }

    /// `template_dependency_structure` of section A.8.3. One that is not well-formed leaves the
    /// stream without a structure.
    fn read_structure(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        let mut structure = self.structure.take().unwrap_or_else(|| {
            Box::new(Structure {
                id_offset: 0,
                targets: DecodeTargets::default(),
                count: 0,
                templates: [Template::default(); MAX_TEMPLATES],
            })
        });
        structure.read(bits)?;
        self.active = ((1u32 << structure.targets.count) - 1) as u16;
        self.structure = Some(structure);
        Some(())
    }
}

impl Structure {
    fn read(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.id_offset = bits.bits(6)? as u8;
        let targets = bits.bits(5)? + 1;
        let max_spatial = self.read_layers(bits)?;
        let templates = &mut self.templates[..usize::from(self.count)];
        for template in &mut *templates {
            template.indications = read_indications(bits, targets)?;
        }
        for _ in &*templates {
            while bits.flag()? {
                bits.bits(4)?;
            }
        }
        let chains = bits.non_symmetric(targets + 1)?;
        if chains > 0 {
            for _ in 0..targets {
                bits.non_symmetric(chains)?;
            }
            for _ in 0..templates.len() as u32 * chains {
                bits.bits(4)?;
            }
        }
        if bits.flag()? {
            for _ in 0..=max_spatial {
                bits.bits(32)?;
            }
        }
        self.targets = decode_targets(templates, targets)?;
        Some(())
    }

    /// `template_layers`: the layers of each template. Gives the highest spatial one.
    fn read_layers(&mut self, bits: &mut BitReader<'_>) -> Option<u8> {
        let (mut spatial, mut temporal) = (0, 0);
        self.count = 0;
        loop {
            let template = self.templates.get_mut(usize::from(self.count))?;
            *template = Template { spatial, temporal, indications: 0 };
            self.count += 1;
            match bits.bits(2)? {
                0 => {}
                1 => temporal += 1,
                2 => {
                    temporal = 0;
                    spatial += 1;
                }
                _ => return Some(spatial),
            }
            if spatial > 3 || temporal > 7 {
                return None;
            }
        }
    }
}

/// `template_dtis` of one template, or `frame_dtis`.
fn read_indications(bits: &mut BitReader<'_>, targets: u32) -> Option<u32> {
    let mut all = 0;
    for target in 0..targets {
        let indication = bits.bits(2)?;
        if target < MAX_DECODE_TARGETS as u32 {
            all |= indication << (2 * target);
        }
    }
    Some(all)
}

/// `decode_target_layers`: a target has the highest layers of the templates that it has. `None` if
/// there are too many targets to tell apart.
fn decode_targets(templates: &[Template], count: u32) -> Option<DecodeTargets> {
    debug_assert!(count <= ALL_TARGETS as u32);
    let mut targets = DecodeTargets { count: u8::try_from(count).ok()?, ..Default::default() };
    for (target, layers) in (0..count).zip(&mut targets.layers) {
        let has = |template: &&Template| {
            Indication::from_bits(template.indications >> (2 * target)) != Indication::NotPresent
        };
        let spatial = templates.iter().filter(has).map(|template| template.spatial).max()?;
        let temporal = templates.iter().filter(has).map(|template| template.temporal).max()?;
        *layers = spatial << 4 | temporal;
    }
    (count <= MAX_DECODE_TARGETS as u32).then_some(targets)
}
