//! Real browsers: found, started without a window, ended with everything they started.

use std::{
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// A browser that Debian packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// `chromium`.
    Chromium,
    /// `firefox-esr`.
    Firefox,
}

/// A browser on a page, with a fresh profile. Ended and cleaned up when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    profile: PathBuf,
}

/// Fake devices and loopback candidates; nothing that calls home.
const CHROMIUM: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    // No window is ever in front: nothing may be slowed down for that.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
];

/// The same for Firefox, as preferences.
const FIREFOX: &[(&str, &str)] = &[
    ("media.navigator.permission.disabled", "true"),
    ("media.navigator.streams.fake", "true"),
    ("media.peerconnection.ice.loopback", "true"),
    ("media.peerconnection.ice.obfuscate_host_addresses", "false"),
    ("media.autoplay.default", "0"),
    ("media.gmp-manager.updateEnabled", "false"),
    ("app.update.enabled", "false"),
    ("app.normandy.enabled", "false"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("browser.aboutwelcome.enabled", "false"),
    ("browser.startup.homepage_override.mstone", "\"ignore\""),
    ("browser.safebrowsing.update.enabled", "false"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("extensions.update.enabled", "false"),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("permissions.default.camera", "1"),
    ("permissions.default.microphone", "1"),
    ("startup.homepage_welcome_url", "\"\""),
    ("toolkit.telemetry.enabled", "false"),
    ("trailhead.firstrun.didSeeAboutWelcome", "true"),
];

impl Browser {
    /// Its program's name.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox-esr",
        }
    }

    /// Whether it is installed.
    ///
    /// # Panics
    /// If it is missing where the environment says that this is continuous integration: there, a
    /// skipped test would be a lie.
    pub fn is_installed(self) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).any(|dir| dir.join(self.program()).is_file());
        assert!(found || std::env::var_os("CI").is_none(), "{} is missing", self.program());
        found
    }

    /// Opens a page.
    ///
    /// # Errors
    /// If the profile cannot be written or the program not started.
    pub fn open(self, url: &str) -> io::Result<Running> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sotto-{}-{}-{count}", self.program(), std::process::id());
        let profile = std::env::temp_dir().join(name);
        fs::create_dir_all(&profile)?;
        let mut command = Command::new(self.program());
        match self {
            Self::Chromium => {
                command.args(CHROMIUM).arg(format!("--user-data-dir={}", profile.display()));
            }
            Self::Firefox => {
                write_preferences(&profile)?;
                command.args(["--headless", "--no-remote", "--profile"]).arg(&profile);
            }
        }
        let child = command
            .arg(url)
            // Its helpers are its group, so that they end with it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Running { child, profile })
    }
}

fn write_preferences(profile: &Path) -> io::Result<()> {
    let lines = FIREFOX.iter().map(|(name, value)| format!("user_pref(\"{name}\", {value});\n"));
    fs::write(profile.join("user.js"), lines.collect::<String>())
}

impl Running {
    /// Process id of the browser's first process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        // Errors mean that it ended by itself; the profile is only a temporary directory.
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.profile));
    }
}
