//! The lite agent of one peer.

use std::time::{Duration, Instant};

use ring::hmac;

use super::{
    credentials::Credentials,
    paths::{Change, Paths},
    stun::{Class, Message, password_key},
};
use crate::shard::transport::{Path, TransportError};

/// A peer that sends no authentic check for this long is gone (RFC 7675 section 5.1).
pub const CONSENT: Duration = Duration::from_secs(30);

/// Answers connectivity checks.
#[derive(Debug)]
pub struct Agent {
    local: Credentials,
    key: hmac::Key,
    remote_ufrag: Option<String>,
    paths: Paths,
    /// When consent ends, unless another check comes.
    consent_until: Option<Instant>,
}

/// What a STUN message led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Send this back on the same path.
    pub reply: Option<Vec<u8>>,
    /// The path is new, and valid from now on.
    pub validated: bool,
    /// The path is the selected one from now on.
    pub selected: bool,
    /// This path had to make room.
    pub lost: Option<Path>,
}

impl Agent {
    /// An agent with fresh credentials.
    pub fn new() -> Self {
        let local = Credentials::generate();
        let key = password_key(&local.pwd);
        Self { local, key, remote_ufrag: None, paths: Paths::default(), consent_until: None }
    }

    /// Our credentials, for the answer.
    pub const fn local(&self) -> &Credentials {
        &self.local
    }

    /// Takes the client's fragment. One that differs from the last is an ICE restart: we take new
    /// credentials too (RFC 8445 section 9), and every path must be validated anew; the selected one
    /// stays in use until another is. Gives the paths that are lost.
    pub fn set_remote(&mut self, now: Instant, ufrag: &str) -> Vec<Path> {
        let known = self.remote_ufrag.as_deref();
        if known == Some(ufrag) {
            return Vec::new();
        }
        let restart = known.is_some();
        self.remote_ufrag = Some(ufrag.to_owned());
        self.consent_until = Some(now + CONSENT);
        if !restart {
            return Vec::new();
        }
        self.local = Credentials::generate();
        self.key = password_key(&self.local.pwd);
        self.paths.restart().collect()
    }

    /// Takes a STUN message.
    ///
    /// # Errors
    /// The reason, and the reply where the sender is owed one: a request that names us and them but
    /// has the wrong password gets a 401, anything else is met with silence.
    pub fn handle(
        &mut self,
        now: Instant,
        path: Path,
        bytes: &[u8],
    ) -> Result<Checked, (TransportError, Option<Vec<u8>>)> {
        let message = Message::parse(bytes).map_err(silently)?;
        match message.class() {
            Class::Request => {}
            // Keep-alives ask for nothing and prove nothing (RFC 8445 section 11).
            Class::Indication => return Ok(Checked::default()),
            Class::Success | Class::Error => return Err(silently(TransportError::Unauthenticated)),
        }
        let attributes = message.attributes().map_err(silently)?;
        if !attributes.fingerprint {
            return Err(silently(TransportError::Malformed));
        }
        let Some((ours, theirs)) = attributes.user_name else {
            return Err(silently(TransportError::Unauthenticated));
        };
        if ours != self.local.ufrag || Some(theirs) != self.remote_ufrag.as_deref() {
            return Err(silently(TransportError::Unauthenticated));
        }
        if !message.is_authentic(&attributes, &self.key) {
            return Err((TransportError::Unauthenticated, message.error(401, None)));
        }
        if attributes.unknown {
            return Err((TransportError::Malformed, message.error(420, Some(&self.key))));
        }
        if attributes.controlled {
            // A lite agent facing a full one is always controlled (RFC 8445 section 6.1.1), so the
            // other side has to give way.
            let reply = message.error(487, Some(&self.key));
            return Ok(Checked { reply, ..Checked::default() });
        }
        self.consent_until = Some(now + CONSENT);
        let priority = attributes.priority.unwrap_or(0);
        let Change { validated, selected, lost } =
            self.paths.check(now, path, priority, attributes.use_candidate);
        let reply = Some(message.success(path.remote, &self.key));
        Ok(Checked { reply, validated, selected, lost })
    }

    /// Whether an authentic check came over this path since the last restart.
    pub fn is_validated(&self, path: Path) -> bool {
        self.paths.is_validated(path) || self.paths.selected() == Some(path)
    }

