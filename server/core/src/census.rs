//! Counting what a node holds: for metrics, and for tests that nothing is left behind.

/// What an [`Sfu`](crate::Sfu) holds now. All zero once everybody has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Rooms.
    pub rooms: usize,
    /// Connections.
    pub peers: usize,
    /// Participants, those of other shards included.
    pub participants: usize,
    /// Publications.
    pub tracks: usize,
    /// Slots.
    pub slots: usize,
    /// Slots that are pointed at a track.
    pub seats: usize,
    /// Packets that the shell keeps for the core.
    pub kept_packets: usize,
    /// Things that wait for their time.
    pub timers: usize,
    /// How often the lines of present participants were divided over their slots, so far.
    pub allocations: u64,
}

impl Census {
    /// Both together.
    #[must_use]
    pub const fn add(self, other: Self) -> Self {
        Self {
            rooms: self.rooms + other.rooms,
            peers: self.peers + other.peers,
            participants: self.participants + other.participants,
            tracks: self.tracks + other.tracks,
            slots: self.slots + other.slots,
            seats: self.seats + other.seats,
            kept_packets: self.kept_packets + other.kept_packets,
            timers: self.timers + other.timers,
            allocations: self.allocations + other.allocations,
        }
    }
}
