//! Two hundred changes of whom a slot shows.

use sotto_tests::{client::Participant, node::Node};

use crate::support::{check_announced, connected, pinning, speaker};

const SWITCHES: usize = 200;
const PEOPLE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_switches_bring_no_frame_of_a_wrong_person() {
    let node = Node::start().await;
    let mut people = Vec::new();
    for i in 0..PEOPLE {
        people.push(connected(speaker(&node, "carousel", &format!("person-{i}"))).await);
    }
    let mut watcher = connected(node.options("carousel", "watcher").with_slots(0, 2)).await;
    let switches = |watcher: &Participant| -> usize {
        watcher.look(|report| report.slots.iter().map(|slot| slot.switches.len()).sum())
    };
    let mut turn = 0;
    while switches(&watcher) < SWITCHES {
        // Two different people, each time others, sometimes changing places.
        let first = turn * 3 % PEOPLE;
        let second = (first + 1 + turn % 5) % PEOPLE;
        let pair = [&people[first], &people[second]];
        let ids = pair.map(Participant::short_id);
        watcher.view(pinning(&pair, Some(2))).await;
        let before: Vec<_> = watcher.look(|r| r.slots.iter().map(|slot| slot.frames).collect());
        watcher
            .until(&format!("turn {turn} shows {ids:?}"), |report| {
                ids.iter().all(|id| {
                    report.slots.iter().zip(&before).any(|(slot, before)| {
                        let pointed = slot.content.as_ref().map(|content| content.short_id.0);
                        pointed == Some(*id) && slot.csrc == Some(*id) && slot.frames > *before
                    })
                })
            })
            .await
            .unwrap();
        turn += 1;
    }
    check_announced(&mut watcher).await;
    let report = watcher.report();
    assert_eq!((report.offers, report.answers), (1, 1));
    assert!(report.refusals.is_empty(), "{:?}", report.refusals);
    let lost: u64 = report.slots.iter().map(|slot| slot.lost).sum();
    assert_eq!(lost, 0);
    let checked: u64 = report.slots.iter().map(|slot| slot.delay_us.1).sum();
    let packets: u64 = report.slots.iter().map(|slot| slot.packets).sum();
    assert_eq!(checked, packets, "every packet said who sent it");
}
