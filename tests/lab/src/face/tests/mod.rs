//! The harness itself: what it makes of numbers and pictures that are known exactly.

mod coding;
mod losses;
mod pictures;
mod ratios;
mod states;

use std::path::Path;

use super::video::{Format, Video, VideoWriter};

/// 25 pictures a second, of 64 by 48 pixels.
const SMALL: Format = Format { width: 64, height: 48, pictures: 25, seconds: 1 };

/// A video of grey pictures, of the luma that is said for each.
fn grey(path: &Path, format: Format, luma: &[u8]) -> Video {
    let mut writer = VideoWriter::create(path, format).expect("a folder of ours");
    for &luma in luma {
        let mut planes = vec![luma; format.pixels()];
        planes.resize(format.bytes(), 128);
        writer.push(&planes).expect("a folder of ours");
    }
    writer.finish().expect("a folder of ours")
}
