//! What somebody sees who gets payloads.

use sotto_codec::{
    Decoder, FrameError, MediaError, Model, Picture, PictureDecoder, PictureMut, Pixels,
};

use super::{coded::CodeError, i420::planes_of, video::Format};

/// Luma of a screen on which nothing was shown yet.
const GREY: u8 = 128;

/// A receiver with its screen, which shows the last picture until there is another.
pub(super) struct Receiver {
    decoder: Box<dyn PictureDecoder>,
    format: Format,
    /// Of the frames of the payload received last, and the one of them that is shown.
    offsets: Vec<u8>,
    shown: Option<usize>,
    rgba: Vec<u8>,
    planes: Vec<u8>,
}

impl Receiver {
    pub(super) fn new(model: &dyn Model, format: Format) -> Result<Self, CodeError> {
        let Decoder::Picture(decoder) = model.decoder() else { return Err(CodeError::Kind) };
        Ok(Self {
            decoder,
            format,
            offsets: Vec::new(),
            shown: None,
            rgba: vec![GREY; format.pixels() * 4],
            planes: vec![GREY; format.bytes()],
        })
    }

    /// Has what comes next decoded with another model; what is on the screen stays.
    pub(super) fn change(&mut self, model: &dyn Model) -> Result<(), CodeError> {
        let Decoder::Picture(decoder) = model.decoder() else { return Err(CodeError::Kind) };
        self.decoder = decoder;
        Ok(())
    }

    /// Takes a payload.
    pub(super) fn receive(&mut self, payload: &[u8]) -> Result<(), FrameError> {
        self.shown = None;
        self.offsets.clear();
        self.decoder.decode(payload, &mut self.offsets)
    }

    /// Draws what is to be seen so many milliseconds after the time of the payload; `false` where
    /// that is what is on the screen already.
    pub(super) fn draw(&mut self, offset_ms: u8) -> Result<bool, CodeError> {
        let due = self.offsets.iter().rposition(|&offset| offset <= offset_ms);
        let Some(frame) = due.filter(|_| due != self.shown) else { return Ok(false) };
        let Format { width, height, .. } = self.format;
        let mut target = PictureMut::new(width, height, &mut self.rgba)?;
        self.decoder.draw(frame, &mut target)?;
        self.shown = due;
        Ok(true)
    }

    /// What is on the screen.
    pub(super) fn screen(&self) -> Result<Picture<'_>, MediaError> {
        Picture::new(self.format.width, self.format.height, Pixels::Rgba(&self.rgba))
    }

    /// The same as planes.
    pub(super) fn planes(&mut self) -> &[u8] {
        planes_of(&self.rgba, self.format.width as usize, &mut self.planes);
        &self.planes
    }
}
