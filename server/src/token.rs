//! Access tokens: JSON web tokens (RFC 7519) signed with HMAC-SHA-256, and nothing else.
//!
//! A token says who somebody is, which room it may enter, and what it may do there. The names of
//! the grants are those that other servers of this kind use, so that existing back ends feel at
//! home; what a missing or empty grant means is said at each field.

use std::{fmt, time::Duration};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, TokenData, Validation, errors::ErrorKind,
};
use ring::hkdf;
use serde::{Deserialize, Deserializer, Serialize};
use sotto_core::signal::{ErrorCode, Permissions, Source};

use crate::name::{PersonNameError, RoomName, RoomNameError, person_name};

/// Shortest key, in bytes: the output size of the hash (RFC 7518 section 3.2).
pub const MIN_KEY_BYTES: usize = 32;

/// Longest token that is looked at, in bytes. Real ones are below 1 KB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// How far the clocks of issuer and node may be apart.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// Known to everyone who reads this: good for a laptop and for nothing else.
const DEVELOPMENT_KEY: &str = "sotto-development-key-not-a-secret";

/// The secret that signs and checks tokens.
#[derive(Clone)]
pub struct Key {
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// Where keys for other purposes come from.
    derivation: hkdf::Prk,
    development: bool,
}

/// A key that is too short to be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key has {0} bytes, at least {MIN_KEY_BYTES} are needed (RFC 7518 section 3.2)")]
pub struct ShortKey(pub usize);

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Identity: 1 to 64 characters. The same identity joining again replaces the first.
    pub sub: String,
    /// Name to show. Missing: what the client says at the join, else the identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it ends, in seconds since 1970. Required.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: u64,
    /// When it begins, in seconds since 1970.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_numeric_date"
    )]
    pub nbf: Option<u64>,
    /// The grants.
    pub video: Grants,
}

/// What the holder of a token may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grants {
    /// The only room that it opens.
    pub room: String,
    /// Whether it opens that room at all. Missing: no.
    #[serde(default)]
    pub room_join: bool,
    /// May publish media. Missing: yes.
    #[serde(default = "yes")]
    pub can_publish: bool,
    /// May receive media. Missing: yes.
    #[serde(default = "yes")]
    pub can_subscribe: bool,
    /// May send on data channels. Missing: as `canPublish`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// What may be published. Missing: everything. Empty: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_publish_sources: Option<Vec<GrantSource>>,
    /// Of which of these models may be learned and used: the person agreed before the token was made.
    /// Missing: the client asks. Empty: none may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_consent: Option<Vec<GrantSource>>,
    /// May moderate. Missing: no.
    #[serde(default)]
    pub room_admin: bool,
    /// Is not shown to others. Missing: no.
    #[serde(default)]
    pub hidden: bool,
}

/// A [`Source`] as tokens write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "camelCase")]
pub enum GrantSource {
    /// `microphone`.
    Microphone,
    /// `camera`.
    Camera,
    /// `screen`; `screen_share` is read too.
    #[serde(alias = "screen_share")]
    Screen,
    /// `screenAudio`; `screen_share_audio` is read too.
    #[serde(alias = "screen_share_audio")]
    ScreenAudio,
}

/// A token that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who it is.
    pub identity: String,
    /// What to call it, if the token says so.
    pub name: Option<String>,
    /// Which room it may enter.
    pub room: RoomName,
    /// What it may do there.
    pub permissions: Permissions,
}

/// Why a token does not open a room. The texts are for its holder: they may quote a claim, so they
/// are not for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token has {0} bytes, the limit is {MAX_TOKEN_BYTES}")]
    TooLong(usize),
    /// Not a JWT, or its claims are not ours.
    #[error("the token could not be read: {0}")]
    Malformed(String),
    /// Signed with another algorithm than HS256, or with none.
    #[error("the token is not signed with HS256")]
    Algorithm,
    /// Its header names extensions that must be understood (RFC 7515 section 4.1.11).
    #[error("the token has critical header extensions, and none is known here")]
    Critical,
    /// Not signed with our key, or changed since.
    #[error("the token was not signed with the key of this node")]
    Signature,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// `roomJoin` is not granted.
    #[error("the token does not grant roomJoin")]
    NoJoin,
    /// Its room cannot exist.
    #[error("{0}")]
    Room(#[from] RoomNameError),
    /// Its identity is no text.
    #[error("the identity {0}")]
    Identity(PersonNameError),
    /// Its name is no text.
    #[error("the name {0}")]
    Name(PersonNameError),
}

