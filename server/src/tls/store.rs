//! The certificate that handshakes get now.

use std::{
    sync::{Arc, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{Certificate, CertificateError, CertificateSource, self_signed};

/// Holds one certificate, and reads it again when it is told to. Handshakes that began and
/// connections that are open stay with what they have.
#[derive(Debug)]
pub struct CertificateStore {
    source: CertificateSource,
    current: RwLock<Arc<CertifiedKey>>,
}

/// What came of reading it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// It is the one that was in use.
    Same,
    /// New handshakes get another one.
    Changed,
}

impl CertificateStore {
    /// Reads or makes the first certificate.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn open(source: CertificateSource) -> Result<Self, CertificateError> {
        let first = load(&source)?;
        Ok(Self { source, current: RwLock::new(first.certified) })
    }

    /// Reads it again. Reads files: not on a thread that must not wait.
    ///
    /// # Errors
    /// [`CertificateError`]: the old one stays in use.
    pub fn reload(&self) -> Result<Reloaded, CertificateError> {
        // Memory has nothing new.
        if matches!(self.source, CertificateSource::SelfSigned { folder: None, .. }) {
            return Ok(Reloaded::Same);
        }
        let read = load(&self.source)?.certified;
        if read.cert == self.current().cert {
            return Ok(Reloaded::Same);
        }
        *self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner) = read;
        Ok(Reloaded::Changed)
    }

    /// What handshakes get.
    pub fn current(&self) -> Arc<CertifiedKey> {
        self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for CertificateStore {
    /// The same for every name: a node has one.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn load(source: &CertificateSource) -> Result<Certificate, CertificateError> {
    match source {
        CertificateSource::Files { certificate, key } => Certificate::read(certificate, key),
        CertificateSource::SelfSigned { folder, names } => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self_signed::kept_or_new(folder.as_deref(), names, now.as_secs() as i64)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn write(folder: &Path, from: &Path) {
        fs::copy(from.join("self-signed.crt"), folder.join("tls.crt")).unwrap();
        fs::copy(from.join("self-signed.key"), folder.join("tls.key")).unwrap();
    }

    #[test]
    fn a_new_certificate_is_taken_and_a_broken_one_leaves_the_old_in_use() {
        let root =
            std::env::temp_dir().join(format!("sotto-store-{}", uuid::Uuid::new_v4().simple()));
        let made = ["one", "two"].map(|name| root.join(name));
        for folder in &made {
            self_signed::kept_or_new(Some(folder), &["localhost".to_owned()], 1_790_000_000)
                .unwrap();
        }
        write(&root, &made[0]);
        let source = CertificateSource::Files {
            certificate: root.join("tls.crt"),
            key: root.join("tls.key"),
        };
        let store = CertificateStore::open(source).unwrap();
        let first = store.current().cert.clone();
        assert_eq!(store.reload().unwrap(), Reloaded::Same);

        fs::copy(made[1].join("self-signed.crt"), root.join("tls.crt")).unwrap();
        let error = store.reload().unwrap_err();
        assert!(error.to_string().contains("tls.key does not fit"), "{error}");
        assert_eq!(store.current().cert, first, "half of a new pair changes nothing");

        write(&root, &made[1]);
        assert_eq!(store.reload().unwrap(), Reloaded::Changed);
        assert_ne!(store.current().cert, first);

        fs::write(root.join("tls.crt"), b"nothing").unwrap();
        let error = store.reload().unwrap_err();
        assert!(error.to_string().contains("no certificate in PEM"), "{error}");
        fs::remove_file(root.join("tls.key")).unwrap();
        assert!(matches!(store.reload().unwrap_err(), CertificateError::File { .. }));
        fs::remove_dir_all(&root).unwrap();
    }
}
