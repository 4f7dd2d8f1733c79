//! The web client as files: the page at `/` and `/room/{name}`, everything else by its path.

use std::path::Path;

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use sotto_core::signal::ErrorCode;
use tower_http::{
    compression::CompressionLayer,
    services::{ServeDir, ServeFile},
};

use super::refusal::Refusal;

/// Routes to the files below `root`. Which room is meant is the page's business, so that every
/// room has the same document.
pub(super) fn routes(root: &Path) -> Router {
    let page = ServeFile::new(root.join("index.html"));
    let files = ServeDir::new(root).append_index_html_on_directories(false);
    let documents = Router::new()
        .route_service("/", page.clone())
        .route_service("/room/{name}", page)
        .layer(middleware::from_fn(explain_missing_page));
    Router::new()
        .merge(documents)
        .fallback_service(Router::new().fallback_service(files).layer(middleware::from_fn(explain)))
        .layer(CompressionLayer::new())
}

async fn explain_missing_page(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status() != StatusCode::NOT_FOUND {
        return response;
    }
    Refusal::new(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        "the web client is not in http.web_root: build it (make run), or say where it is",
    )
    .into_response()
}

async fn explain(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match response.status() {
        StatusCode::NOT_FOUND => Refusal::not_found().into_response(),
        StatusCode::METHOD_NOT_ALLOWED => Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::NotFound,
            "there is nothing at this path for this method",
        )
        .into_response(),
        _ => response,
    }
}
