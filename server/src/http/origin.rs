//! Which pages may open a websocket (RFC 6455 section 10.2).

use std::fmt;

use axum::http::{
    HeaderMap, Uri,
    header::{HOST, ORIGIN},
    uri::Authority,
};

/// An origin (RFC 6454): scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    /// Host and port in lower case; the port that belongs to the scheme is left out.
    authority: String,
}

/// Why a text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin such as https://example.org or http://localhost:5173 is expected")]
pub struct OriginError;

impl Origin {
    /// Reads an origin of a web page: `http` or `https`, without a path.
    ///
    /// # Errors
    /// [`OriginError`] for anything else, `null` and `*` included.
    pub fn new(text: &str) -> Result<Self, OriginError> {
        let uri: Uri = text.parse().map_err(|_| OriginError)?;
        let scheme = uri.scheme_str().map(str::to_ascii_lowercase).ok_or(OriginError)?;
        let authority = uri.authority().ok_or(OriginError)?;
        let bare = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/');
        if !["http", "https"].contains(&&*scheme) || !bare || authority.as_str().contains('@') {
            return Err(OriginError);
        }
        let authority = without_default_port(authority, &scheme);
        Ok(Self { scheme, authority })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// Whether a request may open a websocket. Browsers always name the page's origin, and scripts
/// cannot change it: it must be this node (the host that the request was sent to; the scheme may
/// differ, because a TLS proxy may stand in between) or one of `allowed`. Without the header it is
/// no browser, and the token alone decides.
pub(super) fn may_connect(headers: &HeaderMap, allowed: &[Origin]) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return !headers.contains_key(ORIGIN);
    };
    let Some(origin) = origin.to_str().ok().and_then(|text| Origin::new(text).ok()) else {
        return false;
    };
    let same_host = host(headers)
        .is_some_and(|host| without_default_port(&host, &origin.scheme) == origin.authority);
    same_host || allowed.contains(&origin)
}

/// The host that the request was sent to, if it says so in a form that can be trusted not to be
/// anything but a host and a port.
pub(super) fn host(headers: &HeaderMap) -> Option<Authority> {
    let host = headers.get(HOST)?.to_str().ok()?;
    host.parse().ok().filter(|authority: &Authority| !authority.as_str().contains('@'))
}

fn without_default_port(authority: &Authority, scheme: &str) -> String {
    let text = authority.as_str().to_ascii_lowercase();
    let default = if scheme == "https" { ":443" } else { ":80" };
    text.strip_suffix(default).map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, origin: Option<&str>, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        let allowed = [Origin::new("https://Partner.example:443").unwrap()];
        assert_eq!(may_connect(&headers, &allowed), expected, "{host} {origin:?}");
    }

    #[test]
    fn pages_of_this_host_and_clients_that_are_no_browsers_may_connect() {
        check("localhost:8080", None, true);
        check("localhost:8080", Some("http://localhost:8080"), true);
        check("meet.example", Some("https://meet.example"), true);
        check("Meet.Example:443", Some("https://meet.example"), true);
        check("[::1]:8080", Some("http://[::1]:8080"), true);
    }

    #[test]
    fn pages_of_other_sites_may_not_unless_they_are_listed() {
        check("localhost:8080", Some("https://partner.example"), true);
        check("localhost:8080", Some("http://partner.example"), false);
        check("localhost:8080", Some("http://localhost:5173"), false);
        check("localhost:8080", Some("https://evil.example"), false);
        check("localhost:8080", Some("http://localhost:8080.evil.example"), false);
        check("localhost:8080", Some("http://x@localhost:8080"), false);
        check("localhost:8080", Some("null"), false);
        check("localhost:8080", Some(""), false);
    }

    #[test]
    fn two_origins_are_none() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "a".parse().unwrap());
        headers.append(ORIGIN, "http://a".parse().unwrap());
        headers.append(ORIGIN, "http://b".parse().unwrap());
        assert!(!may_connect(&headers, &[]));
    }

    #[test]
    fn only_scheme_host_and_port_make_an_origin() {
        assert_eq!(Origin::new("HTTP://A.example:80").unwrap().to_string(), "http://a.example");
        for bad in
            ["*", "null", "example.org", "ftp://a", "https://a/", "https://a/b", "https://a?b"]
        {
            assert_eq!(Origin::new(bad), Err(OriginError), "{bad}");
        }
    }
}
