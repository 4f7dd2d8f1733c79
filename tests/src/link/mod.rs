//! A line between two network namespaces, made of two TUN devices and a model of what lies between:
//! for kernels without `sch_netem`, and with a queue whose delay can be asked for.
//!
//! ```text
//!  namespace of the node            sotto-link                   namespace of a client
//!  kernel ── TUN ── loss ─► bottleneck with drop-tail queue ─► delay ── TUN ── kernel
//!         ◄──────── the same the other way, with a shape of its own ────────
//! ```

mod direction;
#[cfg(target_os = "linux")]
mod tun;

pub use direction::{Counted, Direction, Shape};
#[cfg(target_os = "linux")]
pub use tun::Tun;
