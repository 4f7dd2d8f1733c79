//! Which pages may fetch and upload models: those that may open the websocket (Fetch, "CORS protocol").

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ORIGIN, VARY,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::http::{origin, refusal::Refusal, routes::Node};

/// What a browser asks before it sends a key from another origin. It may remember this for two hours,
/// the longest that one does.
const PREFLIGHT: [(HeaderName, &str); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, PUT, DELETE"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
    (ACCESS_CONTROL_MAX_AGE, "7200"),
];

/// `OPTIONS /v1/models/{hash}`
pub(super) async fn preflight() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, PREFLIGHT)
}

/// Refuses pages that may not connect, and lets the others read the answer.
pub(super) async fn apply(State(node): State<Arc<Node>>, request: Request, next: Next) -> Response {
    if !origin::may_connect(request.headers(), &node.http.allowed_origins) {
        return Refusal::origin().into_response();
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag"));
    }
    response
}
