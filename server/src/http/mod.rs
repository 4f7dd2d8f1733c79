//! Everything that comes over TCP. The only place that names axum.
//!
//! ```text
//!  server   accept, at most max_connections ─► door: TLS or not ─► HTTP/1.1
//!    └ routes ── headers (security, caching) on every answer
//!        ├ /                /room/{name}   /assets  /sdk    pages
//!        ├ /v1/signal       origin → upgrade → wire (frames, rate, timeouts)
//!        │                    └ session: join → loop  ── Command ──►  MediaPlane
//!        │                                            ◄─ PeerEvent ─
//!        ├ /v1/models/…     models: upload, paced download ──► ModelStore
//!        ├ /v1/dev/token    dev_token (development key only)
//!        └ /healthz
//! ```

mod certificate;
mod dev_token;
mod door;
mod headers;
mod models;
mod origin;
mod pages;
mod plane;
mod rate;
mod refusal;
mod routes;
mod server;
mod session;
mod wire;

pub use door::{SentAway, Waiting};
pub use origin::{Origin, OriginError};
pub use plane::MediaPlane;
pub use server::{HttpServer, ServeError, start};
