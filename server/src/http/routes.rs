//! Which path leads where.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{
        DefaultBodyLimit, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection,
    },
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri, header::STRICT_TRANSPORT_SECURITY, uri::Scheme,
    },
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{any, get, post},
};
use sotto_core::signal::{ErrorCode, MAX_MESSAGE_BYTES};
use tokio::sync::{Semaphore, mpsc, watch};
use tower_http::set_header::SetResponseHeaderLayer;

use super::{
    dev_token, headers, models, origin, pages,
    plane::MediaPlane,
    refusal::Refusal,
    session::{self, Sessions},
    wire::Wire,
};
use crate::{
    config::{HttpConfig, Limits},
    models::ModelStore,
    token::Key,
    turn::TurnConfig,
};

/// Longest body of a request, in bytes, but for models, which see to it themselves. Only the
/// development token has one at all.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// Buffers of one websocket, in bytes: messages are small and rare, and there are many sockets.
/// Larger messages pass through all the same.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024;

/// What every request may need.
pub(super) struct Node {
    pub(super) http: HttpConfig,
    pub(super) limits: Limits,
    pub(super) key: Key,
    /// STUN and TURN servers that clients are told of.
    pub(super) turn: TurnConfig,
    pub(super) media: Arc<dyn MediaPlane>,
    /// Everybody's models; `None`: they are not used.
    pub(super) models: Option<Arc<ModelStore>>,
    /// Those who may come back over another websocket.
    pub(super) sessions: Arc<Sessions>,
    /// One permit per websocket, joined or not.
    pub(super) sockets: Arc<Semaphore>,
    /// One permit per joined client.
    pub(super) seats: Arc<Semaphore>,
    /// Becomes `true`, or loses its sender, when the node stops.
    pub(super) stop: watch::Receiver<bool>,
    /// Never written to: the server has ended when the last one is dropped.
    pub(super) _alive: mpsc::Sender<Infallible>,
}

/// Every route of the node. `hsts`: for how long browsers are told to come by TLS only.
pub(super) fn routes(node: Arc<Node>, hsts: Option<Duration>) -> Router {
    let mut api =
        Router::new().route("/healthz", get(|| async { "ok" })).route("/v1/signal", any(signal));
    if node.key.is_development() {
        api = api.route("/v1/dev/token", post(dev_token::issue));
    }
    let models = node.models.as_ref().map(|store| models::routes(node.clone(), store.clone()));
    let models = models.unwrap_or_default();
    api.route("/v1/{*rest}", any(|| async { Refusal::not_found() }))
        .method_not_allowed_fallback(|| async {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ErrorCode::NotFound,
                "there is nothing at this path for this method",
            )
        })
        .with_state(node.clone())
        .merge(models)
        .merge(pages::routes(&node.http.web_root))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(headers::apply))
        .layer(SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, strictly(hsts)))
}

fn strictly(hsts: Option<Duration>) -> Option<HeaderValue> {
    let value = format!("max-age={}", hsts?.as_secs());
    Some(HeaderValue::try_from(value).expect("a number is a header"))
}

/// For those who speak plain HTTP to a port of TLS: the same place, by https.
pub(super) fn misled() -> Router {
    Router::new().fallback(|headers: HeaderMap, uri: Uri| async move {
        let to = origin::host(&headers).and_then(|host| {
            let path = uri.path_and_query()?.clone();
            Uri::builder().scheme(Scheme::HTTPS).authority(host).path_and_query(path).build().ok()
        });
        match to {
            // Whoever posted something posts it again (RFC 9110 section 15.4.9).
            Some(to) => Redirect::permanent(&to.to_string()).into_response(),
            None => StatusCode::BAD_REQUEST.into_response(),
        }
    })
}

/// `GET /v1/signal`
async fn signal(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if !origin::may_connect(&headers, &node.http.allowed_origins) {
        return Refusal::origin().into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let status = rejection.status();
            return Refusal::new(status, ErrorCode::Malformed, rejection.body_text())
                .into_response();
        }
    };
    // Full: refused. A client that is let in learns from its join whether there is a seat.
    let Ok(permit) = node.sockets.clone().try_acquire_owned() else {
        let message = "this node has as many connections as it can hold";
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Full, message)
            .into_response();
    };
    upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .read_buffer_size(SOCKET_BUFFER_BYTES)
        .write_buffer_size(SOCKET_BUFFER_BYTES)
        .on_upgrade(async move |socket| {
            let wire = Wire::new(socket, &node.limits, node.http.write_timeout, permit);
            session::run(&node, Box::new(wire)).await;
        })
}
