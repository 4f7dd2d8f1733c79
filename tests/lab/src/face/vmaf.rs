//! VMAF and VMAF-NEG, of the whole picture and of the face, by ffmpeg's libvmaf.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    regions::Area,
    tools::{ToolError, Tools, failed},
    video::Video,
};

/// VMAF of one picture, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Vmaf {
    /// Model `vmaf_v0.6.1`.
    pub vmaf: f64,
    /// Model `vmaf_v0.6.1neg`, which does not reward what only looks sharper than the original.
    pub neg: f64,
}

/// Of each picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct VmafScores {
    /// Of the whole picture.
    pub frame: Vec<Vmaf>,
    /// Of the face alone, seen as a picture of its own.
    pub face: Vec<Vmaf>,
}

#[derive(Deserialize)]
struct Log {
    frames: Vec<LoggedFrame>,
}

#[derive(Deserialize)]
struct LoggedFrame {
    metrics: BTreeMap<String, f64>,
}

/// Compares two videos of one size and length.
///
/// # Errors
/// [`ToolError`].
pub(super) fn vmaf(
    tools: &Tools,
    original: &Video,
    decoded: &Path,
    face: Area,
) -> Result<VmafScores, ToolError> {
    let logs = ["vmaf-frame.json", "vmaf-face.json"].map(|name| tools.file(name));
    let of = |log: &Path| {
        let log = log.display();
        format!(
            "libvmaf=model='version=vmaf_v0.6.1\\:name=vmaf|version=vmaf_v0.6.1neg\\:name=neg':\
             n_threads=2:log_fmt=json:log_path={log}"
        )
    };
    let Area { left, top, width, height } = face;
    let crop = format!("crop={width}:{height}:{left}:{top}");
    let count = |input: usize| {
        format!("[{input}:v]setpts=N,split[frame{input}][{input}];[{input}]{crop}[face{input}]")
    };
    let graph = format!(
        "{};{};[frame0][frame1]{}[frame];[face0][face1]{}[face]",
        count(0),
        count(1),
        of(&logs[0]),
        of(&logs[1])
    );
    let null = |output: &str| {
        ["-map".into(), format!("[{output}]"), "-f".into(), "null".into(), "-".into()]
    };
    let inputs = [decoded, original.path()].map(|path| ["-i".into(), path.display().to_string()]);
    let mut arguments: Vec<String> = inputs.into_iter().flatten().collect();
    arguments.extend(["-filter_complex".into(), graph]);
    arguments.extend(null("frame").into_iter().chain(null("face")));
    tools.ffmpeg(arguments)?;
    let [frame, face] = logs;
    let scores = VmafScores { frame: read(&frame)?, face: read(&face)? };
    let pictures = original.pictures();
    if scores.frame.len() == pictures && scores.face.len() == pictures {
        return Ok(scores);
    }
    let message = format!("{} scores of {pictures} pictures", scores.frame.len());
    Err(ToolError::Failed { program: "libvmaf".into(), message })
}

fn read(path: &Path) -> Result<Vec<Vmaf>, ToolError> {
    let bytes = fs::read(path).map_err(|source| failed(path, source))?;
    let unreadable = |source| ToolError::Answer { program: "libvmaf".into(), source };
    let log: Log = serde_json::from_slice(&bytes).map_err(unreadable)?;
    let scores = log.frames.iter().filter_map(|frame| {
        let metric = |name: &str| frame.metrics.get(name).copied();
        Some(Vmaf { vmaf: metric("vmaf")?, neg: metric("neg")? })
    });
    Ok(scores.collect())
}
