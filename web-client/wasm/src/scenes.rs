//! What pictures are made of, for those who draw them on a graphics processor. Words in the output
//! are little-endian.

use sotto_codec::{MAX_SIDE, MediaError};

use crate::{Failure, Session};

impl Session {
    /// A frame of the payload decoded last as a scene, to be drawn `width` pixels wide: 1, or 0 where
    /// the plug-in does not tell.
    ///
    /// Nine words: width and height of the picture, level of the sources, what is warped, nodes in a
    /// row, rows of nodes, samples in a row of the residual, rows of them, number of patches; then three
    /// words a patch: source, width and height of what that shows; then the residual, a signed byte a
    /// sample. The samples are the motion, then 24 numbers a patch: where it is in its source and where
    /// it is drawn (6 each), coefficients.
    pub(crate) fn scene(&mut self, decoder: u32, frame: u32, width: u32) -> Result<u32, Failure> {
        if width > MAX_SIDE {
            return Err(MediaError::Size.into());
        }
        let scene = self.picture_decoder(decoder, |decoder, _| {
            Ok(decoder.scene(frame as usize, width as usize)?)
        })?;
        let Some(scene) = scene else { return Ok(0) };
        self.output.clear();
        let patches = scene.patches.iter();
        let of_patches = patches.flat_map(|patch| [patch.source, patch.size.0, patch.size.1]);
        let residual = scene.residual.as_ref();
        let residual_size = residual.map_or((0, 0), |residual| residual.size);
        let head = [
            scene.size.0,
            scene.size.1,
            scene.level as usize,
            scene.source,
            scene.nodes.0,
            scene.nodes.1,
            residual_size.0,
            residual_size.1,
            scene.patches.len(),
        ];
        for word in head.into_iter().chain(of_patches) {
            self.put(word as u32);
        }
        let samples = residual.into_iter().flat_map(|residual| &residual.samples);
        self.output.extend(samples.map(|&sample| sample as u8));
        self.sound = scene.motion;
        for patch in &scene.patches {
            self.sound.extend(patch.there.iter().chain(&patch.here).chain(&patch.coefficients));
        }
        Ok(1)
    }

    /// A source of scenes of a decoder: four words, luma samples of a row and rows, chroma samples of
    /// a row and rows; then luma; then the blue and red difference of each chroma sample.
    pub(crate) fn scene_source(
        &mut self,
        decoder: u32,
        source: u32,
        level: u32,
    ) -> Result<u32, Failure> {
        let source = self
            .picture_decoder(decoder, |decoder, _| Ok(decoder.source(source as usize, level)?))?;
        self.output.clear();
        let (size, chroma_size) = (source.size, source.chroma_size);
        for word in [size.0, size.1, chroma_size.0, chroma_size.1] {
            self.put(word as u32);
        }
        self.output.extend_from_slice(&source.luma);
        self.output.extend_from_slice(&source.chroma);
        Ok(0)
    }
}
