//! TURN and STUN servers beside this node, for clients whose networks let nothing else through.
//!
//! ```text
//!  [turn] ─► url: checked ─► credentials: at each join, for a time ─► welcome.iceServers
//!                  └► probe: what `sotto doctor` finds at the other end
//! ```

mod credentials;
mod probe;
mod url;

pub use credentials::{Credentials, SharedSecret, TurnAccess, TurnConfig};
pub use probe::{ProbeError, Reached, probe};
pub use url::{IceUrl, IceUrlError, Scheme, Transport};
