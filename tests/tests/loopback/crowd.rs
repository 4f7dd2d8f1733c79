//! Fifty people come and go while one stays.

use std::collections::VecDeque;

use sotto_tests::{client::Participant, node::Node};

use crate::support::{check_announced, check_clean, connected, shown, speaker};

const PEOPLE: usize = 50;
const AT_ONCE: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_people_come_and_go_and_who_stays_never_offers_again() {
    let node = Node::start().await;
    let mut stayer = connected(node.options("station", "stayer")).await;
    let mut inside: VecDeque<Participant> = VecDeque::new();
    for i in 0..PEOPLE {
        let name = format!("traveller-{i}");
        inside.push_back(connected(speaker(&node, "station", &name)).await);
        if inside.len() > AT_ONCE {
            let gone = inside.pop_front().unwrap();
            let id = gone.id();
            check_clean(&gone.leave().await.unwrap());
            stayer
                .until("who left is gone", |report| !report.people.contains_key(&id))
                .await
                .unwrap();
        }
        if i % 5 == 4 {
            // All of its nine slots follow, each to someone else, and every one of them carries.
            let present: Vec<_> = inside.iter().map(Participant::short_id).collect();
            stayer
                .until("the slots follow", |report| {
                    let mut slots = report.slots.iter().filter(|slot| slot.mid.starts_with('v'));
                    let shown = shown(report);
                    let full = shown.len() == present.len().min(9);
                    let distinct = shown.windows(2).all(|pair| pair[0] != pair[1]);
                    full && distinct
                        && shown.iter().all(|id| present.contains(id))
                        && slots.all(|slot| match &slot.content {
                            Some(content) => slot.csrc == Some(content.short_id.0),
                            None => true,
                        })
                })
                .await
                .unwrap();
        }
    }
    while let Some(gone) = inside.pop_front() {
        check_clean(&gone.leave().await.unwrap());
    }
    stayer
        .until("the room is empty", |report| report.people.is_empty() && shown(report).is_empty())
        .await
        .unwrap();
    check_announced(&mut stayer).await;
    let report = stayer.report();
    assert_eq!((report.offers, report.answers), (1, 1));
    assert_eq!(report.left.len(), PEOPLE);
    let switches: usize = report.slots.iter().map(|slot| slot.switches.len()).sum();
    assert!(switches >= PEOPLE, "{switches} changes of person were seen");

    stayer.leave().await.unwrap();
    node.until("nobody and nothing is left behind", |stats| {
        stats.peers.is_empty() && stats.slab_in_use == 0
    })
    .await;
}
