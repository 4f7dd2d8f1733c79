//! Addresses of STUN and TURN servers (RFC 7064, RFC 7065).

use std::fmt;

/// The address of a server, as browsers read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceUrl {
    text: String,
    /// What it speaks.
    pub scheme: Scheme,
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is reached.
    pub transport: Transport,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Says where it sees a client.
    Stun,
    /// Passes media on.
    Turn,
}

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// Not an address of such a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "stun:host, turn:host or turns:host is expected, with a port and ?transport=udp or tcp if need be"
)]
pub struct IceUrlError;

impl IceUrl {
    /// Reads `stun:host[:port]`, `turn:host[:port][?transport=udp|tcp]` or
    /// `turns:host[:port][?transport=tcp]`. Ports are 3478, and 5349 for `turns`, unless they are said.
    /// `stuns` is not read: no browser knows it.
    ///
    /// # Errors
    /// [`IceUrlError`] for anything else.
    pub fn new(text: &str) -> Result<Self, IceUrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(IceUrlError)?;
        let (address, transport) = match rest.split_once("?transport=") {
            Some((address, transport)) => (address, Some(transport)),
            None => (rest, None),
        };
        let (scheme, transport, usual) = match (scheme, transport) {
            ("stun", None) => (Scheme::Stun, Transport::Udp, 3478),
            ("turn", None | Some("udp")) => (Scheme::Turn, Transport::Udp, 3478),
            ("turn", Some("tcp")) => (Scheme::Turn, Transport::Tcp, 3478),
            ("turns", None | Some("tcp")) => (Scheme::Turn, Transport::Tls, 5349),
            _ => return Err(IceUrlError),
        };
        let (host, port) = split(address).ok_or(IceUrlError)?;
        let port = match port {
            None => usual,
            Some(port) => port.parse().ok().filter(|&port| port > 0).ok_or(IceUrlError)?,
        };
        Ok(Self { text: text.to_owned(), scheme, host: host.to_owned(), port, transport })
    }
}

/// Host and port of an address; `None`: it is none.
fn split(address: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    let (host, port) = match address.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (address, None),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (!host.is_empty() && host.chars().all(named)).then_some((host, port))
}

impl fmt::Display for IceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_ports_and_transports_of_their_scheme() {
        for (text, scheme, host, port, transport) in [
            ("stun:a.example", Scheme::Stun, "a.example", 3478, Transport::Udp),
            ("turn:a.example:99", Scheme::Turn, "a.example", 99, Transport::Udp),
            ("turn:192.0.2.1?transport=tcp", Scheme::Turn, "192.0.2.1", 3478, Transport::Tcp),
            ("turns:[2001:db8::1]:443", Scheme::Turn, "2001:db8::1", 443, Transport::Tls),
            ("turns:a?transport=tcp", Scheme::Turn, "a", 5349, Transport::Tls),
        ] {
            let url = IceUrl::new(text).unwrap();
            assert_eq!((url.scheme, &*url.host, url.port), (scheme, host, port), "{text}");
            assert_eq!((url.transport, url.to_string()), (transport, text.to_owned()));
        }
    }

    #[test]
    fn anything_else_is_no_such_address() {
        for text in [
            "",
            "a.example",
            "http://a.example",
            "turn:",
            "turn://a.example",
            "turn:a:0",
            "turn:a:70000",
            "turn:a?transport=tls",
            "turns:a?transport=udp",
            "stun:a?transport=udp",
            "turn:a b",
            "turn:user@a",
            "turn:[::1",
            "turn:[a]",
            "turn:[::1]x",
            "TURN:a",
        ] {
            assert_eq!(IceUrl::new(text), Err(IceUrlError), "{text}");
        }
    }
}
