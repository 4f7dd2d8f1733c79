//! Scenarios against a node of this process: who is in, what is counted, and that a mistake is seen.

#![allow(clippy::unwrap_used, reason = "a test: what fails, fails it")]

use clap::Parser;
use sotto_load::{
    fanout::{self, FanoutArgs},
    scenario::{
        self, AudioArgs, Common, Figures, Limits, MeetArgs, Plan, Reels, StormArgs, WebinarArgs,
    },
};
use sotto_tests::node::Node;

/// The command line of one scenario, as a person writes it.
#[derive(Parser)]
struct Line<A: clap::Args> {
    #[command(flatten)]
    args: A,
}

fn args<A: clap::Args>(node: &Node, words: &str) -> A {
    let (url, pid) = (node.url(), std::process::id());
    let common = format!("load --url {url} --pid {pid} --duration 2 --settle 0.5 {words}");
    Line::parse_from(common.split_whitespace()).args
}

/// What must hold of any run on a machine with time.
fn is_whole(figures: &Figures, people: u64) {
    assert_eq!((figures.joined, figures.refused, figures.failed), (people, 0, 0), "{figures:?}");
    assert_eq!((figures.wrong_room, figures.unserved), (0, 0), "{figures:?}");
    assert!(figures.packets_out > 0 && figures.bytes_out > figures.packets_out * 40);
    assert!(figures.loss < 0.02, "{figures:?}");
    assert!(figures.added_ms.p50.is_some() && figures.join_ms.p50.is_some());
    assert!(figures.server_cpu_s.is_some_and(|seconds| seconds > 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_meeting_everybody_gets_pictures_of_all_others_of_his_room_and_of_nobody_else() {
    let node = Node::start().await;
    let args: MeetArgs = args(&node, "--rooms 2 --participants 3 --layout 3x3");
    let figures = scenario::meet(&args).await.unwrap();
    is_whole(&figures, 6);
    // Two pictures each, 25 a second, for two seconds.
    assert!((400..=700).contains(&figures.pictures), "{figures:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_of_a_webinar_gets_what_the_one_sends() {
    let node = Node::start().await;
    let args: WebinarArgs = args(&node, "--subscribers 8");
    let figures = scenario::webinar(&args).await.unwrap();
    is_whole(&figures, 9);
    let sent = figures.packets_in * 8;
    assert!(figures.packets_out.abs_diff(sent) * 10 < sent, "{figures:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_room_of_voices_three_are_heard_by_all() {
    let node = Node::start().await;
    let args: AudioArgs = args(&node, "--participants 10");
    let figures = scenario::audio(&args).await.unwrap();
    is_whole(&figures, 10);
    // Three voices of 50 packets a second; those who talk hear one less, but another in its place.
    let expected = 10 * 3 * 50 * 2;
    assert!(figures.packets_out.abs_diff(expected) * 5 < expected, "{figures:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_counted_with_the_reason() {
    let node = Node::start_with(|config| config.limits.peers = 4).await;
    let args: StormArgs = args(&node, "--arrivals 7 --participants 2");
    let figures = scenario::join_storm(&args).await.unwrap();
    assert_eq!((figures.joined, figures.refused, figures.failed), (4, 3, 0), "{figures:?}");
    assert_eq!(figures.reasons.values().sum::<u64>(), 3);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_that_comes_from_another_room_is_seen() {
    let node = Node::start().await;
    let args: WebinarArgs = args(&node, "--subscribers 2");
    let mut plan = Plan::webinar(&args, &Reels::of(&args.common).unwrap());
    // One of them thinks that he is in another room than he is.
    plan.guests[1].number += 1;
    let figures = scenario::play(&args.common, Limits::Wide, &plan).await.unwrap();
    assert!(figures.wrong_room > 50, "{figures:?}");
    node.stop().await;
}

#[test]
fn a_key_that_is_none_is_named_and_nobody_comes() {
    let line = ["load", "--url", "ws://127.0.0.1:1/v1/signal", "--key", "no base64!"];
    let common: Common = Line::parse_from(line).args;
    let plan = Plan { scenario: "nothing", guests: Vec::new() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let failure = runtime.block_on(scenario::play(&common, Limits::Wide, &plan)).unwrap_err();
    assert!(failure.to_string().starts_with("the key is not base64"), "{failure}");
}

#[test]
fn the_packet_path_alone_forwards_everything_to_everybody() {
    let line = "load --subscribers 5 --seconds 0.3 --burst 4 --packet-bytes 300";
    let args: FanoutArgs = Line::parse_from(line.split_whitespace()).args;
    let figures = fanout::run(&args, || 0).unwrap();
    assert!(figures.forwarded >= 20 && figures.forwarded.is_multiple_of(5), "{figures:?}");
    assert_eq!(figures.received, figures.forwarded);
    assert!(figures.forwarded_pps_per_core > 0.0 && figures.run_length >= 1.0, "{figures:?}");
}
