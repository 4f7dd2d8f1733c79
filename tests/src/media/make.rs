//! Clips for tests, made by ffmpeg the first time they are asked for and kept beside the build; what
//! else ffmpeg makes of clips; and a recording of nobody.
//!
//! Every person has a colour (the background), a busy pattern and a moving block in front of it, so
//! that an encoder has work, and a voice: a harmonic tone of its own pitch that swells three times a
//! second.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sotto_codec::{Plugin as _, face::Face, voice::Voice};
use sotto_core::signal::{GateState, Source};
use sotto_frame::{Container, Epoch};

use super::{
    ClipError,
    recording::{BLOCK_MS, Block, Bytes, RecordedModel, Recording},
};

/// A person of the cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// Name of the files.
    pub name: &'static str,
    /// Background, as red, green and blue.
    pub colour: [u8; 3],
    /// Pitch of the voice in Hz.
    pub pitch_hz: u32,
}

/// People that a test can tell apart by eye and by ear.
pub const CAST: [Person; 8] = [
    Person { name: "anna", colour: [200, 40, 40], pitch_hz: 240 },
    Person { name: "boris", colour: [40, 180, 60], pitch_hz: 140 },
    Person { name: "chen", colour: [40, 70, 210], pitch_hz: 320 },
    Person { name: "dora", colour: [210, 190, 40], pitch_hz: 420 },
    Person { name: "emil", colour: [180, 50, 190], pitch_hz: 180 },
    Person { name: "fatima", colour: [40, 190, 200], pitch_hz: 540 },
    Person { name: "goro", colour: [120, 120, 120], pitch_hz: 660 },
    Person { name: "hana", colour: [30, 30, 30], pitch_hz: 820 },
];

/// Size and rate of a video clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// Seconds.
    pub seconds: u32,
}

impl Shape {
    /// 640 × 360 at 15 frames a second, 8 seconds.
    pub const VGA: Self = Self { width: 640, height: 360, fps: 15, seconds: 8 };
    /// 160 × 90 at 10 frames a second, 4 seconds: cheap enough for fifty.
    pub const TINY: Self = Self { width: 160, height: 90, fps: 10, seconds: 4 };
}

/// A person's picture: VP8 in IVF, with a keyframe each second.
///
/// # Errors
/// ffmpeg is missing or fails.
pub fn video(person: Person, shape: Shape) -> Result<PathBuf, ClipError> {
    let Shape { width, height, fps, seconds } = shape;
    let file = format!("{}-busy-{width}x{height}-{fps}-{seconds}s.ivf", person.name);
    made(&file, |out| {
        let [red, green, blue] = person.colour;
        let block = height / 4;
        let graph = format!(
            "color=c=0x{red:02x}{green:02x}{blue:02x}:s={width}x{height}:r={fps}:d={seconds}[back];\
             testsrc2=s={}x{}:r={fps}:d={seconds}[busy];\
             color=c=white:s={block}x{block}:r={fps}:d={seconds}[block];\
             [back][busy]overlay=x={}:y={}[scene];[scene][block]overlay=\
             x='{}+mod(t*{}\\,{})':y='{}+{}*sin(t*3)',format=yuv420p",
            width / 2,
            height / 2,
            width / 4,
            height / 4,
            width / 4,
            width / 4,
            width / 2,
            height * 3 / 8,
            height / 8,
        );
        run(ffmpeg().args(["-filter_complex", &graph]).args(vp8(fps)).arg(out))
    })
}

/// A person's voice: Opus in Ogg, 20 ms packets, as long as asked for.
///
/// # Errors
/// ffmpeg is missing or fails.
pub fn voice(person: Person, seconds: u32) -> Result<PathBuf, ClipError> {
    made(&format!("{}-{seconds}s.ogg", person.name), |out| {
        let f = person.pitch_hz;
        let tone = format!(
            "aevalsrc='(0.25+0.15*sin(2*PI*3*t))*(sin(2*PI*{f}*t)+0.5*sin(4*PI*{f}*t)\
             +0.3*sin(6*PI*{f}*t))':s=48000:d={seconds}"
        );
        run(ffmpeg().args(["-f", "lavfi", "-i", &tone]).args(OPUS).arg(out))
    })
}

/// Length of the clips of [`flash_and_beep`]. The sound is one packet longer: cut it.
pub const FLASH_AND_BEEP: Duration = Duration::from_secs(10);

/// Pictures and sound of a clip in which, each second, a white flash and a 1 kHz beep of 100 ms
/// begin at exactly the same time. The first begins at 0.5 s.
///
/// # Errors
/// ffmpeg is missing or fails.
pub fn flash_and_beep(fps: u32) -> Result<(PathBuf, PathBuf), ClipError> {
    let seconds = FLASH_AND_BEEP.as_secs();
    let picture = made(&format!("flash-{fps}.ivf"), |out| {
        let graph = format!(
            "color=c=black:s=320x180:r={fps}:d={seconds}[dark];\
             color=c=white:s=320x180:r={fps}:d={seconds}[bright];\
             [dark][bright]overlay=enable='between(mod(t\\,1)\\,0.499\\,0.599)',format=yuv420p"
        );
        run(ffmpeg().args(["-filter_complex", &graph]).args(vp8(fps / 3)).arg(out))
    })?;
    let sound = made("beep.ogg", |out| {
        // Opus comes out of a decoder 312 samples (6.5 ms) late: the look-ahead that Ogg calls
        // pre-skip (RFC 7845 section 4.2). RTP knows no pre-skip, so the beep goes in early.
        let tone = format!(
            "aevalsrc='0.6*sin(2*PI*1000*t)*between(mod(t+0.0065\\,1)\\,0.5\\,0.6)':\
             s=48000:d={seconds}"
        );
        run(ffmpeg().args(["-f", "lavfi", "-i", &tone]).args(OPUS).arg(out))
    })?;
    Ok((picture, sound))
}

