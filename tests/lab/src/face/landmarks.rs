//! Where faces are in videos, by `face_landmarks.py`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use serde::{Deserialize, Serialize};

use super::{
    states::Openings,
    tools::{ToolError, Tools, failed},
};

/// The script, which figures depend on.
pub(super) const SCRIPT: &str = include_str!("../../face_landmarks.py");
const NAME: &str = "face_landmarks.py";

type Point = [f64; 2];
/// Left, top, right, bottom.
type Outline = [f64; 4];

/// The landmarks of one picture, in pixels.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Face {
    /// Of the whole face, brow to chin and ear to ear.
    pub outline: Outline,
    /// Each: outer corner, two points of the upper lid, inner corner, the two of the lower lid.
    pub eyes: [[Point; 6]; 2],
    /// Of the inner lips: both corners, three points above, three below.
    pub mouth: [Point; 8],
    /// Of the outer lips.
    pub mouth_outline: Outline,
    /// Bridge and base.
    pub nose: [Point; 2],
}

/// What was found in a video.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Found {
    /// Where faces were looked for: left, top, width, height. `None` where there are too few.
    #[serde(rename = "box")]
    pub area: Option<[u32; 4]>,
    /// Picture by picture; empty without an area.
    pub faces: Vec<Option<Face>>,
}

#[derive(Serialize)]
struct Request<'a> {
    #[serde(rename = "box")]
    area: Option<[u32; 4]>,
    video: &'a Path,
}

/// A Python that finds them.
#[derive(Debug)]
pub(super) struct Landmarks {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Landmarks {
    pub(super) fn start(tools: &Tools) -> Result<Self, ToolError> {
        let mut command = tools.python(NAME, SCRIPT)?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| failed(NAME.as_ref(), source))?;
        let input = child.stdin.take();
        let output = child.stdout.take().expect("it is piped");
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Finds the face in each picture of a video, inside of an area where one is given.
    ///
    /// # Errors
    /// [`ToolError`].
    pub(super) fn find(
        &mut self,
        video: &Path,
        area: Option<[u32; 4]>,
    ) -> Result<Found, ToolError> {
        let unreadable = |source| ToolError::Answer { program: NAME.into(), source };
        let mut line = serde_json::to_string(&Request { area, video }).map_err(unreadable)?;
        line.push('\n');
        let input = self.input.as_mut().expect("it is there until this is dropped");
        input.write_all(line.as_bytes()).map_err(|source| failed(NAME.as_ref(), source))?;
        line.clear();
        self.output.read_line(&mut line).map_err(|source| failed(NAME.as_ref(), source))?;
        if line.is_empty() {
            let message = "it ended early, and has printed why".into();
            return Err(ToolError::Failed { program: NAME.into(), message });
        }
        serde_json::from_str(&line).map_err(unreadable)
    }
}

impl Drop for Landmarks {
    /// It ends when its input does.
    fn drop(&mut self) {
        drop(self.input.take());
        _ = self.child.wait();
    }
}

impl Face {
    /// How far eyes and mouth are open.
    pub(super) fn openings(&self) -> Openings {
        let (heights, widths) = self.eyes.iter().fold((0.0, 0.0), |(heights, widths), eye| {
            let &[outer, upper_outer, upper_inner, inner, lower_inner, lower_outer] = eye;
            let height = distance(upper_outer, lower_outer) + distance(upper_inner, lower_inner);
            (heights + height / 2.0, widths + distance(outer, inner))
        });
        let &[_, _, up_right, up, up_left, down_right, down, down_left] = &self.mouth;
        let mouth =
            distance(up_right, down_right) + distance(up, down) + distance(up_left, down_left);
        let nose = distance(self.nose[0], self.nose[1]);
        // Landmarks of a face have extent: these are divisions by pixels, not by nothing.
        Openings { eyes: heights / widths.max(1.0), mouth: mouth / 3.0 / nose.max(1.0) }
    }
}

fn distance(a: Point, b: Point) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}
