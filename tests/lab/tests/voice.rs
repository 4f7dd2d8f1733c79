//! The harness for voice plug-ins, with the voice of the tests: a tone.

use std::f32::consts::TAU;

use clap::Parser;
use sotto_codec::{Plugin, SOUND_RATE, testing::Tone};
use sotto_lab::{
    Rng,
    sound::{self, Clip},
    voice::{Arguments, Report, Set, Subject, report},
};

struct Tones;

impl Subject for Tones {
    fn plugin(&self, _step: f32, _redundancy: bool) -> Box<dyn Plugin> {
        Box::new(Tone)
    }

    fn delay(&self) -> usize {
        0
    }

    fn steps(&self) -> Vec<f32> {
        vec![0.5]
    }

    fn gate_frozen_in(&self) -> Option<&str> {
        Some("0123456")
    }
}

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    voice: Arguments,
}

fn arguments(more: &[&str]) -> Arguments {
    let given = ["sotto-lab", "--speech", ".", "--train-seconds", "3", "--test-seconds", "5"];
    CommandLine::parse_from(given.iter().chain(more)).voice
}

fn tone(name: &str, hertz: f32, seconds: usize) -> Clip {
    let len = seconds * SOUND_RATE as usize;
    let sample = |at: usize| 0.2 * (TAU * hertz * at as f32 / SOUND_RATE as f32).sin();
    Clip { name: name.into(), samples: (0..len).map(sample).collect() }
}

fn hiss(name: &str, seconds: usize) -> Clip {
    let mut rng = Rng::new(5);
    let len = seconds * SOUND_RATE as usize;
    Clip { name: name.into(), samples: (0..len).map(|_| rng.unit() as f32 - 0.5).collect() }
}

fn measure(set: &Set, arguments: &Arguments) -> Report {
    report(&Tones, set, arguments, None, |_| ()).expect("a tone can be measured")
}

#[test]
fn a_tone_is_measured_as_what_it_is() {
    let arguments = arguments(&["--same", "ada"]);
    let clips = vec![
        tone("ada-1", 200.0, 9),
        tone("ada-2", 210.0, 9),
        tone("bob", 330.0, 9),
        tone("short", 330.0, 4),
        hiss("hoarse", 9),
    ];
    let mut set = Set::of_speech(clips, &arguments);
    set.music = vec![hiss("band", 4)];
    set.noise = vec![hiss("fan", 2)];
    let report = measure(&set, &arguments);

    let names: Vec<_> = report.speakers.iter().map(|speaker| &*speaker.name).collect();
    assert_eq!(names, ["ada-1", "ada-2", "bob"]);
    let left_out: Vec<_> = report.left_out.iter().map(|left_out| &*left_out.name).collect();
    assert_eq!(left_out, ["short", "hoarse"]);
    for speaker in &report.speakers {
        let figures = &speaker.figures;
        let near = |value: f64, wanted: f64| (value / wanted - 1.0).abs() < 1e-9;
        // 10 bytes each 80 ms.
        assert!(near(figures.payload_bps, 1000.0) && near(figures.wire_bps, 6600.0), "{figures:?}");
        assert!((35e3..50e3).contains(&figures.opus24_wire_bps), "{figures:?}");
        assert_eq!(figures.opus.len(), 8);
        assert!(figures.quality.mel_cepstral_distance_db < Some(2.0), "{figures:?}");
        assert_eq!(figures.quality.scores.pesq, None);
        assert!(
            figures.learn_s > Some(0.0) && figures.encode_rtf > figures.decode_rtf,
            "{figures:?}"
        );
        assert!(figures.model_bytes > Some(100) && figures.epochs >= Some(2), "{figures:?}");
        assert_eq!(figures.gate.false_alarm, Some(0.0));
        assert_eq!(figures.gate.music, Some(1.0));
        assert_eq!(figures.gate.noise["fan"]["0db"], Some(1.0));
        assert_eq!(figures.gate.noise["fan"]["20db"], Some(0.0));
        assert_eq!(figures.gate.overlap, Some(1.0), "two tones are not one");
        let switching = figures.switching.unwrap();
        assert!(switching.changes > 5 && switching.step_ratio_worst < 1.5, "{switching:?}");
        assert!(!speaker.wideband, "there is nothing above 4 kHz in a tone");
    }
}

#[test]
fn the_object_has_the_figures_that_are_asked_for() {
    let arguments = arguments(&[]);
    let mut voice = tone("ada", 200.0, 9);
    for (sample, hiss) in voice.samples.iter_mut().zip(hiss("", 9).samples) {
        *sample += 0.03 * hiss;
    }
    let report = measure(&Set::of_speech(vec![voice], &arguments), &arguments);
    let object: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    for key in [
        "/speakers/0/name",
        "/payload_bps",
        "/wire_bps",
        "/opus24_wire_bps",
        "/pesq",
        "/estoi",
        "/similarity",
        "/own_vs_generic_pct",
        "/wrong_vs_own_pct",
        "/learn_s",
        "/encode_rtf",
        "/decode_rtf",
        "/model_bytes",
        "/gate/false_alarm",
        "/gate/music",
        "/gate/noise10db",
        "/gate/overlap",
        "/loss10_estoi_drop",
        "/speakers/0/gate/noise/pink/10db",
        "/speakers/0/opus/opus24@20/wire_bps",
        "/ceiling/mel_cepstral_distance_db",
    ] {
        assert!(object.pointer(key).is_some(), "{key}");
    }
    assert_eq!(object["settings"]["gate_frozen_in"], "0123456");
    assert_eq!(object["wire_bps"], 6600.0);
    let table = report.to_table();
    assert!(table.contains("ada") && table.contains("opus24@20"), "{table}");
}

#[test]
fn the_folders_that_are_named_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, clip: &Clip| sound::write(&folder.path().join(name), &clip.samples);
    write("ada.wav", &tone("ada", 200.0, 9)).unwrap();
    write("bob.wav", &tone("bob", 300.0, 9)).unwrap();
    std::fs::write(folder.path().join("two.rttm"), "SPEAKER bob 1 0 1 <NA> <NA> b\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let mut arguments = arguments(&["--speakers", "ada", "--music", path, "--overlap", path]);
    arguments.speech = folder.path().to_owned();
    let set = Set::read(&arguments).unwrap();
    assert_eq!(set.speakers.len(), 1);
    assert_eq!(set.speakers[0].training.len(), 3 * SOUND_RATE as usize);
    assert_eq!((set.music.len(), set.noise.len()), (2, 0));
    assert_eq!(set.overlap[0].overlaps, None);
    assert_eq!(set.overlap[1].overlaps, Some(Vec::new()));
    arguments.noise = Some(folder.path().join("none"));
    assert!(Set::read(&arguments).is_err());
}
