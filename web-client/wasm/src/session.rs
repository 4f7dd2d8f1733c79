//! Arguments, results and objects of one instance of the module.

use sotto_codec::{Decoder, Encoder, Gate, Learner, Model, Registry, SoundExtension};

use crate::Failure;

/// Arguments of one kind that a call takes at most.
const SLOTS: usize = 2;

/// Everything that an instance of the module holds.
pub struct Session {
    pub(crate) registry: Registry,
    /// Bytes that the caller wrote.
    pub(crate) bytes: [Vec<u8>; SLOTS],
    /// Samples that the caller wrote.
    pub(crate) samples: [Vec<f32>; SLOTS],
    /// Bytes for the caller: a result, or the text of an error.
    pub(crate) output: Vec<u8>,
    /// Samples for the caller, or scores.
    pub(crate) sound: Vec<f32>,
    objects: Vec<Option<Object>>,
}

/// What a handle stands for.
pub(crate) enum Object {
    Learner(Box<dyn Learner>),
    Model(Box<dyn Model>),
    Encoder(Encoder),
    Decoder(Decoder),
    Gate(Box<dyn Gate>),
    Extension(Box<dyn SoundExtension>),
}

impl Session {
    /// With the plug-ins of a registry.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            bytes: Default::default(),
            samples: Default::default(),
            output: Vec::new(),
            sound: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// A buffer for the bytes of argument `slot`, 0 or 1.
    pub(crate) fn bytes_to_write(&mut self, slot: u32, len: u32) -> &mut [u8] {
        let buffer = &mut self.bytes[slot as usize % SLOTS];
        buffer.resize(len as usize, 0);
        buffer
    }

    /// A buffer for the samples of argument `slot`, 0 or 1.
    pub(crate) fn samples_to_write(&mut self, slot: u32, len: u32) -> &mut [f32] {
        let buffer = &mut self.samples[slot as usize % SLOTS];
        buffer.resize(len as usize, 0.0);
        buffer
    }

    /// Puts a failure where the caller finds its text.
    pub(crate) fn settle(&mut self, result: Result<u32, Failure>) -> i32 {
        match result {
            Ok(value) => i32::try_from(value).unwrap_or(i32::MAX),
            Err(failure) => {
                self.output.clear();
                self.output.extend_from_slice(failure.to_string().as_bytes());
                -1
            }
        }
    }

    /// Puts a word of a result into the output.
    pub(crate) fn put(&mut self, word: u32) {
        self.output.extend_from_slice(&word.to_le_bytes());
    }

    /// Keeps an object and gives its handle.
    pub(crate) fn keep(&mut self, object: Object) -> u32 {
        let free = self.objects.iter().position(Option::is_none);
        let handle = free.unwrap_or_else(|| {
            self.objects.push(None);
            self.objects.len() - 1
        });
        self.objects[handle] = Some(object);
        handle as u32
    }

    /// Lets go of an object.
    pub(crate) fn drop_object(&mut self, handle: u32) -> Result<u32, Failure> {
        self.objects
            .get_mut(handle as usize)
            .and_then(Option::take)
            .map(|_| 0)
            .ok_or(Failure::Handle)
    }

    /// The object of a handle, out of the session for the duration of a call that uses both.
    pub(crate) fn with<R>(
        &mut self,
        handle: u32,
        call: impl FnOnce(&mut Object, &mut Self) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let slot = self.objects.get_mut(handle as usize).ok_or(Failure::Handle)?;
        let mut object = slot.take().ok_or(Failure::Handle)?;
        let result = call(&mut object, self);
        self.objects[handle as usize] = Some(object);
        result
    }
}
