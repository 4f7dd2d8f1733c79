//! The command line.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    app::App,
    config::{self, Flags},
    doctor::{Examination, Verdict},
    learn,
    models::Vault,
    name::{RoomName, person_name},
    schema,
    token::{Claims, GrantSource, Grants},
};

/// A self-hosted WebRTC server for meetings.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node: what happens without a command, too
    Serve(Flags),
    /// Print an access token
    Token(Box<TokenArgs>),
    /// Remove every model that the node keeps of somebody (models.kept_folder)
    Forget(ForgetArgs),
    /// Look at what this machine lacks for a node of this configuration
    Doctor(DoctorArgs),
    /// Print the JSON schema of the websocket messages
    Schema,
    /// Learn what a node says on stdin, and write models to stdout: started by a node alone
    #[command(hide = true)]
    Learner,
}

#[derive(Debug, Args)]
struct ForgetArgs {
    /// Of whom: the identity of the tokens
    #[arg(long)]
    identity: String,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Args)]
struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Args)]
struct TokenArgs {
    /// The room that it opens
    #[arg(long)]
    room: String,
    /// Who it is for: the same identity joining again replaces the first
    #[arg(long)]
    identity: String,
    /// Name to show
    #[arg(long)]
    name: Option<String>,
    /// How long it is valid: a number with s, m, h or d
    #[arg(long, default_value = "6h", value_parser = lifetime)]
    ttl: Duration,
    /// May not publish media
    #[arg(long)]
    no_publish: bool,
    /// May not receive media
    #[arg(long)]
    no_subscribe: bool,
    /// May not send on data channels
    #[arg(long)]
    no_data: bool,
    /// May publish only this; may be repeated
    #[arg(long = "source", value_name = "SOURCE")]
    sources: Vec<GrantSource>,
    /// Agreed that a model of this is learned and used: microphone or camera; may be repeated.
    /// Otherwise the client asks
    #[arg(long = "model-consent", value_name = "SOURCE", conflicts_with = "no_models")]
    model_consent: Vec<GrantSource>,
    /// No model of this person may be learned
    #[arg(long)]
    no_models: bool,
    /// May moderate
    #[arg(long)]
    admin: bool,
    /// Is not shown to others
    #[arg(long)]
    hidden: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command.unwrap_or(Command::Serve(cli.flags)) {
        Command::Serve(flags) => serve(&flags),
        Command::Token(args) => token(&args).and_then(|token| print(&token)),
        Command::Forget(args) => forget(&args).and_then(|said| print(&said)),
        Command::Doctor(args) => doctor(&args),
        Command::Schema => print(schema::document().trim_end()),
        Command::Learner => learn::run().map_err(|error| format!("learner: {error}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _stderr_is_gone_too = writeln!(io::stderr(), "sotto: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a node until the process is told to end.
fn serve(flags: &Flags) -> Result<(), String> {
    let config = config::load(flags, environment()).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(async {
        // Before anything listens, so that no signal meets the default action half way.
        let mut signals =
            Signals::new().map_err(|error| format!("cannot wait for signals: {error}"))?;
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let mut running = App::start(config).await.map_err(|error| error.to_string())?;
        // The one line on stdout: whoever started this process knows from it that and where.
        print(&format!("listening on {scheme}://{}", running.http_addr()))?;
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::End => {
                        running.stop().await;
                        return Ok(());
                    }
                    Asked::Reload => running.reload_certificate().await,
                },
                how = running.broken() => {
                    running.stop().await;
                    return Err(format!("a shard ended by itself: {how:?}"));
                }
            }
        }
    })
}

/// What the system asks of a node.
enum Asked {
    /// SIGINT, SIGTERM: to end.
    End,
    /// SIGHUP: to read its certificate again.
    Reload,
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End,
            _ = self.terminate.recv() => Asked::End,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }
}

fn token(args: &TokenArgs) -> Result<String, String> {
    let config = config::load(&args.flags, environment()).map_err(|error| error.to_string())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(config.key.sign(&claims(args, now)?))
}

/// Also while a node runs: what its speakers use in a meeting goes on until they leave.
fn forget(args: &ForgetArgs) -> Result<String, String> {
    let config = config::load(&args.flags, environment()).map_err(|error| error.to_string())?;
    let Some(kept) = &config.models.kept else {
        return Err("models.kept_folder is not set: nothing is kept".into());
    };
    let vault = Vault::open(&kept.folder, &config.key, kept.lifetime, kept.max_bytes)
        .map_err(|error| error.to_string())?;
    let removed = vault.forget(&args.identity, None).map_err(|error| error.to_string())?;
    Ok(match removed {
        0 => "nothing was kept".to_owned(),
        1 => "1 model removed".to_owned(),
        count => format!("{count} models removed"),
    })
}

