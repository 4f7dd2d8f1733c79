//! `sotto-lab`: experiments in virtual time, and what codecs make of voices and faces.
#![allow(clippy::print_stdout, reason = "printing its figures is what a lab is for")]

use std::{error::Error, fs, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use sotto_codec::EXTENDED_RATE;
use sotto_lab::{
    bandwidth::{self, PROFILES},
    face, gate_fit, recorder, sound, voice, voice_coder, voice_extension,
};

#[derive(Parser)]
#[command(about = "Experiments: the same seed gives the same figures, speeds excepted.")]
struct Arguments {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Subcommand)]
enum Experiment {
    /// The congestion controller over links whose capacity, queue, delay and loss are known.
    Bandwidth {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
        /// Only the profile of this name.
        #[arg(long)]
        profile: Option<String>,
        /// Seed of everything that is random.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Print what the sender did every 100 ms as CSV instead: needs a profile.
        #[arg(long, requires = "profile")]
        trace: bool,
    },
    /// Rate, quality, speed and gate of the voice plug-in, on any folder of speech.
    Voice(voice::Arguments),
    /// Rate, quality, speed and gate of the face plug-in, beside AV1, VP9 and VP8, on any clips.
    Face(face::Arguments),
    /// Records what a sender with the voice and the face plug-in makes of a clip and of speech, for
    /// `sotto-load models`.
    Record(recorder::Arguments),
    /// What is above 8 kHz in a voice that was coded and extended to 48 kHz, against the recording.
    VoiceExtension {
        /// Folder of recordings, WAV or FLAC, 48 kHz.
        #[arg(long)]
        speech: PathBuf,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Trains the prior of voices, and writes `prior.bin`.
    TrainVoicePrior {
        /// Folder of recordings, WAV or FLAC, 16 kHz, one of each speaker.
        #[arg(long)]
        speech: PathBuf,
        /// Folder to write it to.
        #[arg(long)]
        out: PathBuf,
    },
    /// Fits the gate of voices, and writes `fitted.bin`.
    FitVoiceGate {
        /// Folder of recordings of one speaker each.
        #[arg(long)]
        speech: PathBuf,
        /// Folder of music.
        #[arg(long)]
        music: PathBuf,
        /// Folder of noises.
        #[arg(long)]
        noise: PathBuf,
        /// Folder to write it to.
        #[arg(long)]
        out: PathBuf,
    },
    /// Writes features and samples of recordings, for `tests/lab/vocoder_finetune.py`.
    VoiceFeatures {
        /// Folder of recordings.
        #[arg(long)]
        speech: PathBuf,
        /// Folder to write them to.
        #[arg(long)]
        out: PathBuf,
    },
    /// Bits that the voice coder takes, with models of nobody, of the speaker, and of another.
    VoiceRate {
        /// Folder of recordings, WAV or FLAC, 16 kHz, one of each speaker.
        #[arg(long)]
        speech: PathBuf,
        /// Seconds of each that are learned from.
        #[arg(long, default_values_t = [30, 60])]
        train_seconds: Vec<usize>,
        /// Leave out files whose names begin with this.
        #[arg(long)]
        without: Vec<String>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().experiment) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(experiment: Experiment) -> Result<ExitCode, Box<dyn Error>> {
    match experiment {
        Experiment::Bandwidth { json, profile, seed, trace } => {
            return Ok(bandwidth(json, profile.as_deref(), seed, trace));
        }
        Experiment::Voice(arguments) => {
            let report = measure_voices(&arguments)?;
            println!("{}", if arguments.json { report.to_json() } else { report.to_table() });
        }
        Experiment::Face(arguments) => {
            let report = face::report(&face::FacePlugin, &arguments, |what| eprintln!("{what}"))?;
            println!("{}", if arguments.json { report.to_json() } else { report.to_table() });
        }
        Experiment::Record(arguments) => println!("{}", recorder::record(&arguments)?.to_text()),
        Experiment::VoiceExtension { speech, json } => {
            let recordings = sound::read_folder_at(&speech, EXTENDED_RATE)?;
            let report = voice_extension::report(&recordings)?;
            println!("{}", if json { report.to_json() } else { report.to_table() });
        }
        Experiment::TrainVoicePrior { speech, out } => {
            fs::write(
                out.join("prior.bin"),
                voice_coder::train_prior(&sound::read_folder(&speech)?),
            )?;
        }
        Experiment::FitVoiceGate { speech, music, noise, out } => {
            let [speech, music, noise] = [speech, music, noise].map(|of| sound::read_folder(&of));
            let fit = gate_fit::fit(&speech?, &music?, &noise?);
            fs::write(out.join("fitted.bin"), &fit.file)?;
            println!("{}", fit.to_table());
        }
        Experiment::VoiceFeatures { speech, out } => {
            voice_coder::dump_features(&sound::read_folder(&speech)?, &out)?;
        }
        Experiment::VoiceRate { speech, train_seconds, without, json } => {
            let mut recordings = sound::read_folder(&speech)?;
            recordings.retain(|of| !without.iter().any(|name| of.name.starts_with(name)));
            let rates = voice_coder::rates(&recordings, &train_seconds);
            println!("{}", if json { rates.to_json() } else { rates.to_table() });
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn measure_voices(arguments: &voice::Arguments) -> Result<voice::Report, Box<dyn Error>> {
    let set = voice::Set::read(arguments)?;
    let scorer = arguments.python.as_deref().map(voice::Scorer::new).transpose()?;
    if scorer.is_none() {
        eprintln!("no Python (--python, SOTTO_VOICE_PYTHON): no PESQ, ESTOI, similarity");
    }
    let told = |name: &str| eprintln!("measuring {name}");
    Ok(voice::report(&voice::VoicePlugin, &set, arguments, scorer.as_ref(), told)?)
}

fn bandwidth(json: bool, profile: Option<&str>, seed: u64, trace: bool) -> ExitCode {
    let chosen: Vec<_> =
        PROFILES.iter().filter(|known| profile.is_none_or(|name| name == known.name)).collect();
    if chosen.is_empty() {
        eprintln!("no such profile; there are:");
        for known in &PROFILES {
            eprintln!("  {:<14} {}", known.name, known.what);
        }
        return ExitCode::FAILURE;
    }
    if trace {
        println!("{}", bandwidth::trace(chosen[0], seed));
        return ExitCode::SUCCESS;
    }
    let report = bandwidth::report(&chosen, seed, profile.is_none());
    println!("{}", if json { report.to_json() } else { report.to_table() });
    ExitCode::SUCCESS
}
