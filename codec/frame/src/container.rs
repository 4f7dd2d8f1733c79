//! Model containers: what one plug-in has learned of one speaker, as it is stored and fetched.
//!
//! ```text
//!  0    "SOTM"
//!  4    container version u8, 1
//!  5    plug-in u8              6    plug-in version u8       7    flags u8, 0
//!  8    epoch u32, 0: generic   12   created at u64, ms since 1970
//!  20   body length u32         24   body
//!  …    SHA-256 of everything before: the model's hash, its name
//! ```

use crate::{
    Epoch, InvalidPlugin, ModelHash, PluginId,
    cursor::{Cursor, Truncated},
};

/// Most bytes of a container.
pub const MAX_CONTAINER_LEN: usize = 4 << 20;
/// Bytes of a container that are not its body.
pub const OVERHEAD: usize = HEADER_LEN + ModelHash::LEN;
/// Most bytes of a body.
pub const MAX_BODY_LEN: usize = MAX_CONTAINER_LEN - OVERHEAD;

const MAGIC: [u8; 4] = *b"SOTM";
const CONTAINER_VERSION: u8 = 1;
const HEADER_LEN: usize = 24;

/// A model and what it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container<'a> {
    /// Who understands it.
    pub plugin: PluginId,
    /// Version of the plug-in that wrote the body.
    pub plugin_version: u8,
    /// Which refinement it is.
    pub epoch: Epoch,
    /// When it was learned, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// What the plug-in learned, at most [`MAX_BODY_LEN`] bytes.
    pub body: &'a [u8],
}

/// Why bytes are no container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ContainerError {
    /// More than [`MAX_CONTAINER_LEN`] bytes.
    #[error("container too long")]
    TooLong,
    /// It does not begin like one.
    #[error("not a model container")]
    Magic,
    /// It ends before what it says it holds.
    #[error("container ends early")]
    Truncated,
    /// Not container version 1.
    #[error("unknown container version")]
    Version,
    /// No such plug-in.
    #[error("no such plug-in")]
    Plugin,
    /// Flags that have no meaning yet are set.
    #[error("reserved flags set")]
    Reserved,
    /// It goes on behind what it says it holds.
    #[error("bytes behind the container")]
    Trailing,
    /// Its digest is of something else.
    #[error("wrong digest")]
    Digest,
}

impl From<Truncated> for ContainerError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

impl From<InvalidPlugin> for ContainerError {
    fn from(_: InvalidPlugin) -> Self {
        Self::Plugin
    }
}

