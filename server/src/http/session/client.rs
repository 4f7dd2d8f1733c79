//! A client that is in a room: messages both ways, over one websocket after another.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::extract::ws::Utf8Bytes;
use sotto_core::{
    id::PeerId,
    signal::{ClientMessage, ErrorCode, IceServer, LeaveReason, ServerMessage},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{self, MissedTickBehavior},
};
use tracing::{debug, info};

use super::{
    fault,
    outbox::Outbox,
    refused,
    waiting::{Arrival, Place},
};
use crate::{
    http::{
        plane::MediaPlane,
        routes::Node,
        server::stopped,
        wire::{End, Fault, Frame, Wire},
    },
    models::Connection,
    name::RoomName,
    shard::{Command, PeerEvent, Undelivered},
};

/// Events that are written together, at most: a crowd that arrives costs one write, and the
/// client is still heard in between.
const EVENTS_PER_WRITE: usize = 32;

/// Pause before a command that must not be lost is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// A client that is in a room.
pub(super) struct Client {
    pub(super) peer: PeerId,
    pub(super) room: RoomName,
    pub(super) media: Arc<dyn MediaPlane>,
    pub(super) events: mpsc::Receiver<PeerEvent>,
    /// The queue of events was found full: if it ends, that is why.
    pub(super) overrun: bool,
    pub(super) seat: OwnedSemaphorePermit,
    /// Its uploads and grants, which end with it.
    pub(super) models: Option<Connection>,
    /// Where it may come back; `None`: it cannot, or need not be waited for.
    pub(super) place: Option<Place>,
    /// Whether it may come back.
    pub(super) resumable: bool,
    /// What it was sent, if it may come back.
    pub(super) outbox: Outbox,
    /// Messages that came from it, the join included.
    pub(super) heard: u64,
    /// What its welcome says of STUN and TURN servers.
    pub(super) ice_servers: Box<[IceServer]>,
    /// The media side has ended it, which is not told yet.
    pub(super) over: Option<End>,
}

/// Why a conversation stops.
enum Stop {
    /// It goes on over this websocket.
    Moved(Arrival),
    /// It is over.
    Over(End),
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::Over(end)
    }
}

impl Client {
    /// Serves the client until it is gone for good. Gives the websocket that it had last, and why.
    pub(super) async fn converse(
        &mut self,
        node: &Node,
        mut wire: Box<Wire>,
    ) -> (Option<Box<Wire>>, End) {
        loop {
            let Err(stop) = self.exchange(node, &mut wire).await;
            let arrival = match stop {
                Stop::Moved(arrival) => arrival,
                Stop::Over(End::Gone) if self.resumable => {
                    drop(wire);
                    match self.wait(node).await {
                        Ok(arrival) => arrival,
                        Err(end) => return (None, end),
                    }
                }
                Stop::Over(end) => return (Some(wire), end),
            };
            wire = arrival.wire;
            if let Err(end) = self.resume(&mut wire, arrival.received).await {
                return (Some(wire), end);
            }
        }
    }

    /// Goes on over another websocket: what the client missed is said again.
    async fn resume(&mut self, wire: &mut Wire, received: u64) -> Result<(), End> {
        let Some(missed) = self.outbox.after(received) else {
            let message = "more was missed than is kept: join anew";
            return Err(End::Refused(Fault::new(ErrorCode::NotFound, message).about("resume")));
        };
        let resumed = ServerMessage::Resumed { received: self.heard }.to_json().into();
        let missed: Vec<Utf8Bytes> = std::iter::once(resumed).chain(missed).collect();
        info!(peer = self.peer.0, room = %self.room, missed = missed.len() - 1, "resumed");
        match wire.send(missed).await {
            // Broken again: it may come back once more.
            Ok(()) | Err(End::Gone) => Ok(()),
            Err(end) => Err(end),
        }
    }

