//! The VP9 payload descriptor (RFC 9628 section 4.2).

use super::BuildError;

/// I: picture id present.
const PICTURE_ID: u8 = 0x80;
/// P: predicted from earlier pictures.
const PREDICTED: u8 = 0x40;
/// L: layer indices present.
const LAYERS: u8 = 0x20;
/// F: flexible mode.
const FLEXIBLE: u8 = 0x10;
/// B: start of a frame.
const START: u8 = 0x08;
/// E: end of a frame.
const END: u8 = 0x04;
/// V: scalability structure present.
const STRUCTURE: u8 = 0x02;
/// Z: not a reference for upper spatial layers.
const NOT_REFERENCED: u8 = 0x01;
/// M: the picture id has 15 bits.
const LONG: u8 = 0x80;
/// Reference indices of one picture in flexible mode (section 4.2).
const MAX_REFERENCES: usize = 3;

/// A VP9 payload descriptor. A frame is one spatial layer of a picture; the frames of a picture have
/// one media time and one picture id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp9Descriptor {
    /// First packet of a frame (B).
    pub start_of_frame: bool,
    /// Last packet of a frame (E).
    pub end_of_frame: bool,
    /// Whether the frame is predicted from frames of earlier pictures (P).
    pub predicted: bool,
    /// Whether no upper spatial layer of its picture is predicted from the frame (Z).
    pub not_referenced: bool,
    /// Flexible mode: references are named, and there is no index in temporal layer 0 (F).
    pub flexible: bool,
    /// Picture id, and whether it has 15 bits rather than 7.
    pub picture_id: Option<(u16, bool)>,
    /// Layers of the frame.
    pub layers: Option<Vp9Layers>,
    /// In flexible mode, how many pictures back each reference is, from the first on; zero: none.
    pub references: [u8; MAX_REFERENCES],
    /// How many spatial layers the scalability structure names, 1 to 8, where there is one (V).
    pub spatial_layers: Option<u8>,
}

/// The layer indices of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp9Layers {
    /// Temporal layer, 0 to 7 (TID).
    pub temporal: u8,
    /// Whether later pictures of higher temporal layers can be decoded from here on (U).
    pub switch_up: bool,
    /// Spatial layer, 0 to 7 (SID).
    pub spatial: u8,
    /// Whether the frame is predicted from the spatial layer below, in the same picture (D).
    pub inter_layer: bool,
    /// Index of the picture in temporal layer 0; not in flexible mode.
    pub tl0_picture_index: Option<u8>,
}

impl Vp9Descriptor {
    /// Whether this is the front of a picture that can be decoded alone.
    pub(crate) fn starts_keyframe(&self) -> bool {
        self.start_of_frame
            && !self.predicted
            && self.layers.is_none_or(|layers| layers.spatial == 0 && !layers.inter_layer)
    }
}

/// Reads a descriptor; `None` where the payload ends inside of it.
pub(super) fn parse(payload: &[u8]) -> Option<Vp9Descriptor> {
    let mut rest = payload.iter().copied();
    let flags = rest.next()?;
    let flexible = flags & FLEXIBLE != 0;
    let predicted = flags & PREDICTED != 0;
    let picture_id = match flags & PICTURE_ID != 0 {
        true => Some(match rest.next()? {
            high if high & LONG != 0 => (u16::from_be_bytes([high & !LONG, rest.next()?]), true),
            id => (u16::from(id), false),
        }),
        false => None,
    };
    let layers = match flags & LAYERS != 0 {
        true => {
            let indices = rest.next()?;
            Some(Vp9Layers {
                temporal: indices >> 5,
                switch_up: indices & 0x10 != 0,
                spatial: indices >> 1 & 0x07,
                inter_layer: indices & 0x01 != 0,
                tl0_picture_index: if flexible { None } else { Some(rest.next()?) },
            })
        }
        false => None,
    };
    let mut references = [0; MAX_REFERENCES];
    if flexible && predicted {
        for (index, reference) in references.iter_mut().enumerate() {
            let field = rest.next()?;
            *reference = field >> 1;
            if field & 1 == 0 {
                break;
            }
            if index + 1 == MAX_REFERENCES {
                return None;
            }
        }
    }
    let spatial_layers = match flags & STRUCTURE != 0 {
        true => Some(parse_structure(&mut rest)?),
        false => None,
    };
    Some(Vp9Descriptor {
        start_of_frame: flags & START != 0,
        end_of_frame: flags & END != 0,
        predicted,
        not_referenced: flags & NOT_REFERENCED != 0,
        flexible,
        picture_id,
        layers,
        references,
        spatial_layers,
    })
}

