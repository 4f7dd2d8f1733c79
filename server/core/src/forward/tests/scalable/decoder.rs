//! What a decoder that knows nothing but what it gets can rely on.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Got, World};
use crate::{id::RtpTime, media::Codec, rtp::Unwrapper};

/// What holds with every network.
pub(super) fn check_numbers(world: &World) {
    let mut seqs = Unwrapper::new();
    let mut in_order = BTreeMap::new();
    for got in &world.got {
        let other = in_order.insert(seqs.unwrap(u32::from(got.seen.seq), 16), got);
        assert!(other.is_none(), "a number names two packets: {got:?} and {other:?}");
    }
    let frame_of = |got: &Got| &world.encoders[usize::from(got.layer)].frames[got.frame as usize];
    for (before, after) in in_order.values().zip(in_order.values().skip(1)) {
        let time = RtpTime(after.seen.timestamp).distance(RtpTime(before.seen.timestamp));
        let same_picture =
            before.life == after.life && frame_of(before).picture == frame_of(after).picture;
        assert_eq!(time == 0, same_picture, "{before:?} {after:?}");
        assert!(time >= 0, "media time went back: {before:?} {after:?}");
    }
    // Distances between frames of one life of a layer are those of the source.
    let mut lives: HashMap<u32, Vec<&Got>> = HashMap::new();
    for got in &world.got {
        lives.entry(got.life).or_default().push(got);
    }
    for all in lives.values() {
        for got in all {
            let same =
                (got.layer, frame_of(got).picture) == (all[0].layer, frame_of(all[0]).picture);
            let (a, b) = (&all[0].seen, &got.seen);
            if let (Some(a), Some(b)) = (a.frame_number, b.frame_number) {
                let source = got.frame.wrapping_sub(all[0].frame) as u16;
                assert_eq!(b.wrapping_sub(a), source, "{:?} {got:?}", all[0]);
            }
            if let (Some(a), Some(b), Codec::Vp9) = (a.picture_id, b.picture_id, world.mode.codec) {
                let source = frame_of(got).picture.wrapping_sub(frame_of(all[0]).picture);
                assert_eq!(b.wrapping_sub(a) & 0x7fff, source as u16 & 0x7fff);
            }
            assert!(!same || a.picture_id == b.picture_id, "one picture, one id");
        }
    }
}

/// Every frame that was sent has all that it needs, as far as that came to the node.
pub(super) fn check_references(world: &World) {
    let sent: HashSet<_> =
        world.got.iter().map(|got| (got.life, got.layer, got.frame, got.part)).collect();
    for got in &world.got {
        let frames = &world.encoders[usize::from(got.layer)].frames;
        let mut needed = frames[got.frame as usize].references.clone();
        needed.push(got.frame);
        for frame in needed {
            for part in 0..got.parts.min(parts_of(world, got.layer, frame)) {
                let came = world.arrived.contains(&(got.layer, frame, part, got.life));
                assert!(
                    !came || sent.contains(&(got.life, got.layer, frame, part)),
                    "{got:?} needs part {part} of frame {frame}, {:?}",
                    frames[frame as usize]
                );
                assert!(
                    !world.clean || sent.contains(&(got.life, got.layer, frame, part)),
                    "{got:?} needs part {part} of frame {frame}, {:?}",
                    frames[frame as usize]
                );
            }
        }
    }
}

/// In how many packets a frame was sent, as far as the subscriber knows.
pub(super) fn parts_of(world: &World, layer: u8, frame: u32) -> u8 {
    let found = world.got.iter().find(|got| (got.layer, got.frame) == (layer, frame));
    found.map_or(1, |got| got.parts)
}

/// What holds where the network loses and reorders nothing.
pub(super) fn check_clean(world: &World) {
    for (before, after) in world.got.iter().zip(world.got.iter().skip(1)) {
        let frame_of =
            |got: &Got| &world.encoders[usize::from(got.layer)].frames[got.frame as usize];
        let (a, b) = (&before.seen, &after.seen);
        assert_eq!(b.seq, a.seq.wrapping_add(1), "a gap: {before:?} {after:?}");
        let same_life = before.life == after.life;
        let next_picture = !same_life || frame_of(before).picture != frame_of(after).picture;
        assert_eq!(before.marker, next_picture, "{before:?} {after:?}");
        if world.mode.codec == Codec::Vp8 {
            let step = b.picture_id.unwrap().wrapping_sub(a.picture_id.unwrap()) & 0x7fff;
            assert_eq!(step, u16::from(next_picture), "{before:?} {after:?}");
            let base = next_picture && frame_of(after).temporal == 0;
            let step = b.tl0.unwrap().wrapping_sub(a.tl0.unwrap());
            assert_eq!(step, u8::from(base), "{before:?} {after:?}");
        }
    }
    for got in &world.got {
        if let Some((told, true_one)) = got.active {
            assert_eq!(told, true_one, "active targets: {got:?}");
        }
    }
}
