//! The headers of every answer: what browsers may do with it, and for how long they may keep it.

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{
            ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
        uri::Authority,
    },
    middleware::Next,
    response::Response,
};

use super::origin;

/// What every answer carries. Cross-origin isolation (COOP and COEP) is what gives the page
/// precise timers and shared memory between its workers.
const ALWAYS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The address of a meeting is nobody else's business.
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), \
         fullscreen=(self), geolocation=(), usb=(), serial=(), payment=()",
    ),
];

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Answers that are not documents load nothing.
const NO_DOCUMENT: &str = "default-src 'none'; frame-ancestors 'none'";

/// Lays the headers on an answer.
pub(super) async fn apply(request: Request, next: Next) -> Response {
    let kind = Kind::of(request.uri().path());
    let host = origin::host(request.headers());
    let mut response = next.run(request).await;
    let success = response.status().is_success() || response.status().is_redirection();
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let fixed = |headers: &mut HeaderMap, name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    let policy = match kind {
        Kind::Document => document_policy(host.as_ref()),
        _ => HeaderValue::from_static(NO_DOCUMENT),
    };
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    let (cache, resource) = match kind {
        // Names of assets hold a hash of their content.
        Kind::Asset if success => ("public, max-age=31536000, immutable", "same-origin"),
        // Other sites load the client library as a module, which asks for CORS as well.
        Kind::Library => {
            fixed(headers, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
            ("no-cache", "cross-origin")
        }
        Kind::Api => ("no-store", "same-origin"),
        // Pages that may fetch it say so by CORS; how long it may be kept, the answer itself says.
        Kind::Model => {
            headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
            fixed(headers, RESOURCE_POLICY, "cross-origin");
            return response;
        }
        Kind::Asset | Kind::Document | Kind::File => ("no-cache", "same-origin"),
    };
    fixed(headers, CACHE_CONTROL, cache);
    fixed(headers, RESOURCE_POLICY, resource);
    response
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Document,
    Asset,
    Library,
    Api,
    Model,
    File,
}

impl Kind {
    fn of(path: &str) -> Self {
        let below = |folder: &str| path.starts_with(folder);
        match path {
            "/" | "/index.html" => Self::Document,
            _ if below("/room/") => Self::Document,
            _ if below("/assets/") => Self::Asset,
            _ if below("/sdk/") => Self::Library,
            _ if below("/v1/models/") => Self::Model,
            _ if below("/v1/") || path == "/healthz" => Self::Api,
            _ => Self::File,
        }
    }
}

/// The meeting page runs its own scripts, workers and WebAssembly and talks to this node only.
/// Styles may be inline: the page moves tiles with them. The websocket is named in full because
/// not every browser counts it as `'self'`.
fn document_policy(host: Option<&Authority>) -> HeaderValue {
    let sockets = host.map(|host| format!(" ws://{host} wss://{host}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' \
         'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; \
         font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; \
         connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(NO_DOCUMENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_may_open_the_websocket_of_the_host_that_served_it() {
        let host: Authority = "localhost:8080".parse().unwrap();
        let policy = document_policy(Some(&host));
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("connect-src 'self' ws://localhost:8080 wss://localhost:8080;"));
        assert!(document_policy(None).to_str().unwrap().contains("connect-src 'self';"));
    }

    #[test]
    fn every_path_has_its_kind() {
        for (path, kind) in [
            ("/", Kind::Document),
            ("/room/a", Kind::Document),
            ("/assets/a.js", Kind::Asset),
            ("/sdk/sotto.js", Kind::Library),
            ("/v1/signal", Kind::Api),
            ("/v1/models/00", Kind::Model),
            ("/favicon.ico", Kind::File),
        ] {
            assert_eq!(Kind::of(path), kind, "{path}");
        }
    }
}
