//! The controlling side of ICE towards a lite node (RFC 8445 section 7): one candidate pair, checked
//! and nominated at once, then kept alive (RFC 7675).

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const ATTR_XOR_MAPPED_ADDRESS: u16 = 0x0020;
const ATTR_USERNAME: u16 = 0x0006;
const ATTR_MESSAGE_INTEGRITY: u16 = 0x0008;
const ATTR_PRIORITY: u16 = 0x0024;
const ATTR_USE_CANDIDATE: u16 = 0x0025;
const ATTR_FINGERPRINT: u16 = 0x8028;
const ATTR_CONTROLLING: u16 = 0x802a;
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// Between checks until one is answered.
const FIRST_INTERVAL: Duration = Duration::from_millis(50);
/// Between checks that keep consent fresh.
const CONSENT_INTERVAL: Duration = Duration::from_secs(4);

/// Credentials of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User name fragment.
    pub ufrag: String,
    /// Password.
    pub pwd: String,
}

impl Credentials {
    /// Fresh ones.
    pub fn random() -> Self {
        let mut bytes = [0_u8; 16];
        fill(&mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { ufrag: hex[..8].into(), pwd: hex[8..].into() }
    }
}

/// Checks one pair.
#[derive(Debug)]
pub struct Checker {
    user_name: String,
    key: hmac::Key,
    tie_breaker: [u8; 8],
    pending: [u8; 12],
    next: Instant,
    confirmed: bool,
}

impl Checker {
    /// Wants to send its first check at once.
    pub fn new(now: Instant, local: &Credentials, remote: &Credentials) -> Self {
        let mut tie_breaker = [0; 8];
        fill(&mut tie_breaker);
        Self {
            user_name: format!("{}:{}", remote.ufrag, local.ufrag),
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, remote.pwd.as_bytes()),
            tie_breaker,
            pending: [0; 12],
            next: now,
            confirmed: false,
        }
    }

    /// The check that is due.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next {
            return None;
        }
        self.next = now + if self.confirmed { CONSENT_INTERVAL } else { FIRST_INTERVAL };
        // Until there is an answer it is the same check, sent again (RFC 8489 section 6.2.1): on a long
        // way the answer comes behind the next one.
        if self.confirmed || self.pending == [0; 12] {
            fill(&mut self.pending);
        }
        Some(self.request(&self.pending))
    }

    /// When [`Self::poll`] has something.
    pub const fn timeout(&self) -> Instant {
        self.next
    }

    /// Takes a STUN message. True: the pair has just become valid.
    pub fn handle(&mut self, now: Instant, message: &[u8]) -> bool {
        let Some(header) = message.get(..20) else { return false };
        let answers = header[..2] == BINDING_SUCCESS.to_be_bytes() && header[8..] == self.pending;
        if !answers || !authentic(&self.key, message) {
            return false;
        }
        self.next = now + CONSENT_INTERVAL;
        !std::mem::replace(&mut self.confirmed, true)
    }

    fn request(&self, transaction: &[u8; 12]) -> Vec<u8> {
        let mut message = Vec::with_capacity(128);
        message.extend(BINDING_REQUEST.to_be_bytes());
        message.extend([0, 0]);
        message.extend(MAGIC_COOKIE);
        message.extend(transaction);
        attribute(&mut message, ATTR_USERNAME, self.user_name.as_bytes());
        attribute(&mut message, ATTR_PRIORITY, &0x6e7f_1eff_u32.to_be_bytes());
        attribute(&mut message, ATTR_CONTROLLING, &self.tie_breaker);
        attribute(&mut message, ATTR_USE_CANDIDATE, &[]);
        seal(&mut message, &self.key);
        message
    }
}

/// Whether the message is signed with this key (RFC 8489 section 14.5).
fn authentic(key: &hmac::Key, message: &[u8]) -> bool {
    let mut at = 20;
    while let Some(head) = message.get(at..at + 4) {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if kind == ATTR_MESSAGE_INTEGRITY {
            let Some(tag) = message.get(at + 4..at + 24) else { return false };
            let mut signed = message[..at].to_vec();
            set_length(&mut signed, 24);
            return hmac::verify(key, &signed, tag).is_ok();
        }
        at += 4 + len.next_multiple_of(4);
    }
    false
}

