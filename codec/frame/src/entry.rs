//! Entries: the payload of one plug-in at one media time. Packets and bundles hold runs of them.
//!
//! ```text
//!   0 1 2 3 4 5 6 7
//!  ┌─┬───────┬─────┐
//!  │L│plug-in│epoch│   L: last entry of its block; epoch modulo 8
//!  ├─┴─────┬─┼─────┤
//!  │ level │T│0 0 0│   only sound, only in model packets
//!  ├───────┴─┴─────┤
//!  │ varint length │   0 to 1,100; 0: nothing to say
//!  ├───────────────┤
//!  │ payload …     │
//!  └───────────────┘
//! ```

use crate::{
    PluginId, PluginKind,
    cursor::{Cursor, Truncated},
    varint::{self, VarintError},
};

/// Most bytes of one payload.
pub const MAX_PAYLOAD_LEN: usize = 1_100;
/// Most entries of one block: one for each plug-in that a person may use at a time.
pub const MAX_ENTRIES: usize = 8;
/// Highest level: silence.
pub const MAX_LEVEL: u8 = 15;

const LAST: u8 = 0x80;
const PLUGIN_SHIFT: u8 = 3;
const EPOCH_MASK: u8 = 0x07;
const LEVEL_SHIFT: u8 = 4;
const TALKING: u8 = 0x08;
const ACTIVITY_RESERVED: u8 = 0x07;

/// The payload of one plug-in at one media time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// For whom it is.
    pub plugin: PluginId,
    /// Low three bits of the epoch of its model, 0 to 7 ([`crate::Epoch::low`]).
    pub epoch: u8,
    /// How loud it is. Of sound in a model packet always there; elsewhere never.
    pub activity: Option<Activity>,
    /// What the plug-in wrote, 0 to [`MAX_PAYLOAD_LEN`] bytes. Empty: nothing to say, silence.
    pub payload: &'a [u8],
}

/// How loud a voice is, readable without its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// 0 loudest to [`MAX_LEVEL`] silence, in steps of 8 dB below overload: the level of RFC 6464
    /// divided by 8.
    pub level: u8,
    /// Whether a voice was found in it.
    pub talking: bool,
}

/// Why the entries of a block cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EntryError {
    /// The bytes end within an entry, or before the last one of a block.
    #[error("entries end early")]
    Truncated,
    /// A length is not a varint of at most 32 bits in its shortest form.
    #[error("malformed varint")]
    Varint,
    /// A payload of more than [`MAX_PAYLOAD_LEN`] bytes.
    #[error("payload too long")]
    PayloadTooLong,
    /// More than [`MAX_ENTRIES`] entries in a block.
    #[error("too many entries")]
    TooManyEntries,
    /// Two entries of one plug-in in a block.
    #[error("a plug-in twice in a block")]
    PluginTwice,
    /// Bits that have no meaning yet are set.
    #[error("reserved bits set")]
    Reserved,
}

impl From<Truncated> for EntryError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

impl From<VarintError> for EntryError {
    fn from(error: VarintError) -> Self {
        match error {
            VarintError::Truncated => Self::Truncated,
            VarintError::Malformed => Self::Varint,
        }
    }
}

/// Why something is not written to a packet or bundle, which is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WriteError {
    /// It would be longer than [`crate::MAX_DATAGRAM_LEN`].
    #[error("does not fit")]
    Full,
    /// More blocks than the format allows.
    #[error("too many blocks")]
    TooManyBlocks,
    /// More than [`MAX_ENTRIES`] entries in a block.
    #[error("too many entries")]
    TooManyEntries,
    /// A block without entries.
    #[error("a block without entries")]
    NoEntries,
    /// Two entries of one plug-in in a block.
    #[error("a plug-in twice in a block")]
    PluginTwice,
    /// A payload of more than [`MAX_PAYLOAD_LEN`] bytes.
    #[error("payload too long")]
    PayloadTooLong,
    /// A model packet's sound without its activity, a picture with one, a level above
    /// [`MAX_LEVEL`], or an epoch above 7.
    #[error("value out of range")]
    Value,
    /// An older block that is not 1 to 65,535 ms before the first.
    #[error("not an older block")]
    NotOlder,
    /// A participant of number 0.
    #[error("no such participant")]
    NoParticipant,
}

/// Where entries stand, which says whether sound has a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// From a publisher: sound has one.
    Packet,
    /// To a subscriber: nothing has one.
    Bundle,
}

impl Form {
    const fn has_activity(self, plugin: PluginId) -> bool {
        matches!((self, plugin.kind()), (Self::Packet, PluginKind::Sound))
    }
}

