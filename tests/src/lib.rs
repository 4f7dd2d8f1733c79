//! Native participants and the tests that need sockets.
//!
//! ```text
//!  media   clips made by ffmpeg, synthetic streams, packetising, decoding, measuring
//!  client  one participant: websocket, ICE, DTLS, SRTP, SCTP, publications, slots
//!  browser real browsers, started and ended
//!  node    a node in this process, on ports of its own
//!  link    a shaped line: between network namespaces, or within a participant
//!  fuzz    one function for each parser of the node, fed by corpora and by the explorer
//! ```

pub mod browser;
pub mod client;
pub mod fuzz;
pub mod link;
pub mod media;
pub mod node;
