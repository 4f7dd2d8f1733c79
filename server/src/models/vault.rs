//! Models that their speakers let the node keep for another meeting, encrypted on disk.
//!
//! ```text
//!  {folder}/{speaker}.voice, {speaker}.face        speaker: 32 hex digits, an HMAC of the identity
//!
//!  0    "SOTK"
//!  4    version u8 = 1
//!  5    expires, u64 big-endian, seconds since 1970
//!  13   nonce, 12 bytes
//!  25   AES-256-GCM of the container; bytes 0 to 13 and the name of the file are authenticated with it
//! ```
//!
//! The key is derived from the node's own (HKDF, RFC 5869): with another one nothing can be read, and
//! what cannot be read is removed. Everything here blocks: it is for threads that may wait for a disk.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use sotto_core::signal::{AccessKey, Source};
use sotto_frame::{ModelHash, container::MAX_CONTAINER_LEN};

use crate::token::Key;

const MAGIC: [u8; 4] = *b"SOTK";
const VERSION: u8 = 1;
/// Magic, version and end of life.
const HEAD: usize = 13;
const TAG: usize = 16;
/// Longest file.
const MAX_FILE: u64 = (HEAD + NONCE_LEN + MAX_CONTAINER_LEN + TAG) as u64;
/// How files end: of a voice, of a face, and while one is being written. Others are not ours.
const VOICE: &str = "voice";
const FACE: &str = "face";
const PART: &str = "part";
/// Bytes of an HMAC that name a speaker.
const NAME: usize = 16;

/// A folder of kept models.
pub struct Vault {
    folder: PathBuf,
    names: hmac::Key,
    seal: LessSafeKey,
    copies: hmac::Key,
    lifetime: Duration,
    max_bytes: u64,
    /// Held while files are written or removed, so that what is taken back stays so.
    writing: Mutex<()>,
}

/// A model that was kept.
#[derive(Debug)]
pub struct Kept {
    /// Microphone or camera.
    pub source: Source,
    /// When it is removed, since 1970.
    pub expires: Duration,
    /// The container.
    pub container: Vec<u8>,
}

/// Files that were removed by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Their time had come.
    pub expired: usize,
    /// There were too many bytes: those whose time would have come first.
    pub crowded: usize,
}

/// Why models cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("models.kept_folder {}: {error}", folder.display())]
pub struct VaultError {
    folder: PathBuf,
    error: io::Error,
}

struct File {
    path: PathBuf,
    expires: Duration,
    bytes: u64,
}

impl Vault {
    /// Opens a folder, which is made if it is not there, readable for its owner alone.
    ///
    /// # Errors
    /// [`VaultError`]: it cannot be made, or not be written to.
    pub fn open(
        folder: &Path,
        key: &Key,
        lifetime: Duration,
        max_bytes: u64,
    ) -> Result<Self, VaultError> {
        private_folder(folder).map_err(|error| VaultError { folder: folder.to_owned(), error })?;
        let names = hmac::Key::new(hmac::HMAC_SHA256, &key.derive(b"names of kept models"));
        let seal = UnboundKey::new(&AES_256_GCM, &key.derive(b"bytes of kept models"))
            .expect("the key has 32 bytes");
        Ok(Self {
            folder: folder.to_owned(),
            names,
            seal: LessSafeKey::new(seal),
            copies: hmac::Key::new(hmac::HMAC_SHA256, &key.derive(b"copies of kept models")),
            lifetime,
            max_bytes,
            writing: Mutex::new(()),
        })
    }

    /// How long a model is kept.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// What copies of a model are encrypted with that others keep of it on disk: told to them in rooms
    /// alone in which its speaker is, and allows it.
    pub fn copy_key(&self, identity: &str, hash: ModelHash) -> AccessKey {
        let mut signed = hmac::Context::with_key(&self.copies);
        signed.update(&hash.0);
        signed.update(identity.as_bytes());
        AccessKey(URL_SAFE_NO_PAD.encode(signed.sign()))
    }

