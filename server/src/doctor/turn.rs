//! Whether the STUN and TURN servers that clients are told of are there for them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Finding;
use crate::turn::{IceUrl, ProbeError, Reached, TurnConfig, probe};

/// One finding a server, asked one after the other as a client would.
pub(super) fn check(turn: &TurnConfig) -> Vec<Finding> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let credentials = turn.credentials(now, "doctor");
    turn.urls.iter().map(|url| of(url, probe(url, credentials.as_ref()))).collect()
}

fn of(url: &IceUrl, found: Result<Reached, ProbeError>) -> Finding {
    let check = "turn server";
    let advice = match &found {
        Ok(Reached::Seen) => return Finding::ok(check, format!("{url} says where it sees us")),
        Ok(Reached::Lent) => return Finding::ok(check, format!("{url} lends addresses")),
        Err(ProbeError::Unreachable(_)) => "start it, open its port, or correct turn.urls",
        Err(ProbeError::Strange | ProbeError::NoTurn) => {
            "correct turn.urls: something else is there"
        }
        Err(ProbeError::Refused(_)) => {
            "give both the same turn.secret, and both clocks the same time"
        }
    };
    let error = found.err().map(|error| error.to_string()).unwrap_or_default();
    // People whose networks let UDP through come in without it.
    Finding::warn(check, format!("{url}: {error}"), advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_server_that_is_not_there_or_refuses_us_is_worth_a_warning_that_names_it() {
        let url = IceUrl::new("turn:a.example").unwrap();
        assert_eq!(of(&url, Ok(Reached::Lent)).verdict, Verdict::Ok);
        let refused = of(&url, Err(ProbeError::Refused(401)));
        assert_eq!(refused.verdict, Verdict::Warn);
        assert!(refused.found.starts_with("turn:a.example: it refuses our user name"), "{refused}");
        assert!(refused.advice.unwrap().contains("turn.secret"));
        assert_eq!(check(&TurnConfig::default()), []);
    }
}
