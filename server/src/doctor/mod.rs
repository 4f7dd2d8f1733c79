//! `sotto doctor`: what this machine lacks for the node that its configuration describes.
//!
//! Each check looks at one thing, changes nothing, and says what to do about it.

mod certificate;
mod checks;
mod turn;

use std::fmt;

use serde::Serialize;

use crate::config::Config;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// The node runs, and something is worse than it could be.
    Warn,
    /// The node does not run, or not for long.
    Fail,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What is there.
    pub found: String,
    /// What to do about it, unless it is as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// All findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// The worst of them.
    pub verdict: Verdict,
    /// One a check, in the order in which they matter.
    pub findings: Vec<Finding>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { check, verdict: Verdict::Warn, found: found.into(), advice }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(check, found, advice) }
    }
}

impl Examination {
    /// Looks at this machine, as a node of this configuration would use it.
    pub fn of(config: &Config) -> Self {
        Self::from(checks::all(config))
    }

    /// The only finding where there is no configuration.
    pub fn unconfigured(error: impl fmt::Display) -> Self {
        let advice = "every setting and its default is in assets/sotto.toml";
        Self::from(vec![Finding::fail("configuration", error.to_string(), advice)])
    }

    /// As one object.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("findings are plain data")
    }
}

impl From<Vec<Finding>> for Examination {
    fn from(findings: Vec<Finding>) -> Self {
        let worst = findings.iter().map(|finding| finding.verdict).max();
        Self { verdict: worst.unwrap_or(Verdict::Ok), findings }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        write!(f, "{verdict:<5} {}: {}", self.check, self.found)?;
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl fmt::Display for Examination {
    /// A line a finding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.findings.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_is_the_verdict_and_each_has_a_line() {
        let findings = vec![
            Finding::ok("clock", "2026"),
            Finding::fail("media port", "taken", "choose another"),
            Finding::warn("open files", "100", "raise it"),
        ];
        let examination = Examination::from(findings);
        assert_eq!(examination.verdict, Verdict::Fail);
        let lines = "ok    clock: 2026\nfail  media port: taken; choose another\n\
                     warn  open files: 100; raise it";
        assert_eq!(examination.to_string(), lines);
        let json: serde_json::Value = serde_json::from_str(&examination.to_json()).unwrap();
        assert_eq!(json["verdict"], "fail");
        assert_eq!(json["findings"][0].get("advice"), None);
        assert_eq!(json["findings"][1]["check"], "media port");
    }
}