impl TokenError {
    /// What to say to the client: get another token, or be content.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong(_)
            | Self::Malformed(_)
            | Self::Algorithm
            | Self::Critical
            | Self::Signature
            | Self::Expired
            | Self::NotYet => ErrorCode::Unauthorized,
            Self::NoJoin | Self::Room(_) | Self::Identity(_) | Self::Name(_) => {
                ErrorCode::Forbidden
            }
        }
    }
}

impl Key {
    /// A key from a secret.
    ///
    /// # Errors
    /// [`ShortKey`] below [`MIN_KEY_BYTES`].
    pub fn new(secret: &[u8]) -> Result<Self, ShortKey> {
        if secret.len() < MIN_KEY_BYTES {
            return Err(ShortKey(secret.len()));
        }
        Ok(Self::from_secret(secret, false))
    }

    /// The key that everyone knows.
    pub fn development() -> Self {
        Self::from_secret(DEVELOPMENT_KEY.as_bytes(), true)
    }

    /// Whether this is the key that everyone knows.
    pub const fn is_development(&self) -> bool {
        self.development
    }

    fn from_secret(secret: &[u8], development: bool) -> Self {
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            derivation: hkdf::Salt::new(hkdf::HKDF_SHA256, b"sotto").extract(secret),
            development,
        }
    }

    /// The signed token.
    pub fn sign(&self, claims: &Claims) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .expect("claims are plain text and numbers, and HMAC takes keys of any length")
    }

    /// Checks a token at `now`, the time since 1970.
    ///
    /// # Errors
    /// The first rule that it breaks: form, algorithm, signature, time, grants.
    pub fn verify(&self, token: &str, now: Duration) -> Result<Access, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong(token.len()));
        }
        // The library knows neither `none` nor invented algorithms: their header does not parse.
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            ErrorKind::Json(_) => TokenError::Algorithm,
            other => refusal(other),
        })?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let claims = jsonwebtoken::decode(token, &self.decoding, &signature_only())
            .map(|data: TokenData<Claims>| data.claims)
            .map_err(|error| refusal(error.kind()))?;
        if Duration::from_secs(claims.exp).saturating_add(CLOCK_SKEW) <= now {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| Duration::from_secs(nbf) > now.saturating_add(CLOCK_SKEW)) {
            return Err(TokenError::NotYet);
        }
        if !claims.video.room_join {
            return Err(TokenError::NoJoin);
        }
        Ok(Access {
            identity: person_name(&claims.sub).map_err(TokenError::Identity)?,
            name: claims.name.as_deref().map(person_name).transpose().map_err(TokenError::Name)?,
            room: RoomName::new(&claims.video.room)?,
            permissions: claims.video.permissions(),
        })
    }
}

impl Key {
    /// Another key for another purpose, from which this one cannot be told (HKDF-SHA256, RFC 5869).
    pub fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        let mut derived = [0; 32];
        self.derivation
            .expand(&[purpose], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut derived))
            .expect("one block of the hash is not too long");
        derived
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("development", &self.development).finish_non_exhaustive()
    }
}

impl Claims {
    /// A token of `identity` for `room` until `exp` (seconds since 1970) that allows everything
    /// that an ordinary participant does.
    pub fn participant(room: &str, identity: &str, exp: u64) -> Self {
        Self {
            sub: identity.to_owned(),
            name: None,
            exp,
            nbf: None,
            video: Grants {
                room: room.to_owned(),
                room_join: true,
                can_publish: true,
                can_subscribe: true,
                can_publish_data: None,
                can_publish_sources: None,
                model_consent: None,
                room_admin: false,
                hidden: false,
            },
        }
    }
}

