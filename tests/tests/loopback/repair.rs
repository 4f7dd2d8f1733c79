//! Lines that lose packets, through real sockets and encryption.

use sotto_core::{media::Kind, signal::Source};
use sotto_tests::{
    client::{Loss, Media, Options, Participant, Repair, Report},
    node::Node,
};

use crate::support::{check_clean, connected, voice};

/// Fifteen frames a second, of two packets each: less than a line is trusted with from the start.
const CAMERA: Media = Media::SyntheticVideo { fps: 15, bytes: 1_150 };

/// Packets and losses of one kind in a listener's slots.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    packets: u64,
    lost: u64,
    repaired: u64,
    recovered: u64,
    padding: u64,
}

impl Seen {
    fn of(report: &Report, kind: Kind) -> Self {
        let slots = report.slots.iter().filter(|slot| slot.kind == kind);
        slots.fold(Self::default(), |seen, slot| Self {
            packets: seen.packets + slot.packets,
            lost: seen.lost + slot.lost,
            repaired: seen.repaired + slot.repaired,
            recovered: seen.recovered + slot.recovered,
            padding: seen.padding + slot.padding,
        })
    }

    fn share_lost(&self) -> f64 {
        self.lost as f64 / (self.packets + self.lost) as f64
    }
}

fn lossy(node: &Node, identity: &str, loss: Loss, repair: Repair) -> Options {
    node.options("lounge", identity).with_slots(1, 1).losing(loss, repair)
}

/// Two people on lines like this: what the second one has of sound and of pictures after some
/// hundred packets of each, and what the first one was asked for.
async fn call(loss: Loss, repair: Repair) -> (Seen, Seen, Report) {
    let node = Node::start_with(|config| config.media.congestion_control = true).await;
    let mut anna = connected(
        lossy(&node, "anna", loss, repair)
            .publishing(Source::Camera, CAMERA)
            .publishing(Source::Microphone, voice(30)),
    )
    .await;
    let mut boris: Participant = connected(lossy(&node, "boris", loss, repair)).await;
    let enough = |report: &Report| {
        let seen = |kind| Seen::of(report, kind).packets;
        seen(Kind::Audio) >= 300 && seen(Kind::Video) >= 200
    };
    let report = boris.until("some hundred packets", enough).await.unwrap();
    check_clean(&report);
    assert!(report.dropped.1 > 10, "the line loses: {:?}", report.dropped);
    let sent = anna.until("the last figures", |report| report.dropped.0 > 10).await.unwrap();
    node.stop().await;
    (Seen::of(&report, Kind::Audio), Seen::of(&report, Kind::Video), sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_line_loses_comes_back() {
    let (sound, pictures, publisher) = call(Loss::random(0.05), Repair::ALL).await;
    assert!(sound.share_lost() < 0.01, "{sound:?}");
    assert!(pictures.share_lost() < 0.01, "{pictures:?}");
    assert!(
        pictures.repaired > 5 && sound.repaired + sound.recovered > 5,
        "{pictures:?} {sound:?}"
    );
    let repeated = |source| {
        publisher.sent.iter().find(|sent| sent.source == source).map_or(0, |sent| sent.repeated)
    };
    assert!(repeated(Source::Camera) > 5 && repeated(Source::Microphone) > 5, "{publisher:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nothing_was_negotiated_against_is_lost() {
    let (sound, pictures, publisher) = call(Loss::random(0.05), Repair::NONE).await;
    // Five percent on each of two lines; a few hundred packets tell it from nothing.
    assert!(sound.share_lost() > 0.04 && pictures.share_lost() > 0.04, "{sound:?} {pictures:?}");
    let repaired = sound.repaired + sound.recovered + pictures.repaired;
    assert_eq!((repaired, sound.padding + pictures.padding), (0, 0));
    assert!(publisher.sent.iter().all(|sent| sent.repeated == 0));
}
