//! What lets one client use the TURN servers.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use sotto_core::signal::{AccessKey, IceServer};

use super::{IceUrl, Scheme};

/// The servers that clients are told of.
#[derive(Clone, Debug, Default)]
pub struct TurnConfig {
    /// Where they are.
    pub urls: Vec<IceUrl>,
    /// What they ask for; `None`: there are only STUN servers, which ask for nothing.
    pub access: Option<TurnAccess>,
}

/// What TURN servers ask for.
#[derive(Clone, Debug)]
pub enum TurnAccess {
    /// A secret that they share with this node (`use-auth-secret`).
    Shared {
        /// The secret.
        secret: SharedSecret,
        /// How long what is made of it opens the door.
        lifetime: Duration,
    },
    /// One user name and password for everybody.
    Fixed(Credentials),
}

/// Signs user names. Never shown.
#[derive(Clone)]
pub struct SharedSecret(hmac::Key);

/// User name and password of one client.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

impl SharedSecret {
    /// Of the words that the TURN server has too.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret))
    }

    /// Credentials until `expires`, in seconds since 1970 (draft-uberti-behave-turn-rest section 2.2).
    fn sign(&self, expires: u64, name: &str) -> Credentials {
        let username = format!("{expires}:{name}");
        let password = STANDARD.encode(hmac::sign(&self.0, username.as_bytes()));
        Credentials { username, password }
    }
}

impl TurnConfig {
    /// What a client gets who joins at `now` (since 1970). `name` travels in the clear to the TURN
    /// server and stands in its log: not what a person is called.
    pub fn servers(&self, now: Duration, name: &str) -> Vec<IceServer> {
        let of = |scheme: Scheme| {
            let urls = self.urls.iter().filter(move |url| url.scheme == scheme);
            urls.map(ToString::to_string).collect::<Vec<_>>()
        };
        let stun = IceServer { urls: of(Scheme::Stun), username: None, credential: None };
        let given = self.credentials(now, name);
        let turn = IceServer {
            urls: of(Scheme::Turn),
            username: given.as_ref().map(|given| given.username.clone()),
            credential: given.map(|given| AccessKey(given.password)),
        };
        [stun, turn].into_iter().filter(|server| !server.urls.is_empty()).collect()
    }

    /// User name and password for the TURN servers, from `now` on.
    pub fn credentials(&self, now: Duration, name: &str) -> Option<Credentials> {
        Some(match self.access.as_ref()? {
            TurnAccess::Shared { secret, lifetime } => {
                secret.sign(now.saturating_add(*lifetime).as_secs(), name)
            }
            TurnAccess::Fixed(credentials) => credentials.clone(),
        })
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(access: Option<TurnAccess>, urls: &[&str]) -> TurnConfig {
        let urls = urls.iter().map(|url| IceUrl::new(url).unwrap()).collect();
        TurnConfig { urls, access }
    }

    #[test]
    fn a_password_is_the_signature_of_a_user_name_that_says_when_it_ends() {
        let secret = SharedSecret::new(b"north");
        let access = TurnAccess::Shared { secret, lifetime: Duration::from_secs(600) };
        let config = config(Some(access), &["stun:a", "turn:a", "turns:a"]);
        let servers = config.servers(Duration::from_secs(1_799_999_400), "ann");
        assert_eq!(servers.len(), 2);
        assert_eq!(
            (&servers[0].urls[..], &servers[0].username),
            (&["stun:a".to_owned()][..], &None)
        );
        assert_eq!(servers[1].urls, ["turn:a", "turns:a"]);
        assert_eq!(servers[1].username.as_deref(), Some("1800000000:ann"));
        // By openssl: printf 1800000000:ann | openssl dgst -sha1 -hmac north -binary | base64
        let credential = servers[1].credential.as_ref().unwrap();
        assert_eq!(credential.0, "Sqiimhz6m4x0uPJBfx56aqeAS4E=");
        assert!(!format!("{config:?} {servers:?}").contains(&credential.0));
    }

    #[test]
    fn a_fixed_password_is_the_same_for_everybody_and_no_servers_are_no_servers() {
        let fixed = Credentials { username: "u".into(), password: "p".into() };
        let fixed = config(Some(TurnAccess::Fixed(fixed)), &["turn:a"]);
        let servers = fixed.servers(Duration::ZERO, "ann");
        assert_eq!(servers[0].username.as_deref(), Some("u"));
        assert_eq!(config(None, &[]).servers(Duration::ZERO, "ann"), []);
    }
}
