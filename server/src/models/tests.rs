//! The store, without HTTP around it.

use std::{sync::Arc, time::Instant};

use sotto_core::{
    id::{ParticipantId, PeerId},
    signal::{FetchModel, ForgetModel, Permissions, Source},
};
use sotto_frame::ModelHash;
use uuid::Uuid;

use super::*;

const MICROPHONE: Source = Source::Microphone;

fn permissions() -> Permissions {
    Permissions {
        publish: true,
        sources: None,
        model_consent: None,
        subscribe: true,
        data: true,
        admin: false,
        hidden: false,
    }
}

/// The room cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("untold")]
struct Untold;

/// A store, and a connection of it.
struct World {
    store: Arc<ModelStore>,
}

impl World {
    fn new(max_bytes: u64) -> Self {
        Self { store: Arc::new(ModelStore::new(max_bytes, None)) }
    }

    fn connect(&self, peer: u64) -> (Connection, Member) {
        let connection = self.store.connect(PeerId(peer), "ann", permissions());
        let member = self.store.member(connection.key()).unwrap();
        (connection, member)
    }

    /// Uploads `len` bytes under the hash of that number.
    fn put(
        &self,
        member: &Member,
        source: Source,
        number: u8,
        len: usize,
    ) -> Result<Stored, PutError<Untold>> {
        let begun = self.store.begin_upload(member, Instant::now()).unwrap_or_default();
        self.end(member, source, number, len, begun, Ok(()))
    }

    /// The end of an upload, where its room says `told`.
    fn end(
        &self,
        member: &Member,
        source: Source,
        number: u8,
        len: usize,
        begun: Withdrawals,
        told: Result<(), Untold>,
    ) -> Result<Stored, PutError<Untold>> {
        let blob = Arc::new(Blob::new(vec![number; len], self.store.reserve()).unwrap());
        let upload = Upload { source, hash: hash(number), blob };
        self.store.put(member, upload, begun, || told)
    }

    fn opens(&self, member: &Member, number: u8) -> Result<usize, Denied> {
        self.store.open(member, hash(number)).map(|download| download.model.bytes().len())
    }
}

fn hash(number: u8) -> ModelHash {
    ModelHash([number; 32])
}

fn participant(number: u8) -> ParticipantId {
    ParticipantId(Uuid::from_u128(number.into()))
}

fn fetch(of: u8, number: u8, bitrate: u64) -> FetchModel {
    FetchModel {
        participant: participant(of),
        source: MICROPHONE,
        plugin: 1,
        version: 1,
        epoch: 1,
        hash: hash(number),
        bytes: 100,
        base: None,
        bitrate,
    }
}

fn forget(of: u8, number: u8) -> ForgetModel {
    ForgetModel {
        participant: participant(of),
        source: MICROPHONE,
        hash: hash(number),
        left: false,
    }
}

#[test]
fn a_model_is_given_to_those_who_were_told_to_fetch_it_until_they_are_told_to_forget_it() {
    let world = World::new(1_000);
    let (_speaker, ann) = world.connect(1);
    let (listener, bob) = world.connect(2);
    assert_eq!(world.put(&ann, MICROPHONE, 7, 100), Ok(Stored::Created));
    assert_eq!(world.put(&ann, MICROPHONE, 7, 100), Ok(Stored::Known));
    assert_eq!(world.opens(&bob, 7), Err(Denied::NotGranted));
    listener.grant(&fetch(1, 7, 50_000));
    assert_eq!(world.opens(&bob, 7), Ok(100));
    assert_eq!(world.opens(&ann, 7), Err(Denied::NotGranted), "a grant is one connection's");
    let download = world.store.open(&bob, hash(7)).unwrap();
    assert_eq!(download.grant.bitrate(), Some(50_000));
    listener.set_rate(hash(7), 20_000);
    assert_eq!(download.grant.bitrate(), Some(20_000));
    listener.set_rate(hash(8), 20_000);
    assert_eq!(world.opens(&bob, 8), Err(Denied::NotGranted), "a rate is no grant");
    listener.grant(&fetch(1, 7, 80_000));
    assert_eq!(download.grant.bitrate(), Some(80_000), "at once, for what is on its way");
    listener.revoke(&forget(1, 7));
    assert_eq!((download.grant.bitrate(), world.opens(&bob, 7)), (None, Err(Denied::NotGranted)));
}

#[test]
fn a_model_of_two_people_is_forgotten_when_the_last_of_them_is() {
    let world = World::new(1_000);
    let ((first, ann), (second, bob)) = (world.connect(1), world.connect(2));
    let (listener, eve) = world.connect(3);
    for member in [&ann, &bob] {
        assert_eq!(world.put(member, MICROPHONE, 7, 100), Ok(Stored::Created));
    }
    listener.grant(&fetch(1, 7, 1));
    listener.grant(&fetch(2, 7, 1));
    listener.revoke(&forget(1, 7));
    drop(first);
    assert_eq!(world.opens(&eve, 7), Ok(100));
    drop(second);
    assert_eq!(world.opens(&eve, 7), Err(Denied::Unknown));
    assert_eq!(world.store.stats().bytes, 0);
}

