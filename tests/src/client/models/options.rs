//! What a participant does with models.

use std::sync::Arc;

use sotto_core::signal::ModelTransport;

use crate::media::Recording;

/// What a participant does with models. The default: nothing, as a client that knows none.
#[derive(Clone, Debug, Default)]
pub struct ModelOptions {
    /// Which models of itself it makes.
    pub publish: Option<ModelPublish>,
    /// Whether it shows those of others.
    pub receive: bool,
    /// How its model packets and its bundles travel.
    pub transport: ModelTransport,
    /// Whether lost bundles are asked for.
    pub nack: bool,
}

/// Which models of itself a participant makes. Each is uploaded as soon as the node says how, and its
/// frames are sent as soon as the node asks for them.
#[derive(Clone, Debug)]
pub struct ModelPublish {
    /// Of its voice.
    pub voice: Option<ModelContent>,
    /// Of its face.
    pub face: Option<ModelContent>,
    /// When its voice says something.
    pub talking: Talking,
}

/// When a voice says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talking {
    /// Never.
    Never,
    /// Always.
    Always,
    /// In turns of [`TURN_MS`]: in each `turns`-th one, from turn `turn` since 1970 on.
    InTurns {
        /// Which one, less than `turns`.
        turn: u32,
        /// How many there are, at least one.
        turns: u32,
    },
}

/// Length of a turn, in milliseconds: less than the second for which a voice that falls silent keeps
/// its place in bundles.
pub const TURN_MS: u64 = 800;

impl Talking {
    /// Whether it does `ms` milliseconds after 1970.
    pub const fn at(self, ms: u64) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::InTurns { turn, turns } => (ms / TURN_MS) % turns as u64 == turn as u64,
        }
    }
}

/// What the model of one source and its payloads are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelContent {
    /// Payloads that say whose they are ([`super::Stamp`]).
    Stamps {
        /// Bytes of a payload: 80 ms of it.
        payload: usize,
        /// Bytes of the model's container.
        model: usize,
    },
    /// Models and payloads of the codec's test plug-ins: a tone and a bar.
    Played,
    /// The models of `Played`, and payloads that say whose they are, each by itself ([`super::Mark`]).
    Marks,
    /// Models and payloads of a recording: models when their time comes, and the payloads in a loop
    /// with what their gates said.
    Recorded(Arc<Recording>),
}

impl ModelPublish {
    /// A voice and a face as large as those that the plug-ins make: 26 and 24 bytes each 80 ms.
    pub const TALKING: Self = Self {
        voice: Some(ModelContent::Stamps { payload: 26, model: 8_192 }),
        face: Some(ModelContent::Stamps { payload: 24, model: 16_384 }),
        talking: Talking::Always,
    };

    /// The same without a voice.
    pub const SILENT: Self = Self {
        voice: None,
        face: Some(ModelContent::Stamps { payload: 24, model: 16_384 }),
        talking: Talking::Never,
    };

    /// A voice and a face that a browser with the test plug-ins can play.
    pub const PLAYED: Self = Self {
        voice: Some(ModelContent::Played),
        face: Some(ModelContent::Played),
        talking: Talking::Always,
    };

    /// The voice and the face of a recording.
    pub fn recorded(recording: &Arc<Recording>, talking: Talking) -> Self {
        let content = || Some(ModelContent::Recorded(Arc::clone(recording)));
        Self { voice: content(), face: content(), talking }
    }

    /// A voice and a face that it can decode, and of which it can tell whose each payload is.
    pub const fn marked(talking: Talking) -> Self {
        Self { voice: Some(ModelContent::Marks), face: Some(ModelContent::Marks), talking }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_those_who_take_turns_one_talks_at_a_time() {
        for ms in [0, TURN_MS - 1, TURN_MS, 1_795_244_400_123] {
            let talks = |turn| Talking::InTurns { turn, turns: 3 }.at(ms);
            let expected = (ms / TURN_MS % 3) as u32;
            assert!((0..3).all(|turn| talks(turn) == (turn == expected)), "{ms}");
        }
    }
}
