//! Models that no learner made: containers whose bodies follow from a seed.

use sotto_frame::{
    Container, Delta, Epoch, ModelHash, PluginId,
    container::{MAX_BODY_LEN, OVERHEAD},
};

use crate::media::{recording::RecordedModel, synthetic::wall_micros};

/// A refinement changes one byte in so many.
const CHANGED: usize = 16;

/// One epoch of a model of ours.
#[derive(Clone, Debug)]
pub struct Made {
    /// For which plug-in.
    pub plugin: PluginId,
    /// Which refinement.
    pub epoch: Epoch,
    /// Its name.
    pub hash: ModelHash,
    /// The whole container.
    pub container: Vec<u8>,
}

impl Made {
    /// The first epoch, with this body, of which the first [`MAX_BODY_LEN`] bytes are used.
    pub fn first(plugin: PluginId, version: u8, body: &[u8]) -> Self {
        Self::of(plugin, version, Epoch(1), body)
    }

    /// The model of a recording, as that of one person of many who have it: `seed` tells them apart.
    ///
    /// # Panics
    /// It is none: a recording is checked when it is read.
    pub fn recorded(recorded: &RecordedModel, seed: u32) -> Self {
        let model = recorded.check().expect("a recording that was checked");
        let created_at_ms = wall_micros() / 1_000 - u64::from(seed);
        Self::written(Container { created_at_ms, ..model })
    }

    /// The next epoch: the body is the same but for one stretch.
    pub fn refined(&self) -> Self {
        let parsed = Container::parse(&self.container).expect("a container that we wrote");
        let mut body = parsed.body.to_vec();
        let stretch = body.len().div_ceil(CHANGED);
        let at = self.epoch.0 as usize * stretch % body.len().max(1);
        for byte in body.iter_mut().skip(at).take(stretch) {
            *byte = !*byte;
        }
        Self::of(self.plugin, parsed.plugin_version, Epoch(self.epoch.0 + 1), &body)
    }

    /// What to upload: the difference to `base` where the node has that, else the container.
    pub fn upload(&self, base: Option<&Self>) -> Vec<u8> {
        let delta = base.and_then(|base| Delta::between(&base.container, &self.container).ok());
        delta.unwrap_or_else(|| self.container.clone())
    }

    fn of(plugin: PluginId, plugin_version: u8, epoch: Epoch, body: &[u8]) -> Self {
        let created_at_ms = wall_micros() / 1_000;
        let body = &body[..body.len().min(MAX_BODY_LEN)];
        Self::written(Container { plugin, plugin_version, epoch, created_at_ms, body })
    }

    fn written(container: Container<'_>) -> Self {
        let Container { plugin, epoch, .. } = container;
        let (container, hash) = container.write().expect("a body that is short enough");
        Self { plugin, epoch, hash, container }
    }
}

/// A body without meaning, so that its container has `len` bytes.
pub fn meaningless_body(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    });
    bytes.take(len.saturating_sub(OVERHEAD).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refined_model_is_the_next_epoch_and_its_difference_is_short() {
        let first = Made::first(PluginId::VOICE, 1, &meaningless_body(8_192, 3));
        assert_eq!(first.container.len(), 8_192);
        let second = first.refined();
        assert_eq!((second.epoch, second.container.len()), (Epoch(2), 8_192));
        let upload = second.upload(Some(&first));
        assert!(upload.len() < 8_192 / 4, "{}", upload.len());
        let delta = Delta::parse(&upload).unwrap();
        assert_eq!((delta.base(), delta.target()), (first.hash, second.hash));
        assert_eq!(delta.apply(&first.container), Ok(second.container.clone()));
        assert_eq!(second.upload(None), second.container);
    }
}
