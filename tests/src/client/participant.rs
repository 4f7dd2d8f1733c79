//! The handle of a participant: asks things of its task, and waits for what it sees.

use std::{fmt, time::Duration};

use sotto_core::signal::{ClientMessage, GateState, Source, View};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use super::{
    Ended, Media, Options, Refusal, Report,
    engine::{Command, Engine},
    http,
};

/// How long [`Participant::until`] waits.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// Commands that wait for the task. When it is full, the caller waits.
const QUEUE: usize = 256;

/// A participant that runs in a task of its own. Dropping it makes it vanish without a goodbye.
pub struct Participant {
    commands: mpsc::Sender<Command>,
    report: watch::Receiver<Report>,
    task: JoinHandle<()>,
}

/// Why nobody joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No websocket.
    #[error("cannot reach the node: {0}")]
    Connect(String),
    /// The node said no.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// The node closed without a word, or said something else.
    #[error("no welcome: {0}")]
    NoWelcome(String),
}

/// Something did not happen in time.
pub struct Unmet {
    what: String,
    report: Box<Report>,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut report = self.report.clone();
        report.slots.retain(|slot| slot.packets > 0 || slot.content.is_some());
        write!(f, "did not happen: {}; the participant saw {report:#?}", self.what)
    }
}

/// What `unwrap` prints: as [`fmt::Display`], because it is for people.
impl fmt::Debug for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Unmet {}