impl<'a> Container<'a> {
    /// Checks all of a container, its digest too: linear in its length.
    ///
    /// # Errors
    /// [`ContainerError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ContainerError> {
        Self::parse_named(bytes).map(|(container, _)| container)
    }

    /// As [`Self::parse`], and gives its hash.
    ///
    /// # Errors
    /// [`ContainerError`].
    pub fn parse_named(bytes: &'a [u8]) -> Result<(Self, ModelHash), ContainerError> {
        if bytes.len() > MAX_CONTAINER_LEN {
            return Err(ContainerError::TooLong);
        }
        let mut from = Cursor::new(bytes);
        if from.array()? != MAGIC {
            return Err(ContainerError::Magic);
        }
        if from.u8()? != CONTAINER_VERSION {
            return Err(ContainerError::Version);
        }
        let plugin = PluginId::new(from.u8()?)?;
        let plugin_version = from.u8()?;
        if from.u8()? != 0 {
            return Err(ContainerError::Reserved);
        }
        let epoch = Epoch(from.u32()?);
        let created_at_ms = from.u64()?;
        let body_len = from.u32()? as usize;
        let body = from.take(body_len)?;
        from.take(ModelHash::LEN)?;
        if !from.is_empty() {
            return Err(ContainerError::Trailing);
        }
        let (_, hash) = ModelHash::split(bytes).ok_or(ContainerError::Digest)?;
        Ok((Self { plugin, plugin_version, epoch, created_at_ms, body }, hash))
    }

    /// The container as bytes, and its hash.
    ///
    /// # Errors
    /// [`ContainerError::TooLong`] if the body has more than [`MAX_BODY_LEN`] bytes.
    pub fn write(&self) -> Result<(Vec<u8>, ModelHash), ContainerError> {
        if self.body.len() > MAX_BODY_LEN {
            return Err(ContainerError::TooLong);
        }
        let mut out = Vec::with_capacity(OVERHEAD + self.body.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[CONTAINER_VERSION, self.plugin.get(), self.plugin_version, 0]);
        out.extend_from_slice(&self.epoch.0.to_be_bytes());
        out.extend_from_slice(&self.created_at_ms.to_be_bytes());
        out.extend_from_slice(&(self.body.len() as u32).to_be_bytes());
        out.extend_from_slice(self.body);
        let hash = ModelHash::seal(&mut out);
        Ok((out, hash))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;

    fn sample(body: &[u8]) -> Container<'_> {
        let (epoch, created_at_ms) = (Epoch(2), 1_700_000_000_000);
        Container { plugin: PluginId::VOICE, plugin_version: 3, epoch, created_at_ms, body }
    }

    #[test]
    fn the_longest_body_fits_and_one_byte_more_does_not() {
        let body = vec![0; MAX_BODY_LEN + 1];
        let (bytes, _) = sample(&body[1..]).write().expect("the longest body");
        assert_eq!(bytes.len(), MAX_CONTAINER_LEN);
        assert_eq!(Container::parse(&bytes), Ok(sample(&body[1..])));
        assert_eq!(sample(&body).write(), Err(ContainerError::TooLong));
        assert_eq!(Container::parse(&body), Err(ContainerError::Magic));
        assert_eq!(Container::parse(&vec![0; MAX_CONTAINER_LEN + 1]), Err(ContainerError::TooLong));
    }

    #[test]
    fn every_rule_has_an_error_of_its_own() {
        let check = |at: usize, value: u8| {
            let (mut bytes, _) = sample(b"body").write().expect("a short body");
            bytes[at] = value;
            Container::parse(&bytes).expect_err("a broken container")
        };
        assert_eq!(check(0, b'X'), ContainerError::Magic);
        assert_eq!(check(4, 2), ContainerError::Version);
        assert_eq!(check(5, 16), ContainerError::Plugin);
        assert_eq!(check(7, 1), ContainerError::Reserved);
        assert_eq!(check(23, 5), ContainerError::Truncated);
        assert_eq!(check(23, 3), ContainerError::Trailing);
        assert_eq!(check(24, b'B'), ContainerError::Digest);
        assert_eq!(check(11, 9), ContainerError::Digest);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            plugin in 0u8..16,
            plugin_version: u8,
            epoch: u32,
            created_at_ms: u64,
            body in vec(any::<u8>(), 0..300),
        ) {
            let plugin = PluginId::new(plugin).expect("below 16");
            let epoch = Epoch(epoch);
            let container = Container { plugin, plugin_version, epoch, created_at_ms, body: &body };
            let (bytes, hash) = container.write().expect("a short body");
            prop_assert_eq!(Container::parse_named(&bytes), Ok((container, hash)));
            prop_assert_eq!(&bytes[bytes.len() - 32..], &hash.0);
        }

        #[test]
        fn a_container_cut_or_changed_anywhere_is_an_error(
            body in vec(any::<u8>(), 0..50),
            at: Index,
            bit in 0u8..8,
        ) {
            let (mut bytes, _) = sample(&body).write().expect("a short body");
            let at = at.index(bytes.len());
            prop_assert_eq!(Container::parse(&bytes[..at]), Err(ContainerError::Truncated));
            bytes[at] ^= 1 << bit;
            prop_assert!(Container::parse(&bytes).is_err());
        }

        #[test]
        fn arbitrary_bytes_are_an_error(bytes in vec(any::<u8>(), 0..200)) {
            prop_assert!(Container::parse(&bytes).is_err());
        }
    }
}
