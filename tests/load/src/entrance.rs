//! The way into a room of a Sotto node: websocket, offer, answer, then the fleet.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::{SinkExt, StreamExt};
use rand::RngExt;
use sotto_core::{
    id::Mid,
    media::Kind,
    signal::{ClientMessage, ErrorCode, PROTOCOL_VERSION, ServerMessage, Source},
};
use sotto_server::{
    shard::socket::{Batching, Socket, SocketConfig},
    token::{Claims, Key},
};
use sotto_tests::client::{Answer, ModelMedia, Offer, Repair, ice::Credentials, sdp::SENDING};
use tokio::{net::TcpStream, sync::oneshot, task::JoinHandle};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use crate::fleet::{Fleet, Joined, MemberId, NewMember, Reel, SenderPlan, Turns};

/// How long tokens are good.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// Bytes that the system holds for a member while the fleet is busy.
pub(crate) const RECEIVE_BUFFER: usize = 1 << 20;
/// The same on its way out.
pub(crate) const SEND_BUFFER: usize = 1 << 18;
/// How long the server may take for a message that is awaited.
const PATIENCE: Duration = Duration::from_secs(20);

type Web = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Who is to come into which room, and what he does there.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The room.
    pub room: String,
    /// Its number among those of this run.
    pub number: u32,
    /// Identity and name.
    pub name: String,
    /// What he sends, and where in the reel he begins (0 to 1).
    pub sends: Vec<(Source, Reel, Turns, f64)>,
    /// Voices that he can hear at a time.
    pub audio_slots: u16,
    /// Pictures that he can see at a time.
    pub video_slots: u16,
    /// Between two messages of transport-wide feedback; `None`: none is negotiated.
    pub feedback: Option<Duration>,
    /// Whether he is in only once he receives something.
    pub awaits_media: bool,
}

/// A node, and what opens it.
#[derive(Clone)]
pub struct Entrance {
    url: String,
    key: Arc<Key>,
}

/// Why somebody is not in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotIn {
    /// The node says no.
    #[error("refused: {message}")]
    Refused {
        /// What a program acts on.
        code: ErrorCode,
        /// What a person reads.
        message: String,
    },
    /// It went wrong.
    #[error("{0}")]
    Failed(String),
}

