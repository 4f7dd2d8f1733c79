//! The conversation with one client: its join, then messages both ways until one side ends it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::extract::ws::WebSocket;
use sotto_core::{
    id::{ParticipantId, PeerId},
    input::Join,
    signal::{
        AccessKey, ClientMessage, ErrorCode, LeaveReason, MessageError, PROTOCOL_VERSION,
        ServerMessage,
    },
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{self, MissedTickBehavior},
};
use tracing::{debug, info};
use uuid::Uuid;

use super::{
    plane::MediaPlane,
    routes::Node,
    server::stopped,
    wire::{End, Fault, Frame, Wire},
};
use crate::{
    models::Connection,
    name::{RoomName, person_name},
    shard::{Command, PeerEvent, Undelivered},
    token::Access,
};

/// Events that are written together, at most: a crowd that arrives costs one write, and the
/// client is still heard in between.
const EVENTS_PER_WRITE: usize = 32;

/// Pause before a command that must not be lost is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Serves one websocket until it ends.
pub(super) async fn run(node: &Node, socket: WebSocket) {
    let mut wire = Wire::new(socket, &node.limits, node.http.write_timeout);
    let mut stop = node.stop.clone();
    let entered = tokio::select! {
        entered = enter(node, &mut wire) => entered,
        () = stopped(&mut stop) => Err(End::Stopping),
    };
    let end = match entered {
        Err(end) => wire.close(end).await,
        Ok(mut client) => {
            let end = client.converse(node, &mut wire).await;
            info!(peer = client.peer.0, room = %client.room, reason = word(&end), "left");
            // Side by side: neither waits for the other, which may be slow or busy.
            tokio::join!(client.leave(end.clone()), wire.close(end)).1
        }
    };
    if let End::Refused(fault) = &end {
        debug!(code = ?fault.code, "refused");
    }
}

/// A client that is in a room.
struct Client {
    peer: PeerId,
    room: RoomName,
    media: Arc<dyn MediaPlane>,
    events: mpsc::Receiver<PeerEvent>,
    /// The queue of events was found full: if it ends, that is why.
    overrun: bool,
    seat: OwnedSemaphorePermit,
    /// Its uploads and grants, which end with it.
    models: Option<Connection>,
}

