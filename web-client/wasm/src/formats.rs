//! Bundles, packets, containers and deltas. Words in the output are little-endian.

use sotto_frame::{
    Activity, Bundle, Container, Delta, Entry, Epoch, MediaTime, ModelPacket, PacketWriter,
    PluginId, WriteError,
};

use crate::{Failure, Session};

/// Of a packed activity: there is one.
const ACTIVE: u32 = 0x100;
/// Of a packed activity: talking. The level is in the four lowest bits.
const TALKING: u32 = 0x10;
/// Bytes of a record that [`Session::write_packet`] reads, without its payload.
const RECORD_LEN: usize = 11;

/// An activity as one word; 0: none.
pub(crate) const fn pack_activity(activity: Option<Activity>) -> u32 {
    match activity {
        None => 0,
        Some(Activity { level, talking }) => {
            ACTIVE | if talking { TALKING } else { 0 } | level as u32
        }
    }
}

impl Session {
    /// Lists the plug-ins: id, version, length of the name, name. Gives their number.
    pub(crate) fn plugins(&mut self) -> Result<u32, Failure> {
        self.output.clear();
        let mut count = 0;
        for plugin in self.registry.iter() {
            let name = plugin.name().as_bytes();
            self.output.extend_from_slice(&[plugin.id().get(), plugin.version(), name.len() as u8]);
            self.output.extend_from_slice(name);
            count += 1;
        }
        Ok(count)
    }

    /// Six words for each entry of a bundle: participant, plug-in, epoch, time, where its payload
    /// is in the bundle, its length. Gives the number of entries.
    pub(crate) fn parse_bundle(&mut self) -> Result<u32, Failure> {
        let bytes = std::mem::take(&mut self.bytes[0]);
        self.output.clear();
        let parsed = Bundle::parse(&bytes).map(|bundle| {
            let mut count = 0;
            for block in bundle.blocks() {
                for entry in block.entries() {
                    self.put(block.participant);
                    self.put(entry.plugin.get().into());
                    self.put(entry.epoch.into());
                    self.put(block.time.into());
                    self.put(offset_in(&bytes, entry.payload));
                    self.put(entry.payload.len() as u32);
                    count += 1;
                }
            }
            count
        });
        self.bytes[0] = bytes;
        Ok(parsed?)
    }

    /// A word, 1 if encrypted, then six words for each entry of a model packet: number of the
    /// block, its time, plug-in times 8 and epoch, activity, where its payload is in the packet,
    /// its length. Gives the number of entries.
    pub(crate) fn parse_packet(&mut self) -> Result<u32, Failure> {
        let bytes = std::mem::take(&mut self.bytes[0]);
        self.output.clear();
        let parsed = ModelPacket::parse(&bytes).map(|packet| {
            self.put(packet.encrypted().into());
            let mut count = 0;
            for (number, block) in (0..).zip(packet.blocks()) {
                for entry in block.entries() {
                    self.put(number);
                    self.put(block.time.0);
                    self.put(u32::from(entry.plugin.get()) << 3 | u32::from(entry.epoch));
                    self.put(pack_activity(entry.activity));
                    self.put(offset_in(&bytes, entry.payload));
                    self.put(entry.payload.len() as u32);
                    count += 1;
                }
            }
            count
        });
        self.bytes[0] = bytes;
        Ok(parsed?)
    }

    /// Writes a model packet of big-endian records: number of the block u8, its time u32, plug-in
    /// u8, epoch u8, activity as [`pack_activity`] has it u16, payload length u16, payload.
    pub(crate) fn write_packet(&mut self, encrypted: bool) -> Result<u32, Failure> {
        self.output.clear();
        let mut records = self.bytes[0].as_slice();
        let (mut number, mut time, ..) = read_record(&mut { records })?;
        let mut writer = PacketWriter::begin(&mut self.output, time, encrypted);
        while !records.is_empty() {
            let (of, at, entry) = read_record(&mut records)?;
            if of != number {
                (number, time) = (of, at);
                writer.older(time, &entry)?;
            } else {
                writer.entry(&entry)?;
            }
        }
        Ok(writer.finish()? as u32)
    }