#[test]
fn everything_of_a_connection_ends_with_it() {
    let world = World::new(1_000);
    let (speaker, ann) = world.connect(1);
    let (listener, bob) = world.connect(2);
    world.put(&ann, MICROPHONE, 7, 100).unwrap();
    listener.grant(&fetch(1, 7, 1));
    let download = world.store.open(&bob, hash(7)).unwrap();
    let key = listener.key().clone();
    drop(listener);
    assert_eq!(download.grant.bitrate(), None);
    assert!(world.store.member(&key).is_none());
    assert_eq!(world.put(&bob, MICROPHONE, 8, 100), Err(PutError::Gone));
    drop(speaker);
    let stats = world.store.stats();
    assert_eq!((stats.models, stats.bytes, stats.peers.len()), (0, 100, 0), "one still reads");
    drop(download);
    assert_eq!(world.store.stats().bytes, 0);
}

#[test]
fn a_speaker_keeps_the_last_models_of_each_source_by_number_and_by_size() {
    let world = World::new(1 << 30);
    let (listener, bob) = world.connect(2);
    let check = |len: usize, kept: usize| {
        let (_speaker, ann) = world.connect(1);
        for number in 0..10 {
            listener.grant(&fetch(1, number, 1));
            world.put(&ann, MICROPHONE, number, len).unwrap();
        }
        listener.grant(&fetch(1, 100, 1));
        world.put(&ann, Source::Camera, 100, len).unwrap();
        let there: Vec<u8> = (0..=100).filter(|&n| world.opens(&bob, n).is_ok()).collect();
        let expected: Vec<u8> = (10 - kept as u8..10).chain([100]).collect();
        assert_eq!(there, expected, "of {len} bytes");
    };
    check(100, 4);
    check(3 << 20, 2);
    assert_eq!(world.store.stats().models, 0);
}

#[test]
fn what_the_rooms_never_heard_of_is_taken_back_and_consent_is_by_source() {
    let world = World::new(1_000);
    let (speaker, ann) = world.connect(1);
    world.put(&ann, MICROPHONE, 1, 100).unwrap();
    world.put(&ann, Source::Camera, 2, 100).unwrap();
    let begun = Withdrawals::default();
    let untold = world.end(&ann, Source::Camera, 3, 100, begun, Err(Untold));
    assert_eq!(untold, Err(PutError::Untold(Untold)));
    let own = |number| world.store.own(&ann, hash(number)).map(|(source, _)| source);
    assert_eq!([own(1), own(2), own(3)], [Some(MICROPHONE), Some(Source::Camera), None]);
    assert_eq!(speaker.withdraw(Source::Camera, || Err(Untold)), Err(Untold));
    assert_eq!(own(2), Some(Source::Camera));
    assert_eq!(speaker.withdraw(Source::Camera, || Ok::<_, Untold>(())), Ok(()));
    assert_eq!([own(1), own(2)], [Some(MICROPHONE), None]);
}

#[test]
fn a_model_on_its_way_is_not_held_once_its_consent_is_taken_back() {
    let world = World::new(1_000);
    let (_speaker, ann) = world.connect(1);
    let begun = world.store.begin_upload(&ann, Instant::now()).unwrap();
    world.store.withdraw(&ann, Source::Camera, || Ok::<_, Untold>(())).unwrap();
    let end = |source, number| world.end(&ann, source, number, 100, begun, Ok(()));
    assert_eq!(end(Source::Camera, 1), Err(PutError::Withdrawn));
    assert_eq!(end(MICROPHONE, 2), Ok(Stored::Created), "the other consent stands");
    assert_eq!(world.put(&ann, Source::Camera, 3, 100), Ok(Stored::Created), "a new yes");
}

#[test]
fn a_full_store_refuses_the_newest_but_lets_deltas_go_first() {
    let world = World::new(300);
    let (_speaker, ann) = world.connect(1);
    world.put(&ann, MICROPHONE, 1, 100).unwrap();
    world.put(&ann, MICROPHONE, 2, 100).unwrap();
    let (_, cell) = world.store.delta(hash(1), hash(2)).unwrap();
    let delta = Blob::new(vec![0; 50], world.store.reserve()).unwrap();
    cell.set(Some(Arc::new(delta))).unwrap();
    drop(cell);
    let mut space = world.store.reserve();
    assert_eq!(world.store.resize(&mut space, 100), Ok(()));
    assert_eq!(world.store.resize(&mut space, 101), Err(NoSpace));
}

#[test]
fn differences_are_told_between_models_of_one_speaker_only() {
    let world = World::new(1_000);
    let ((_first, ann), (_second, bob)) = (world.connect(1), world.connect(2));
    world.put(&ann, MICROPHONE, 1, 100).unwrap();
    world.put(&ann, MICROPHONE, 2, 100).unwrap();
    world.put(&bob, MICROPHONE, 3, 100).unwrap();
    assert!(world.store.delta(hash(1), hash(2)).is_some());
    assert!(world.store.delta(hash(3), hash(2)).is_none());
    assert!(world.store.delta(hash(9), hash(2)).is_none());
}
