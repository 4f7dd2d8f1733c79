//! What was measured of peers before: files outside of the checkout, by a hash of everything that
//! they depend on.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use super::super::{
    tools::{ToolError, failed},
    video::{Video, VideoError},
};

/// A folder of such files.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// In the folder that is given, else in the user's cache.
    pub(crate) fn open(given: Option<&Path>) -> Result<Self, ToolError> {
        let folder = |name: &str| env::var_os(name).map(PathBuf::from);
        let of_user = || {
            let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
            caches.map_or_else(env::temp_dir, |caches| caches.join("sotto"))
        };
        let folder = given.map_or_else(of_user, Path::to_owned).join("face-peers");
        fs::create_dir_all(&folder).map_err(|source| failed(&folder, source))?;
        Ok(Self { folder })
    }

    /// Where the file of a key is, or is to be.
    pub(crate) fn path(&self, key: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{key}.{ending}"))
    }

    /// What was kept; `None` where nothing was, or something that is not understood any more.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let bytes = fs::read(self.path(key, "json")).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps it. A file is there as a whole or not at all.
    pub(crate) fn put<T: Serialize>(&self, key: &str, value: &T) -> Result<(), ToolError> {
        let (path, unfinished) = (self.path(key, "json"), self.path(key, "json.part"));
        let bytes = serde_json::to_vec(value)
            .map_err(|source| ToolError::Answer { program: "peers".into(), source })?;
        fs::write(&unfinished, bytes)
            .and_then(|()| fs::rename(&unfinished, &path))
            .map_err(|source| failed(&path, source))
    }
}

/// A name for what depends on all the parts.
pub(crate) fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()[..16])
}

/// A hash of the pictures of a video.
pub(crate) fn digest(video: &Video) -> Result<String, VideoError> {
    let failed = |source| VideoError::Io { path: video.path().to_owned(), source };
    let mut file = fs::File::open(video.path()).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut buffer).map_err(failed)? {
            0 => return Ok(hex(&hash.finalize())),
            len => hash.update(&buffer[..len]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