/// A recording of nobody: a voice model after 400 ms, face models after 200 and 1,000, and `blocks`
/// blocks of meaningless payloads. The face is refused in blocks 10 to 19 where there are as many:
/// amber before that, red until three blocks behind it.
pub fn recording(name: &str, blocks: usize) -> Recording {
    let [voice, face] = [Voice::default().version(), Face::default().version()];
    let model = |source: Source, epoch, at_ms, len| {
        let body = vec![at_ms as u8; len];
        let container = Container {
            plugin: Recording::plugin_of(source),
            plugin_version: if source == Source::Camera { face } else { voice },
            epoch: Epoch(epoch),
            created_at_ms: 1,
            body: &body,
        };
        let (container, _) = container.write().expect("a short body");
        RecordedModel { source, epoch, at_ms, container: Bytes(container) }
    };
    let block = |at: usize| Block {
        at_ms: at as u64 * BLOCK_MS,
        voice: Some(Bytes(vec![at as u8; 20])),
        voice_gate: GateState::Green,
        face: (!(10..20).contains(&at)).then(|| Bytes(vec![at as u8; 40])),
        face_gate: match at {
            9 => GateState::Amber,
            10..22 => GateState::Red,
            _ => GateState::Green,
        },
        talking: true,
    };
    let models = vec![
        model(Source::Microphone, 1, 400, 300),
        model(Source::Camera, 1, 200, 500),
        model(Source::Camera, 2, 1_000, 900),
    ];
    Recording { name: name.into(), models, blocks: (0..blocks).map(block).collect() }
}

/// A clip of any format as a camera of 360 lines sends it: VP8 in IVF at 500 kbit/s, with a keyframe
/// each second. `fps`: its own pictures a second.
///
/// # Errors
/// ffmpeg is missing or fails.
pub fn raw_picture(clip: &Path, fps: u32, to: &Path) -> Result<(), ClipError> {
    let scaled = ["-an", "-vf", "scale=-2:360,format=yuv420p"];
    run(ffmpeg().arg("-i").arg(clip).args(scaled).args(vp8(fps)).arg(to))
}

/// Speech of any format as a microphone sends it: Opus in Ogg at 24 kbit/s, 20 ms a packet.
///
/// # Errors
/// ffmpeg is missing or fails.
pub fn raw_voice(speech: &Path, to: &Path) -> Result<(), ClipError> {
    let rate = ["-vn", "-ar", "48000"];
    run(ffmpeg().arg("-i").arg(speech).args(rate).args(OPUS).args(["-b:a", "24k"]).arg(to))
}

/// The folder of made clips: `$SOTTO_MEDIA_CACHE`, or `sotto-media` beside the build.
///
/// # Errors
/// The folder cannot be made.
pub fn cache() -> Result<PathBuf, ClipError> {
    let folder = match std::env::var_os("SOTTO_MEDIA_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let program = std::env::current_exe()?;
            let beside = program.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
            beside.unwrap_or(Path::new(".")).join("sotto-media")
        }
    };
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

const OPUS: [&str; 10] =
    ["-c:a", "libopus", "-b:a", "32k", "-ac", "1", "-frame_duration", "20", "-application", "voip"];

/// VP8 as a live encoder makes it, with a keyframe each `interval` frames.
fn vp8(interval: u32) -> Vec<String> {
    let interval = interval.max(1).to_string();
    let options = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k"];
    let more = ["-auto-alt-ref", "0", "-lag-in-frames", "0", "-error-resilient", "1"];
    let keys = ["-g", &interval, "-keyint_min", &interval, "-f", "ivf"];
    options.iter().chain(&more).chain(&keys).map(ToString::to_string).collect()
}

/// The file in the cache, made if it is not there. Two processes may make it at once: each writes
/// a file of its own, and the last rename wins.
fn made(
    file: &str,
    make: impl FnOnce(&Path) -> Result<(), ClipError>,
) -> Result<PathBuf, ClipError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let folder = cache()?;
    let path = folder.join(file);
    if !path.exists() {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let draft = folder.join(format!("{}-{count}-{file}", std::process::id()));
        make(&draft)?;
        std::fs::rename(&draft, &path)?;
    }
    Ok(path)
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-y", "-hide_banner", "-loglevel", "error", "-nostdin"]);
    command
}

fn run(command: &mut Command) -> Result<(), ClipError> {
    let output = command.output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(ClipError::Ffmpeg(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Clip, Ear};

    #[test]
    fn a_made_picture_has_a_keyframe_each_second() {
        let clip = Clip::video(&video(CAST[0], Shape::TINY).unwrap()).unwrap();
        assert_eq!(clip.frames.len(), 40);
        let keys: Vec<_> =
            clip.frames.iter().filter(|frame| frame.keyframe).map(|frame| frame.at).collect();
        assert_eq!(keys, [0, 90_000, 180_000, 270_000]);
        assert!((clip.frame_rate() - 10.0).abs() < 0.01);
    }

    #[test]
    fn a_made_voice_has_its_pitch() {
        for person in &CAST[..3] {
            let clip = Clip::audio(&voice(*person, 4).unwrap()).unwrap();
            let mut ear = Ear::new().unwrap();
            for frame in clip.frames.iter() {
                ear.packet(&frame.data).unwrap();
            }
            let heard = ear.heard().unwrap();
            let pitch = f64::from(person.pitch_hz);
            assert!((heard.frequency_hz - pitch).abs() <= 8.0, "{person:?} {heard:?}");
        }
    }
}