impl Grants {
    /// As the core enforces them.
    pub fn permissions(&self) -> Permissions {
        Permissions {
            publish: self.can_publish,
            sources: self.can_publish_sources.as_deref().map(sources),
            model_consent: self.model_consent.as_deref().map(sources),
            subscribe: self.can_subscribe,
            data: self.can_publish_data.unwrap_or(self.can_publish),
            admin: self.room_admin,
            hidden: self.hidden,
        }
    }
}

impl From<GrantSource> for Source {
    fn from(source: GrantSource) -> Self {
        match source {
            GrantSource::Microphone => Self::Microphone,
            GrantSource::Camera => Self::Camera,
            GrantSource::Screen => Self::Screen,
            GrantSource::ScreenAudio => Self::ScreenAudio,
        }
    }
}

/// As the core calls them.
fn sources(granted: &[GrantSource]) -> Vec<Source> {
    granted.iter().map(|&source| source.into()).collect()
}

/// The library checks algorithm and signature; the times are checked above, at a time that the
/// caller names. Audiences and issuers mean nothing here and are ignored.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

fn refusal(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::UnsupportedAlgorithm => TokenError::Algorithm,
        ErrorKind::Json(error) => TokenError::Malformed(error.to_string()),
        _ => TokenError::Malformed("not a JSON web token".into()),
    }
}

const fn yes() -> bool {
    true
}

/// A `NumericDate` (RFC 7519 section 2): a number of seconds, with or without a fraction.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    // A double counts seconds exactly for the next 285 million years.
    if (0.0..9e15).contains(&seconds) {
        Ok(seconds as u64)
    } else {
        Err(serde::de::Error::custom("a time in seconds since 1970 is expected"))
    }
}