/// Passes over a scalability structure and gives the spatial layers that it names.
fn parse_structure(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let head = rest.next()?;
    let count = (head >> 5) + 1;
    let mut skip = |bytes: usize| (0..bytes).try_for_each(|_| rest.next().map(drop));
    if head & 0x10 != 0 {
        skip(usize::from(count) * 4)?;
    }
    if head & 0x08 != 0 {
        let pictures = rest.next()?;
        for _ in 0..pictures {
            let references = rest.next()? >> 2 & 0x03;
            (0..references).try_for_each(|_| rest.next().map(drop))?;
        }
    }
    Some(count)
}

/// Overwrites the counters that the descriptor has, the picture id in its width. `None` where the
/// payload ends inside of the descriptor; then nothing is written.
pub(crate) fn patch(payload: &mut [u8], picture_id: u16, tl0_picture_index: u8) -> Option<()> {
    let flags = *payload.first()?;
    let mut at = 1;
    if flags & PICTURE_ID != 0 {
        let long = payload.get(at)? & LONG != 0;
        at += if long { 2 } else { 1 };
    }
    let index = (flags & LAYERS != 0 && flags & FLEXIBLE == 0).then_some(at + 1);
    if payload.len() < index.map_or(at, |index| index + 1) {
        return None;
    }
    match at {
        3 => payload[1..3].copy_from_slice(&(picture_id | 0x8000).to_be_bytes()),
        2 => payload[1] = picture_id as u8 & !LONG,
        _ => {}
    }
    if let Some(index) = index {
        payload[index] = tl0_picture_index;
    }
    Some(())
}

/// Writes a descriptor and gives its length.
pub(super) fn write(descriptor: &Vp9Descriptor, out: &mut [u8]) -> Result<usize, BuildError> {
    let mut bytes = [0; 12];
    let mut len = 1;
    let mut push = |byte| {
        bytes[len] = byte;
        len += 1;
    };
    match descriptor.picture_id {
        Some((id, true)) if id < 1 << 15 => {
            (id | 0x8000).to_be_bytes().into_iter().for_each(&mut push)
        }
        Some((id, false)) if id < 1 << 7 => push(id as u8),
        Some(_) => return Err(BuildError::Value),
        None => {}
    }
    if let Some(layers) = descriptor.layers {
        if layers.temporal > 7
            || layers.spatial > 7
            || layers.tl0_picture_index.is_some() == descriptor.flexible
        {
            return Err(BuildError::Value);
        }
        push(
            layers.temporal << 5
                | u8::from(layers.switch_up) << 4
                | layers.spatial << 1
                | u8::from(layers.inter_layer),
        );
        layers.tl0_picture_index.into_iter().for_each(&mut push);
    }
    if descriptor.flexible && descriptor.predicted {
        let count = descriptor.references.iter().take_while(|&&back| back > 0).count();
        for (index, back) in descriptor.references.iter().take(count).enumerate() {
            if *back > 127 {
                return Err(BuildError::Value);
            }
            push(back << 1 | u8::from(index + 1 < count));
        }
        if count == 0 {
            return Err(BuildError::Value);
        }
    }
    match descriptor.spatial_layers {
        Some(count @ 1..=8) => push((count - 1) << 5),
        Some(_) => return Err(BuildError::Value),
        None => {}
    }
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    bytes[0] = flag(descriptor.picture_id.is_some(), PICTURE_ID)
        | flag(descriptor.predicted, PREDICTED)
        | flag(descriptor.layers.is_some(), LAYERS)
        | flag(descriptor.flexible, FLEXIBLE)
        | flag(descriptor.start_of_frame, START)
        | flag(descriptor.end_of_frame, END)
        | flag(descriptor.spatial_layers.is_some(), STRUCTURE)
        | flag(descriptor.not_referenced, NOT_REFERENCED);
    out.get_mut(..len).ok_or(BuildError::Buffer)?.copy_from_slice(&bytes[..len]);
    Ok(len)
}
