//! The conversation with one client: its join, then messages both ways until one side ends it. A
//! websocket that breaks may be followed by another one: the session goes on.

mod client;
mod outbox;
mod token;
mod waiting;

pub(super) use waiting::Sessions;

use std::time::{SystemTime, UNIX_EPOCH};

use sotto_core::{
    id::ParticipantId,
    input::Join,
    signal::{AccessKey, ClientMessage, ErrorCode, JoinResumption, MessageError, PROTOCOL_VERSION},
};
use tokio::{sync::mpsc, time};
use tracing::{debug, info};
use uuid::Uuid;

use self::{client::Client, outbox::Outbox, waiting::Arrival};
use super::{
    routes::Node,
    server::stopped,
    wire::{End, Fault, Frame, Wire},
};
use crate::{
    name::person_name,
    shard::{Command, Undelivered},
    token::Access,
};

/// Serves one websocket until it ends, or until another task goes on with it.
pub(super) async fn run(node: &Node, mut wire: Box<Wire>) {
    let mut stop = node.stop.clone();
    let entered = tokio::select! {
        entered = enter(node, &mut wire) => entered,
        () = stopped(&mut stop) => Err(End::Stopping),
    };
    let end = match entered {
        Err(end) => wire.close(end).await,
        Ok(Entered::Joined(mut client)) => {
            let (wire, end) = client.converse(node, wire).await;
            info!(peer = client.peer.0, room = %client.room, reason = word(&end), "left");
            // Side by side: neither waits for the other, which may be slow or busy.
            let close = async {
                match wire {
                    Some(wire) => wire.close(end.clone()).await,
                    None => end.clone(),
                }
            };
            tokio::join!(client.leave(end.clone()), close).1
        }
        Ok(Entered::Resuming { token, received }) => {
            match node.sessions.hand_over(&token, Arrival { wire, received }) {
                Ok(()) => return,
                Err(Arrival { wire, .. }) => {
                    let message = "there is no such session any more: join anew";
                    let fault = Fault::new(ErrorCode::NotFound, message).about("resume");
                    wire.close(End::Refused(fault)).await
                }
            }
        }
    };
    if let End::Refused(fault) = &end {
        debug!(code = ?fault.code, "refused");
    }
}

/// How a websocket begins.
enum Entered {
    /// A new session.
    Joined(Box<Client>),
    /// One that is there already is to go on over it.
    Resuming { token: AccessKey, received: u64 },
}

/// Waits for the first message, and hands a client that joins to the media side.
async fn enter(node: &Node, wire: &mut Wire) -> Result<Entered, End> {
    let first = time::timeout(node.http.join_timeout, first_text(wire));
    let Ok(first) = first.await else {
        let message = format!("no join within {:?}", node.http.join_timeout);
        return Err(refused(ErrorCode::Conflict, message));
    };
    let message = ClientMessage::from_json(&first?).map_err(|error| End::Refused(fault(&error)))?;
    let about = message.type_name();
    let refuse = |code, message: String| End::Refused(Fault::new(code, message).about(about));
    let spoken = |version| match version {
        PROTOCOL_VERSION => Ok(()),
        _ => {
            let message = format!("version {version} is not spoken here, {PROTOCOL_VERSION} is");
            Err(refuse(ErrorCode::UnsupportedVersion, message))
        }
    };
    match message {
        ClientMessage::Join { version, token, name, resumption } => {
            spoken(version)?;
            let client = join(node, &token, name, resumption);
            client.map(Box::new).map(Entered::Joined).map_err(End::Refused)
        }
        ClientMessage::Resume { version, token, received } => {
            spoken(version)?;
            Ok(Entered::Resuming { token, received })
        }
        _ => {
            let message = "the first message must be a join";
            Err(refuse(ErrorCode::Conflict, message.into()))
        }
    }
}

/// Checks the token and hands the client to the media side.
fn join(
    node: &Node,
    token: &str,
    name: Option<String>,
    resumption: Option<JoinResumption>,
) -> Result<Client, Fault> {
    let refuse = |code, message: String| Fault::new(code, message).about("join");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let Access { identity, name: granted, room, permissions } =
        node.key.verify(token, now).map_err(|error| refuse(error.code(), error.to_string()))?;
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
    let former = resumption.as_ref().and_then(|resumption| resumption.token.as_ref());
    let former = former.and_then(|token| node.sessions.participant(token, &identity, &room));
    let participant = former.unwrap_or_else(|| ParticipantId(Uuid::new_v4()));
    let place = resumption.and_then(|_| node.sessions.open(participant, &identity, &room));
    let (place, resumption) = place.unzip();
    // The name says nothing to whoever reads it on the way: no identity, not what a person is called.
    let ice_servers = node.turn.servers(now, &participant.0.simple().to_string()).into();
    let join = Join {
        peer,
        participant,
        room: room.as_str().to_owned(),
        name: granted.or(asked).unwrap_or_else(|| identity.clone()),
        identity,
        permissions,
        model_key: models.as_ref().map(|models| AccessKey(models.key().to_text())),
        resumption,
    };
    // Full: refused. The media side is behind; one more participant would not help it.
    node.media.try_send(peer, Command::Join { join, events: sender }).map_err(
        |error| match error {
            Undelivered::Full => full(),
            Undelivered::Stopped => refuse(ErrorCode::Internal, error.to_string()),
        },
    )?;
    info!(peer = peer.0, %room, returned = former.is_some(), "joined");
    Ok(Client {
        peer,
        room,
        media: node.media.clone(),
        events,
        overrun: false,
        seat,
        models,
        resumable: place.is_some(),
        place,
        outbox: Outbox::default(),
        heard: 1,
        ice_servers,
        over: None,
    })
}

/// The first text frame. Pings may come before it.
async fn first_text(wire: &mut Wire) -> Result<axum::extract::ws::Utf8Bytes, End> {
    loop {
        if let Frame::Text(text) = wire.receive().await? {
            return Ok(text);
        }
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
        End::HungUp => "closed by the client",
        End::Left => "left",
        End::Refused(_) => "refused",
        End::Closed(_) => "closed by the node",
        End::Stopping => "stopping",
    }
}
