//! Where settings come from, and which one wins: flags, environment, file, defaults.

use std::{collections::BTreeMap, io, path::PathBuf};

use toml::{Table, Value};

use super::{Config, InvalidConfig, Raw};

/// Settings whose text nobody is shown.
const SECRETS: [&str; 3] = ["key", "secret", "password"];

/// The settings that have a flag. There is none for the key: command lines are public.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Configuration file (TOML)
    #[arg(long, env = "SOTTO_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to serve the page and the websocket [http.listen]
    #[arg(long, value_name = "ADDR:PORT")]
    pub http: Option<String>,
    /// Where to listen for media [media.listen]
    #[arg(long, value_name = "ADDR:PORT")]
    pub udp: Option<String>,
    /// IP address at which clients reach the media port; may be repeated [media.advertise]
    #[arg(long, value_name = "IP")]
    pub advertise: Vec<String>,
    /// Folder of the built web client [http.web_root]
    #[arg(long, value_name = "DIR")]
    pub web_root: Option<String>,
    /// Serve https with a certificate made here, for a local network [tls.self_signed]
    #[arg(long)]
    pub tls_self_signed: bool,
    /// Use the key that everybody knows [auth.development]
    #[arg(long)]
    pub dev: bool,
    /// Log levels [log.level]
    #[arg(long, value_name = "LEVELS")]
    pub log: Option<String>,
}

/// Why there is no configuration. The operator fixes it and starts again.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file is not there, or may not be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not TOML, or has settings that do not exist.
    #[error("{path}: {error}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// A variable of a section that has no such setting.
    #[error("the environment variable {0} is no setting of Sotto")]
    UnknownVariable(String),
    /// A variable whose text does not fit its setting.
    #[error("the environment variable {name}: {expected} is expected, found {text:?}")]
    Variable {
        /// Which variable.
        name: String,
        /// What would fit.
        expected: &'static str,
        /// What is there.
        text: String,
    },
    /// A rule is broken.
    #[error(transparent)]
    Invalid(#[from] InvalidConfig),
}

/// Reads and checks the configuration of this process.
///
/// # Errors
/// The first source that cannot be read, or the first rule that is broken.
pub fn load(
    flags: &Flags,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, SourceError> {
    Ok(merge(flags, environment)?.validate()?)
}

fn merge(
    flags: &Flags,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Raw, SourceError> {
    let raw = match &flags.config {
        Some(path) => read(path)?,
        None => Raw::default(),
    };
    let mut raw = with_environment(raw, environment)?;
    let Flags { config: _, http, udp, advertise, web_root, tls_self_signed, dev, log } =
        flags.clone();
    let set = |to: &mut String, from: Option<String>| *to = from.unwrap_or(std::mem::take(to));
    set(&mut raw.http.listen, http);
    set(&mut raw.media.listen, udp);
    set(&mut raw.http.web_root, web_root);
    set(&mut raw.log.level, log);
    if !advertise.is_empty() {
        raw.media.advertise = advertise;
    }
    raw.tls.self_signed |= tls_self_signed;
    raw.auth.development |= dev;
    Ok(raw)
}

fn read(path: &PathBuf) -> Result<Raw, SourceError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SourceError::Read { path: path.clone(), error })?;
    toml::from_str(&text)
        .map_err(|error| SourceError::File { path: path.clone(), error: Box::new(error) })
}