    /// Keeps a model in place of the one before it of the same speaker and source, from `now` (since
    /// 1970) on, if `agreed` still says so once nobody else writes. Returns until when; `None`: it did not.
    ///
    /// # Errors
    /// What the disk says; then the one before it is still there.
    pub fn keep(
        &self,
        identity: &str,
        source: Source,
        container: &[u8],
        now: Duration,
        agreed: impl FnOnce() -> bool,
    ) -> io::Result<Option<Duration>> {
        let path = self.path(identity, source);
        let expires = now.saturating_add(self.lifetime);
        let mut file = head(expires).to_vec();
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).expect("the system has a random source");
        let mut sealed = container.to_vec();
        let aad = Aad::from(authenticated(&file, &path));
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .expect("a container is shorter than what a nonce can seal");
        file.extend_from_slice(&nonce);
        file.append(&mut sealed);

        let _writing = self.lock();
        if !agreed() {
            return Ok(None);
        }
        let part = path.with_extension(PART);
        fs::write(&part, &file).and_then(|()| fs::rename(&part, &path)).inspect_err(|_| {
            let _never_there_either = fs::remove_file(&part);
        })?;
        Ok(Some(expires))
    }

    /// What is kept of a speaker at `now`. What cannot be read is removed.
    pub fn kept(&self, identity: &str, now: Duration) -> Vec<Kept> {
        let sources = [Source::Microphone, Source::Camera].into_iter();
        sources.filter_map(|source| self.read(identity, source, now)).collect()
    }

    /// Removes what is kept of a speaker: of one source, or of all. Returns how many models that were.
    ///
    /// # Errors
    /// What the disk says of the last one that could not be removed.
    pub fn forget(&self, identity: &str, source: Option<Source>) -> io::Result<usize> {
        let _writing = self.lock();
        let sources = source.map_or(vec![Source::Microphone, Source::Camera], |one| vec![one]);
        let mut forgotten = Ok(0);
        for source in sources {
            match fs::remove_file(self.path(identity, source)) {
                Ok(()) => forgotten = forgotten.map(|count| count + 1),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => forgotten = Err(error),
            }
        }
        forgotten
    }

    /// Removes what has expired at `now`, what was left half written, and what is more than may be
    /// kept.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn sweep(&self, now: Duration) -> io::Result<Swept> {
        let _writing = self.lock();
        let mut swept = Swept::default();
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            // An operator may have put something else there.
            let ending = path.extension().and_then(|ending| ending.to_str());
            if !ending.is_some_and(|ending| [VOICE, FACE, PART].contains(&ending)) {
                continue;
            }
            match File::look(&path) {
                Some(file) if file.expires > now => files.push(file),
                // Half written, broken, or expired.
                _ => swept.expired += usize::from(fs::remove_file(&path).is_ok()),
            }
        }
        files.sort_by_key(|file| file.expires);
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files {
            if bytes <= self.max_bytes {
                break;
            }
            bytes -= file.bytes;
            swept.crowded += usize::from(fs::remove_file(&file.path).is_ok());
        }
        Ok(swept)
    }

    fn read(&self, identity: &str, source: Source, now: Duration) -> Option<Kept> {
        let path = self.path(identity, source);
        let expires = File::look(&path)?.expires;
        let opened = fs::read(&path).ok().and_then(|bytes| self.unseal(&path, bytes));
        match opened {
            Some(container) if expires > now => Some(Kept { source, expires, container }),
            _ => {
                let _writing = self.lock();
                let _gone_already = fs::remove_file(&path);
                None
            }
        }
    }

    fn unseal(&self, path: &Path, mut file: Vec<u8>) -> Option<Vec<u8>> {
        let (head, rest) = file.split_at_mut_checked(HEAD)?;
        let (nonce, sealed) = rest.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let aad = Aad::from(authenticated(head, path));
        Some(self.seal.open_in_place(nonce, aad, sealed).ok()?.to_vec())
    }

    fn path(&self, identity: &str, source: Source) -> PathBuf {
        let tag = hmac::sign(&self.names, identity.as_bytes());
        let speaker: String =
            tag.as_ref()[..NAME].iter().map(|byte| format!("{byte:02x}")).collect();
        let kind = if source == Source::Microphone { VOICE } else { FACE };
        self.folder.join(format!("{speaker}.{kind}"))
    }

    /// A panic in between leaves at worst a half written file, which the next sweep removes.
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl File {
    /// What the head of a file says. `None`: it is none of ours.
    fn look(path: &Path) -> Option<Self> {
        let mut head = [0; HEAD];
        let mut file = fs::File::open(path).ok()?;
        io::Read::read_exact(&mut file, &mut head).ok()?;
        let bytes = file.metadata().ok()?.len();
        let ours = head[..4] == MAGIC && head[4] == VERSION && bytes <= MAX_FILE;
        let expires = u64::from_be_bytes(*head.last_chunk()?);
        let whole = path.extension().is_some_and(|kind| kind != PART);
        (ours && whole).then(|| Self {
            path: path.to_owned(),
            expires: Duration::from_secs(expires),
            bytes,
        })
    }
}

