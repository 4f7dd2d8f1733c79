use sotto_codec::{
    Decoder, EncodeError, Encoder, FRAME_SAMPLES, Fidelity, FrameError, Gate, MediaError, Model,
    Raw, Sound, SoundDecoder, SoundEncoder, Verdict,
};
use sotto_frame::Activity as Level;

use super::{
    super::{
        activity::Activity,
        coded::{Judged, code},
        gate::Windows,
        loss::{decode_with_losses, random_losses},
        switching::switching_figures,
    },
    tone,
};

/// A model whose payload is its number, and the number before it. It decodes to that many
/// thousandths; what is concealed is -1.
struct Numbers;

struct NumbersCoder {
    pushed: usize,
    number: u8,
}

impl Model for Numbers {
    fn encoder(&self) -> Encoder {
        Encoder::Sound(Box::new(NumbersCoder { pushed: 0, number: 0 }))
    }

    fn decoder(&self) -> Decoder {
        Decoder::Sound(Box::new(NumbersCoder { pushed: 0, number: 0 }))
    }

    fn gate(&self) -> Box<dyn Gate> {
        Box::new(NumbersCoder { pushed: 0, number: 0 })
    }
}

impl SoundEncoder for NumbersCoder {
    fn push(&mut self, sound: &Sound<'_>) -> Result<(), MediaError> {
        self.pushed += sound.samples.len();
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<Level, EncodeError> {
        if self.pushed != FRAME_SAMPLES {
            return Err(EncodeError::TooLittle);
        }
        self.pushed = 0;
        out.extend_from_slice(&[self.number, self.number.wrapping_sub(1)]);
        self.number += 1;
        Ok(Level { level: 0, talking: true })
    }
}

impl SoundDecoder for NumbersCoder {
    fn decode(&mut self, payload: &[u8], out: &mut [f32; FRAME_SAMPLES]) -> Result<(), FrameError> {
        out.fill(f32::from(*payload.first().ok_or(FrameError::Malformed)?) / 1000.0);
        Ok(())
    }

    fn decode_before(
        &mut self,
        payload: &[u8],
        out: &mut [f32; FRAME_SAMPLES],
    ) -> Result<bool, FrameError> {
        self.decode(&payload[1..], out)?;
        Ok(true)
    }

    fn conceal(&mut self, out: &mut [f32]) {
        out.fill(-1.0);
    }

    fn prime(&mut self, _before: &[f32]) {}
}

impl Gate for NumbersCoder {
    /// Green, amber and red in turn.
    fn observe(&mut self, _: &Raw<'_>, _: &Raw<'_>) -> Result<Fidelity, MediaError> {
        self.number += 1;
        let verdict = [Verdict::Green, Verdict::Amber, Verdict::Red][usize::from(self.number % 3)];
        Ok(Fidelity { verdict, scores: Vec::new(), passing: false })
    }
}

/// The number that every frame of a sound was decoded from.
fn numbers(sound: &[f32]) -> Vec<i32> {
    sound.chunks(FRAME_SAMPLES).map(|frame| (frame[0] * 1000.0).round() as i32).collect()
}

#[test]
fn all_of_a_sound_is_coded_and_its_delay_taken_off() {
    let source = vec![0.0; 3 * FRAME_SAMPLES + 1];
    let coded = code(&Numbers, &source, 0, |_| false).unwrap();
    assert_eq!(numbers(&coded.sound), [0, 1, 2, 3]);
    assert_eq!((coded.payloads.len(), coded.sound.len()), (4, source.len()));
    let late = code(&Numbers, &source, FRAME_SAMPLES, |_| false).unwrap();
    assert_eq!(numbers(&late.sound), [1, 2, 3, 4]);
    assert_eq!(late.sound.len(), source.len());
    assert!(late.encoding >= late.decoding);
}

#[test]
fn a_lost_packet_is_found_in_the_next_one_or_else_concealed() {
    let payloads: Vec<_> = (0..6_u8).map(|at| vec![at, at.wrapping_sub(1)]).collect();
    let lost = [false, true, false, true, true, false];
    let sound = decode_with_losses(&Numbers, &payloads, &lost, 0, 6 * FRAME_SAMPLES).unwrap();
    assert_eq!(numbers(&sound), [0, 1, 2, -1000, 4, 5]);
    let last = decode_with_losses(&Numbers, &payloads, &[true; 6], 0, FRAME_SAMPLES).unwrap();
    assert_eq!(numbers(&last), [-1000]);
}

#[test]
fn losses_are_as_frequent_as_asked_for_and_the_same_for_the_same_seed() {
    let lost = random_losses(10_000, 0.1, 7);
    let count = lost.iter().filter(|&&lost| lost).count();
    assert!((900..1100).contains(&count), "{count}");
    assert_eq!(lost, random_losses(10_000, 0.1, 7));
    assert_ne!(lost, random_losses(10_000, 0.1, 8));
}

#[test]
fn a_window_is_what_the_gate_says_at_its_end_and_the_first_is_not_counted() {
    // 80 ms each: the second window ends with the 25th, the third with the 37th of them.
    let [green, held] = [false, true].map(|held| Judged { now: false, held });
    let red = Judged { now: true, held: true };
    let mut judged = [green; 38];
    judged[..13].fill(red);
    assert_eq!(Windows::of(&judged, |_| true), Windows { red: 0, held: 0, all: 2 });
    judged[24] = red;
    judged[36] = held;
    assert_eq!(Windows::of(&judged, |_| true), Windows { red: 1, held: 2, all: 2 });
    assert_eq!(Windows::of(&judged, |window| window.start == 16_000).share(), Some(1.0));
    assert_eq!(Windows::of(&judged, |_| true).held_share(), Some(1.0));
    assert_eq!(Windows::of(&judged, |_| false).share(), None);
    assert_eq!(Windows::of(&[], |_| true).share(), None);
}

#[test]
fn a_click_at_a_change_is_seen() {
    let source = tone(200.0, 4.0);
    let activity = Activity::of(&source);
    let payloads: Vec<_> = (0..50_u8).map(|at| vec![at, 0]).collect();
    let figures = switching_figures(&Numbers, &source, &payloads, 0, &activity).unwrap().unwrap();
    assert!(figures.changes >= 7, "{figures:?}");
    // Steps of this tone are a hundredth of full scale at most; a change lands anywhere.
    assert!(figures.step_ratio_worst > 2.0 && figures.splash_db_worst > 10.0, "{figures:?}");
    let silent = Activity::of(&[]);
    assert_eq!(switching_figures(&Numbers, &source, &payloads, 0, &silent).unwrap(), None);
}