    /// Seven words: plug-in, its version, epoch, when it was created (two words, the higher first),
    /// where the body is in the container, its length; then the hash.
    pub(crate) fn parse_container(&mut self) -> Result<u32, Failure> {
        let bytes = std::mem::take(&mut self.bytes[0]);
        self.output.clear();
        let parsed = Container::parse_named(&bytes).map(|(container, hash)| {
            self.put(container.plugin.get().into());
            self.put(container.plugin_version.into());
            self.put(container.epoch.0);
            self.put((container.created_at_ms >> 32) as u32);
            self.put(container.created_at_ms as u32);
            self.put(offset_in(&bytes, container.body));
            self.put(container.body.len() as u32);
            self.output.extend_from_slice(&hash.0);
            0
        });
        self.bytes[0] = bytes;
        Ok(parsed?)
    }

    /// The container around a body.
    pub(crate) fn write_container(
        &mut self,
        plugin: u32,
        plugin_version: u32,
        epoch: u32,
        created_at_ms: u64,
    ) -> Result<u32, Failure> {
        let plugin = plugin_id(plugin)?;
        let plugin_version = u8::try_from(plugin_version).map_err(|_| Failure::Argument)?;
        let epoch = Epoch(epoch);
        let body = &self.bytes[0];
        let container = Container { plugin, plugin_version, epoch, created_at_ms, body };
        self.output = container.write()?.0;
        Ok(0)
    }

    /// The hashes of the base and of the target of a delta.
    pub(crate) fn parse_delta(&mut self) -> Result<u32, Failure> {
        let delta = Delta::parse(&self.bytes[0])?;
        self.output.clear();
        self.output.extend_from_slice(&delta.base().0);
        self.output.extend_from_slice(&delta.target().0);
        Ok(0)
    }

    /// What the delta in the second argument makes of the base in the first.
    pub(crate) fn apply_delta(&mut self) -> Result<u32, Failure> {
        self.output = Delta::parse(&self.bytes[1])?.apply(&self.bytes[0])?;
        Ok(0)
    }

    /// The delta from the first argument to the second.
    pub(crate) fn delta_between(&mut self) -> Result<u32, Failure> {
        self.output = Delta::between(&self.bytes[0], &self.bytes[1])?;
        Ok(0)
    }
}

/// A plug-in by its number.
pub(crate) fn plugin_id(number: u32) -> Result<PluginId, Failure> {
    Ok(PluginId::new(u8::try_from(number).map_err(|_| Failure::Argument)?)?)
}

/// Where `part` begins in `whole`, of which it is a part.
fn offset_in(whole: &[u8], part: &[u8]) -> u32 {
    (part.as_ptr().addr() - whole.as_ptr().addr()) as u32
}

fn read_record<'a>(from: &mut &'a [u8]) -> Result<(u8, MediaTime, Entry<'a>), Failure> {
    if from.is_empty() {
        return Err(WriteError::NoEntries.into());
    }
    let (record, rest) = from.split_first_chunk::<RECORD_LEN>().ok_or(Failure::Argument)?;
    let [block, t0, t1, t2, t3, plugin, epoch, a0, a1, l0, l1] = *record;
    let len = u16::from_be_bytes([l0, l1]).into();
    let (payload, rest) = rest.split_at_checked(len).ok_or(Failure::Argument)?;
    *from = rest;
    let packed = u32::from(u16::from_be_bytes([a0, a1]));
    let activity = (packed & ACTIVE != 0)
        .then_some(Activity { level: (packed & 0xf) as u8, talking: packed & TALKING != 0 });
    let time = MediaTime(u32::from_be_bytes([t0, t1, t2, t3]));
    Ok((block, time, Entry { plugin: PluginId::new(plugin)?, epoch, activity, payload }))
}