/// Signs a message and adds its fingerprint.
fn seal(message: &mut Vec<u8>, key: &hmac::Key) {
    set_length(message, 24);
    let tag = hmac::sign(key, message);
    attribute(message, ATTR_MESSAGE_INTEGRITY, tag.as_ref());
    set_length(message, 8);
    let fingerprint = crc32(message) ^ FINGERPRINT_XOR;
    attribute(message, ATTR_FINGERPRINT, &fingerprint.to_be_bytes());
}

/// The answer to a check of the other side, which came from `remote` (RFC 8445 section 7.3): a server
/// that is not lite checks, too, whoever checks it. `None`: no check, or not with our password.
pub fn answer(ours: &Credentials, remote: SocketAddr, message: &[u8]) -> Option<Vec<u8>> {
    let header = message.get(..20)?;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, ours.pwd.as_bytes());
    if header[..2] != BINDING_REQUEST.to_be_bytes() || !authentic(&key, message) {
        return None;
    }
    let mut response = Vec::with_capacity(96);
    response.extend(BINDING_SUCCESS.to_be_bytes());
    response.extend([0, 0]);
    response.extend(&header[4..]);
    let port =
        (remote.port() ^ u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]])).to_be_bytes();
    let (family, address) = match remote.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mask = header[4..].iter();
    let address = address.iter().zip(mask).map(|(byte, mask)| byte ^ mask);
    let mapped: Vec<u8> = [0, family].into_iter().chain(port).chain(address).collect();
    attribute(&mut response, ATTR_XOR_MAPPED_ADDRESS, &mapped);
    seal(&mut response, &key);
    Some(response)
}

/// Random bytes of the system.
pub(super) fn fill(bytes: &mut [u8]) {
    SystemRandom::new().fill(bytes).expect("the system has a random source");
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
    set_length(message, 0);
}

/// Writes the length field as if `more` bytes followed (RFC 8489 section 14.5).
fn set_length(message: &mut [u8], more: usize) {
    let len = (message.len() - 20 + more) as u16;
    message[2..4].copy_from_slice(&len.to_be_bytes());
}

/// CRC-32 of ITU V.42 (RFC 8489 section 14.7).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_the_standard_test_string_is_known() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_check_is_the_same_until_it_is_answered() {
        let now = Instant::now();
        let (local, remote) = (Credentials::random(), Credentials::random());
        let mut checker = Checker::new(now, &local, &remote);
        let first = checker.poll(now).unwrap();
        assert_eq!(checker.poll(now + FIRST_INTERVAL), Some(first));
        checker.confirmed = true;
        let later = now + 2 * FIRST_INTERVAL;
        assert_ne!(checker.poll(later), checker.poll(later + CONSENT_INTERVAL));
    }

    #[test]
    fn a_check_of_the_other_side_is_answered_with_where_it_came_from() {
        let (us, them) = (Credentials::random(), Credentials::random());
        let mut checker = Checker::new(Instant::now(), &them, &us);
        let check = checker.poll(Instant::now()).unwrap();
        let remote = SocketAddr::from(([192, 0, 2, 1], 32_853));
        let response = answer(&us, remote, &check).unwrap();
        assert!(checker.handle(Instant::now(), &response));
        // The mapped address of RFC 5769 section 2.2, whose transaction does not matter for IPv4.
        assert_eq!(response[20..32], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(answer(&them, remote, &check), None, "not with our password");
        assert_eq!(answer(&us, remote, &response), None, "no check");
    }

    #[test]
    fn an_answer_counts_only_with_the_right_transaction_and_password() {
        let now = Instant::now();
        let (local, remote) = (Credentials::random(), Credentials::random());
        let mut checker = Checker::new(now, &local, &remote);
        let request = checker.poll(now).unwrap();
        assert!(checker.poll(now).is_none(), "one check at a time");

        let mut answer = BINDING_SUCCESS.to_be_bytes().to_vec();
        answer.extend([0, 0]);
        answer.extend(&request[4..20]);
        set_length(&mut answer, 24);
        let forged_key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"guess");
        let mut forged = answer.clone();
        let tag = hmac::sign(&forged_key, &forged);
        attribute(&mut forged, ATTR_MESSAGE_INTEGRITY, tag.as_ref());
        assert!(!checker.handle(now, &forged));

        let tag = hmac::sign(&checker.key, &answer);
        attribute(&mut answer, ATTR_MESSAGE_INTEGRITY, tag.as_ref());
        assert!(checker.handle(now, &answer));
        assert_eq!(checker.timeout(), now + CONSENT_INTERVAL);
    }
}
