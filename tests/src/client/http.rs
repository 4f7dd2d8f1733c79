//! Requests to the node over HTTP/1.1 (RFC 9112): one connection each, closed after the answer.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Most bytes of an answer: a model has at most half of it.
const MOST: u64 = 8 << 20;
/// How long an exchange may take. The node sends models no faster than a line carries them.
const LIMIT: Duration = Duration::from_secs(60);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `PUT`, …
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Secret of the `Authorization` header.
    pub bearer: Option<&'a str>,
    /// Kind of the body.
    pub content_type: &'a str,
    /// The body; empty for none.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Asks for what is at `path`.
    pub const fn get(path: &'a str) -> Self {
        Self { method: "GET", path, bearer: None, content_type: BYTES, body: &[] }
    }

    /// Puts `body` to `path`.
    pub const fn put(path: &'a str, body: &'a [u8]) -> Self {
        Self { method: "PUT", path, bearer: None, content_type: BYTES, body }
    }

    /// The same, by whoever knows this secret.
    #[must_use]
    pub const fn with_bearer(mut self, secret: &'a str) -> Self {
        self.bearer = Some(secret);
        self
    }
}

/// Bytes that only their reader understands.
const BYTES: &str = "application/octet-stream";

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status, 200 to 599.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection cannot be made or breaks.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is not a whole answer of HTTP/1.1.
    #[error("not a whole answer: {0}")]
    Malformed(&'static str),
    /// It takes longer than a minute.
    #[error("no answer within a minute")]
    OutOfTime,
}

/// Asks the node at `authority` (`host:port`).
///
/// # Errors
/// [`HttpError`]. A status of refusal is an answer.
pub async fn send(authority: &str, request: Request<'_>) -> Result<Response, HttpError> {
    let exchange = async {
        let mut stream = TcpStream::connect(authority).await?;
        stream.write_all(&head(authority, &request)).await?;
        stream.write_all(request.body).await?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer).await?;
        read(&answer).map_err(HttpError::Malformed)
    };
    timeout(LIMIT, exchange).await.map_err(|_| HttpError::OutOfTime)?
}

fn head(authority: &str, request: &Request<'_>) -> Vec<u8> {
    let Request { method, path, content_type, body, .. } = request;
    let bearer = request.bearer.map(|secret| format!("Authorization: Bearer {secret}\r\n"));
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\n{}Content-Type: {content_type}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        bearer.unwrap_or_default(),
        body.len()
    )
    .into_bytes()
}

/// Reads everything that came until the node closed.
fn read(answer: &[u8]) -> Result<Response, &'static str> {
    const END: &[u8] = b"\r\n\r\n";
    let at = answer.windows(END.len()).position(|window| window == END).ok_or("no end of head")?;
    let head = std::str::from_utf8(&answer[..at]).map_err(|_| "head is no text")?;
    let mut lines = head.split("\r\n");
    let mut status = lines.next().unwrap_or_default().split(' ');
    if status.next() != Some("HTTP/1.1") {
        return Err("another version");
    }
    let status = status.next().and_then(|code| code.parse().ok()).ok_or("no status")?;
    let fields: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    };
    let body = &answer[at + END.len()..];
    let body = if field("transfer-encoding") == Some("chunked") {
        join(body)?
    } else if let Some(length) = field("content-length") {
        let length = length.parse().map_err(|_| "no length")?;
        body.get(..length).ok_or("body ends early")?.to_vec()
    } else {
        body.to_vec()
    };
    Ok(Response { status, body })
}

/// The body of its chunks (RFC 9112 section 7.1); what follows the last one is of no interest.
fn join(mut chunks: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|pair| pair == b"\r\n").ok_or("no chunk")?;
        let size = std::str::from_utf8(&chunks[..end]).unwrap_or_default();
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| "no size of a chunk")?;
        if size == 0 {
            return Ok(body);
        }
        let chunk = chunks.get(end + 2..).and_then(|rest| rest.split_at_checked(size));
        let (chunk, rest) = chunk.ok_or("a chunk ends early")?;
        body.extend_from_slice(chunk);
        chunks = rest.strip_prefix(b"\r\n").ok_or("no end of a chunk")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_a_length_in_chunks_or_until_the_end() {
        let answers: [&[u8]; 3] = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nabc",
        ];
        for answer in answers {
            assert_eq!(read(answer), Ok(Response { status: 200, body: b"abc".to_vec() }));
        }
    }

    #[test]
    fn half_an_answer_is_none() {
        for half in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            b"SIP/2.0 200 OK\r\n\r\n",
        ] {
            assert!(read(half).is_err(), "{}", String::from_utf8_lossy(half));
        }
    }

    #[test]
    fn a_request_names_its_secret_and_its_length() {
        let request = Request::put("/v1/x", b"abc").with_bearer("key");
        let head = String::from_utf8(head("host:1", &request)).unwrap();
        assert!(
            head.starts_with("PUT /v1/x HTTP/1.1\r\nHost: host:1\r\nAuthorization: Bearer key")
        );
        assert!(head.ends_with("Content-Length: 3\r\nConnection: close\r\n\r\n"));
    }
}