/// Somebody who is in.
#[derive(Debug)]
pub struct Seat {
    /// His number in the fleet.
    pub id: MemberId,
    /// How long it took.
    pub joined: Joined,
    leave: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Entrance {
    /// To the node at `url` (`ws://…/v1/signal`), whose tokens are signed with `key`.
    pub fn new(url: String, key: Key) -> Self {
        Self { url, key: Arc::new(key) }
    }

    /// Brings a guest in.
    ///
    /// # Errors
    /// [`NotIn`].
    pub async fn join(&self, fleet: &Arc<Fleet>, guest: &Guest) -> Result<Seat, NotIn> {
        let began = Instant::now();
        let (mut web, _) =
            tokio_tungstenite::connect_async(&self.url).await.map_err(|error| failed(&error))?;
        let MaybeTlsStream::Plain(stream) = web.get_ref() else {
            return Err(NotIn::Failed("not a plain connection".into()));
        };
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let host = stream.local_addr().map_err(|error| failed(&error))?.ip();
        let socket = Socket::bind(&SocketConfig {
            bind: SocketAddr::new(host, 0),
            receive_buffer: RECEIVE_BUFFER,
            send_buffer: SEND_BUFFER,
            batching: Batching::Segments,
        });
        let socket = socket.map_err(|error| failed(&error))?;
        let ssrcs: [u32; 3] = rand::rng().random();
        let offer = Offer {
            credentials: Credentials::random(),
            ssrcs,
            models: ModelMedia::default(),
            audio_slots: guest.audio_slots,
            video_slots: guest.video_slots,
            repair: Repair { transport_cc: guest.feedback.is_some(), ..Repair::NONE },
            version: 1,
        };
        let token = self.token(guest);
        let name = Some(guest.name.clone());
        say(
            &mut web,
            &ClientMessage::Join { version: PROTOCOL_VERSION, token, name, resumption: None },
        )
        .await?;
        hear(&mut web, |message| matches!(message, ServerMessage::Welcome { .. }).then_some(()))
            .await?;
        let sdp = offer.to_sdp();
        say(&mut web, &ClientMessage::Offer { id: 1, sdp, models: None }).await?;
        let senders = self.publish(&mut web, guest, ssrcs).await?;
        let sdp = hear(&mut web, |message| match message {
            ServerMessage::Answer { sdp, .. } => Some(sdp),
            _ => None,
        });
        let answer = Answer::parse(&sdp.await?).map_err(NotIn::Failed)?;
        let lines = offer.slots().filter_map(|(mid, kind)| {
            let line = answer.lines.iter().find(|line| line.mid == mid && !line.refused);
            Some((line?.ssrc?, kind))
        });
        let lines: Vec<(u32, Kind)> = lines.collect();
        let (joined, told) = oneshot::channel();
        let member = NewMember {
            room: guest.number,
            socket,
            credentials: offer.credentials,
            answer,
            senders,
            lines,
            feedback: guest.feedback,
            began,
            awaits_media: guest.awaits_media,
            joined,
        };
        let id = fleet.add(member).map_err(|error| failed(&error))?;
        let (leave, leaves) = oneshot::channel();
        let task = tokio::spawn(attend(web, leaves));
        Seat::when(fleet, id, told, leave, task).await
    }

    async fn publish(
        &self,
        web: &mut Web,
        guest: &Guest,
        ssrcs: [u32; 3],
    ) -> Result<Vec<SenderPlan>, NotIn> {
        let mut senders = Vec::new();
        for (source, reel, turns, phase) in &guest.sends {
            let Some(line) = SENDING.iter().position(|(known, _)| known == source) else {
                continue;
            };
            let mid = SENDING[line].1;
            let tag = Mid::new(mid).map_err(|error| failed(&error))?;
            let message = ClientMessage::Publish {
                mid: tag,
                source: *source,
                muted: false,
                encrypted: false,
                layers: Vec::new(),
            };
            say(web, &message).await?;
            let (reel, turns, phase) = (reel.clone(), *turns, *phase);
            senders.push(SenderPlan { mid, ssrc: ssrcs[line], reel, turns, phase });
        }
        Ok(senders)
    }

    fn token(&self, guest: &Guest) -> String {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let expires = (since_epoch + TOKEN_LIFE).as_secs();
        self.key.sign(&Claims::participant(&guest.room, &guest.name, expires))
    }
}

impl Seat {
    /// The seat of a member, once he is in.
    pub(crate) async fn when(
        fleet: &Fleet,
        id: MemberId,
        told: oneshot::Receiver<Result<Joined, String>>,
        leave: oneshot::Sender<()>,
        task: JoinHandle<()>,
    ) -> Result<Self, NotIn> {
        match told.await.unwrap_or_else(|_| Err("the fleet has ended".into())) {
            Ok(joined) => Ok(Self { id, joined, leave, task }),
            Err(why) => {
                // The fleet has dropped him already, or is gone itself.
                let _ = fleet.remove(id);
                Err(NotIn::Failed(why))
            }
        }
    }

    /// Leaves, and waits until the node has closed the websocket.
    pub async fn leave(self, fleet: &Fleet) {
        // Neither is there any more if the node or the fleet has ended.
        let _ = fleet.remove(self.id);
        let _ = self.leave.send(());
        let _ = tokio::time::timeout(PATIENCE, self.task).await;
    }
}

/// Reads what the node says until it closes, or until it is time to leave.
async fn attend(mut web: Web, mut leaves: oneshot::Receiver<()>) {
    let mut leaving = false;
    loop {
        tokio::select! {
            frame = web.next() => match frame {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            _ = &mut leaves, if !leaving => {
                leaving = true;
                if say(&mut web, &ClientMessage::Leave).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn say(web: &mut Web, message: &ClientMessage) -> Result<(), NotIn> {
    let text = serde_json::to_string(message).map_err(|error| failed(&error))?;
    web.send(Message::Text(text.into())).await.map_err(|error| failed(&error))
}

/// The first message that `wanted` takes; a refusal on the way is an error.
async fn hear<T>(
    web: &mut Web,
    mut wanted: impl FnMut(ServerMessage) -> Option<T>,
) -> Result<T, NotIn> {
    let heard = async {
        loop {
            let text = match web.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(other)) => return Err(NotIn::Failed(format!("{other:?}"))),
                Some(Err(error)) => return Err(failed(&error)),
                None => return Err(NotIn::Failed("the node closed the websocket".into())),
            };
            match serde_json::from_str(&text) {
                Ok(ServerMessage::Error { code, message, .. }) => {
                    return Err(NotIn::Refused { code, message });
                }
                Ok(message) => {
                    if let Some(taken) = wanted(message) {
                        return Ok(taken);
                    }
                }
                Err(error) => return Err(failed(&error)),
            }
        }
    };
    let timely = tokio::time::timeout(PATIENCE, heard).await;
    timely.unwrap_or_else(|_| {
        Err(NotIn::Failed(format!("the node said nothing for {} s", PATIENCE.as_secs())))
    })
}

pub(crate) fn failed(error: &dyn std::fmt::Display) -> NotIn {
    NotIn::Failed(error.to_string())
}
