//! A whole node inside the test's process, on loopback and on ports of its own.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sotto_server::{
    app::{App, Running},
    config::Config,
    shard::{Command, ShardStats},
    token::{Claims, Key},
};
use tokio::sync::oneshot;

use crate::client::{JoinError, Options, Participant};

/// How long the tokens of tests are good.
const TOKEN_LIFE: Duration = Duration::from_secs(3_600);
/// How long [`Node::until`] asks.
const PATIENCE: Duration = Duration::from_secs(10);

/// A node that runs until it is stopped or dropped.
pub struct Node {
    running: Running,
    key: Key,
}

impl Node {
    /// Starts a node with the settings of development, but without congestion control: on a busy
    /// machine it would decide who is seen.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// As [`Self::start`], with other settings.
    ///
    /// # Panics
    /// The node does not start.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::development();
        config.log.level = "error".into();
        config.http.listen = ([127, 0, 0, 1], 0).into();
        config.media.listen = ([127, 0, 0, 1], 0).into();
        config.media.advertise = vec![[127, 0, 0, 1].into()];
        config.media.congestion_control = false;
        change(&mut config);
        let key = config.key.clone();
        let running = App::start(config).await.expect("a node starts on free ports");
        Self { running, key }
    }

    /// `http://host:port`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.running.http_addr())
    }

    /// The websocket.
    pub fn url(&self) -> String {
        format!("ws://{}/v1/signal", self.running.http_addr())
    }

    /// A token with every grant but those of a moderator.
    pub fn token(&self, room: &str, identity: &str) -> String {
        self.token_with(room, identity, |_| {})
    }

    /// A token with other grants.
    pub fn token_with(
        &self,
        room: &str,
        identity: &str,
        change: impl FnOnce(&mut Claims),
    ) -> String {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut claims = Claims::participant(room, identity, (since_epoch + TOKEN_LIFE).as_secs());
        change(&mut claims);
        self.key.sign(&claims)
    }

    /// How somebody joins a room.
    pub fn options(&self, room: &str, identity: &str) -> Options {
        Options::new(self.url(), self.token(room, identity))
    }

    /// Joins a room.
    ///
    /// # Errors
    /// As [`Participant::join`].
    pub async fn join(&self, room: &str, identity: &str) -> Result<Participant, JoinError> {
        Participant::join(self.options(room, identity)).await
    }

    /// What was started.
    pub const fn running(&self) -> &Running {
        &self.running
    }

    /// What its shard has counted and holds now.
    ///
    /// # Panics
    /// The shard does not answer.
    pub async fn stats(&self) -> ShardStats {
        let (reply, answer) = oneshot::channel();
        let shard = &self.running.placement().shards()[0];
        shard.try_send(Command::Stats { reply }).expect("the shard takes commands");
        answer.await.expect("the shard answers")
    }

    /// Asks for the figures again and again until they fulfil `condition`.
    ///
    /// # Panics
    /// They do not within 10 seconds.
    pub async fn until(&self, what: &str, condition: impl Fn(&ShardStats) -> bool) -> ShardStats {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stats = self.stats().await;
            if condition(&stats) {
                return stats;
            }
            assert!(Instant::now() < deadline, "did not happen: {what}; the shard has {stats:?}");
        }
    }

    /// Stops it and waits.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}
