//! A Janus of Debian's package, on this machine alone, with nothing but its videoroom.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::thread::sched_setaffinity;

use crate::server::{Process, ServerError, stay_on};

/// How long it may take to take connections.
const START: Duration = Duration::from_secs(20);
/// Where it takes them.
const PORT: u16 = 18_188;

/// A Janus that runs until the value ends.
#[derive(Debug)]
pub struct Janus {
    child: Child,
    folder: PathBuf,
}

impl Janus {
    /// Starts it, on one processor if that is said. `event_loops`: so many threads for all peers
    /// together; 0 is one for each.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn start(event_loops: u32, cpu: Option<usize>) -> Result<Self, ServerError> {
        let program = PathBuf::from("janus");
        let failed = |source| ServerError::Start { program: program.clone(), source };
        let folder = std::env::temp_dir().join(format!("sotto-janus-{}", std::process::id()));
        configure(&folder, event_loops).map_err(failed)?;
        let ours = cpu.map(stay_on).transpose()?;
        let spawned = Command::new(&program)
            .arg("-F")
            .arg(&folder)
            .args(["--disable-colors", "--log-file"])
            .arg(folder.join("log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if let (Some(ours), Some(cpu)) = (ours, cpu) {
            let restored = sched_setaffinity(None, &ours);
            restored.map_err(|error| ServerError::Processor { cpu, source: error.into() })?;
        }
        let janus = Self { child: spawned.map_err(failed)?, folder };
        let until = Instant::now() + START;
        while tokio::net::TcpStream::connect(("127.0.0.1", PORT)).await.is_err() {
            if Instant::now() > until {
                return Err(ServerError::Silent(program));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(janus)
    }

    /// Its websocket.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{PORT}")
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process { pid: self.child.id() }
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        // It may have ended by itself; its folder is of no use to anybody.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn configure(folder: &Path, event_loops: u32) -> io::Result<()> {
    let library = library()?;
    let all_but = |kind: &str, wanted: &str| -> io::Result<String> {
        let names = fs::read_dir(library.join(kind))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".so") && name != wanted);
        Ok(names.collect::<Vec<_>>().join(","))
    };
    let folders = ["plugins", "transports", "events", "loggers"]
        .map(|kind| format!("  {kind}_folder = \"{}\"\n", library.join(kind).display()));
    let loops = match event_loops {
        0 => String::new(),
        loops => format!("  event_loops = {loops}\n"),
    };
    let general = format!(
        "general: {{\n  configs_folder = \"{}\"\n{}  debug_level = 3\n{loops}}}\n\
         certificates: {{ }}\nmedia: {{ rtp_port_range = \"42000-49999\" }}\n\
         nat: {{ ice_lite = true }}\n\
         plugins: {{ disable = \"{}\" }}\ntransports: {{ disable = \"{}\" }}\n\
         events: {{ broadcast = false }}\n",
        folder.display(),
        folders.concat(),
        all_but("plugins", "libjanus_videoroom.so")?,
        all_but("transports", "libjanus_websockets.so")?,
    );
    let websockets = format!(
        "general: {{ json = \"compact\" ws = true ws_port = {PORT} ws_interface = \"lo\" }}\n\
         admin: {{ admin_ws = false }}\n"
    );
    fs::create_dir_all(folder)?;
    fs::write(folder.join("janus.jcfg"), general)?;
    fs::write(folder.join("janus.transport.websockets.jcfg"), websockets)?;
    fs::write(folder.join("janus.plugin.videoroom.jcfg"), "general: { }\n")
}

/// Where the package has its libraries: `/usr/lib/<architecture>/janus`.
fn library() -> io::Result<PathBuf> {
    let mut places = fs::read_dir("/usr/lib")?.filter_map(|entry| Some(entry.ok()?.path()));
    let found = places.find(|place| place.join("janus/plugins").is_dir());
    let missing = "no libraries of Janus under /usr/lib: apt-get install janus";
    found
        .map(|place| place.join("janus"))
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, missing))
}
