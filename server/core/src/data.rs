//! Who may send what on data channels, and how fast.

use std::time::Duration;

use crate::{
    input::DataMessage,
    signal::{ErrorCode, Permissions},
    time::Time,
};

/// Longest label in bytes.
pub const MAX_LABEL_BYTES: usize = 64;

/// The channel that people chat on.
pub const CHAT_LABEL: &str = "chat";

/// Longest chat message in bytes.
pub const MAX_CHAT_BYTES: usize = 4 * 1024;

/// Longest message on any other channel in bytes: what every SCTP stack takes whole.
pub const MAX_PAYLOAD_BYTES: usize = 16 * 1024;

/// A message is paid for with one token; this often a new one comes.
const TOKEN_INTERVAL: Duration = Duration::from_millis(100);

/// Tokens that can be saved up.
const BURST: u32 = 20;

/// A data message that goes to nobody. The connection stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DataError {
    /// The token does not allow it.
    #[error("your token does not allow data messages")]
    Forbidden,
    /// Label too long.
    #[error("the label has {0} bytes, the limit is {MAX_LABEL_BYTES}")]
    LabelTooLong(usize),
    /// Payload too long.
    #[error("the message has {len} bytes, the limit is {limit}")]
    PayloadTooLong {
        /// Its bytes.
        len: usize,
        /// What is allowed on this channel.
        limit: usize,
    },
    /// More than 10 a second, and the burst of 20 is spent.
    #[error("too many data messages, slow down")]
    TooFast,
}

impl DataError {
    /// What to say to the client.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Forbidden => ErrorCode::Forbidden,
            Self::LabelTooLong(_) | Self::PayloadTooLong { .. } | Self::TooFast => {
                ErrorCode::TooMuch
            }
        }
    }
}

/// Checks one message of a client.
pub(crate) fn admit(
    now: Time,
    permissions: &Permissions,
    bucket: &mut TokenBucket,
    message: &DataMessage,
) -> Result<(), DataError> {
    if !permissions.data || permissions.hidden {
        return Err(DataError::Forbidden);
    }
    if message.label.len() > MAX_LABEL_BYTES {
        return Err(DataError::LabelTooLong(message.label.len()));
    }
    let limit = if message.label == CHAT_LABEL { MAX_CHAT_BYTES } else { MAX_PAYLOAD_BYTES };
    let len = message.payload.len();
    if len > limit {
        return Err(DataError::PayloadTooLong { len, limit });
    }
    bucket.take(now).then_some(()).ok_or(DataError::TooFast)
}

/// 10 messages a second, 20 at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    tokens: u32,
    /// Up to when tokens were counted.
    counted: Time,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) const fn new(now: Time) -> Self {
        Self { tokens: BURST, counted: now }
    }

    fn take(&mut self, now: Time) -> bool {
        let interval = TOKEN_INTERVAL.as_micros();
        let fresh = now.saturating_since(self.counted).as_micros() / interval;
        let room = u128::from(BURST - self.tokens);
        if fresh >= room {
            self.tokens = BURST;
            self.counted = now;
        } else {
            self.tokens += fresh as u32;
            self.counted = self.counted + TOKEN_INTERVAL * fresh as u32;
        }
        let paid = self.tokens > 0;
        self.tokens -= u32::from(paid);
        paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions() -> Permissions {
        Permissions {
            publish: true,
            sources: None,
            model_consent: None,
            subscribe: true,
            data: true,
            admin: false,
            hidden: false,
        }
    }

    fn message(label: &str, len: usize) -> DataMessage {
        DataMessage { label: label.into(), text: true, payload: vec![b'x'; len] }
    }

    fn check(label: &str, len: usize, expected: Result<(), DataError>) {
        let mut bucket = TokenBucket::new(Time::default());
        let result = admit(Time::default(), &permissions(), &mut bucket, &message(label, len));
        assert_eq!(result, expected, "{len} bytes on {label:?}");
    }

    #[test]
    fn labels_and_payloads_have_limits_and_chat_has_a_smaller_one() {
        check("chat", 4_096, Ok(()));
        check("chat", 4_097, Err(DataError::PayloadTooLong { len: 4_097, limit: 4_096 }));
        check("files", 16_384, Ok(()));
        check("files", 16_385, Err(DataError::PayloadTooLong { len: 16_385, limit: 16_384 }));
        check(&"l".repeat(64), 0, Ok(()));
        check(&"l".repeat(65), 0, Err(DataError::LabelTooLong(65)));
    }

    #[test]
    fn without_the_grant_or_while_hidden_nothing_is_sent() {
        for bad in [
            Permissions { data: false, ..permissions() },
            Permissions { hidden: true, ..permissions() },
        ] {
            let mut bucket = TokenBucket::new(Time::default());
            let result = admit(Time::default(), &bad, &mut bucket, &message("chat", 1));
            assert_eq!(result, Err(DataError::Forbidden));
        }
    }

    #[test]
    fn a_burst_of_twenty_then_ten_a_second() {
        let start = Time::from_micros(1_000_000);
        let mut bucket = TokenBucket::new(start);
        let sent = |bucket: &mut TokenBucket, from: Time, span_ms: u64| {
            let every = Duration::from_millis(5);
            let tries = span_ms / 5;
            (0..tries).filter(|&n| bucket.take(from + every * n as u32)).count()
        };
        assert_eq!(sent(&mut bucket, start, 100), 20);
        assert_eq!(sent(&mut bucket, start + Duration::from_millis(100), 1_000), 10);
        assert_eq!(sent(&mut bucket, start + Duration::from_secs(60), 100), 20);
    }
}