/// Lays the variables `SOTTO_<SECTION>_<SETTING>` over `raw`. Variables of other names are not
/// ours: container platforms put `SOTTO_PORT` and the like into the environment of a service.
fn with_environment(
    raw: Raw,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Raw, SourceError> {
    let mut table = Table::try_from(raw).expect("settings are text, numbers and lists of text");
    // Sorted, so that of two wrong variables always the same one is named.
    for (name, text) in environment.into_iter().collect::<BTreeMap<_, _>>() {
        let lower = name.to_ascii_lowercase();
        let Some((section, key)) =
            lower.strip_prefix("sotto_").and_then(|rest| rest.split_once('_'))
        else {
            continue;
        };
        let Some(section) = table.get_mut(section).and_then(Value::as_table_mut) else { continue };
        let Some(value) = section.get_mut(key) else {
            return Err(SourceError::UnknownVariable(name));
        };
        *value = like(value, &text).map_err(|expected| SourceError::Variable {
            text: if SECRETS.contains(&key) { "<secret>".into() } else { text },
            name,
            expected,
        })?;
    }
    Ok(table.try_into().expect("every value kept the type of its setting"))
}

/// Reads `text` as a value of the type that `setting` has.
fn like(setting: &Value, text: &str) -> Result<Value, &'static str> {
    match setting {
        Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| "true or false"),
        Value::Integer(_) => match text.parse::<i64>() {
            Ok(number) if number >= 0 => Ok(Value::Integer(number)),
            _ => Err("a whole number"),
        },
        Value::Array(_) => Ok(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        )),
        _ => Ok(Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flags: &Flags, environment: &[(&str, &str)]) -> Result<Raw, String> {
        let environment = environment.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
        merge(flags, environment).map_err(|error| error.to_string())
    }

    /// A file that lives as long as the value.
    struct TempFile(PathBuf);

    impl TempFile {
        fn new(name: &str, text: &str) -> Self {
            let path = std::env::temp_dir().join(format!("sotto-{}-{name}", std::process::id()));
            std::fs::write(&path, text).unwrap();
            Self(path)
        }

        fn flags(&self) -> Flags {
            Flags { config: Some(self.0.clone()), ..Flags::default() }
        }
    }

    impl Drop for TempFile {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let file = TempFile::new(
            "order.toml",
            "[http]\nlisten = \"file:1\"\nweb_root = \"file\"\n[log]\nlevel = \"file\"\n",
        );
        let environment =
            [("SOTTO_HTTP_LISTEN", "environment:1"), ("SOTTO_HTTP_WEB_ROOT", "environment")];
        let flags = Flags { http: Some("flag:1".into()), ..file.flags() };
        let raw = check(&flags, &environment).unwrap();
        assert_eq!(raw.http.listen, "flag:1");
        assert_eq!(raw.http.web_root, "environment");
        assert_eq!(raw.log.level, "file");
        assert_eq!(raw.media, Raw::default().media);
    }

    #[test]
    fn variables_take_the_type_of_their_setting() {
        let raw = check(
            &Flags::default(),
            &[
                ("SOTTO_LIMITS_PEERS", "7"),
                ("SOTTO_AUTH_DEVELOPMENT", "true"),
                ("SOTTO_MEDIA_ADVERTISE", "10.0.0.1, ::1,"),
            ],
        )
        .unwrap();
        assert_eq!(raw.limits.peers, 7);
        assert!(raw.auth.development);
        assert_eq!(raw.media.advertise, ["10.0.0.1", "::1"]);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        for (name, text, message) in [
            (
                "SOTTO_HTTP_PORT",
                "80",
                "the environment variable SOTTO_HTTP_PORT is no setting of Sotto",
            ),
            (
                "SOTTO_LIMITS_PEERS",
                "-1",
                "the environment variable SOTTO_LIMITS_PEERS: a whole number is expected, found \"-1\"",
            ),
            (
                "SOTTO_AUTH_DEVELOPMENT",
                "yes",
                "the environment variable SOTTO_AUTH_DEVELOPMENT: true or false is expected, found \"yes\"",
            ),
        ] {
            assert_eq!(check(&Flags::default(), &[(name, text)]), Err(message.into()));
        }
        let others = [("SOTTO_PORT", "tcp://10.0.0.1"), ("SOTTO_SERVICE_HOST", "x"), ("PATH", "x")];
        assert_eq!(check(&Flags::default(), &others), Ok(Raw::default()));
    }

    #[test]
    fn a_file_with_an_unknown_setting_is_refused_by_name() {
        for (text, field) in
            [("[http]\nport = 80\n", "port"), ("[models]\nfaces = true\n", "faces")]
        {
            let file = TempFile::new("unknown.toml", text);
            let error = check(&file.flags(), &[]).unwrap_err();
            assert!(error.contains(&format!("unknown field `{field}`")), "{error}");
        }
        let missing = Flags { config: Some("/nonexistent/sotto.toml".into()), ..Flags::default() };
        assert!(check(&missing, &[]).unwrap_err().starts_with("cannot read /nonexistent"));
    }
}
