use std::sync::Arc;

use sotto_codec::{
    SOUND_RATE,
    voice::{
        features::{Analysis, Features, HOP},
        weights::Weights,
    },
};

use crate::sound::Clip;

/// Frames of a packet of 80 ms.
const PACKET: usize = 8;

/// Features of 80 ms.
pub type Packet = [Features; PACKET];

/// Frames of a recording: features, and whether somebody speaks.
#[derive(Clone, Debug)]
pub struct Speech {
    /// Of the recording.
    pub name: String,
    frames: Vec<Features>,
    /// In decibels.
    energies: Vec<f32>,
}

impl Speech {
    /// Analyses a recording.
    pub fn new(weights: &Arc<Weights>, recording: &Clip) -> Self {
        let mut analysis = Analysis::new(weights);
        let (hops, _) = recording.samples.as_chunks::<HOP>();
        let energy = |hop: &[f32; HOP]| {
            let power = hop.iter().map(|sample| sample * sample).sum::<f32>() / HOP as f32;
            10.0 * (power + 1e-10).log10()
        };
        Self {
            name: recording.name.clone(),
            frames: hops.iter().map(|hop| analysis.frame(hop)).collect(),
            energies: hops.iter().map(energy).collect(),
        }
    }

    /// The first seconds, and the rest.
    pub fn split(&self, seconds: usize) -> (Self, Self) {
        let at = (seconds * SOUND_RATE as usize / HOP).min(self.frames.len());
        let part = |from: usize, to: usize| Self {
            name: self.name.clone(),
            frames: self.frames[from..to].to_vec(),
            energies: self.energies[from..to].to_vec(),
        };
        (part(0, at), part(at, self.frames.len()))
    }

    /// Seconds of all.
    pub fn seconds(&self) -> f64 {
        (self.frames.len() * HOP) as f64 / f64::from(SOUND_RATE)
    }

    /// Packets from a frame on in which somebody speaks: half of their frames are less than 35 dB
    /// below the loud ones (that 5 % are louder than), and one less than 25.
    pub fn active(&self, from: usize) -> Vec<Packet> {
        let mut sorted = self.energies.clone();
        sorted.sort_by(f32::total_cmp);
        let Some(&loud) = sorted.get(sorted.len() * 95 / 100) else { return Vec::new() };
        let above = |energies: &[f32], decibels: f32| {
            energies.iter().filter(|&&energy| energy > loud - decibels).count()
        };
        let start = from.min(self.frames.len());
        let (packets, _) = self.frames[start..].as_chunks::<PACKET>();
        let energies = self.energies[start..].chunks_exact(PACKET);
        let spoken =
            |energies: &[f32]| 2 * above(energies, 35.0) >= PACKET && above(energies, 25.0) > 0;
        packets
            .iter()
            .zip(energies)
            .filter(|(_, energies)| spoken(energies))
            .map(|(p, _)| *p)
            .collect()
    }
}
