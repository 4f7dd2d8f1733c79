use proptest::prelude::*;
use sotto_frame::ModelHash;

use super::{ExtensionWeights, Weights, WeightsError};

/// Of the files that `tools/extract-voice-weights.mjs` writes, and of the tuned one.
const LIBOPUS: &str = "c9fa1dce289e3f30689f795754895b3bc114de0bbd1c229523b82fb407de9148";
const TUNED: &str = "0ddecda78a31dfb46666f1643b3a44cf2ac7d8ce9c8156f97e7efa6a50d1b6c0";
const EXTENSION: &str = "be71cb19ef9bae06e358da7edc8947d768c18c193642a3cb463093fa13acf930";
/// Length of a head.
const HEAD: usize = 64;

fn file() -> Vec<u8> {
    Weights::embedded_bytes().to_vec()
}

fn check(file: &[u8]) -> Result<(), WeightsError> {
    Weights::parse(file).map(|_| ())
}

fn check_extension(file: &[u8]) -> Result<(), WeightsError> {
    ExtensionWeights::parse(file).map(|_| ())
}

/// The file with bytes of the first array's head replaced.
fn with_head(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn the_files_are_what_their_provenance_says() {
    assert_eq!(ModelHash::of(super::LPCNET).to_string(), LIBOPUS);
    assert_eq!(check(super::LPCNET), Ok(()));
    assert_eq!(ModelHash::of(Weights::embedded_bytes()).to_string(), TUNED);
    assert_eq!(check(&file()), Ok(()));
    let extension = ExtensionWeights::embedded_bytes();
    assert_eq!(ModelHash::of(extension).to_string(), EXTENSION);
    assert_eq!(check_extension(extension), Ok(()));
}

#[test]
fn what_is_not_a_file_of_weights_is_refused_by_reason() {
    const LAYER: &str = "dense_if_upsampler_1";
    assert_eq!(check(&[]), Err(WeightsError::Missing("conv2d_1")));
    assert_eq!(check(b"DNNw"), Err(WeightsError::Malformed));
    assert_eq!(check(&vec![0; Weights::MAX_LEN]), Err(WeightsError::Malformed));
    assert_eq!(check(&vec![0; Weights::MAX_LEN + 1]), Err(WeightsError::TooLong));
    assert_eq!(check(&[file(), vec![1]].concat()), Err(WeightsError::Malformed));
    assert_eq!(check(&with_head(0, b"X")), Err(WeightsError::Malformed));
    assert_eq!(check(&with_head(4, &[1])), Err(WeightsError::Malformed), "another version");
    assert_eq!(
        check(&with_head(12, &[0xFF; 4])),
        Err(WeightsError::Malformed),
        "longer than it is"
    );
    assert_eq!(check(&with_head(16, &[0xFF; 4])), Err(WeightsError::Malformed), "longer than all");
    assert_eq!(check(&with_head(8, &[0])), Err(WeightsError::Shape(LAYER)), "another type");
    assert_eq!(check(&with_head(13, &[0x15])), Err(WeightsError::Shape(LAYER)), "shorter");
    assert_eq!(check(&with_head(20, b"x")), Err(WeightsError::Missing(LAYER)));
    assert_eq!(check(&with_head(HEAD, &[0x80])), Err(WeightsError::Range(LAYER)), "-128");
}

#[test]
fn what_is_not_a_file_of_weights_of_the_extension_is_refused_by_reason() {
    let file = ExtensionWeights::embedded_bytes();
    assert_eq!(check_extension(&[]), Err(WeightsError::Missing("bbwenet_fnet_conv1")));
    assert_eq!(check_extension(&vec![0; Weights::MAX_LEN + 1]), Err(WeightsError::TooLong));
    assert_eq!(check_extension(&self::file()), Err(WeightsError::Missing("bbwenet_fnet_conv1")));
    for len in (0..file.len()).step_by(4_999) {
        assert!(check_extension(&file[..len]).is_err(), "{len}");
    }
    let mut other = file.to_vec();
    other[HEAD..HEAD + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert_eq!(check_extension(&other), Err(WeightsError::Range("bbwenet_fnet_conv1")));
    other[20] = b'x';
    assert_eq!(check_extension(&other), Err(WeightsError::Missing("bbwenet_fnet_conv1")));
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    let mut file = file();
    let name = b"dense_if_upsampler_1_bias\0";
    let at = file.windows(name.len()).position(|bytes| bytes == name).expect("it is there");
    file[at - 20 + HEAD..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(check(&file), Err(WeightsError::Range("dense_if_upsampler_1")));
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let file = file();
    for len in (0..file.len()).step_by(4_999) {
        assert!(check(&file[..len]).is_err(), "{len}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = check(&bytes);
        let _ = check(&[&b"DNNw\0\0\0\0"[..], &bytes].concat());
        let _ = check_extension(&bytes);
    }

    #[test]
    fn no_change_makes_it_panic(changes in proptest::collection::vec(any::<(usize, u8)>(), 1..20)) {
        let mut file = file();
        let heads: Vec<usize> = (0..file.len() / 64).map(|at| at * 64)
            .filter(|&at| file[at..].starts_with(b"DNNw")).collect();
        for (at, byte) in changes {
            let head = heads[at % heads.len()];
            file[head + at / heads.len() % 64] = byte;
        }
        let _ = check(&file);
    }
}
