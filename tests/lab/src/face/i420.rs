//! From drawn pictures to planes, which is what quality is measured of.

/// Luma, then both chromas at half the size, of red, green, blue, alpha: ITU-R BT.601 in video
/// range, as [`sotto_codec::Picture::rgb`] reads it. Both sides are even.
///
/// # Panics
/// Where the lengths do not fit the width.
pub(super) fn planes_of(rgba: &[u8], width: usize, planes: &mut [u8]) {
    let (pixels, _) = rgba.as_chunks::<4>();
    assert_eq!(planes.len(), pixels.len() * 3 / 2, "planes of another size");
    let (luma, chroma) = planes.split_at_mut(pixels.len());
    let (blue, red) = chroma.split_at_mut(pixels.len() / 4);
    for (luma, pixel) in luma.iter_mut().zip(pixels) {
        let [r, g, b, _] = pixel.map(i32::from);
        *luma = (((66 * r + 129 * g + 25 * b + 128) >> 8) + 16) as u8;
    }
    let half = width / 2;
    for (at, (blue, red)) in blue.iter_mut().zip(red).enumerate() {
        let first = at / half * 2 * width + at % half * 2;
        let square = [first, first + 1, first + width, first + width + 1];
        let sum = |channel: usize| {
            square.iter().map(|&pixel| i32::from(pixels[pixel][channel])).sum::<i32>()
        };
        let (r, g, b) = (sum(0), sum(1), sum(2));
        *blue = (((-38 * r - 74 * g + 112 * b + 512) >> 10) + 128) as u8;
        *red = (((112 * r - 94 * g - 18 * b + 512) >> 10) + 128) as u8;
    }
}
