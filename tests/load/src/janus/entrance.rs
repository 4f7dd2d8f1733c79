//! The way into a room of Janus' videoroom, by its websocket protocol.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use rand::RngExt;
use serde_json::{Value, json};
use sotto_core::media::Kind;
use sotto_server::shard::socket::{Batching, Socket, SocketConfig};
use sotto_tests::client::{Answer, ice::Credentials};
use tokio::{
    net::TcpStream,
    sync::{oneshot, watch},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use super::sdp;
use crate::{
    entrance::{Guest, NotIn, RECEIVE_BUFFER, SEND_BUFFER, Seat, failed},
    fleet::{Fleet, NewMember, SenderPlan},
};

/// How long Janus may take for a message that is awaited.
const PATIENCE: Duration = Duration::from_secs(20);
/// Sessions of which nothing is heard for 60 s are ended.
const KEEPALIVE: Duration = Duration::from_secs(25);
/// Rooms of ours have numbers from here on.
const FIRST_ROOM: u64 = 5_000;

/// Of each room, the numbers of those who publish, and how many streams each of them has.
type Feeds = HashMap<u64, Vec<(u64, usize)>>;

/// The way into rooms, which are made as they are needed.
#[derive(Clone, Debug)]
pub struct JanusEntrance {
    url: String,
    feeds: Arc<watch::Sender<Feeds>>,
}

impl JanusEntrance {
    /// To the Janus whose websocket is at `url`.
    pub fn new(url: String) -> Self {
        Self { url, feeds: Arc::new(watch::Sender::default()) }
    }

    /// Brings a guest in, who sends or receives, not both: those are two connections of Janus.
    ///
    /// # Errors
    /// [`NotIn`].
    pub async fn join(&self, fleet: &Arc<Fleet>, guest: &Guest) -> Result<Seat, NotIn> {
        let wanted = usize::from(guest.audio_slots + guest.video_slots);
        let receives = wanted > 0;
        if receives && !guest.sends.is_empty() {
            let why = "whoever sends and receives has two connections of Janus: not played";
            return Err(NotIn::Failed(why.into()));
        }
        let room = FIRST_ROOM + u64::from(guest.number);
        let feeds = self.feeds(room, wanted).await?;
        let began = Instant::now();
        let mut handle = Handle::attach(&self.url).await?;
        let credentials = Credentials::random();
        let mut feed = None;
        let (answer, senders, lines) = if receives {
            let answer = subscribe(&mut handle, room, &credentials, &feeds).await?;
            let lines = answer.lines.iter().filter(|line| !line.refused).filter_map(|line| {
                let kind = if line.kind == "audio" { Kind::Audio } else { Kind::Video };
                Some((line.ssrc?, kind))
            });
            let lines = lines.collect();
            (answer, Vec::new(), lines)
        } else {
            let published = self.publish(&mut handle, room, &credentials, guest).await?;
            let (answer, senders);
            (answer, senders, feed) = (published.0, published.1, Some(published.2));
            (answer, senders, Vec::new())
        };
        let candidate = answer.candidates.iter().find(|address| address.is_ipv4());
        let host = candidate.ok_or_else(|| NotIn::Failed("Janus names no address".into()))?.ip();
        // Janus is on this machine: what reaches it is what it is reached at.
        let socket = Socket::bind(&SocketConfig {
            bind: SocketAddr::new(host, 0),
            receive_buffer: RECEIVE_BUFFER,
            send_buffer: SEND_BUFFER,
            batching: Batching::Segments,
        });
        let (joined, told) = oneshot::channel();
        let member = NewMember {
            room: guest.number,
            socket: socket.map_err(|error| failed(&error))?,
            credentials,
            answer,
            senders,
            lines,
            feedback: None,
            began,
            awaits_media: guest.awaits_media,
            joined,
        };
        let id = fleet.add(member).map_err(|error| failed(&error))?;
        let (leave, leaves) = oneshot::channel();
        let task = tokio::spawn(handle.attend(leaves));
        let seat = Seat::when(fleet, id, told, leave, task).await?;
        if let Some(feed) = feed {
            // Nobody can subscribe to who is not connected.
            let streams = guest.sends.len();
            self.feeds.send_modify(|feeds| feeds.entry(room).or_default().push((feed, streams)));
        }
        Ok(seat)
    }

    async fn publish(
        &self,
        handle: &mut Handle,
        room: u64,
        ours: &Credentials,
        guest: &Guest,
    ) -> Result<(Answer, Vec<SenderPlan>, u64), NotIn> {
        // That there is one already is no mistake.
        let create = json!({
            "request": "create", "room": room, "publishers": 1_000, "bitrate": 0,
            "audiocodec": "opus", "videocodec": "vp8", "transport_wide_cc_ext": false,
        });
        handle.message(create, None).await?;
        handle.hear(|event| event.get("plugindata").map(|_| ())).await?;
        let join = json!({
            "request": "join", "ptype": "publisher", "room": room, "display": guest.name,
        });
        handle.message(join, None).await?;
        let feed = handle.hear(|event| videoroom(event, "joined")?.get("id")?.as_u64()).await?;
        let senders: Vec<SenderPlan> = guest
            .sends
            .iter()
            .map(|(source, reel, turns, phase)| SenderPlan {
                mid: sdp::mid(*source),
                ssrc: rand::rng().random(),
                reel: reel.clone(),
                turns: *turns,
                phase: *phase,
            })
            .collect();
        let sends: Vec<_> =
            guest.sends.iter().zip(&senders).map(|(send, plan)| (send.0, plan.ssrc)).collect();
        let offer = json!({ "type": "offer", "sdp": sdp::offer(ours, &sends), "trickle": false });
        handle.message(json!({ "request": "configure" }), Some(offer)).await?;
        let answer = handle.hear(|event| Some(event.get("jsep")?.get("sdp")?.as_str()?.to_owned()));
        let answer = Answer::parse(&answer.await?).map_err(NotIn::Failed)?;
        Ok((answer, senders, feed))
    }

    /// Those who publish in a room, once they have as many streams as are wanted.
    async fn feeds(&self, room: u64, wanted: usize) -> Result<Vec<u64>, NotIn> {
        let nobody = || NotIn::Failed("nobody publishes what is to be received".into());
        let streams =
            |feeds: &[(u64, usize)]| feeds.iter().map(|(_, streams)| streams).sum::<usize>();
        let mut watched = self.feeds.subscribe();
        let enough = watched.wait_for(|feeds| {
            wanted == 0 || feeds.get(&room).is_some_and(|feeds| streams(feeds) >= wanted)
        });
        let enough = tokio::time::timeout(PATIENCE, enough).await.map_err(|_| nobody())?;
        let enough = enough.map_err(|_| nobody())?;
        Ok(enough.get(&room).into_iter().flatten().map(|(feed, _)| *feed).collect())
    }
}

async fn subscribe(
    handle: &mut Handle,
    room: u64,
    ours: &Credentials,
    feeds: &[u64],
) -> Result<Answer, NotIn> {
    let streams: Vec<Value> = feeds.iter().map(|feed| json!({ "feed": feed })).collect();
    let join = json!({
        "request": "join", "ptype": "subscriber", "room": room, "streams": streams,
    });
    handle.message(join, None).await?;
    let offer = handle.hear(|event| Some(event.get("jsep")?.get("sdp")?.as_str()?.to_owned()));
    let offer = offer.await?;
    let answer = sdp::answer(ours, &offer);
    let answer = json!({ "type": "answer", "sdp": answer, "trickle": false });
    handle.message(json!({ "request": "start" }), Some(answer)).await?;
    Answer::parse(&offer).map_err(NotIn::Failed)
}

/// What the videoroom says, if it is that.
fn videoroom<'a>(event: &'a Value, wanted: &str) -> Option<&'a Value> {
    let data = event.get("plugindata")?.get("data")?;
    (data.get("videoroom")?.as_str()? == wanted).then_some(data)
}

