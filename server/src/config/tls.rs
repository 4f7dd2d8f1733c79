//! `[tls]`: which certificate the HTTP port has.

use std::{path::PathBuf, time::Duration};

use super::{HttpConfig, InvalidConfig, MediaConfig, RawTls, validate::within};
use crate::tls::{CertificateSource, TlsConfig, own_names};

/// How soon a certificate that was renewed is used. Reading two small files costs nothing.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(10);

/// The rule of `[tls]` that a configuration breaks.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTls {
    /// One of the two files alone.
    #[error("tls.certificate_file and tls.key_file belong together: only one of them is set")]
    Half,
    /// Two certificates.
    #[error("only one of tls.certificate_file and tls.self_signed (--tls-self-signed) may be set")]
    ManyCertificates,
    /// A folder for what is not made.
    #[error("tls.self_signed_folder is set, but tls.self_signed is not")]
    UnusedFolder,
    /// Browsers would refuse what nobody certified, without asking (RFC 6797 section 8.4).
    #[error("tls.hsts_days needs tls.certificate_file: with it browsers refuse other certificates")]
    Hsts,
}

/// The certificate that the settings mean; `None`: plain HTTP.
pub(super) fn checked(
    raw: &RawTls,
    http: &HttpConfig,
    media: &MediaConfig,
) -> Result<Option<TlsConfig>, InvalidConfig> {
    let files = match (raw.certificate_file.is_empty(), raw.key_file.is_empty()) {
        (true, true) => None,
        (false, false) => Some(CertificateSource::Files {
            certificate: PathBuf::from(&raw.certificate_file),
            key: PathBuf::from(&raw.key_file),
        }),
        _ => return Err(InvalidTls::Half.into()),
    };
    if !raw.self_signed && !raw.self_signed_folder.is_empty() {
        return Err(InvalidTls::UnusedFolder.into());
    }
    let days: u64 = within("tls.hsts_days", raw.hsts_days, 0..=730)?;
    if days > 0 && files.is_none() {
        return Err(InvalidTls::Hsts.into());
    }
    let source = match (files, raw.self_signed) {
        (Some(_), true) => return Err(InvalidTls::ManyCertificates.into()),
        (Some(files), false) => files,
        (None, false) => return Ok(None),
        (None, true) => CertificateSource::SelfSigned {
            folder: (!raw.self_signed_folder.is_empty())
                .then(|| PathBuf::from(&raw.self_signed_folder)),
            names: own_names(media.advertise.iter().copied().chain([http.listen.ip()])),
        },
    };
    let hsts = (days > 0).then(|| Duration::from_secs(days * 86_400));
    Ok(Some(TlsConfig { source, hsts, look_interval: CERTIFICATE_LOOK }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Raw};

    /// What comes of the development defaults with one change.
    fn check(change: impl FnOnce(&mut Raw)) -> Result<Config, String> {
        let mut raw = Raw::default();
        raw.auth.development = true;
        change(&mut raw);
        raw.validate().map_err(|error| error.to_string())
    }

    fn refused(change: impl FnOnce(&mut Raw), message: &str) {
        assert_eq!(check(change).unwrap_err(), message);
    }

    #[test]
    fn tls_has_one_certificate_and_both_of_its_files() {
        assert_eq!(check(|_| ()).unwrap().tls, None);
        let files = |raw: &mut Raw| {
            (raw.tls.certificate_file, raw.tls.key_file) = ("a.crt".into(), "a.key".into());
        };
        let tls = check(|raw| (files(raw), raw.tls.hsts_days = 30).0).unwrap().tls.unwrap();
        assert!(matches!(tls.source, CertificateSource::Files { .. }));
        assert_eq!(tls.hsts, Some(Duration::from_secs(30 * 86_400)));
        let own = check(|raw| raw.tls.self_signed = true).unwrap().tls.unwrap();
        let CertificateSource::SelfSigned { folder: None, names } = own.source else {
            panic!("made in memory");
        };
        assert!(names.contains(&"localhost".to_owned()) && names.contains(&"127.0.0.1".to_owned()));
        refused(
            |raw| raw.tls.key_file = "a.key".into(),
            "tls.certificate_file and tls.key_file belong together: only one of them is set",
        );
        refused(
            |raw| (files(raw), raw.tls.self_signed = true).0,
            "only one of tls.certificate_file and tls.self_signed (--tls-self-signed) may be set",
        );
        refused(
            |raw| raw.tls.self_signed_folder = "/etc/sotto".into(),
            "tls.self_signed_folder is set, but tls.self_signed is not",
        );
        refused(
            |raw| (raw.tls.self_signed, raw.tls.hsts_days) = (true, 30),
            "tls.hsts_days needs tls.certificate_file: with it browsers refuse other certificates",
        );
    }
}