/// Waits for the join and hands the client to the media side.
async fn enter(node: &Node, wire: &mut Wire) -> Result<Client, End> {
    let first = time::timeout(node.http.join_timeout, first_text(wire));
    let Ok(first) = first.await else {
        let message = format!("no join within {:?}", node.http.join_timeout);
        return Err(refused(ErrorCode::Conflict, message));
    };
    let message = ClientMessage::from_json(&first?).map_err(|error| End::Refused(fault(&error)))?;
    let ClientMessage::Join { version, token, name } = message else {
        let fault = Fault::new(ErrorCode::Conflict, "the first message must be a join");
        return Err(End::Refused(fault.about(message.type_name())));
    };
    let refuse = |code, message: String| End::Refused(Fault::new(code, message).about("join"));
    if version != PROTOCOL_VERSION {
        let message = format!("version {version} is not spoken here, {PROTOCOL_VERSION} is");
        return Err(refuse(ErrorCode::UnsupportedVersion, message));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let Access { identity, name: granted, room, permissions } =
        node.key.verify(&token, now).map_err(|error| refuse(error.code(), error.to_string()))?;
    let asked = name
        .as_deref()
        .map(person_name)
        .transpose()
        .map_err(|error| refuse(ErrorCode::Malformed, format!("the name {error}")))?;
    let full = || refuse(ErrorCode::Full, "this node is full".into());
    // Full: refused, and the client comes again later.
    let seat = node.seats.clone().try_acquire_owned().map_err(|_| full())?;
    let (sender, events) = mpsc::channel(node.limits.event_queue);
    let peer = node.media.place(&room);
    let models =
        node.models.as_ref().map(|store| store.connect(peer, &identity, permissions.clone()));
    let join = Join {
        peer,
        participant: ParticipantId(Uuid::new_v4()),
        room: room.as_str().to_owned(),
        name: granted.or(asked).unwrap_or_else(|| identity.clone()),
        identity,
        permissions,
        model_key: models.as_ref().map(|models| AccessKey(models.key().to_text())),
    };
    // Full: refused. The media side is behind; one more participant would not help it.
    node.media.try_send(peer, Command::Join { join, events: sender }).map_err(
        |error| match error {
            Undelivered::Full => full(),
            Undelivered::Stopped => refuse(ErrorCode::Internal, error.to_string()),
        },
    )?;
    info!(peer = peer.0, %room, "joined");
    let media = node.media.clone();
    Ok(Client { peer, room, media, events, overrun: false, seat, models })
}

/// The first text frame. Pings may come before it.
async fn first_text(wire: &mut Wire) -> Result<axum::extract::ws::Utf8Bytes, End> {
    loop {
        if let Frame::Text(text) = wire.receive().await? {
            return Ok(text);
        }
    }
}

impl Client {
    async fn converse(&mut self, node: &Node, wire: &mut Wire) -> End {
        match self.exchange(node, wire).await {
            Err(end) => end,
            Ok(never) => match never {},
        }
    }

    async fn exchange(
        &mut self,
        node: &Node,
        wire: &mut Wire,
    ) -> Result<std::convert::Infallible, End> {
        let mut stop = node.stop.clone();
        let mut ping = time::interval(node.http.ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            tokio::select! {
                frame = wire.receive() => self.hear(wire, frame?).await?,
                event = self.events.recv() => self.tell(node, wire, event).await?,
                _ = ping.tick() => {
                    if wire.last_heard().elapsed() >= node.http.ping_timeout {
                        return Err(End::Gone);
                    }
                    wire.ping().await?;
                }
                () = stopped(&mut stop) => return Err(End::Stopping),
            }
        }
    }

    /// One frame of the client.
    async fn hear(&mut self, wire: &mut Wire, frame: Frame) -> Result<(), End> {
        let text = match frame {
            Frame::Control => return Ok(()),
            Frame::Excess => {
                let message = "too many messages: this one was not read";
                return wire.refuse(&Fault::new(ErrorCode::TooMuch, message)).await;
            }
            Frame::Text(text) => text,
        };
        let peer = self.peer;
        let command = match ClientMessage::from_json(&text) {
            Err(error) => return wire.refuse(&fault(&error)).await,
            Ok(ClientMessage::Join { .. }) => {
                let fault = Fault::new(ErrorCode::Conflict, "you are in a room already");
                return wire.refuse(&fault.about("join")).await;
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

    /// What the client is told decides what it may fetch.
    fn note(&self, message: &ServerMessage) {
        match (message, &self.models) {
            (ServerMessage::FetchModel(fetch), Some(models)) => models.grant(fetch),
            (ServerMessage::ForgetModel(forget), Some(models)) => models.revoke(forget),
            _ => {}
        }
    }

    /// One event for the client, and those that already wait behind it.
    async fn tell(
        &mut self,
        node: &Node,
        wire: &mut Wire,
        first: Option<PeerEvent>,
    ) -> Result<(), End> {
        let mut messages = Vec::new();
        let mut next = first;
        self.overrun |= self.events.capacity() <= 1;
        let end = loop {
            match next {
                Some(PeerEvent::Message(mut message)) => {
                    self.note(&message);
                    add_servers(node, &mut message);
                    messages.push(message);
                }
                Some(PeerEvent::ModelRate { hash, bitrate }) => {
                    if let Some(models) = &self.models {
                        models.set_rate(hash, bitrate);
                    }
                }
                Some(PeerEvent::Close(reason)) => break Some(End::Closed(reason)),
                None => break Some(self.dropped()),
            }
            if messages.len() == EVENTS_PER_WRITE {
                break None;
            }
            next = match self.events.try_recv() {
                Ok(event) => Some(event),
                Err(mpsc::error::TryRecvError::Empty) => break None,
                Err(mpsc::error::TryRecvError::Disconnected) => None,
            };
        };
        wire.send(messages).await?;
        end.map_or(Ok(()), Err)
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
    async fn leave(mut self, end: End) {
        let reason = match end {
            End::Closed(_) => return,
            End::Gone => LeaveReason::ConnectionLost,
            End::Left => LeaveReason::Left,
            End::Refused(_) | End::Stopping => LeaveReason::Removed,
        };
        // From here on the media side finds the queue closed instead of full.
        self.events.close();
        drop((self.seat, self.models));
        let peer = self.peer;
        // Full: tried again until it is taken. A lost disconnect would leave a ghost in the room.
        while self.media.try_send(peer, Command::Disconnect { peer, reason })
            == Err(Undelivered::Full)
        {
            time::sleep(RETRY_PAUSE).await;
        }
    }
}

/// Adds what a client needs to be let in by TURN servers, from now on.
fn add_servers(node: &Node, message: &mut ServerMessage) {
    if let ServerMessage::Welcome { participant, ice_servers, .. } = message {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Whom it is for says nothing to whoever reads it on the way: not a name, not an identity.
        *ice_servers = node.turn.servers(now, &participant.id.0.simple().to_string());
    }
}

fn refused(code: ErrorCode, message: impl Into<String>) -> End {
    End::Refused(Fault::new(code, message))
}

fn fault(error: &MessageError) -> Fault {
    let about = match error {
        MessageError::Invalid { kind: Some(kind), .. } => {
            ClientMessage::TYPES.into_iter().find(|name| name == kind)
        }
        _ => None,
    };
    Fault { about, ..Fault::new(error.code(), error.to_string()) }
}

const fn word(end: &End) -> &'static str {
    match end {
        End::Gone => "connection lost",
        End::Left => "left",
        End::Refused(_) => "refused",
        End::Closed(_) => "closed by the node",
        End::Stopping => "stopping",
    }
}
