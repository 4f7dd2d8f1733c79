//! Native participants and the tests that need sockets.