/// A websocket with one session, and in it one handle of the videoroom.
struct Handle {
    web: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: u64,
    handle: u64,
}

impl Handle {
    async fn attach(url: &str) -> Result<Self, NotIn> {
        let mut request = url.into_client_request().map_err(|error| failed(&error))?;
        let protocol = HeaderValue::from_static("janus-protocol");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let (web, _) =
            tokio_tungstenite::connect_async(request).await.map_err(|error| failed(&error))?;
        let mut handle = Self { web, session: 0, handle: 0 };
        let id = |event: &Value| event.get("data")?.get("id")?.as_u64();
        handle.say(json!({ "janus": "create" })).await?;
        handle.session = handle.hear(id).await?;
        handle.say(json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" })).await?;
        handle.handle = handle.hear(id).await?;
        Ok(handle)
    }

    async fn message(&mut self, body: Value, jsep: Option<Value>) -> Result<(), NotIn> {
        let mut message = json!({ "janus": "message", "body": body });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        self.say(message).await
    }

    async fn say(&mut self, mut message: Value) -> Result<(), NotIn> {
        message["transaction"] = "load".into();
        for (name, id) in [("session_id", self.session), ("handle_id", self.handle)] {
            if id > 0 {
                message[name] = id.into();
            }
        }
        let text = Message::Text(message.to_string().into());
        self.web.send(text).await.map_err(|error| failed(&error))
    }

    /// The first event that `wanted` takes.
    async fn hear<T>(&mut self, wanted: impl Fn(&Value) -> Option<T>) -> Result<T, NotIn> {
        let heard = async {
            loop {
                let text = match self.web.next().await {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    other => return Err(NotIn::Failed(format!("Janus said {other:?}"))),
                };
                let event: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
                if let Some(taken) = wanted(&event) {
                    return Ok(taken);
                }
                let refused = event
                    .get("error")
                    .or_else(|| event.get("plugindata")?.get("data")?.get("error"));
                if let Some(error) = refused {
                    return Err(NotIn::Failed(format!("Janus refused: {error}")));
                }
            }
        };
        let late = |_| Err(NotIn::Failed(format!("Janus said nothing for {PATIENCE:?}")));
        tokio::time::timeout(PATIENCE, heard).await.unwrap_or_else(late)
    }

    /// Keeps the session until it is time to leave.
    async fn attend(mut self, mut leaves: oneshot::Receiver<()>) {
        let mut keepalive = tokio::time::interval(KEEPALIVE);
        loop {
            tokio::select! {
                frame = self.web.next() => match frame {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                },
                _ = keepalive.tick() => {
                    if self.say(json!({ "janus": "keepalive" })).await.is_err() {
                        return;
                    }
                }
                _ = &mut leaves => {
                    // Its end ends the session, too.
                    let _ = self.say(json!({ "janus": "destroy" })).await;
                    return;
                }
            }
        }
    }
}
