//! The node that is measured: one that runs, or one that is started for it.

use std::{io, path::PathBuf, sync::Arc};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sotto_server::token::{Key, ShortKey};

use super::args::Common;
use crate::{
    entrance::{Entrance, Guest, NotIn, Seat},
    fleet::Fleet,
    janus::{Janus, JanusEntrance},
    server::{Process, ServerError, StartedNode, Usage, stay_on},
};

/// The server.
pub struct Target {
    started: Started,
    process: Option<Process>,
    way: Way,
}

/// What ends with the run.
enum Started {
    Nothing,
    Node(Box<StartedNode>),
    Janus(Janus),
}

/// The way in.
#[derive(Clone)]
enum Way {
    Sotto(Entrance),
    Janus(JanusEntrance),
}

/// Why there is no node.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It cannot be started, or its processor cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The key is no base64.
    #[error("the key is not base64: {0}")]
    Key(#[from] base64::DecodeError),
    /// The key is too short.
    #[error("the key has {} bytes, which is too short", .0.0)]
    ShortKey(ShortKey),
    /// Nobody knows where this program is.
    #[error("no program is named with --sotto, and where this one is cannot be told: {0}")]
    Program(#[from] io::Error),
}

/// Whether the limits of a node that is started are those of its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// As they are by default.
    Default,
    /// So wide that they stop nobody.
    Wide,
}

impl Target {
    /// The node that the command line names, or a new one.
    ///
    /// # Errors
    /// [`TargetError`].
    pub async fn open(common: &Common, limits: Limits) -> Result<Self, TargetError> {
        raise_files();
        if let Some(cpu) = common.client_cpu {
            stay_on(cpu)?;
        }
        if let Some(url) = &common.url {
            let process = common.pid.map(|pid| Process { pid });
            let entrance = Entrance::new(url.clone(), key(common)?);
            return Ok(Self { started: Started::Nothing, process, way: Way::Sotto(entrance) });
        }
        let program = match &common.sotto {
            Some(program) => program.clone(),
            None => beside_us()?,
        };
        let wide = [
            ("SOTTO_LIMITS_PEERS", "1000000"),
            ("SOTTO_LIMITS_PARTICIPANTS_PER_ROOM", "100000"),
            ("SOTTO_LIMITS_EVENT_QUEUE", "65536"),
        ];
        let settings: Vec<_> = match limits {
            Limits::Default => Vec::new(),
            Limits::Wide => wide.map(|(name, value)| (name, value.to_owned())).into(),
        };
        let started = StartedNode::start(program, common.server_cpu, &settings).await?;
        let entrance = Entrance::new(started.url(), Key::development());
        Ok(Self {
            process: started.process(),
            started: Started::Node(Box::new(started)),
            way: Way::Sotto(entrance),
        })
    }

    /// A Janus that was started for this run.
    pub fn of_janus(janus: Janus) -> Self {
        raise_files();
        let way = Way::Janus(JanusEntrance::new(janus.url()));
        Self { process: Some(janus.process()), started: Started::Janus(janus), way }
    }

    /// Brings a guest in. Gives a future that does not hold the target.
    pub(super) fn join(
        &self,
        fleet: Arc<Fleet>,
        guest: Guest,
    ) -> impl Future<Output = Result<Seat, NotIn>> + Send + use<> {
        let way = self.way.clone();
        async move {
            match way {
                Way::Sotto(entrance) => entrance.join(&fleet, &guest).await,
                Way::Janus(entrance) => entrance.join(&fleet, &guest).await,
            }
        }
    }

    /// What it has used; `None` where its process is not known.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn usage(&self) -> Result<Option<Usage>, ServerError> {
        self.process.map(Process::usage).transpose()
    }

    /// Ends what was started.
    pub async fn close(self) {
        match self.started {
            Started::Nothing => {}
            Started::Node(node) => node.stop().await,
            Started::Janus(janus) => drop(janus),
        }
    }
}

fn key(common: &Common) -> Result<Key, TargetError> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let Some(text) = &common.key else { return Ok(Key::development()) };
    Key::new(&STANDARD.decode(text.trim())?).map_err(TargetError::ShortKey)
}

fn beside_us() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let mut folders = program.ancestors().skip(1);
    let folder = folders.find(|folder| !folder.ends_with("deps"));
    Ok(folder.unwrap_or(&program).join("sotto"))
}

/// A crowd needs two files a head, and the node as many: as many as the system lets us have.
fn raise_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let most = Rlimit { current: maximum, maximum };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::info!(%error, "the limit of open files stays as it is");
    }
}