/// Fails where a node would.
fn doctor(args: &DoctorArgs) -> Result<(), String> {
    let examination = match config::load(&args.flags, environment()) {
        Ok(config) => Examination::of(&config),
        Err(error) => Examination::unconfigured(error),
    };
    print(&if args.json { examination.to_json() } else { examination.to_string() })?;
    match examination.verdict {
        Verdict::Ok | Verdict::Warn => Ok(()),
        Verdict::Fail => Err("this machine is not fit for this node yet".into()),
    }
}

fn claims(args: &TokenArgs, now: Duration) -> Result<Claims, String> {
    let room = RoomName::new(&args.room).map_err(|error| error.to_string())?;
    let checked =
        |what: &str, text: &str| person_name(text).map_err(|error| format!("the {what} {error}"));
    Ok(Claims {
        sub: checked("identity", &args.identity)?,
        name: args.name.as_deref().map(|name| checked("name", name)).transpose()?,
        exp: now.saturating_add(args.ttl).as_secs(),
        nbf: None,
        video: Grants {
            room: room.into_string(),
            room_join: true,
            can_publish: !args.no_publish,
            can_subscribe: !args.no_subscribe,
            can_publish_data: Some(!args.no_data),
            can_publish_sources: (!args.sources.is_empty()).then(|| args.sources.clone()),
            model_consent: (args.no_models || !args.model_consent.is_empty())
                .then(|| args.model_consent.clone()),
            room_admin: args.admin,
            hidden: args.hidden,
        },
    })
}

/// The variables of this process that are text; the others cannot be settings.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
}

fn print(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| error.to_string())
}

/// Reads `90s`, `15m`, `6h`, `30d`.
fn lifetime(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    units
        .into_iter()
        .find_map(|(unit, seconds)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(seconds).filter(|&seconds| seconds > 0)
        })
        .map(Duration::from_secs)
        .ok_or_else(|| "a number with s, m, h or d is expected, such as 6h".to_owned())
}

#[cfg(test)]
mod tests {
    use sotto_core::signal::Source;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_node_is_run_with_or_without_the_word_serve() {
        for line in ["sotto --dev --http [::1]:1", "sotto serve --dev --http [::1]:1"] {
            let cli = Cli::parse_from(line.split_whitespace());
            let flags = match cli.command {
                None => cli.flags,
                Some(Command::Serve(flags)) => flags,
                Some(other) => panic!("{other:?}"),
            };
            assert!(flags.dev);
            assert_eq!(flags.http.as_deref(), Some("[::1]:1"));
        }
    }

    #[test]
    fn lifetimes_have_a_unit() {
        assert_eq!(lifetime("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(lifetime("6h"), Ok(Duration::from_secs(6 * 3600)));
        for bad in ["", "6", "h", "-1h", "0s", "6 h", "99999999999999999999d"] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn flags_of_the_token_command_become_grants() {
        let line = "sotto token --room team --identity ann --no-data --source camera \
                    --source screen-audio --model-consent camera --hidden --ttl 1m --dev";
        let Some(Command::Token(args)) = Cli::parse_from(line.split_whitespace()).command else {
            panic!("the token command");
        };
        let claims = claims(&args, Duration::from_secs(1000)).unwrap();
        assert_eq!(claims.exp, 1060);
        let permissions = claims.video.permissions();
        assert!(permissions.publish && permissions.hidden);
        assert!(!permissions.data && !permissions.admin);
        assert_eq!(permissions.sources.as_ref().map(Vec::len), Some(2));
        assert_eq!(permissions.model_consent, Some(vec![Source::Camera]));
    }

    #[test]
    fn a_token_says_nothing_of_models_unless_it_is_told_to() {
        let consent = |more: &str| {
            let line = format!("sotto token --room team --identity ann --dev {more}");
            let Some(Command::Token(args)) = Cli::parse_from(line.split_whitespace()).command
            else {
                panic!("the token command");
            };
            claims(&args, Duration::ZERO).unwrap().video.permissions().model_consent
        };
        assert_eq!(consent(""), None);
        assert_eq!(consent("--no-models"), Some(Vec::new()));
        assert_eq!(consent("--model-consent microphone"), Some(vec![Source::Microphone]));
    }
}
