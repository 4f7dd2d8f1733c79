//! What the packet path takes in instructions, which no other load on the machine changes: a guard
//! against a change that makes it dearer by mistake. Times are for `make bench`.

#![allow(clippy::unwrap_used, reason = "a test: what fails, fails it")]
#![allow(clippy::print_stdout, reason = "figures of a test are shown by `make test`")]

use std::process::Command;

/// Instructions of the media thread for each forwarded packet of a build without optimisation, one
/// publisher and ten subscribers, four packets a turn: a tenth above what rustc 1.95 makes of it.
const MOST: u64 = 17_200;

const SUBSCRIBERS: u64 = 10;
const BURST: u64 = 4;
/// Two runs, whose difference is free of what only happens once.
const TURNS: [u64; 2] = [20, 100];

#[test]
fn a_forwarded_packet_takes_no_more_instructions_than_it_did() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "valgrind is missing");
        println!("SKIPPED: instructions of the packet path: valgrind is missing");
        return;
    }
    let [few, many] = TURNS.map(instructions);
    let each = (many - few) / ((TURNS[1] - TURNS[0]) * BURST * SUBSCRIBERS);
    println!("{each} instructions a forwarded packet, without optimisation (at most {MOST})");
    assert!(each <= MOST, "{each} instructions a forwarded packet, and not {MOST} at most");
    assert!(each > MOST / 4, "{each} is too few: what is counted is something else");
}

/// Instructions of so many turns of the media thread.
fn instructions(turns: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=*Worker*turn*")
        .arg(env!("CARGO_BIN_EXE_sotto-load"))
        .args(["fanout", "--turns", &turns.to_string()])
        .args(["--subscribers", &SUBSCRIBERS.to_string(), "--burst", &BURST.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    collected.unwrap().1.trim().parse().unwrap()
}
