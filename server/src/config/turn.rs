//! `[turn]`: which STUN and TURN servers clients are told of, and what they show them.

use std::{io, path::PathBuf, time::Duration};

use super::{InvalidConfig, RawTurn, validate::within};
use crate::turn::{Credentials, IceUrl, IceUrlError, Scheme, SharedSecret, TurnAccess, TurnConfig};

/// Most servers that clients are told of: a browser tries all of them.
const MAX_ICE_URLS: usize = 8;

/// The rule of `[turn]` that a configuration breaks.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTurn {
    /// Not a STUN or TURN server.
    #[error("turn.urls: {text:?}: {error}")]
    Url {
        /// What is there.
        text: String,
        /// What is wrong with it.
        error: IceUrlError,
    },
    /// More servers than clients should try.
    #[error("turn.urls has {0} addresses, the limit is {MAX_ICE_URLS}")]
    ManyUrls(usize),
    /// Clients would be refused.
    #[error(
        "turn.urls has a TURN server: set turn.secret_file, turn.secret, or turn.username and \
             turn.password"
    )]
    NoAccess,
    /// More than one way in.
    #[error(
        "only one of turn.secret, turn.secret_file and turn.username with turn.password may be \
             set, for turn.urls with a TURN server"
    )]
    ManyAccesses,
    /// The secret cannot be read.
    #[error("turn.secret_file: cannot read {path}: {error}")]
    SecretFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The servers, and what clients show them.
pub(super) fn checked(raw: &RawTurn) -> Result<TurnConfig, InvalidConfig> {
    if raw.urls.len() > MAX_ICE_URLS {
        return Err(InvalidTurn::ManyUrls(raw.urls.len()).into());
    }
    let url = |text: &String| {
        IceUrl::new(text).map_err(|error| InvalidTurn::Url { text: text.clone(), error })
    };
    let urls = raw.urls.iter().map(url).collect::<Result<Vec<_>, _>>()?;
    let seconds = within("turn.lifetime_s", raw.lifetime_s, 60..=31_536_000)?;
    let shared = |secret: &[u8]| TurnAccess::Shared {
        secret: SharedSecret::new(secret),
        lifetime: Duration::from_secs(seconds),
    };
    let relays = urls.iter().any(|url| url.scheme == Scheme::Turn);
    let fixed = !raw.username.is_empty() || !raw.password.is_empty();
    let access = match (!raw.secret.is_empty(), !raw.secret_file.is_empty(), fixed) {
        (false, false, false) if relays => return Err(InvalidTurn::NoAccess.into()),
        (false, false, false) => None,
        _ if !relays => return Err(InvalidTurn::ManyAccesses.into()),
        (true, false, false) => Some(shared(raw.secret.as_bytes())),
        (false, true, false) => {
            let path = PathBuf::from(&raw.secret_file);
            match std::fs::read(&path) {
                Ok(bytes) => Some(shared(bytes.trim_ascii())),
                Err(error) => return Err(InvalidTurn::SecretFile { path, error }.into()),
            }
        }
        (false, false, true) if raw.username.is_empty() || raw.password.is_empty() => {
            return Err(InvalidTurn::NoAccess.into());
        }
        (false, false, true) => Some(TurnAccess::Fixed(Credentials {
            username: raw.username.clone(),
            password: raw.password.clone(),
        })),
        _ => return Err(InvalidTurn::ManyAccesses.into()),
    };
    Ok(TurnConfig { urls, access })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Raw};

    /// What comes of the development defaults with one change.
    fn check(change: impl FnOnce(&mut Raw)) -> Result<Config, String> {
        let mut raw = Raw::default();
        raw.auth.development = true;
        change(&mut raw);
        raw.validate().map_err(|error| error.to_string())
    }

    fn refused(change: impl FnOnce(&mut Raw), message: &str) {
        assert_eq!(check(change).unwrap_err(), message);
    }

    #[test]
    fn turn_servers_have_one_way_in_and_stun_servers_need_none() {
        let with = |url: &str, change: fn(&mut RawTurn)| {
            let url = url.to_owned();
            move |raw: &mut Raw| {
                raw.turn.urls = vec![url];
                change(&mut raw.turn);
            }
        };
        assert!(check(with("stun:a.example", |_| ())).unwrap().turn.access.is_none());
        let shared = check(with("turn:a.example", |turn| turn.secret = "s".into())).unwrap();
        assert!(matches!(shared.turn.access, Some(TurnAccess::Shared { .. })));
        let fixed = |turn: &mut RawTurn| {
            (turn.username, turn.password) = ("u".into(), "p".into());
        };
        let access = check(with("turn:a.example", fixed)).unwrap().turn.access;
        assert!(matches!(access, Some(TurnAccess::Fixed(_))));
        let none = "turn.urls has a TURN server: set turn.secret_file, turn.secret, or \
                    turn.username and turn.password";
        refused(with("turn:a.example", |_| ()), none);
        refused(with("turn:a.example", |turn| turn.username = "u".into()), none);
        let many = "only one of turn.secret, turn.secret_file and turn.username with \
                    turn.password may be set, for turn.urls with a TURN server";
        refused(with("stun:a.example", |turn| turn.secret = "s".into()), many);
        let both = |turn: &mut RawTurn| {
            (turn.secret, turn.secret_file) = ("s".into(), "f".into());
        };
        refused(with("turn:a.example", both), many);
        let error = check(with("turn:a.example", |turn| turn.secret_file = "/nowhere/s".into()));
        assert!(error.unwrap_err().starts_with("turn.secret_file: cannot read /nowhere/s"));
        assert!(check(with("http://a.example", |_| ())).is_err());
        assert!(check(|raw| raw.turn.urls = vec!["stun:a".into(); 9]).is_err());
    }
}
