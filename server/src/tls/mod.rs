//! TLS of the HTTP port: whose certificate, from where, and until when. The handshakes themselves are
//! in [`crate::http`].
//!
//! ```text
//!  files, or self_signed (folder, or memory) ─► certificate: read, check ─► store: what handshakes get
//!                                                        SIGHUP, or the files changed ─┘ (again)
//! ```

mod certificate;
mod self_signed;
mod store;

use std::{path::PathBuf, sync::Arc, time::Duration};

pub use certificate::{Certificate, CertificateError};
pub use self_signed::own_names;
pub use store::{CertificateStore, Reloaded};

use rustls::{ServerConfig, crypto::ring};

/// What the HTTP port is served with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// Where the certificate comes from.
    pub source: CertificateSource,
    /// For how long browsers are told to come by TLS only (RFC 6797); `None`: they are not.
    pub hsts: Option<Duration>,
    /// How often files are looked at.
    pub look_interval: Duration,
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// Two files in PEM.
    Files {
        /// The certificate, and those that lead from it to its root.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// Made here, for machines that nobody certifies.
    SelfSigned {
        /// Where it is kept for the next start; `None`: nowhere.
        folder: Option<PathBuf>,
        /// The names and addresses in it.
        names: Vec<String>,
    },
}

/// What handshakes are made with: TLS 1.2 and 1.3, certificates of `store`, HTTP/1.1.
///
/// HTTP/1.1 alone: a websocket over HTTP/2 (RFC 8441) is not spoken here.
pub fn server_config(store: Arc<CertificateStore>) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of both versions")
        .with_no_client_auth()
        .with_cert_resolver(store);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
