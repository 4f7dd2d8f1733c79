//! A certificate that nobody certifies, for a network without names: browsers ask once whether the
//! person trusts it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use super::{Certificate, CertificateError};

/// How long one is valid: the longest that Apple's systems take of any certificate.
const LIFETIME: Duration = Duration::from_secs(825 * 86_400);

/// With less left than this a new one is made: a node that starts now may run that long.
const RENEW_BEFORE: Duration = Duration::from_secs(90 * 86_400);

/// How far back its validity begins: clocks of a network without time servers differ.
const BACKDATED: Duration = Duration::from_secs(2 * 86_400);

/// The names of a certificate for this machine: itself, its host name, and those addresses.
pub fn own_names(addresses: impl IntoIterator<Item = IpAddr>) -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    let host = rustix::system::uname();
    if let Ok(host) = host.nodename().to_str()
        && !host.is_empty()
    {
        names.push(host.to_owned());
        // What machines of a network without name servers call each other (RFC 6762).
        if !host.contains('.') && host != "localhost" {
            names.push(format!("{host}.local"));
        }
    }
    let loopback = [IpAddr::from([127, 0, 0, 1]), std::net::Ipv6Addr::LOCALHOST.into()];
    let mut addresses: Vec<_> = loopback.into_iter().chain(addresses).collect();
    addresses.retain(|ip| !ip.is_unspecified());
    addresses.sort();
    addresses.dedup();
    names.extend(addresses.iter().map(ToString::to_string));
    names
}

/// The certificate that is kept in `folder`, if it still does; otherwise a new one, which is kept.
///
/// `now`: seconds since 1970.
///
/// # Errors
/// It cannot be made or not be kept.
pub(super) fn kept_or_new(
    folder: Option<&Path>,
    names: &[String],
    now: i64,
) -> Result<Certificate, CertificateError> {
    let Some(folder) = folder else {
        let (chain, key) = make(names, now)?;
        let memory = Path::new("memory");
        return Certificate::of(memory, chain.as_bytes(), memory, key.as_bytes());
    };
    let (chain_path, key_path) = files(folder);
    // One that cannot be read is made anew like one that is not there: nobody else needs it.
    if let Ok(kept) = Certificate::read(&chain_path, &key_path)
        && names.iter().all(|name| kept.names.contains(name))
        && kept.expires.saturating_sub(now) > RENEW_BEFORE.as_secs() as i64
    {
        return Ok(kept);
    }
    let (chain, key) = make(names, now)?;
    let failed = |path: &PathBuf| {
        let path = path.clone();
        move |error| CertificateError::File { path, error }
    };
    fs::create_dir_all(folder).map_err(failed(&folder.to_owned()))?;
    replace(&key_path, key.as_bytes()).map_err(failed(&key_path))?;
    replace(&chain_path, chain.as_bytes()).map_err(failed(&chain_path))?;
    Certificate::read(&chain_path, &key_path)
}

/// Where the certificate and its key are in a folder.
fn files(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("self-signed.crt"), folder.join("self-signed.key"))
}

/// Certificate and key in PEM: ECDSA P-256, with which a handshake costs the least.
fn make(names: &[String], now: i64) -> Result<(String, String), CertificateError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Sotto, self-signed");
    let at = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(now.max(0) as u64);
    params.not_before = at - BACKDATED;
    params.not_after = at + LIFETIME - BACKDATED;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// Whole or not at all, and readable by this user alone.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: i64 = 1_790_000_000;

    fn names() -> Vec<String> {
        own_names([IpAddr::from([192, 168, 1, 7])])
    }

    #[test]
    fn a_certificate_names_this_machine_and_its_addresses() {
        let made = kept_or_new(None, &names(), NOW).unwrap();
        for name in ["localhost", "127.0.0.1", "::1", "192.168.1.7"] {
            assert!(made.names.iter().any(|known| known == name), "{name}: {:?}", made.names);
        }
        assert!(made.expires > NOW + 800 * 86_400 && made.expires < NOW + 825 * 86_400);
    }

    #[test]
    fn a_kept_certificate_stays_until_it_ends_or_lacks_a_name() {
        let folder = std::env::temp_dir()
            .join(format!("sotto-self-signed-{}", uuid::Uuid::new_v4().simple()));
        let get = |names: &[String], now| kept_or_new(Some(&folder), names, now).unwrap();
        let first = get(&names(), NOW);
        let mode = fs::metadata(files(&folder).1).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "nobody else reads the key");
        assert_eq!(get(&names(), NOW + 86_400).certified.cert, first.certified.cert);
        let mut more = names();
        more.push("10.9.8.7".into());
        let second = get(&more, NOW);
        assert_ne!(second.certified.cert, first.certified.cert);
        assert_eq!(get(&names(), NOW).certified.cert, second.certified.cert, "fewer names will do");
        let late = get(&more, NOW + 750 * 86_400);
        assert_ne!(late.certified.cert, second.certified.cert);
        fs::write(files(&folder).0, b"broken").unwrap();
        let third = get(&more, NOW);
        assert_ne!(third.certified.cert, late.certified.cert, "a broken one is made anew");
        fs::remove_dir_all(&folder).unwrap();
    }
}