impl Participant {
    /// Opens the websocket, joins, and offers. Returns when the node said welcome.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn join(options: Options) -> Result<Self, JoinError> {
        let (commands, inbox) = mpsc::channel(QUEUE);
        let (report_in, report) = watch::channel(Report::default());
        let engine = Engine::join(options, inbox, report_in).await?;
        let task = tokio::spawn(engine.run());
        Ok(Self { commands, report, task })
    }

    /// Waits until the report fulfils `condition`.
    ///
    /// # Errors
    /// [`Unmet`], with the report as it is then, after 15 seconds or when the participant ended.
    pub async fn until(
        &mut self,
        what: &str,
        condition: impl FnMut(&Report) -> bool,
    ) -> Result<Report, Unmet> {
        self.within(PATIENCE, what, condition).await
    }

    /// As [`Self::until`], with another limit.
    ///
    /// # Errors
    /// As [`Self::until`].
    pub async fn within(
        &mut self,
        limit: Duration,
        what: &str,
        condition: impl FnMut(&Report) -> bool,
    ) -> Result<Report, Unmet> {
        if let Ok(Ok(report)) = timeout(limit, self.report.wait_for(condition)).await {
            return Ok(report.clone());
        }
        Err(Unmet { what: what.into(), report: Box::new(self.report()) })
    }

    /// What it has seen so far.
    pub fn report(&self) -> Report {
        self.report.borrow().clone()
    }

    /// Looks at what it has seen so far, without copying it.
    pub fn look<T>(&self, read: impl FnOnce(&Report) -> T) -> T {
        read(&self.report.borrow())
    }

    /// Our number in the room.
    pub fn short_id(&self) -> u32 {
        self.report.borrow().me.as_ref().map_or(0, |me| me.short_id.0)
    }

    /// Our id.
    pub fn id(&self) -> sotto_core::id::ParticipantId {
        let report = self.report.borrow();
        report.me.as_ref().map(|me| me.id).expect("a participant has joined before it has a handle")
    }

    /// Says this on the websocket.
    pub async fn say(&self, message: ClientMessage) {
        self.command(Command::Say(message)).await;
    }

    /// Writes this text on the websocket, message or not.
    pub async fn say_raw(&self, text: impl Into<String>) {
        self.command(Command::SayRaw(text.into())).await;
    }

    /// Says what the page shows.
    pub async fn view(&self, view: View) {
        self.say(ClientMessage::View(view)).await;
    }

    /// Mutes or unmutes a publication.
    pub async fn mute(&self, source: Source, muted: bool) {
        self.command(Command::Mute(source, muted)).await;
    }

    /// Publishes something more.
    pub async fn publish(&self, source: Source, media: Media) {
        self.command(Command::Publish(source, media)).await;
    }

    /// Ends a publication.
    pub async fn unpublish(&self, source: Source) {
        self.command(Command::Unpublish(source)).await;
    }

    /// Offers again, with so many slots.
    pub async fn offer(&self, audio: u16, video: u16) {
        self.command(Command::Offer { audio, video }).await;
    }

    /// Sends a chat message.
    pub async fn chat(&self, text: &str) {
        self.data("chat", true, text.as_bytes()).await;
    }

    /// Sends a message on the data channel of that label.
    pub async fn data(&self, label: &str, text: bool, payload: &[u8]) {
        let (label, payload) = (label.into(), payload.into());
        self.command(Command::Data { label, text, payload }).await;
    }

    /// Opens the data channel of that label, so that messages of others can come.
    pub async fn open_channel(&self, label: &str) {
        self.command(Command::OpenChannel(label.into())).await;
    }

    /// Sends a datagram as it is from our socket to the node.
    pub async fn send_datagram(&self, datagram: Vec<u8>) {
        self.command(Command::Datagram(datagram)).await;
    }

    /// Encrypts this as an RTP packet and sends it.
    pub async fn send_rtp(&self, packet: Vec<u8>) {
        self.command(Command::Rtp(packet)).await;
    }

    /// Encrypts this as an RTCP packet and sends it.
    pub async fn send_rtcp(&self, packet: Vec<u8>) {
        self.command(Command::Rtcp(packet)).await;
    }

    /// Sends this inside DTLS, where SCTP would be.
    pub async fn send_record(&self, record: Vec<u8>) {
        self.command(Command::Record(record)).await;
    }

    /// The gate of a source of ours finds something else.
    pub async fn gate(&self, source: Source, state: GateState) {
        self.command(Command::Gate(source, state)).await;
    }

    /// Makes and uploads the next epoch of the model of a source of ours.
    pub async fn refine(&self, source: Source) {
        self.command(Command::Refine(source)).await;
    }

    /// Leaves and waits until the websocket is closed.
    ///
    /// # Errors
    /// [`Unmet`]: the node does not close.
    pub async fn leave(mut self) -> Result<Report, Unmet> {
        self.command(Command::Leave).await;
        self.until("the node closes after a goodbye", |report| report.ended.is_some()).await
    }

    /// Is gone without a word: sockets are closed, nothing is said.
    pub async fn vanish(mut self) {
        self.command(Command::Vanish).await;
        // The task ends at once; that it was cancelled or not changes nothing.
        if (&mut self.task).await.is_err() {
            tracing::debug!("the task of a vanishing participant was cancelled");
        }
    }

    /// Waits until it is over, and says how.
    ///
    /// # Errors
    /// [`Unmet`]: it goes on.
    pub async fn ended(&mut self) -> Result<Ended, Unmet> {
        let report = self.until("the participation ends", |report| report.ended.is_some()).await?;
        Ok(report.ended.expect("it was just waited for"))
    }

    async fn command(&self, command: Command) {
        if self.commands.send(command).await.is_err() {
            tracing::debug!("the participant is gone already");
        }
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks the node at that origin (`http://host:port`) for a token of the development key.
///
/// # Errors
/// The node cannot be reached or does not give one, as text.
pub async fn dev_token(origin: &str, room: &str, identity: &str) -> Result<String, String> {
    let host = origin.strip_prefix("http://").unwrap_or(origin).trim_end_matches('/');
    let body =
        serde_json::json!({ "room": room, "name": identity, "identity": identity }).to_string();
    let request = http::Request {
        method: "POST",
        content_type: "application/json",
        ..http::Request::put("/v1/dev/token", body.as_bytes())
    };
    let answer = http::send(host, request).await.map_err(|error| error.to_string())?;
    let value: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    let token = value.as_ref().and_then(|value| value["token"].as_str());
    token.map(Into::into).ok_or_else(|| format!("no token: {}", answer.status))
}