fn optional_numeric_date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    numeric_date(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn key() -> Key {
        Key::new(b"0123456789abcdef0123456789abcdef").unwrap()
    }

    fn claims() -> Claims {
        Claims::participant("team", "ann", NOW.as_secs() + 60)
    }

    /// A token of this text, signed as it should be.
    fn signed(header: &str, claims: &str) -> String {
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key().encoding, Algorithm::HS256);
        format!("{message}.{}", signature.unwrap())
    }

    fn check(claims: &Claims, expected: Result<(), TokenError>) {
        assert_eq!(key().verify(&key().sign(claims), NOW).map(|_| ()), expected, "{claims:?}");
    }

    #[test]
    fn what_was_signed_is_what_is_granted() {
        let mut claims = claims();
        claims.name = Some("Ann".into());
        claims.video.can_publish_sources = Some(vec![GrantSource::Camera]);
        claims.video.model_consent = Some(Vec::new());
        claims.video.hidden = true;
        let access = key().verify(&key().sign(&claims), NOW).unwrap();
        assert_eq!(
            access,
            Access {
                identity: "ann".into(),
                name: Some("Ann".into()),
                room: RoomName::new("team").unwrap(),
                permissions: Permissions {
                    publish: true,
                    sources: Some(vec![Source::Camera]),
                    model_consent: Some(Vec::new()),
                    subscribe: true,
                    data: true,
                    admin: false,
                    hidden: true,
                },
            }
        );
    }

    #[test]
    fn times_are_checked_with_thirty_seconds_between_clocks() {
        let now = NOW.as_secs();
        check(&Claims { exp: now - 29, ..claims() }, Ok(()));
        check(&Claims { exp: now - 30, ..claims() }, Err(TokenError::Expired));
        check(&Claims { nbf: Some(now + 30), ..claims() }, Ok(()));
        check(&Claims { nbf: Some(now + 31), ..claims() }, Err(TokenError::NotYet));
    }

    #[test]
    fn grants_that_open_nothing_are_forbidden_not_unauthorized() {
        let mut closed = claims();
        closed.video.room_join = false;
        check(&closed, Err(TokenError::NoJoin));
        let mut nowhere = claims();
        nowhere.video.room = "a/b".into();
        check(&nowhere, Err(TokenError::Room(RoomNameError::Character('/'))));
        check(
            &Claims { sub: " ".into(), ..claims() },
            Err(TokenError::Identity(PersonNameError::Empty)),
        );
        assert_eq!(TokenError::NoJoin.code(), ErrorCode::Forbidden);
        assert_eq!(TokenError::Expired.code(), ErrorCode::Unauthorized);
    }

    #[test]
    fn only_hs256_with_our_key_is_accepted() {
        let body = serde_json::to_string(&claims()).unwrap();
        let ours = signed(r#"{"typ":"JWT","alg":"HS256"}"#, &body);
        assert!(key().verify(&ours, NOW).is_ok());
        let other = Key::new(b"ffffffffffffffffffffffffffffffff").unwrap();
        assert_eq!(other.verify(&ours, NOW), Err(TokenError::Signature));
        for alg in ["none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", "XX"] {
            let token = signed(&format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#), &body);
            assert_eq!(key().verify(&token, NOW), Err(TokenError::Algorithm), "{alg}");
        }
        let unsigned = format!("{}.", ours.rsplit_once('.').unwrap().0);
        assert_eq!(key().verify(&unsigned, NOW), Err(TokenError::Signature));
        let critical = signed(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, &body);
        assert_eq!(key().verify(&critical, NOW), Err(TokenError::Critical));
    }

    #[test]
    fn exp_is_required_and_may_have_a_fraction() {
        let body = |exp: &str| {
            format!(r#"{{"sub":"ann"{exp},"video":{{"room":"team","roomJoin":true}}}}"#)
        };
        let verify = |exp: &str| key().verify(&signed(r#"{"alg":"HS256"}"#, &body(exp)), NOW);
        assert!(verify(r#","exp":1800000060.25"#).is_ok());
        for bad in ["", r#","exp":null"#, r#","exp":"soon""#, r#","exp":-1"#, r#","exp":1e300"#] {
            assert!(matches!(verify(bad), Err(TokenError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn missing_grants_mean_yes_for_media_and_no_for_power() {
        let token = signed(
            r#"{"alg":"HS256"}"#,
            r#"{"sub":"ann","exp":1800000060,"video":{"room":"team","roomJoin":true,
                "canPublishSources":["screen_share","microphone"],"modelConsent":["microphone"]}}"#,
        );
        let permissions = key().verify(&token, NOW).unwrap().permissions;
        assert!(permissions.publish && permissions.subscribe && permissions.data);
        assert!(!permissions.admin && !permissions.hidden);
        assert_eq!(permissions.sources, Some(vec![Source::Screen, Source::Microphone]));
        assert_eq!(permissions.model_consent, Some(vec![Source::Microphone]));
    }

    #[test]
    fn garbage_is_malformed_and_never_a_panic() {
        let long = "x".repeat(MAX_TOKEN_BYTES + 1);
        assert_eq!(key().verify(&long, NOW), Err(TokenError::TooLong(long.len())));
        for bad in ["", ".", "..", "...", "a.b.c", "\u{0}", "é.é.é", &"x".repeat(MAX_TOKEN_BYTES)]
        {
            assert!(key().verify(bad, NOW).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn short_keys_are_refused_and_keys_do_not_print_themselves() {
        assert_eq!(Key::new(b"short").unwrap_err(), ShortKey(5));
        assert_eq!(format!("{:?}", Key::development()), "Key { development: true, .. }");
    }

    #[test]
    fn derived_keys_are_of_their_key_and_their_purpose() {
        let (ours, other) = (key(), Key::new(b"ffffffffffffffffffffffffffffffff").unwrap());
        assert_eq!(ours.derive(b"names"), key().derive(b"names"));
        assert_ne!(ours.derive(b"names"), ours.derive(b"bytes"));
        assert_ne!(ours.derive(b"names"), other.derive(b"names"));
    }
}
