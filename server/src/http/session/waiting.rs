//! The sessions that can go on over another websocket.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sotto_core::{
    id::ParticipantId,
    signal::{AccessKey, Resumption},
};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::token::{Claim, Holder, ResumptionKey};
use crate::{http::wire::Wire, name::RoomName, token::Key};

/// Every session of this node that may be resumed.
pub(in crate::http) struct Sessions {
    key: ResumptionKey,
    /// Names this run of the node.
    node: Uuid,
    window: Duration,
    doors: Mutex<HashMap<Uuid, Door>>,
}

/// The way to the task of a session.
struct Door {
    identity: String,
    room: RoomName,
    arrivals: mpsc::Sender<Arrival>,
}

/// A websocket over which a session is to go on.
pub(super) struct Arrival {
    pub(super) wire: Box<Wire>,
    /// How many messages its client has had.
    pub(super) received: u64,
}

/// A session's place among them, until it is dropped.
pub(super) struct Place {
    session: Uuid,
    sessions: Arc<Sessions>,
    arrivals: mpsc::Receiver<Arrival>,
}

impl Sessions {
    /// None yet. `window`: how long a session waits without a websocket.
    pub(in crate::http) fn new(key: &Key, window: Duration) -> Self {
        let key = ResumptionKey::new(key);
        Self { key, node: Uuid::new_v4(), window, doors: Mutex::default() }
    }

    /// The participant that somebody was before, if `token` says so.
    pub(super) fn participant(
        &self,
        token: &AccessKey,
        identity: &str,
        room: &RoomName,
    ) -> Option<ParticipantId> {
        let claim = Claim::read(token)?;
        self.key.is_of(&claim, Holder { identity, room }).then_some(claim.participant)
    }

    /// A place for a new session, and what its client is told. `None`: this node waits for nobody.
    pub(super) fn open(
        self: &Arc<Self>,
        participant: ParticipantId,
        identity: &str,
        room: &RoomName,
    ) -> Option<(Place, Resumption)> {
        if self.window.is_zero() {
            return None;
        }
        let session = Uuid::new_v4();
        // One at a time: whoever comes while another one is let in is refused.
        let (sender, arrivals) = mpsc::channel(1);
        let door = Door { identity: identity.to_owned(), room: room.clone(), arrivals: sender };
        self.doors().insert(session, door);
        let token = self.key.sign(session, participant, Holder { identity, room });
        let window_ms = u32::try_from(self.window.as_millis()).unwrap_or(u32::MAX);
        let resumption = Resumption { token, window_ms, node: self.node };
        Some((Place { session, sessions: self.clone(), arrivals }, resumption))
    }

    /// Hands a websocket to the session that `token` names.
    ///
    /// # Errors
    /// The websocket: there is no such session any more, the token is not its own, or it is being
    /// resumed already.
    pub(super) fn hand_over(&self, token: &AccessKey, arrival: Arrival) -> Result<(), Arrival> {
        let Some(claim) = Claim::read(token) else { return Err(arrival) };
        let doors = self.doors();
        let Some(door) = doors.get(&claim.session) else { return Err(arrival) };
        if !self.key.is_of(&claim, Holder { identity: &door.identity, room: &door.room }) {
            return Err(arrival);
        }
        door.arrivals.try_send(arrival).map_err(|error| match error {
            mpsc::error::TrySendError::Full(arrival)
            | mpsc::error::TrySendError::Closed(arrival) => arrival,
        })
    }

    fn doors(&self) -> MutexGuard<'_, HashMap<Uuid, Door>> {
        // Nothing in here panics half way.
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("window", &self.window).finish_non_exhaustive()
    }
}

impl Place {
    /// How long the session waits without a websocket.
    pub(super) fn window(&self) -> Duration {
        self.sessions.window
    }

    /// The next websocket that wants to go on with this session. May be dropped while it waits:
    /// nothing is lost.
    pub(super) async fn arrival(&mut self) -> Arrival {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            // The door stays where it is for as long as this place lives.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sessions.doors().remove(&self.session);
    }
}
