//! Slots: the receiving m-lines of one client, and what they are pointed at.
//!
//! ```text
//! Scene (one per room: what could be shown) ─┬─► video: what this view wants
//!                                            └─► audio: whom this client hears
//!                                                   └─► seat: which slot takes which track
//! ```

mod audio;
mod scene;
mod seat;
mod serving;
mod table;
mod video;

pub(crate) use audio::wanted_audio;
pub(crate) use scene::{Picture, Scene, Voice};
pub(crate) use seat::{Chair, seat};
pub(crate) use serving::{LayerSet, Quality, Serving};
pub(crate) use table::{Slot, SlotKey, SlotSettings, SlotSources, Slots};
pub(crate) use video::{Viewer, wanted_video};
