//! The models that a participant has of others, and how it gets them.

use std::collections::BTreeMap;

use sotto_core::signal::{FetchModel, ForgetModel, ModelFailure};
use sotto_frame::{Container, Delta, ModelHash};

use crate::client::http::{self, Request};

/// Containers by name.
#[derive(Debug, Default)]
pub struct Library {
    containers: BTreeMap<ModelHash, Vec<u8>>,
}

/// What came of a fetch.
#[derive(Debug)]
pub struct Arrived {
    /// What was to be fetched.
    pub wanted: FetchModel,
    /// The container, how many bytes came, and whether they were a difference.
    pub result: Result<(Vec<u8>, usize, bool), (ModelFailure, String)>,
}

impl Library {
    /// The model of that name.
    pub fn get(&self, hash: ModelHash) -> Option<&Vec<u8>> {
        self.containers.get(&hash)
    }

    /// Keeps a model.
    pub fn keep(&mut self, hash: ModelHash, container: Vec<u8>) {
        self.containers.insert(hash, container);
    }

    /// Forgets a model and everything that was made of it.
    pub fn forget(&mut self, forget: &ForgetModel) {
        self.containers.remove(&forget.hash);
    }
}

/// Fetches a model from the node at `authority`, as the difference to `base` where that is there.
pub async fn fetch(
    authority: String,
    key: String,
    wanted: FetchModel,
    base: Option<Vec<u8>>,
) -> Arrived {
    let query = wanted.base.filter(|_| base.is_some()).map(|base| format!("?base={base}"));
    let path = format!("/v1/models/{}{}", wanted.hash, query.unwrap_or_default());
    let result = match http::send(&authority, Request::get(&path).with_bearer(&key)).await {
        Ok(answer) if answer.status == 200 => {
            let bytes = answer.body.len();
            open(&wanted, answer.body, base.as_deref())
                .map(|(container, delta)| (container, bytes, delta))
                .map_err(|why| (ModelFailure::Corrupt, why))
        }
        Ok(answer) => Err((ModelFailure::Fetch, format!("GET {path}: {}", answer.status))),
        Err(error) => Err((ModelFailure::Fetch, format!("GET {path}: {error}"))),
    };
    Arrived { wanted, result }
}

/// The container that was wanted, from itself or from its difference to `base`, and which it was.
fn open(
    wanted: &FetchModel,
    body: Vec<u8>,
    base: Option<&[u8]>,
) -> Result<(Vec<u8>, bool), String> {
    let (container, is_delta) = match (Delta::parse(&body), base) {
        (Ok(delta), Some(base)) => (delta.apply(base).map_err(|error| error.to_string())?, true),
        _ => (body, false),
    };
    let (parsed, hash) = Container::parse_named(&container).map_err(|error| error.to_string())?;
    let said = (wanted.hash, wanted.plugin, wanted.version, wanted.epoch, wanted.bytes as usize);
    let is = (hash, parsed.plugin.get(), parsed.plugin_version, parsed.epoch.0, container.len());
    if said == is { Ok((container, is_delta)) } else { Err(format!("{is:?} instead of {said:?}")) }
}

#[cfg(test)]
mod tests {
    use sotto_core::signal::Source;

    use super::*;
    use crate::client::models::{Made, made::meaningless_body, strand::BAR};

    fn wanted(made: &Made, base: Option<&Made>) -> FetchModel {
        FetchModel {
            participant: serde_json::from_value("0".repeat(32).into()).unwrap(),
            source: Source::Camera,
            plugin: BAR.get(),
            version: 1,
            epoch: made.epoch.0,
            hash: made.hash,
            bytes: made.container.len() as u32,
            base: base.map(|base| base.hash),
            bitrate: 100_000,
        }
    }

    #[test]
    fn a_model_comes_whole_or_as_the_difference_to_the_one_before() {
        let first = Made::first(BAR, 1, &meaningless_body(4_096, 1));
        let second = first.refined();
        let whole = open(&wanted(&first, None), first.container.clone(), None);
        assert_eq!(whole, Ok((first.container.clone(), false)));
        let wanted = wanted(&second, Some(&first));
        let difference = second.upload(Some(&first));
        let opened = open(&wanted, difference.clone(), Some(&first.container));
        assert_eq!(opened, Ok((second.container.clone(), true)));
        let unknown = open(&wanted, second.container.clone(), Some(&first.container));
        assert_eq!(unknown, Ok((second.container, false)));
        assert!(open(&wanted, difference, None).is_err());
        assert!(open(&wanted, first.container, None).is_err(), "another epoch");
    }
}
