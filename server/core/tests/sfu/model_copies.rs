//! Copies of models on others' disks: who may keep them, and is told when no longer.

use sotto_core::{
    Input, SfuConfig,
    signal::{
        AccessKey, ClientMessage, DiskCopy, ForgetModel, ModelCopy, Policy, ServerMessage, Source,
    },
};
use sotto_frame::{ModelHash, PluginId};

use crate::call::{Call, header};

const FACE: Source = Source::Camera;

/// A speaker and two others, of whom the first shows the speaker's face.
fn shown() -> Call {
    let mut call =
        Call::with(3, SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    call.upload(0, PluginId::FACE, 1);
    call.fetch_all(1);
    call
}

fn hash(epoch: u32) -> ModelHash {
    header(PluginId::FACE, epoch).hash
}

fn copy() -> DiskCopy {
    DiskCopy { key: AccessKey("secret".into()), expires: 1_800_000_000 }
}

/// The speaker lets a model be kept, or none.
fn keep(call: &mut Call, epoch: Option<u32>) {
    let kept = epoch.map(|epoch| (hash(epoch), copy()));
    call.world.drive(Input::ModelKept { peer: call.people[0], source: FACE, kept });
}

/// What somebody was told of models that it has, in order, since it was last asked.
fn told(call: &mut Call, who: usize) -> Vec<(&'static str, ModelHash, Option<DiskCopy>)> {
    let told = call.world.heard(call.people[who]).into_iter().filter_map(|message| match message {
        ServerMessage::ModelCopy(ModelCopy { hash, copy, .. }) => Some(("copy", hash, copy)),
        ServerMessage::FetchModel(fetch) => Some(("fetch", fetch.hash, None)),
        ServerMessage::ForgetModel(ForgetModel { hash, left, .. }) => {
            Some((if left { "left" } else { "forget" }, hash, None))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn whoever_was_given_a_model_is_told_that_it_may_keep_a_copy_and_when_no_longer() {
    let mut call = shown();
    told(&mut call, 1);
    keep(&mut call, Some(1));
    assert_eq!(told(&mut call, 1), [("copy", hash(1), Some(copy()))]);
    keep(&mut call, None);
    assert_eq!(told(&mut call, 1), [("copy", hash(1), None)]);
    keep(&mut call, None);
    assert_eq!(told(&mut call, 1), [], "nothing is new");
}

#[test]
fn whoever_is_to_fetch_a_model_knows_beforehand_whether_it_may_have_a_copy() {
    let mut call = shown();
    keep(&mut call, Some(1));
    call.rejoin(2);
    call.run(400);
    let told = told(&mut call, 2);
    assert_eq!(told, [("copy", hash(1), Some(copy())), ("fetch", hash(1), None)]);
}

#[test]
fn of_a_model_that_is_not_allowed_nobody_may_keep_a_copy() {
    let mut call = shown();
    assert!(told(&mut call, 1).iter().all(|(what, ..)| *what != "copy"));
    keep(&mut call, Some(2));
    assert_eq!(told(&mut call, 1), [], "another one");
    keep(&mut call, Some(1));
    told(&mut call, 1);
    call.upload(0, PluginId::FACE, 2);
    call.run(1_200);
    call.fetch_all(1);
    assert!(told(&mut call, 1).iter().all(|(what, ..)| *what != "copy"), "nor of its refinement");
    keep(&mut call, Some(2));
    let told = told(&mut call, 1);
    assert_eq!(told, [("copy", hash(1), None), ("copy", hash(2), Some(copy()))]);
}

#[test]
fn a_copy_may_stay_when_its_speaker_leaves_and_not_when_he_takes_it_back() {
    let mut call = shown();
    keep(&mut call, Some(1));
    told(&mut call, 1);
    let no = ClientMessage::Consent { source: FACE, granted: false, generic: None };
    call.world.say(call.people[0], no);
    assert_eq!(told(&mut call, 1), [("forget", hash(1), None)]);
    keep(&mut call, Some(1));
    assert_eq!(told(&mut call, 1), [], "it was being written");
    let mut call = shown();
    keep(&mut call, Some(1));
    told(&mut call, 1);
    call.world.leave(call.people[0]);
    assert_eq!(told(&mut call, 1), [("left", hash(1), None)]);
}
