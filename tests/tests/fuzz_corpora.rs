//! Replays the committed corpora of the fuzz targets, with small deterministic mutations.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use sotto_tests::fuzz::TARGETS;

#[test]
fn no_parser_panics_on_its_corpus_or_near_it() {
    for target in TARGETS {
        let corpus = corpus(target.name);
        assert!(!corpus.is_empty(), "no corpus for {}", target.name);
        for (name, bytes) in &corpus {
            (target.run)(bytes);
            for seed in 0..target.mutations {
                (target.run)(&mutate(bytes, seed ^ name.len() as u64));
            }
        }
    }
}

#[test]
fn every_corpus_belongs_to_a_target() {
    for entry in fs::read_dir(corpus_root()).expect("the corpora are part of the project") {
        let entry = entry.expect("a readable folder");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        assert!(TARGETS.iter().any(|target| target.name == name), "corpus {name} has no target");
    }
}

#[test]
fn every_target_can_be_explored() {
    for target in TARGETS {
        let file = corpus_root().join("../fuzz_targets").join(format!("{}.rs", target.name));
        let source = fs::read_to_string(&file).expect("a fuzz target for each parser");
        assert!(source.contains("fuzz_target!"), "{} explores nothing", target.name);
    }
}

fn corpus_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(corpus_root().join(target))
        .unwrap_or_else(|error| panic!("corpus of {target}: {error}"))
        .map(|entry| {
            let entry = entry.expect("a readable folder");
            let name = entry.file_name().into_string().expect("a name in UTF-8");
            (name, fs::read(entry.path()).expect("a readable file"))
        })
        .collect();
    files.sort();
    files
}

/// A few bytes flipped, cut, doubled or moved, the same for the same seed.
fn mutate(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |below: usize| {
        // xorshift64* (Vigna 2016): even enough for choosing bytes.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    };
    let mut out = bytes.to_vec();
    for _ in 0..=random(4) {
        let at = random(out.len());
        match random(6) {
            0 if !out.is_empty() => out[at] ^= 1 << random(8),
            1 if !out.is_empty() => out[at] = [0, 0xff, 0x7f, 0x80][random(4)],
            2 => out.truncate(at),
            3 if !out.is_empty() => drop(out.remove(at)),
            4 => out.insert(at, random(256) as u8),
            _ => {
                let end = at + random(out.len() - at.min(out.len()));
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
        }
    }
    out
}
