//! One websocket: text frames in and out, with every limit that keeps it from hurting the node.

use std::{error::Error as _, time::Duration};

use axum::{
    Error,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sotto_core::signal::{ErrorCode, LeaveReason, MAX_MESSAGE_BYTES, ServerMessage};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{self, Instant},
};

use super::rate::{Bucket, Verdict};
use crate::config::Limits;

/// How long a client has to answer a close (RFC 6455 section 7.1.1) before the connection is cut.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A websocket.
pub(super) struct Wire {
    socket: WebSocket,
    bucket: Bucket,
    write_timeout: Duration,
    last_heard: Instant,
    /// Its place among the node's connections.
    _permit: OwnedSemaphorePermit,
}

/// Why a conversation is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The connection broke, or the client found that it had and gave it up. There is nobody to tell.
    Gone,
    /// The client closed: it does not come back.
    HungUp,
    /// The client said goodbye.
    Left,
    /// The client is told what is wrong, then closed.
    Refused(Fault),
    /// The media side ended it, and has told the client why.
    Closed(LeaveReason),
    /// The node stops.
    Stopping,
}

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    pub(super) about: Option<&'static str>,
}

impl Fault {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), about: None }
    }

    pub(super) fn about(self, type_name: &'static str) -> Self {
        Self { about: Some(type_name), ..self }
    }

    pub(super) fn to_message(&self, fatal: bool) -> ServerMessage {
        ServerMessage::Error {
            code: self.code,
            message: self.message.clone(),
            about: self.about.map(str::to_owned),
            fatal,
        }
    }
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A text frame.
    Text(Utf8Bytes),
    /// A text frame too many: refuse it.
    Excess,
    /// The answer to a ping: what that said.
    Pong(u64),
    /// Another control frame: it shows that the client lives.
    Control,
}

impl Wire {
    pub(super) fn new(
        socket: WebSocket,
        limits: &Limits,
        write_timeout: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let now = Instant::now();
        let bucket = Bucket::new(now.into_std(), limits.messages_per_second, limits.message_burst);
        Self { socket, bucket, write_timeout, last_heard: now, _permit: permit }
    }

    /// When the last frame came.
    pub(super) const fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// The next frame. May be dropped while it waits: nothing is lost.
    ///
    /// # Errors
    /// The end of the conversation: closed, broken, a binary frame, a frame too long, or too many.
    pub(super) async fn receive(&mut self) -> Result<Frame, End> {
        let message = match self.socket.next().await {
            None => return Err(End::Gone),
            Some(Ok(Message::Close(frame))) => return Err(closed(frame.as_ref())),
            Some(Err(error)) => return Err(unreadable(&error)),
            Some(Ok(message)) => message,
        };
        self.last_heard = Instant::now();
        let verdict = self.bucket.take(self.last_heard.into_std());
        if verdict == Verdict::CutOff {
            let message = "too many messages, and they did not stop";
            return Err(End::Refused(Fault::new(ErrorCode::TooMuch, message)));
        }
        match message {
            Message::Text(text) if verdict == Verdict::Pass => Ok(Frame::Text(text)),
            Message::Text(_) => Ok(Frame::Excess),
            Message::Binary(_) => Err(End::Refused(Fault::new(
                ErrorCode::Malformed,
                "messages are JSON in text frames; binary frames are not",
            ))),
            Message::Pong(said) => match <[u8; 8]>::try_from(&said[..]) {
                Ok(said) => Ok(Frame::Pong(u64::from_be_bytes(said))),
                Err(_) => Ok(Frame::Control),
            },
            Message::Ping(_) | Message::Close(_) => Ok(Frame::Control),
        }
    }

    /// Writes messages, together.
    ///
    /// # Errors
    /// [`End::Gone`]: the client did not take them in time, or its connection broke.
    pub(super) async fn send(
        &mut self,
        texts: impl IntoIterator<Item = Utf8Bytes>,
    ) -> Result<(), End> {
        let write_timeout = self.write_timeout;
        let write = async {
            for text in texts {
                self.socket.feed(Message::Text(text)).await?;
            }
            self.socket.flush().await
        };
        match time::timeout(write_timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Asks whether the client is there, and says a number that comes back as a [`Frame::Pong`].
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(super) async fn ping(&mut self, number: u64) -> Result<(), End> {
        let number = Bytes::copy_from_slice(&number.to_be_bytes());
        let ping = self.socket.send(Message::Ping(number));
        match time::timeout(self.write_timeout, ping).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Says what is left to say, closes, and gives `end` back.
    pub(super) async fn close(mut self, end: End) -> End {
        let (code, reason) = match &end {
            End::Gone | End::HungUp => return end,
            End::Left => (close_code::NORMAL, "left"),
            End::Closed(LeaveReason::Left) => (close_code::NORMAL, "left"),
            End::Closed(LeaveReason::Replaced) => (close_code::POLICY, "replaced"),
            End::Closed(LeaveReason::Removed) => (close_code::POLICY, "removed"),
            End::Closed(LeaveReason::ConnectionLost) => (close_code::AWAY, "connectionLost"),
            End::Stopping => (close_code::AWAY, "stopping"),
            End::Refused(fault) => {
                if self.send([fault.to_message(true).to_json().into()]).await.is_err() {
                    return end;
                }
                (close_code_of(fault.code), "refused")
            }
        };
        let close = async {
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            if self.socket.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
            // Whatever still comes is thrown away until the client closes too: a connection that
            // is cut with unread bytes in it loses what was just written (RFC 9293 section 3.10).
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        let _closed_or_cut = time::timeout(CLOSE_TIMEOUT, close).await;
        end
    }
}

/// The close code (RFC 6455 section 7.4.1) that goes with an error.
const fn close_code_of(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::Full => close_code::AGAIN,
        ErrorCode::Internal => close_code::ERROR,
        _ => close_code::POLICY,
    }
}

/// What a client that closes means: a browser says these when a page ends; one that gives a broken
/// websocket up to come back over another one says a code of its own.
fn closed(frame: Option<&CloseFrame>) -> End {
    match frame.map(|frame| frame.code) {
        None | Some(close_code::NORMAL | close_code::AWAY | close_code::STATUS) => End::HungUp,
        Some(_) => End::Gone,
    }
}

/// Sorts what the websocket layer could not read into what the client can still be told.
fn unreadable(error: &Error) -> End {
    let too_long = error
        .source()
        .and_then(|source| source.downcast_ref::<tungstenite::Error>())
        .is_some_and(|error| matches!(error, tungstenite::Error::Capacity(_)));
    if too_long {
        let message = format!("messages may have {MAX_MESSAGE_BYTES} bytes");
        End::Refused(Fault::new(ErrorCode::TooMuch, message))
    } else {
        // Broken frames are answered by the websocket layer itself, broken connections by nobody.
        End::Gone
    }
}
