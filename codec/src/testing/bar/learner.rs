//! Colours and width of a bar.

use super::{MAX_RECORDS, RECORD_LEN, analysis::Scene};
use crate::{LearnError, Learner, MediaError, Progress, Raw, testing::progress};

/// Pictures without which there is no model: 0.4 s.
const NEEDED: usize = 10;
/// Pictures that it would like to have: 2 s.
const WANTED: usize = 50;

#[derive(Debug, Default)]
pub(super) struct BarLearner {
    body: Vec<u8>,
    /// Records of the model given last.
    given: usize,
}

impl BarLearner {
    fn records(&self) -> usize {
        self.body.len() / RECORD_LEN
    }
}

impl Learner for BarLearner {
    fn push(&mut self, raw: &Raw<'_>) -> Result<Progress, MediaError> {
        let scene = Scene::of(&raw.picture()?);
        if let Some(bar) = scene.only_bar()
            && self.records() < MAX_RECORDS
        {
            self.body.extend_from_slice(&scene.background);
            self.body.extend_from_slice(&bar.colour);
            self.body.extend_from_slice(&bar.width.to_be_bytes());
        }
        Ok(progress(self.records(), NEEDED, WANTED, self.given))
    }

    fn finish(&mut self) -> Result<Vec<u8>, LearnError> {
        if self.records() < NEEDED {
            return Err(LearnError::TooLittle);
        }
        self.given = self.records();
        Ok(self.body.clone())
    }
}