/// The entries of one block that has been parsed.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    from: Cursor<'a>,
    form: Form,
}

impl<'a> Entries<'a> {
    /// `bytes` are exactly one block's entries as [`skip_block`] found them.
    pub(crate) const fn new(bytes: &'a [u8], form: Form) -> Self {
        Self { from: Cursor::new(bytes), form }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        read(&mut self.from, self.form).ok().map(|(entry, _)| entry)
    }
}

/// Checks one block's entries at the front of `from`, goes past them, and gives their bytes.
pub(crate) fn skip_block<'a>(from: &mut Cursor<'a>, form: Form) -> Result<&'a [u8], EntryError> {
    let before = from.left();
    let mut seen = Seen::default();
    loop {
        let (entry, last) = read(from, form)?;
        seen.insert(entry.plugin)?;
        if last {
            return Ok(&before[..before.len() - from.left().len()]);
        }
    }
}

fn read<'a>(from: &mut Cursor<'a>, form: Form) -> Result<(Entry<'a>, bool), EntryError> {
    let header = from.u8()?;
    let plugin = PluginId::from_low_bits(header >> PLUGIN_SHIFT);
    let activity = if form.has_activity(plugin) { Some(read_activity(from.u8()?)?) } else { None };
    let len = varint::read(from)? as usize;
    if len > MAX_PAYLOAD_LEN {
        return Err(EntryError::PayloadTooLong);
    }
    let payload = from.take(len)?;
    let entry = Entry { plugin, epoch: header & EPOCH_MASK, activity, payload };
    Ok((entry, header & LAST != 0))
}

const fn read_activity(byte: u8) -> Result<Activity, EntryError> {
    if byte & ACTIVITY_RESERVED != 0 {
        return Err(EntryError::Reserved);
    }
    Ok(Activity { level: byte >> LEVEL_SHIFT, talking: byte & TALKING != 0 })
}

/// Appends one entry that is not the last. On an error nothing is written.
pub(crate) fn write(entry: &Entry<'_>, form: Form, out: &mut Vec<u8>) -> Result<(), WriteError> {
    if entry.payload.len() > MAX_PAYLOAD_LEN {
        return Err(WriteError::PayloadTooLong);
    }
    let activity = match (form, form.has_activity(entry.plugin), entry.activity) {
        (Form::Bundle, ..) | (Form::Packet, false, None) => None,
        (Form::Packet, true, Some(activity)) if activity.level <= MAX_LEVEL => Some(activity),
        (Form::Packet, ..) => return Err(WriteError::Value),
    };
    if entry.epoch > EPOCH_MASK {
        return Err(WriteError::Value);
    }
    out.push(entry.plugin.get() << PLUGIN_SHIFT | entry.epoch);
    if let Some(Activity { level, talking }) = activity {
        out.push(level << LEVEL_SHIFT | if talking { TALKING } else { 0 });
    }
    varint::write(entry.payload.len() as u32, out);
    out.extend_from_slice(entry.payload);
    Ok(())
}

/// Says of an entry, by its first byte, that it is the last of its block.
pub(crate) const fn mark_last(header: &mut u8) {
    *header |= LAST;
}

/// How many bytes an entry takes.
pub(crate) const fn len(plugin: PluginId, form: Form, payload_len: usize) -> usize {
    1 + form.has_activity(plugin) as usize + varint::len(payload_len as u32) + payload_len
}

/// The plug-ins of one block so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    plugins: u16,
}

/// Why one more entry is too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// Its plug-in has one already.
    Plugin,
    /// The block has [`MAX_ENTRIES`].
    TooOften,
}

impl Seen {
    pub(crate) const fn insert(&mut self, plugin: PluginId) -> Result<(), Repeated> {
        let bit = 1 << plugin.get();
        if self.plugins & bit != 0 {
            return Err(Repeated::Plugin);
        }
        if self.plugins.count_ones() as usize == MAX_ENTRIES {
            return Err(Repeated::TooOften);
        }
        self.plugins |= bit;
        Ok(())
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.plugins == 0
    }
}

impl From<Repeated> for WriteError {
    fn from(repeated: Repeated) -> Self {
        match repeated {
            Repeated::Plugin => Self::PluginTwice,
            Repeated::TooOften => Self::TooManyEntries,
        }
    }
}

impl From<Repeated> for EntryError {
    fn from(repeated: Repeated) -> Self {
        match repeated {
            Repeated::Plugin => Self::PluginTwice,
            Repeated::TooOften => Self::TooManyEntries,
        }
    }
}
