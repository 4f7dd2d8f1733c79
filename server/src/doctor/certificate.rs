//! Whether browsers will come in: the certificate of the HTTP port.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Finding;
use crate::{
    config::Config,
    tls::{Certificate, CertificateError, CertificateSource},
};

/// With less left than this somebody has to act: those who renew by themselves did so before.
const SOON: Duration = Duration::from_secs(14 * 86_400);

const CHECK: &str = "certificate";

/// `None`: plain HTTP on this machine alone needs none.
pub(super) fn check(config: &Config) -> Option<Finding> {
    let Some(tls) = &config.tls else {
        let listen = config.http.listen;
        return (!listen.ip().is_loopback()).then(|| plain(&listen.to_string()));
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(match &tls.source {
        CertificateSource::Files { certificate, key } => {
            of_files(Certificate::read(certificate, key), now)
        }
        CertificateSource::SelfSigned { names, .. } => {
            let found = format!("made here, for {}", names.join(", "));
            let advice = "browsers ask once whether it is to be trusted";
            Finding { advice: Some(advice.to_owned()), ..Finding::ok(CHECK, found) }
        }
    })
}

fn plain(listen: &str) -> Finding {
    let found = format!("none, and {listen} is not for this machine alone");
    let advice = "browsers give no camera to plain http: set [tls], or put a TLS proxy in front";
    Finding::warn(CHECK, found, advice)
}

/// `now`: since 1970.
fn of_files(read: Result<Certificate, CertificateError>, now: Duration) -> Finding {
    let certificate = match read {
        Ok(certificate) => certificate,
        Err(error) => {
            let advice = "set tls.certificate_file and tls.key_file to a pair in PEM that the \
                          node's user may read";
            return Finding::fail(CHECK, error.to_string(), advice);
        }
    };
    let left = certificate.expires.saturating_sub(now.as_secs() as i64);
    let days = left.div_euclid(86_400);
    if left <= 0 {
        let advice = "renew it: browsers refuse it";
        return Finding::fail(CHECK, "it has expired", advice);
    }
    if certificate.names.is_empty() {
        let advice = "ask for one with a subject alternative name: browsers read no other";
        return Finding::fail(CHECK, "it names no host", advice);
    }
    let found = format!("for {}, {days} days left", certificate.names.join(", "));
    if left < SOON.as_secs() as i64 {
        return Finding::warn(CHECK, found, "renew it: the node takes the new one by itself");
    }
    Finding::ok(CHECK, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::Verdict, tls::CertificateStore};

    fn certificate(expires: i64, names: &[&str]) -> Result<Certificate, CertificateError> {
        let source =
            CertificateSource::SelfSigned { folder: None, names: vec!["localhost".to_owned()] };
        let certified = CertificateStore::open(source)?.current();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(Certificate { certified, expires, names })
    }

    #[test]
    fn a_certificate_that_ends_soon_is_worth_a_warning_and_one_that_ended_fails() {
        let now = Duration::from_secs(1_000_000);
        let at = |days: i64| of_files(certificate(1_000_000 + days * 86_400, &["a.example"]), now);
        assert_eq!(at(15).verdict, Verdict::Ok);
        assert_eq!(at(15).found, "for a.example, 15 days left");
        assert_eq!(at(13).verdict, Verdict::Warn);
        assert_eq!(at(0).verdict, Verdict::Fail);
        assert_eq!(of_files(certificate(9_000_000, &[]), now).verdict, Verdict::Fail);
    }

    #[test]
    fn files_that_are_not_there_fail_and_plain_http_for_others_is_worth_a_warning() {
        let mut config = Config::development();
        assert_eq!(check(&config), None);
        config.http.listen = "0.0.0.0:80".parse().unwrap();
        assert_eq!(check(&config).unwrap().verdict, Verdict::Warn);
        let missing = Certificate::read("/nowhere/a.crt".as_ref(), "/nowhere/a.key".as_ref());
        let finding = of_files(missing, Duration::ZERO);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.found.contains("/nowhere/a.crt"), "{finding}");
    }
}
