//! What a client shows to come back: which session, and whose participant it was.
//!
//! Signed with a key that is derived from the node's, so that it is good behind a restart too.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use sotto_core::{id::ParticipantId, signal::AccessKey};
use uuid::Uuid;

use crate::{name::RoomName, token::Key};

/// Bytes of the tag: half of the hash (RFC 2104 section 5).
const TAG: usize = 16;

/// Bytes of session, participant and tag.
const LEN: usize = 16 + 16 + TAG;

/// Signs and checks such tokens.
#[derive(Debug)]
pub(super) struct ResumptionKey(hmac::Key);

/// Whose participant in which room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder<'a> {
    pub(super) identity: &'a str,
    pub(super) room: &'a RoomName,
}

/// What a token says, read and not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) session: Uuid,
    pub(super) participant: ParticipantId,
    tag: [u8; TAG],
}

impl Claim {
    /// Reads a token. `None`: it is none.
    pub(super) fn read(token: &AccessKey) -> Option<Self> {
        let bytes: [u8; LEN] = URL_SAFE_NO_PAD.decode(&token.0).ok()?.try_into().ok()?;
        let (session, rest) = bytes.split_first_chunk()?;
        let (participant, tag) = rest.split_first_chunk()?;
        Some(Self {
            session: Uuid::from_bytes(*session),
            participant: ParticipantId(Uuid::from_bytes(*participant)),
            tag: *tag.first_chunk()?,
        })
    }
}

impl ResumptionKey {
    pub(super) fn new(key: &Key) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key.derive(b"resumption")))
    }

    /// A token: 64 characters, base64url without padding (RFC 4648 section 5).
    pub(super) fn sign(
        &self,
        session: Uuid,
        participant: ParticipantId,
        holder: Holder<'_>,
    ) -> AccessKey {
        let tag = self.tag(session, participant, holder);
        let bytes = [session.as_bytes(), participant.0.as_bytes(), &tag[..]].concat();
        AccessKey(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether a token was signed here for this holder. Takes as long for a wrong one as for a good one.
    pub(super) fn is_of(&self, claim: &Claim, holder: Holder<'_>) -> bool {
        let expected = self.tag(claim.session, claim.participant, holder);
        // Compared by its own keyed hash: the time tells nothing of how much of a guess is right.
        let seal = hmac::sign(&self.0, &expected);
        hmac::verify(&self.0, &claim.tag, seal.as_ref()).is_ok()
    }

    fn tag(&self, session: Uuid, participant: ParticipantId, holder: Holder<'_>) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(session.as_bytes());
        context.update(participant.0.as_bytes());
        // With its length in front, so that nothing can pass from one text to the other.
        context.update(&(holder.identity.len() as u64).to_be_bytes());
        context.update(holder.identity.as_bytes());
        context.update(holder.room.as_str().as_bytes());
        let tag = context.sign();
        *tag.as_ref().first_chunk().expect("SHA-256 has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_holder_and_its_key_and_for_nobody_else() {
        let key = ResumptionKey::new(&Key::development());
        let other = ResumptionKey::new(&Key::new(&[7; 32]).unwrap());
        let (blue, red) = (RoomName::new("blue").unwrap(), RoomName::new("red").unwrap());
        let ann = Holder { identity: "ann", room: &blue };
        let (session, participant) = (Uuid::from_u128(1), ParticipantId(Uuid::from_u128(2)));
        let token = key.sign(session, participant, ann);
        assert_eq!(token.0.len(), 64);
        let claim = Claim::read(&token).unwrap();
        assert_eq!((claim.session, claim.participant), (session, participant));
        assert!(key.is_of(&claim, ann));
        assert!(!key.is_of(&claim, Holder { identity: "ann", room: &red }));
        assert!(!key.is_of(&claim, Holder { identity: "ben", room: &blue }));
        assert!(!other.is_of(&claim, ann));
        let forged = Claim { participant: ParticipantId(Uuid::from_u128(3)), ..claim };
        assert!(!key.is_of(&forged, ann));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for text in ["", "abc", &"A".repeat(63), &"A".repeat(65), &"!".repeat(64)] {
            assert_eq!(Claim::read(&AccessKey(text.into())), None, "{text}");
        }
    }
}
