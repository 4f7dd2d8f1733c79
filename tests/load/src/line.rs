//! What lies between a watcher and the node, as it is written on the command line.

use std::str::FromStr;

use sotto_tests::link::Shape;

/// `loss=10,rtt=200`: any of `loss` (percent, each way), `burst` (packets lost in a row), `rtt`
/// (milliseconds, half of it each way) and `rate` (kbit/s of UDP payload, each way).
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// As it was written.
    pub text: String,
    /// What each way does.
    pub shape: Shape,
}

/// Why a line cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLine {
    /// Neither of the settings.
    #[error("{0:?} is none of loss, burst, rtt and rate, with a value behind an equals sign")]
    Setting(String),
    /// Not a number in its range.
    #[error("{0:?} is out of range")]
    Value(String),
}

impl FromStr for Line {
    type Err = InvalidLine;

    fn from_str(text: &str) -> Result<Self, InvalidLine> {
        let mut shape = Shape::default();
        for setting in text.split(',') {
            let unknown = || InvalidLine::Setting(setting.into());
            let (name, value) = setting.split_once('=').ok_or_else(unknown)?;
            let value = |most: f64| {
                let value = value.parse().ok().filter(|value| (0.0..=most).contains(value));
                value.ok_or_else(|| InvalidLine::Value(setting.into()))
            };
            match name {
                "loss" => shape.loss = value(99.0)? / 100.0,
                "burst" => shape.burst = value(1_000.0)? as u32,
                "rtt" => shape.delay_ms = value(10_000.0)? / 2.0,
                "rate" => shape.rate = Some(value(10e6)? as u64 * 1_000),
                _ => return Err(unknown()),
            }
        }
        Ok(Self { text: text.into(), shape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_units() {
        let line: Line = "loss=10,rtt=200,rate=300,burst=3".parse().unwrap();
        let Shape { loss, delay_ms, rate, burst, .. } = line.shape;
        assert_eq!((loss, delay_ms, rate, burst), (0.1, 100.0, Some(300_000), 3));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let refused = |text: &str| text.parse::<Line>().unwrap_err();
        assert_eq!(refused("loss=10,speed=2"), InvalidLine::Setting("speed=2".into()));
        assert_eq!(refused("loss"), InvalidLine::Setting("loss".into()));
        assert_eq!(refused("loss=150"), InvalidLine::Value("loss=150".into()));
        assert_eq!(refused("rtt=soon"), InvalidLine::Value("rtt=soon".into()));
    }
}
