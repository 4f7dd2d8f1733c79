//! A certificate with its key, as it lies in two files.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

/// A certificate whose key fits it.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// What a handshake needs.
    pub certified: Arc<CertifiedKey>,
    /// Last second of its validity, since 1970.
    pub expires: i64,
    /// Host names and addresses that it is for.
    pub names: Vec<String>,
}

/// Why there is no certificate. The operator repairs a file.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or not be written.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// No certificate in the file, or something that is none.
    #[error("{}: no certificate in PEM: {error}", .path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// No key in the file, or something that is none.
    #[error("{}: no private key in PEM: {error}", .path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong. Says nothing of the key.
        error: pem::Error,
    },
    /// The key is not of that certificate, or of a kind that is not used here.
    #[error("{} does not fit {}: {error}", .key.display(), .certificate.display())]
    Unfit {
        /// File of the certificate.
        certificate: PathBuf,
        /// File of the key.
        key: PathBuf,
        /// Why.
        error: rustls::Error,
    },
    /// A self-signed certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl Certificate {
    /// Reads a certificate with its chain, and its key.
    ///
    /// # Errors
    /// [`CertificateError`], which names the file.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let chain_pem = read(certificate)?;
        let key_pem = read(key)?;
        Self::of(certificate, &chain_pem, key, &key_pem)
    }

    /// As [`Self::read`], of what the files hold.
    pub(super) fn of(
        certificate: &Path,
        chain_pem: &[u8],
        key: &Path,
        key_pem: &[u8],
    ) -> Result<Self, CertificateError> {
        let no_certificate = |error: String| {
            let path = certificate.to_owned();
            CertificateError::NoCertificate { path, error }
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain_pem).collect();
        let chain = chain.map_err(|error| no_certificate(error.to_string()))?;
        let leaf = chain.first().ok_or_else(|| no_certificate("none in it".to_owned()))?;
        let (expires, names) = facts(leaf).map_err(no_certificate)?;
        let private = PrivateKeyDer::from_pem_slice(key_pem)
            .map_err(|error| CertificateError::NoKey { path: key.to_owned(), error })?;
        let certified = CertifiedKey::from_der(chain, private, &ring::default_provider());
        let certified = certified.map_err(|error| {
            let (certificate, key) = (certificate.to_owned(), key.to_owned());
            CertificateError::Unfit { certificate, key, error }
        })?;
        Ok(Self { certified: Arc::new(certified), expires, names })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|error| CertificateError::File { path: path.to_owned(), error })
}

/// When it ends, and whom it names (RFC 5280 sections 4.1.2.5 and 4.2.1.6). The common name of the
/// subject counts for nothing: no browser reads it.
fn facts(leaf: &CertificateDer<'_>) -> Result<(i64, Vec<String>), String> {
    let (_, parsed) = parse_x509_certificate(leaf).map_err(|error| error.to_string())?;
    let names = parsed.subject_alternative_name().map_err(|error| error.to_string())?;
    let names = names.map(|names| &names.value.general_names[..]).unwrap_or_default();
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|ip| ip.to_string()),
        _ => None,
    };
    Ok((parsed.validity().not_after.timestamp(), names.iter().filter_map(name).collect()))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).into());
    v4().or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).into())).ok()
}
