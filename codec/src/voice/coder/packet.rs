use super::{Port, Step, Tally, magnitude::Ratio};
use crate::{
    FrameError,
    voice::{
        features::Features,
        model::{Part, Shape, SpeakerModel},
        packet::{BLOCK, Block, frames},
    },
};

/// The numbers of a block: multiples of the step along each direction.
pub(super) type Numbers = [i32; BLOCK];

/// What is written of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// Which shape of the model.
    pub(super) shape: usize,
    /// Of each block.
    pub(super) numbers: Vec<Numbers>,
}

impl Packet {
    /// What it sounds like.
    pub(super) fn features(&self, model: &SpeakerModel, step: Step) -> Vec<Features> {
        let shape = &model.shapes()[self.shape];
        let mut before = None;
        let sound = |numbers| {
            let (part, mean) = expectation(shape, before.as_ref());
            let block = reconstruct(part, &mean, step, numbers);
            before = Some(block);
            frames(&block)
        };
        self.numbers.iter().flat_map(sound).collect()
    }

    /// Counts the decisions that the numbers take.
    pub(super) fn tally(&self, model: &SpeakerModel, step: Step, tally: &mut Tally) {
        let shape = &model.shapes()[self.shape];
        let mut magnitudes = model.magnitudes().clone();
        for (block, numbers) in self.numbers.iter().enumerate() {
            let part = if block == 0 { &shape.first } else { &shape.next };
            for (&number, &level) in numbers.iter().zip(&part.levels) {
                if let Some(ratio) = Ratio::new(level, step) {
                    magnitudes.tally(tally, ratio, number);
                }
            }
        }
    }
}

/// Writes or reads a packet of `count` blocks: integers alone decide what is read.
///
/// # Errors
/// [`FrameError::Malformed`] where a number is read that no encoder writes.
pub(super) fn code(
    port: &mut impl Port,
    model: &SpeakerModel,
    step: Step,
    count: usize,
    packet: Option<&Packet>,
) -> Result<Packet, FrameError> {
    let at = port.choice(model.odds(), packet.map_or(0, |packet| packet.shape));
    let shape = &model.shapes()[at];
    let mut magnitudes = model.magnitudes().clone();
    let code_block = |block: usize| {
        let part = if block == 0 { &shape.first } else { &shape.next };
        let mut numbers = packet.map_or([0; BLOCK], |packet| packet.numbers[block]);
        for (number, &level) in numbers.iter_mut().zip(&part.levels) {
            if let Some(ratio) = Ratio::new(level, step) {
                *number = magnitudes.number(port, ratio, *number)?;
            }
        }
        Ok(numbers)
    };
    let numbers = (0..count).map(code_block).collect::<Result<_, _>>()?;
    Ok(Packet { shape: at, numbers })
}

/// What is uncertain in the next block, and around what, given the one before it.
pub(super) fn expectation<'a>(shape: &'a Shape, before: Option<&Block>) -> (&'a Part, Block) {
    match before {
        None => (&shape.first, shape.first.mean),
        Some(before) => (&shape.next, shape.predict(before)),
    }
}

/// The block of numbers along the directions.
pub(super) fn reconstruct(part: &Part, mean: &Block, step: Step, numbers: &Numbers) -> Block {
    let mut block = *mean;
    for (&number, direction) in numbers.iter().zip(part.directions.iter()) {
        if number != 0 {
            let along = number as f32 * step.size();
            block.iter_mut().zip(direction).for_each(|(sum, part)| *sum += along * part);
        }
    }
    // Finite numbers, so that the block after it is finite too.
    block.map(|number| number.clamp(-MAX_NUMBER, MAX_NUMBER))
}

/// No block has numbers beyond, which is pitch at its bounds.
const MAX_NUMBER: f32 = 40.0;
