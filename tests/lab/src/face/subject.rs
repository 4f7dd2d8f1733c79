//! The plug-in that is measured.

use sotto_codec::{
    Plugin,
    face::{FROZEN_IN, Face, Settings},
};

/// A plug-in for pictures.
pub trait Subject {
    /// The plug-in, to keep to a payload rate in bit/s, or to its own, and whether it is to send
    /// residuals.
    fn plugin(&self, target: Option<u32>, residuals: bool) -> Box<dyn Plugin>;

    /// The commit in which the thresholds of the gate were frozen.
    fn gate_frozen_in(&self) -> Option<&str> {
        None
    }
}

/// The face plug-in of this build.
#[derive(Clone, Copy, Debug)]
pub struct FacePlugin;

impl Subject for FacePlugin {
    fn plugin(&self, target: Option<u32>, residuals: bool) -> Box<dyn Plugin> {
        let settings = Settings { residuals, ..Settings::default() };
        let settings = match target {
            Some(target_bps) => Settings { target_bps, ..settings },
            None => settings,
        };
        Box::new(Face::new(settings))
    }

    fn gate_frozen_in(&self) -> Option<&str> {
        Some(FROZEN_IN)
    }
}
