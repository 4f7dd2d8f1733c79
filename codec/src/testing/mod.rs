//! Two small plug-ins with which everything around plug-ins is tested: a voice that is a [`Tone`],
//! and a face that is a [`Bar`]. What they make can be measured: a click, a frame left out, a frame
//! of somebody else, a picture of the wrong moment.
//!
//! Their models are all that was measured while learning, record by record, and every payload
//! carries a tag of the model that it was made with: a later model refines, and neither decodes
//! payloads of the other.

pub mod bar;
pub mod tone;

pub use bar::Bar;
pub use tone::Tone;

/// Most records of a model, some five minutes of sound.
const MAX_RECORDS: usize = 4_096;

/// 16 bits that tell one model body from another (FNV-1a, folded).
fn tag(body: &[u8]) -> u16 {
    const OFFSET: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let hash = body.iter().fold(OFFSET, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME));
    (hash >> 16 ^ hash) as u16
}

/// How far a learner is that has `records`, wants `wanted`, needs `needed`, and gave `given` with
/// its last model.
fn progress(records: usize, needed: usize, wanted: usize, given: usize) -> crate::Progress {
    crate::Progress {
        per_mille: (records * 1000 / wanted).min(1000) as u16,
        usable: records >= needed,
        // Twice the records is what makes a mean noticeably better.
        refined: records >= needed.max(2 * given) && records > given,
    }
}