fn head(expires: Duration) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&MAGIC);
    head[4] = VERSION;
    head[5..].copy_from_slice(&expires.as_secs().to_be_bytes());
    head
}

/// A file is good under its own name and with its own end alone.
fn authenticated(head: &[u8], path: &Path) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default();
    [head, name.as_encoded_bytes()].concat()
}

fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Found out now, not when the first speaker leaves.
    let probe = folder.join(format!("probe.{PART}"));
    fs::write(&probe, [])?;
    fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    /// A folder of its own, removed behind the test.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir()
                .join(format!("sotto-vault-{name}-{}", uuid::Uuid::new_v4().simple()));
            Self(folder)
        }

        fn vault(&self, secret: u8, max_bytes: u64) -> Vault {
            let key = Key::new(&[secret; 32]).unwrap();
            Vault::open(&self.0, &key, 30 * DAY, max_bytes).unwrap()
        }

        /// Everything on the disk, names included.
        fn bytes(&self) -> Vec<u8> {
            let mut all = Vec::new();
            for entry in fs::read_dir(&self.0).unwrap() {
                let path = entry.unwrap().path();
                all.extend_from_slice(path.as_os_str().as_encoded_bytes());
                all.extend(fs::read(path).unwrap());
            }
            all
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _never_made = fs::remove_dir_all(&self.0);
        }
    }

    fn containers(vault: &Vault, identity: &str, now: Duration) -> Vec<(Source, Vec<u8>)> {
        let kept = vault.kept(identity, now).into_iter();
        kept.map(|kept| (kept.source, kept.container)).collect()
    }

    #[test]
    fn what_is_kept_comes_back_to_its_speaker_alone_and_is_not_to_be_read_on_the_disk() {
        let place = Place::new("roundtrip");
        let vault = place.vault(1, 1 << 20);
        let face = b"a face that nobody else may see".repeat(20);
        assert!(vault.keep("ann", Source::Camera, &face, NOW, || true).unwrap().is_some());
        assert!(vault.keep("ann", Source::Microphone, b"a voice", NOW, || true).unwrap().is_some());
        assert!(
            vault
                .keep("ann", Source::Microphone, b"a better voice", NOW, || true)
                .unwrap()
                .is_some()
        );
        let all = vec![(Source::Microphone, b"a better voice".to_vec()), (Source::Camera, face)];
        assert_eq!(containers(&vault, "ann", NOW), all);
        assert_eq!(containers(&place.vault(1, 1 << 20), "ann", NOW), all, "a restarted node");
        assert_eq!(containers(&vault, "bob", NOW), []);
        let disk = place.bytes();
        for secret in [&b"nobody else"[..], b"better voice", b"ann"] {
            assert!(!disk.windows(secret.len()).any(|bytes| bytes == secret));
        }
    }

    #[test]
    fn what_is_forgotten_or_was_taken_back_while_it_was_written_is_not_there() {
        let place = Place::new("forget");
        let vault = place.vault(1, 1 << 20);
        for source in [Source::Microphone, Source::Camera] {
            vault.keep("ann", source, b"ann", NOW, || true).unwrap();
            vault.keep("bob", source, b"bob", NOW, || true).unwrap();
        }
        assert_eq!(vault.forget("ann", Some(Source::Microphone)).unwrap(), 1);
        assert_eq!(containers(&vault, "ann", NOW), [(Source::Camera, b"ann".to_vec())]);
        assert_eq!(
            vault.keep("ann", Source::Microphone, b"too late", NOW, || false).unwrap(),
            None
        );
        assert_eq!(vault.forget("ann", None).unwrap(), 1);
        assert_eq!(vault.forget("ann", None).unwrap(), 0);
        assert_eq!(containers(&vault, "ann", NOW), []);
        assert_eq!(containers(&vault, "bob", NOW).len(), 2);
    }

    #[test]
    fn models_expire_and_the_oldest_make_room() {
        let place = Place::new("sweep");
        let vault = place.vault(1, 1_000);
        vault.keep("ann", Source::Camera, &[1; 300], NOW, || true).unwrap();
        vault.keep("bob", Source::Camera, &[2; 300], NOW + DAY, || true).unwrap();
        assert_eq!(vault.sweep(NOW + DAY).unwrap(), Swept::default());
        assert_eq!(containers(&vault, "ann", NOW + 30 * DAY), [], "read when its time has come");
        vault.keep("ann", Source::Camera, &[1; 300], NOW, || true).unwrap();
        assert_eq!(vault.sweep(NOW + 30 * DAY).unwrap(), Swept { expired: 1, crowded: 0 });
        for (day, name) in ["cid", "dan", "eve"].into_iter().enumerate() {
            let day = u32::try_from(day).unwrap();
            vault.keep(name, Source::Camera, &[3; 300], NOW + (2 + day) * DAY, || true).unwrap();
        }
        assert_eq!(vault.sweep(NOW + 5 * DAY).unwrap(), Swept { expired: 0, crowded: 2 });
        let there =
            ["bob", "cid", "dan", "eve"].map(|name| containers(&vault, name, NOW + 5 * DAY).len());
        assert_eq!(there, [0, 0, 1, 1]);
    }

    #[test]
    fn what_was_changed_on_the_disk_or_sealed_with_another_key_is_removed() {
        let place = Place::new("hostile");
        let vault = place.vault(1, 1 << 20);
        let path = vault.path("ann", Source::Camera);
        let fresh = || {
            vault.keep("ann", Source::Camera, b"a face", NOW, || true).unwrap();
            fs::read(&path).unwrap()
        };
        let whole = fresh();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            fs::write(&path, &changed).unwrap();
            assert_eq!(containers(&vault, "ann", NOW), [], "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(containers(&vault, "ann", NOW), [], "{at} bytes");
        }
        fs::write(vault.path("bob", Source::Camera), &whole).unwrap();
        assert_eq!(containers(&vault, "bob", NOW), [], "under another name");
        fresh();
        assert_eq!(
            containers(&place.vault(2, 1 << 20), "ann", NOW),
            [],
            "another key names it otherwise"
        );
        assert_eq!(containers(&vault, "ann", NOW).len(), 1);
        fs::write(place.0.join("00.part"), b"half").unwrap();
        assert_eq!(vault.sweep(NOW).unwrap(), Swept { expired: 1, crowded: 0 });
    }

    #[test]
    fn what_somebody_else_put_into_the_folder_is_left_alone() {
        let place = Place::new("shared");
        let vault = place.vault(1, 0);
        for name in ["rooms.sqlite", "notes", "key.pem"] {
            fs::write(place.0.join(name), b"of somebody else").unwrap();
        }
        vault.keep("ann", Source::Camera, b"a face", NOW, || true).unwrap();
        assert_eq!(vault.sweep(NOW).unwrap(), Swept { expired: 0, crowded: 1 });
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 3);
    }
}
