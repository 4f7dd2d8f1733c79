//! A person whose voice and face tell the time: a tone whose pitch rises with time, and a bar that
//! moves with time. Whoever hears or sees it can say of which moment it is. The same that pages of
//! browser tests publish (`tests/browser/page/timeteller.js`), but for the colour behind the bar,
//! which tells one person from another.

use std::f64::consts::TAU;

use sotto_codec::{
    Encoder, FRAME_MS, FRAME_SAMPLES, Model, Picture, PictureEncoder, Pixels, Plugin, SOUND_RATE,
    Sound, SoundEncoder,
    testing::{Bar, Tone},
};
use sotto_core::signal::Source;
use sotto_frame::Activity;

/// Pitch at the beginning of a turn in Hz, Hz per second, seconds of a turn.
const PITCH: (f64, f64, f64) = (300.0, 25.0, 8.0);
/// How loud, of 1.
const AMPLITUDE: f64 = 0.4;
/// Where the bar begins and ends a turn, in parts of the width, and seconds of a turn.
const PLACE: (f64, f64, f64) = (0.12, 0.88, 4.0);
/// In per mille of the width.
const BAR_WIDTH: u16 = 80;
const BAR_COLOUR: [u8; 3] = [240, 240, 240];
/// Pictures of a payload: 25 a second.
const OFFSETS: [u8; 2] = [0, 40];
const SIZE: (u32, u32) = (160, 90);

/// Colours behind the bar, far from it and from each other.
const BACKGROUNDS: [[u8; 3]; 9] = [
    [20, 120, 40],
    [20, 40, 140],
    [140, 30, 30],
    [20, 110, 120],
    [110, 20, 110],
    [120, 90, 10],
    [70, 70, 70],
    [60, 20, 150],
    [150, 60, 10],
];

/// The colour behind the bar of the person of that number.
pub const fn background(number: u32) -> [u8; 3] {
    BACKGROUNDS[number as usize % BACKGROUNDS.len()]
}

/// Makes payloads of one source of such a person.
pub enum Teller {
    /// Its voice.
    Voice {
        /// Of the codec.
        encoder: Box<dyn SoundEncoder>,
        /// Of the next sample, in turns.
        phase: f64,
    },
    /// Its face.
    Face {
        /// Of the codec.
        encoder: Box<dyn PictureEncoder>,
        /// Behind the bar.
        background: [u8; 3],
    },
}

impl Teller {
    /// Duration of one payload, in milliseconds.
    pub const PAYLOAD_MS: u32 = FRAME_MS;

    /// The body of the model of one source of the person of that number.
    pub fn body(source: Source, number: u32) -> Vec<u8> {
        let (base, slope, turn) = PITCH;
        if source == Source::Microphone {
            // One record: pitch in mHz, amplitude.
            let millihertz = ((base + slope * turn / 2.0) * 1e3) as u32;
            let amplitude = (AMPLITUDE * f64::from(u16::MAX)) as u16;
            return [&millihertz.to_be_bytes()[..], &amplitude.to_be_bytes()].concat();
        }
        // One record: background, bar, width.
        [&background(number)[..], &BAR_COLOUR, &BAR_WIDTH.to_be_bytes()].concat()
    }

    /// An encoder with that model.
    pub fn new(source: Source, number: u32) -> Self {
        let plugin: &dyn Plugin = if source == Source::Microphone { &Tone } else { &Bar };
        let model: Box<dyn Model> =
            plugin.model(&Self::body(source, number)).expect("a body of ours is a model");
        match model.encoder() {
            Encoder::Sound(encoder) => Self::Voice { encoder, phase: 0.0 },
            Encoder::Picture(encoder) => Self::Face { encoder, background: background(number) },
        }
    }

