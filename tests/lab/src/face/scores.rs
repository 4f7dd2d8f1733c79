//! Everything that is measured of a decoded video against its original, picture by picture.

use serde::{Deserialize, Serialize};

use super::{
    landmarks::Landmarks,
    regions::{Area, RegionPsnr, Regions, face_area, psnr},
    states::{Openings, Scales},
    tools::{ToolError, Tools},
    video::{Video, VideoError},
    vmaf::{VmafScores, vmaf},
};

/// The original, and what is known of it.
#[derive(Debug)]
pub(super) struct Original<'a> {
    /// The part that is measured with.
    pub video: &'a Video,
    /// Where the face is.
    pub face: Area,
    /// Where landmarks are looked for: left, top, width, height.
    pub search: [u32; 4],
    /// How far eyes and mouth are open.
    pub openings: Vec<Option<Openings>>,
    /// What that is compared with.
    pub scales: Scales,
    regions: Vec<Option<Regions>>,
}

/// What was measured of a decoded video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Scores {
    /// Of each picture.
    pub vmaf: VmafScores,
    /// Of each picture.
    pub psnr: Vec<RegionPsnr>,
    /// Of each picture; `None` where no face is found in it.
    pub openings: Vec<Option<Openings>>,
}

/// Why there are no scores.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// A program fails.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A video cannot be read.
    #[error(transparent)]
    Video(#[from] VideoError),
}

impl<'a> Original<'a> {
    /// Looks for the face; `None` where there is none most of the time.
    pub(super) fn of(
        landmarks: &mut Landmarks,
        video: &'a Video,
    ) -> Result<Option<Self>, ToolError> {
        let found = landmarks.find(video.path(), None)?;
        let format = video.format();
        let openings: Vec<_> =
            found.faces.iter().map(|face| Some(face.as_ref()?.openings())).collect();
        let known = (|| {
            let (search, face) = (found.area?, face_area(&found.faces, format)?);
            Some((search, face, Scales::of(&openings)?))
        })();
        let regions = found.faces.iter().map(|face| Regions::of(face.as_ref()?, format)).collect();
        Ok(known.map(|(search, face, scales)| Self {
            video,
            face,
            search,
            openings,
            scales,
            regions,
        }))
    }

    /// Measures a video of the same size and length.
    pub(super) fn score(
        &self,
        tools: &Tools,
        landmarks: &mut Landmarks,
        decoded: &Video,
    ) -> Result<Scores, ScoreError> {
        let faces = landmarks.find(decoded.path(), Some(self.search))?.faces;
        Ok(Scores {
            vmaf: vmaf(tools, self.video, decoded.path(), self.face)?,
            psnr: psnr(self.video, decoded, self.face, &self.regions)?,
            openings: faces.iter().map(|face| Some(face.as_ref()?.openings())).collect(),
        })
    }
}