    /// Waits for a client whose websocket broke. What it is told meanwhile is kept for it.
    async fn wait(&mut self, node: &Node) -> Result<Arrival, End> {
        debug!(peer = self.peer.0, "its websocket broke: waiting");
        let mut stop = node.stop.clone();
        let Some(place) = &self.place else { return Err(End::Gone) };
        let mut late = pin!(time::sleep(place.window()));
        loop {
            let Some(place) = &mut self.place else { return Err(End::Gone) };
            tokio::select! {
                arrival = place.arrival() => return Ok(arrival),
                event = self.events.recv() => {
                    self.take(event)?;
                }
                () = &mut late => return Err(End::Gone),
                () = stopped(&mut stop) => return Err(End::Stopping),
            }
        }
    }

    /// Messages both ways, until another websocket comes in place of this one: also while this one
    /// does not take what is written to it.
    async fn exchange(
        &mut self,
        node: &Node,
        wire: &mut Wire,
    ) -> Result<std::convert::Infallible, Stop> {
        let mut place = self.place.take();
        let arrival = async {
            match &mut place {
                Some(place) => place.arrival().await,
                None => std::future::pending().await,
            }
        };
        let stop = tokio::select! {
            Err(end) = self.talk(node, wire) => Stop::Over(end),
            arrival = arrival => Stop::Moved(arrival),
        };
        self.place = place;
        Err(stop)
    }

    /// Messages both ways. May be dropped at any time: what was not written is in the outbox.
    async fn talk(
        &mut self,
        node: &Node,
        wire: &mut Wire,
    ) -> Result<std::convert::Infallible, End> {
        let mut stop = node.stop.clone();
        let mut ping = time::interval(node.http.ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            if let Some(end) = self.over.take() {
                return Err(end);
            }
            tokio::select! {
                frame = wire.receive() => self.hear(wire, frame?).await?,
                event = self.events.recv() => self.tell(wire, event).await?,
                _ = ping.tick() => {
                    if wire.last_heard().elapsed() >= node.http.ping_timeout {
                        return Err(End::Gone);
                    }
                    wire.ping(self.outbox.ask()).await?;
                }
                () = stopped(&mut stop) => return Err(End::Stopping),
            }
            if self.outbox.is_heavy() {
                wire.ping(self.outbox.ask()).await?;
            }
        }
    }

    /// One frame of the client.
    async fn hear(&mut self, wire: &mut Wire, frame: Frame) -> Result<(), End> {
        let text = match frame {
            Frame::Control => return Ok(()),
            Frame::Pong(sent) => {
                self.outbox.acknowledge(sent);
                return Ok(());
            }
            Frame::Excess => {
                self.heard += 1;
                let message = "too many messages: this one was not read";
                return self.refuse(wire, &Fault::new(ErrorCode::TooMuch, message)).await;
            }
            Frame::Text(text) => text,
        };
        self.heard += 1;
        let peer = self.peer;
        let command = match ClientMessage::from_json(&text) {
            Err(error) => return self.refuse(wire, &fault(&error)).await,
            Ok(message @ (ClientMessage::Join { .. } | ClientMessage::Resume { .. })) => {
                let fault = Fault::new(ErrorCode::Conflict, "you are in a room already");
                return self.refuse(wire, &fault.about(message.type_name())).await;
            }
            Ok(ClientMessage::Leave) => return Err(End::Left),
            Ok(ClientMessage::Offer { id, sdp, models }) => {
                Command::Offer { peer, id, sdp, models: models.unwrap_or_default() }
            }
            Ok(message) => Command::Message { peer, message },
        };
        let withdrawn = match command {
            Command::Message {
                message: ClientMessage::Consent { source, granted: false, .. },
                ..
            } => Some(source),
            _ => None,
        };
        let tell = || self.media.try_send(peer, command);
        let told = match (withdrawn, &self.models) {
            (Some(source), Some(models)) => {
                models.withdraw(source, tell).inspect(|()| models.forget_kept(source))
            }
            _ => tell(),
        };
        // Full: this client is closed, or its state and the node's would no longer agree.
        told.map_err(|error| match error {
            Undelivered::Full => refused(ErrorCode::TooMuch, error.to_string()),
            Undelivered::Stopped => refused(ErrorCode::Internal, error.to_string()),
        })
    }

