//! From 16 to 32 kHz and from 32 to 48 kHz, by the filters that the network was trained with: those
//! of SILK (RFC 6716, 4.2.9, informative; libopus `silk/resampler_rom.c`).

/// Sections of an all-pass filter.
const SECTIONS: usize = 3;
/// Factors of the sections for even and for odd samples.
const EVEN: [f32; SECTIONS] = [0.026_641_846, 0.228_668_21, 0.596_359_25];
const ODD: [f32; SECTIONS] = [0.104_583_74, 0.393_203_74, 0.847_503_66];

/// Taps of an interpolating filter.
const TAPS: usize = 8;
/// Filters for 1/24, 17/24 and, one sample later, 9/24 behind the fourth sample, by 2^15.
const INTERPOLATING: [[i16; TAPS]; 3] = [
    [189, -600, 617, 30_567, 2_996, -1_375, 425, -46],
    [-103, 896, -3_487, 11_950, 26_341, -3_350, 529, -4],
    [-48, 758, -3_956, 23_973, 15_143, -3_957, 967, -107],
];
/// Sample that each filter begins with.
const FROM: [usize; 3] = [0, 0, 1];

/// Two samples for one, by two all-pass filters that are half a sample apart.
#[derive(Debug, Default)]
pub(super) struct Doubling {
    even: [f32; SECTIONS],
    odd: [f32; SECTIONS],
}

impl Doubling {
    /// The next samples; `out` is twice as long.
    pub(super) fn run(&mut self, input: &[f32], out: &mut [f32]) {
        let (pairs, _) = out.as_chunks_mut();
        for (&sample, pair) in input.iter().zip(pairs) {
            *pair = [pass(&mut self.even, EVEN, sample), pass(&mut self.odd, ODD, sample)];
        }
    }
}

/// Through all sections.
fn pass(memory: &mut [f32; SECTIONS], factors: [f32; SECTIONS], sample: f32) -> f32 {
    memory.iter_mut().zip(factors).fold(sample, |sample, (memory, factor)| {
        let part = factor * (sample - *memory);
        let out = *memory + part;
        *memory = sample + part;
        out
    })
}

/// Three samples for two.
#[derive(Debug, Default)]
pub(super) struct ThreeHalves {
    /// The last samples.
    before: [f32; TAPS],
}

impl ThreeHalves {
    /// The next samples, an even number of them; `out` is half as long again.
    pub(super) fn run(&mut self, input: &[f32], out: &mut [f32]) {
        const { assert!(TAPS.is_multiple_of(2)) };
        let (pairs, _) = input.as_chunks();
        let (outs, _) = out.as_chunks_mut();
        // The samples before, and the one that comes next.
        let mut window = [0.0; TAPS + 2];
        window[..TAPS].copy_from_slice(&self.before);
        for (&[first, second], out) in pairs.iter().zip(outs) {
            window[TAPS..].copy_from_slice(&[first, second]);
            *out = std::array::from_fn::<_, 3, _>(|phase| {
                let samples = window[FROM[phase]..].iter();
                let taps = INTERPOLATING[phase].iter();
                samples.zip(taps).map(|(sample, &tap)| sample * f32::from(tap)).sum::<f32>()
                    / 32_768.0
            });
            window.copy_within(2.., 0);
        }
        self.before.copy_from_slice(&window[..TAPS]);
    }
}