    /// The payload of the 80 ms that begin then, in milliseconds since 1970, and how loud it is.
    pub fn payload(&mut self, wall_ms: u64) -> (Vec<u8>, Option<Activity>) {
        let mut out = Vec::new();
        match self {
            Self::Voice { encoder, phase } => {
                let samples = samples(wall_ms as f64 / 1e3, phase);
                encoder.push(&Sound::new(&samples)).expect("the samples of one payload");
                let activity = encoder.flush(&mut out).expect("they were pushed");
                (out, Some(activity))
            }
            Self::Face { encoder, background } => {
                for offset in OFFSETS {
                    let at = (wall_ms + u64::from(offset)) as f64 / 1e3;
                    let pixels = pixels(at, *background);
                    let picture = Picture::new(SIZE.0, SIZE.1, Pixels::Rgba(&pixels))
                        .expect("as many pixels as its size says");
                    encoder.push(&picture, offset).expect("offsets that grow");
                }
                encoder.flush(&mut out).expect("pictures were pushed");
                (out, None)
            }
        }
    }
}

fn samples(from: f64, phase: &mut f64) -> [f32; FRAME_SAMPLES] {
    let (base, slope, turn) = PITCH;
    let rate = f64::from(SOUND_RATE);
    std::array::from_fn(|sample| {
        let at = from + sample as f64 / rate;
        let value = AMPLITUDE * (TAU * *phase).cos();
        *phase = (*phase + (base + slope * at.rem_euclid(turn)) / rate).rem_euclid(1.0);
        value as f32
    })
}

/// The middle of the bar at that time, in seconds, in parts of the width.
fn place(at: f64) -> f64 {
    let (from, to, turn) = PLACE;
    from + (to - from) * at.rem_euclid(turn) / turn
}

fn pixels(at: f64, background: [u8; 3]) -> Vec<u8> {
    let (width, height) = SIZE;
    let (middle, half) = (place(at), f64::from(BAR_WIDTH) / 2_000.0);
    let row: Vec<u8> = (0..width)
        .flat_map(|x| {
            let inside = ((f64::from(x) + 0.5) / f64::from(width) - middle).abs() <= half;
            let [red, green, blue] = if inside { BAR_COLOUR } else { background };
            [red, green, blue, u8::MAX]
        })
        .collect();
    row.repeat(height as usize)
}

#[cfg(test)]
mod tests {
    use sotto_codec::{Decoder, testing::bar};

    use super::*;

    #[test]
    fn a_face_shows_where_the_bar_is_at_its_time_and_a_stranger_cannot_decode_it() {
        let mut face = Teller::new(Source::Camera, 3);
        for wall_ms in [0, 1_000, 3_900] {
            let (payload, activity) = face.payload(wall_ms);
            let read = bar::Payload::read(&payload).unwrap();
            assert_eq!((payload.len(), activity), (12, None));
            for (frame, offset) in read.frames.iter().zip(OFFSETS) {
                let expected = place((wall_ms + u64::from(offset)) as f64 / 1e3) * 1e3;
                assert_eq!(frame.offset_ms, offset);
                assert!((f64::from(frame.position) - expected).abs() < 5.0, "{frame:?}");
            }
        }
        let payload = face.payload(0).0;
        let decodes = |number| {
            let model = Bar.model(&Teller::body(Source::Camera, number)).unwrap();
            let Decoder::Picture(mut decoder) = model.decoder() else { panic!("pictures") };
            decoder.decode(&payload, &mut Vec::new()).is_ok()
        };
        assert!(decodes(3) && !decodes(4));
    }

    #[test]
    fn a_voice_is_a_tone_without_a_break_whose_pitch_is_that_of_its_time() {
        let mut voice = Teller::new(Source::Microphone, 0);
        let model = Tone.model(&Teller::body(Source::Microphone, 0)).unwrap();
        let Decoder::Sound(mut decoder) = model.decoder() else { panic!("sound") };
        let mut heard = Vec::new();
        for wall_ms in (2_000..2_800).step_by(80) {
            let (payload, activity) = voice.payload(wall_ms);
            assert!(activity.unwrap().talking);
            let mut out = [0.0; FRAME_SAMPLES];
            decoder.decode(&payload, &mut out).unwrap();
            heard.extend(out);
        }
        let rises = heard.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        // 300 Hz, and 25 more each second: 360 Hz in the middle of these 0.8 s.
        assert!((rises as f64 / 0.8 - 360.0).abs() < 3.0, "{rises}");
    }
}