    /// Refuses a message; the conversation goes on.
    async fn refuse(&mut self, wire: &mut Wire, fault: &Fault) -> Result<(), End> {
        let text = self.record(&fault.to_message(false));
        wire.send([text]).await
    }

    /// A message as it is written, and kept for a client that may come back.
    fn record(&mut self, message: &ServerMessage) -> Utf8Bytes {
        let text = Utf8Bytes::from(message.to_json());
        if self.resumable {
            self.outbox.push(text.clone());
        }
        text
    }

    /// What the client is told decides what it may fetch.
    fn note(&self, message: &ServerMessage) {
        match (message, &self.models) {
            (ServerMessage::FetchModel(fetch), Some(models)) => models.grant(fetch),
            (ServerMessage::ForgetModel(forget), Some(models)) => models.revoke(forget),
            _ => {}
        }
    }

    /// Acts on an event. Gives what is to be written.
    fn take(&mut self, event: Option<PeerEvent>) -> Result<Option<Utf8Bytes>, End> {
        match event {
            Some(PeerEvent::Message(mut message)) => {
                self.note(&message);
                if let ServerMessage::Welcome { ice_servers, .. } = &mut message {
                    *ice_servers = std::mem::take(&mut self.ice_servers);
                }
                Ok(Some(self.record(&message)))
            }
            Some(PeerEvent::ModelRate { hash, bitrate }) => {
                if let Some(models) = &self.models {
                    models.set_rate(hash, bitrate);
                }
                Ok(None)
            }
            Some(PeerEvent::Close(reason)) => Err(End::Closed(reason)),
            None => Err(self.dropped()),
        }
    }

    /// One event for the client, and those that already wait behind it.
    async fn tell(&mut self, wire: &mut Wire, first: Option<PeerEvent>) -> Result<(), End> {
        let mut texts = Vec::new();
        let mut next = first;
        self.overrun |= self.events.capacity() <= 1;
        loop {
            match self.take(next) {
                Ok(text) => texts.extend(text),
                Err(end) => {
                    self.over = Some(end);
                    break;
                }
            }
            if texts.len() == EVENTS_PER_WRITE {
                break;
            }
            next = match self.events.try_recv() {
                Ok(event) => Some(event),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => None,
            };
        }
        let written = wire.send(texts).await;
        // The end that the media side said counts more than a websocket that broke meanwhile.
        self.over.take().map_or(written, Err)
    }

    /// The media side let go of this client without a word.
    fn dropped(&self) -> End {
        if self.overrun {
            refused(ErrorCode::TooMuch, "you did not read what was sent to you")
        } else {
            refused(ErrorCode::Internal, "the media side of the node dropped this connection")
        }
    }

    /// Tells the media side, unless it was the one to end it.
    pub(super) async fn leave(mut self, end: End) {
        let reason = match end {
            End::Closed(_) => return,
            End::Gone | End::HungUp => LeaveReason::ConnectionLost,
            End::Left => LeaveReason::Left,
            End::Refused(_) | End::Stopping => LeaveReason::Removed,
        };
        // From here on the media side finds the queue closed instead of full.
        self.events.close();
        drop((self.seat, self.models, self.place));
        let peer = self.peer;
        // Full: tried again until it is taken. A lost disconnect would leave a ghost in the room.
        while self.media.try_send(peer, Command::Disconnect { peer, reason })
            == Err(Undelivered::Full)
        {
            time::sleep(RETRY_PAUSE).await;
        }
    }
}
