//! People who come and go. Alone in its process, whose open files it counts.

#![allow(clippy::unwrap_used, reason = "a test: what fails, fails it")]

use clap::Parser;
use sotto_load::scenario::{self, ChurnArgs};
use sotto_tests::node::Node;

/// The command line, as a person writes it.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: ChurnArgs,
}

#[tokio::test(flavor = "multi_thread")]
async fn of_people_who_came_and_went_nothing_is_open_any_more() {
    let node = Node::start().await;
    let (url, pid) = (node.url(), std::process::id().to_string());
    let of_node = ["load", "--url", &url, "--pid", &pid];
    let of_crowd = ["--cycles", "40", "--at-once", "4", "--stay", "0.05"];
    let args = Line::parse_from(of_node.into_iter().chain(of_crowd)).args;
    let figures = scenario::churn(&args).await.unwrap();
    assert_eq!((figures.failed, figures.wrong_room), (0, 0), "{figures:?}");
    assert!(figures.rss_bytes.len() > 2, "{figures:?}");
    assert_eq!(figures.leaked, 0, "{figures:?}");
    node.stop().await;
}
