//! The node that is measured: one that runs, or one that is started for it.

use std::{io, path::PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sotto_server::token::{Key, ShortKey};

use super::args::Common;
use crate::{
    entrance::Entrance,
    server::{Process, ServerError, StartedNode, Usage, stay_on},
};

/// The node.
pub struct Target {
    started: Option<StartedNode>,
    process: Option<Process>,
    /// The way in.
    pub entrance: Entrance,
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
            return Ok(Self { started: None, process, entrance });
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
        Ok(Self { process: started.process(), started: Some(started), entrance })
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
        if let Some(started) = self.started {
            started.stop().await;
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
