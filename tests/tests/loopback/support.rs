//! What the tests of this folder share.

use sotto_core::{
    media::Kind,
    signal::{Source, View, ViewMode},
};
use sotto_tests::{
    client::{Media, Options, Participant, Report},
    node::Node,
};

/// Ten small frames a second that say who sent them.
pub(crate) const CAMERA: Media = Media::SyntheticVideo { fps: 10, bytes: 800 };

/// A voice that says who sent it, at this level in -dBov.
pub(crate) const fn voice(level: u8) -> Media {
    Media::SyntheticAudio { level }
}

/// Somebody with synthetic camera and voice, who looks at little.
pub(crate) fn speaker(node: &Node, room: &str, identity: &str) -> Options {
    node.options(room, identity)
        .with_slots(1, 1)
        .publishing(Source::Camera, CAMERA)
        .publishing(Source::Microphone, voice(30))
}

/// Joins, and waits until media can flow.
pub(crate) async fn connected(options: Options) -> Participant {
    let mut participant = Participant::join(options).await.unwrap();
    participant.until("media can flow", |report| report.connected.is_some()).await.unwrap();
    participant
}

/// Frames that came of somebody.
pub(crate) fn frames(report: &Report, short_id: u32, kind: Kind) -> u64 {
    report.source(short_id, kind).map_or(0, |source| source.frames)
}

/// Short ids of those whom the video slots show.
pub(crate) fn shown(report: &Report) -> Vec<u32> {
    let mut ids: Vec<_> = report.shown().iter().map(|content| content.short_id.0).collect();
    ids.sort_unstable();
    ids
}

/// A grid that shows these first.
pub(crate) fn pinning(people: &[&Participant], tiles: Option<u16>) -> View {
    let pins = people.iter().map(|person| person.id()).collect();
    View { mode: ViewMode::Grid, tiles, pins, ..View::default() }
}

/// What must hold for everyone at every time: nobody's media under another's name, and nothing
/// re-ordered, torn or lost on the way through the node.
pub(crate) fn check_clean(report: &Report) {
    assert_eq!(report.wrong_person(), 0, "packets under a wrong name: {report:#?}");
    assert_eq!(report.foreign(), 0, "packets of strangers: {report:#?}");
    for slot in &report.slots {
        let faults = [slot.anonymous, slot.picture_gaps, slot.time_reversals];
        assert_eq!(faults, [0; 3], "anonymous, picture gaps, time reversals: {slot:#?}");
        // A busy machine may lose datagrams, and then frames miss what they refer to.
        assert!(slot.undecodable == 0 || slot.lost > 0, "undecodable: {slot:#?}");
    }
}

/// Waits until every change of person was announced with its timestamp.
pub(crate) async fn check_announced(participant: &mut Participant) {
    let report = participant.until("every switch is announced", |r| r.unannounced() == 0).await;
    check_clean(&report.unwrap());
}