    /// Every path that is validated.
    pub fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        let selected = self.paths.selected().filter(|path| !self.paths.is_validated(*path));
        self.paths.iter().chain(selected)
    }

    /// The path that the client nominated.
    pub const fn selected(&self) -> Option<Path> {
        self.paths.selected()
    }

    /// When consent ends. `None` before the client's parameters are known.
    pub const fn consent_until(&self) -> Option<Instant> {
        self.consent_until
    }
}

impl Default for Agent {
    fn default() -> Self {
        Self::new()
    }
}

fn silently(error: TransportError) -> (TransportError, Option<Vec<u8>>) {
    (error, None)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::{super::paths::MAX_PATHS, *};
    use crate::shard::transport::ice::user_name_of;

    fn agent(now: Instant) -> Agent {
        let mut agent = Agent::new();
        agent.set_remote(now, "them");
        agent
    }

    fn path(port: u16) -> Path {
        Path {
            local: SocketAddr::from(([127, 0, 0, 1], 1)),
            remote: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    /// A check by the published implementation.
    fn check(user: &str, password: &str, extra: &[(u16, &[u8])]) -> Vec<u8> {
        use rtc_stun::{
            attributes::{ATTR_USERNAME, AttrType},
            fingerprint::FINGERPRINT,
            integrity::MessageIntegrity,
            message::{BINDING_REQUEST, Message, Setter as _, TransactionId},
            textattrs::TextAttribute,
        };
        let provider = rtc_crypto::providers::RingProvider::new();
        let crypto = rtc_crypto::RTCCryptoProvider::crypto(&provider);
        let mut message = Message::new();
        BINDING_REQUEST.add_to(&mut message).unwrap();
        TransactionId([7; 12]).add_to(&mut message).unwrap();
        message.write_header();
        message.write_header();
        TextAttribute::new(ATTR_USERNAME, user.to_owned()).add_to(&mut message).unwrap();
        for (kind, value) in extra {
            message.add(AttrType(*kind), value);
        }
        let password = password.as_bytes().to_vec();
        let integrity = MessageIntegrity::new_raw_integrity_with_provider(password, crypto);
        integrity.add_to(&mut message).unwrap();
        FINGERPRINT.add_to(&mut message).unwrap();
        message.raw
    }

    fn good(agent: &Agent, extra: &[(u16, &[u8])]) -> Vec<u8> {
        check(&format!("{}:them", agent.local().ufrag), &agent.local().pwd, extra)
    }

    const NOMINATE: (u16, &[u8]) = (0x0025, &[]);

    #[test]
    fn an_authentic_check_validates_its_path_and_a_nomination_selects_it() {
        let now = Instant::now();
        let mut agent = agent(now);
        let request = good(&agent, &[]);
        assert_eq!(user_name_of(&request), Some(agent.local().ufrag.as_str()));
        let checked = agent.handle(now, path(1), &request).unwrap();
        assert!(checked.validated && !checked.selected && checked.reply.is_some());
        let request = good(&agent, &[NOMINATE]);
        let checked = agent.handle(now, path(1), &request).unwrap();
        assert!(!checked.validated && checked.selected);
        assert_eq!(agent.selected(), Some(path(1)));
        assert!(!agent.is_validated(path(2)));
    }

    #[test]
    fn a_wrong_password_gets_a_401_no_longer_than_the_request_and_strangers_get_silence() {
        let now = Instant::now();
        let mut agent = agent(now);
        let ufrag = agent.local().ufrag.clone();
        let request = check(&format!("{ufrag}:them"), "wrong", &[]);
        let (error, reply) = agent.handle(now, path(1), &request).unwrap_err();
        assert_eq!(error, TransportError::Unauthenticated);
        assert!(reply.unwrap().len() <= request.len());
        for user in [format!("{ufrag}:others"), "x:them".into(), ":".into()] {
            let request = check(&user, &agent.local().pwd.clone(), &[]);
            let answer = agent.handle(now, path(1), &request);
            assert_eq!(answer, Err((TransportError::Unauthenticated, None)));
        }
        assert!(!agent.is_validated(path(1)));
    }

    #[test]
    fn a_client_that_thinks_it_is_controlled_is_told_to_switch() {
        let now = Instant::now();
        let mut agent = agent(now);
        let request = good(&agent, &[(0x8029, &[0; 8]), NOMINATE]);
        let checked = agent.handle(now, path(1), &request).unwrap();
        assert!(checked.reply.is_some() && !checked.validated && agent.selected().is_none());
    }

    #[test]
    fn paths_are_bounded_and_the_selected_one_is_never_given_up() {
        let now = Instant::now();
        let mut agent = agent(now);
        let nominate = good(&agent, &[NOMINATE, (0x0024, &[0xff; 4])]);
        agent.handle(now, path(1), &nominate).unwrap();
        let request = good(&agent, &[]);
        for port in 2..2_000 {
            let later = now + Duration::from_millis(port.into());
            let checked = agent.handle(later, path(port), &request).unwrap();
            assert_eq!(checked.lost.is_some(), usize::from(port) > MAX_PATHS);
            assert_ne!(checked.lost, Some(path(1)));
        }
        assert!(agent.is_validated(path(1)) && agent.is_validated(path(1_999)));
        assert!(!agent.is_validated(path(2)));
    }

    #[test]
    fn of_two_paths_nominated_at_once_the_better_wins_and_a_client_that_moves_is_followed() {
        let now = Instant::now();
        let mut agent = agent(now);
        let (low, high) = ((0x0024, &[1_u8; 4][..]), (0x0024, &[9_u8; 4][..]));
        let better = good(&agent, &[NOMINATE, high]);
        let worse = good(&agent, &[NOMINATE, low]);
        assert!(agent.handle(now, path(1), &better).unwrap().selected);
        assert!(!agent.handle(now, path(2), &worse).unwrap().selected);
        let no_longer = good(&agent, &[high]);
        agent.handle(now, path(1), &no_longer).unwrap();
        assert!(agent.handle(now, path(2), &worse).unwrap().selected);
    }

    #[test]
    fn a_client_whose_old_network_is_gone_is_followed_to_a_path_of_lower_priority() {
        let now = Instant::now();
        let mut agent = agent(now);
        let (low, high) = ((0x0024, &[1_u8; 4][..]), (0x0024, &[9_u8; 4][..]));
        let cable = good(&agent, &[NOMINATE, high]);
        let cellular = good(&agent, &[NOMINATE, low]);
        assert!(agent.handle(now, path(1), &cable).unwrap().selected);
        // The cable is pulled: no check comes over it any more, not even one that nominates nothing.
        let later = now + Duration::from_secs(2);
        assert!(agent.handle(later, path(2), &cellular).unwrap().selected);
        assert_eq!(agent.selected(), Some(path(2)));
    }

    #[test]
    fn a_path_that_comes_up_later_is_taken_at_once_and_an_old_one_does_not_come_back_by_turns() {
        let now = Instant::now();
        let mut agent = agent(now);
        let cable = good(&agent, &[NOMINATE, (0x0024, &[0, 0, 2, 0])]);
        let cellular = good(&agent, &[NOMINATE, (0x0024, &[0, 0, 1, 0])]);
        assert!(agent.handle(now, path(1), &cable).unwrap().selected);
        let later = now + Duration::from_secs(60);
        agent.handle(later, path(1), &cable).unwrap();
        assert!(agent.handle(later, path(2), &cellular).unwrap().selected, "the client moved");
        // One that nominates whatever it checks still has the better path.
        assert!(agent.handle(later, path(1), &cable).unwrap().selected);
        assert!(!agent.handle(later, path(2), &cellular).unwrap().selected);
    }

    #[test]
    fn a_restart_takes_new_credentials_and_keeps_the_selected_path_until_the_next() {
        let now = Instant::now();
        let mut agent = agent(now);
        let old = good(&agent, &[NOMINATE]);
        agent.handle(now, path(1), &old).unwrap();
        agent.handle(now, path(2), &good(&agent, &[])).unwrap();
        let before = agent.local().clone();
        assert_eq!(agent.set_remote(now, "them"), [], "the same fragment is no restart");
        assert_eq!(agent.set_remote(now, "next"), [path(2)]);
        assert_ne!(agent.local(), &before);
        assert!(agent.handle(now, path(1), &old).is_err());
        assert!(agent.is_validated(path(1)) && !agent.is_validated(path(2)));
        let user = format!("{}:next", agent.local().ufrag);
        let request = check(&user, &agent.local().pwd.clone(), &[NOMINATE]);
        assert!(agent.handle(now, path(3), &request).unwrap().selected);
        assert!(!agent.is_validated(path(1)));
    }
}
