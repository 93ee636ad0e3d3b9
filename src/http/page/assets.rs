//! What pages load: a style, a script and an icon, each under a name that changes with its content,
//! so that browsers may cache it forever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::http::SharedState;
use crate::http::answer::problem;

/// A file that pages load.
pub(super) struct Asset {
    /// Where it is: `/assets/style-0123456789abcdef.css`.
    pub(super) path: String,
    media: &'static str,
    body: &'static str,
}

/// The style sheet.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("style", "css", "text/css; charset=utf-8", include_str!("style.css"))
});
/// What keeps a page fresh.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("script", "js", "text/javascript; charset=utf-8", include_str!("script.js"))
});
/// What browsers show beside the title.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("icon.svg")));

/// A year: the longest that caches are asked for (RFC 9111 leaves it to us).
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Bytes of the digest that stand in a name: enough to tell versions apart.
const MARK_BYTES: usize = 8;

impl Asset {
    fn new(stem: &str, suffix: &str, media: &'static str, body: &'static str) -> Self {
        let mut path = format!("/assets/{stem}-");
        for byte in Sha256::digest(body.as_bytes()).iter().take(MARK_BYTES) {
            write!(path, "{byte:02x}").expect("writing into a string does not fail");
        }
        write!(path, ".{suffix}").expect("writing into a string does not fail");
        Self { path, media, body }
    }
}

/// `GET /assets/{name}`
pub(super) async fn show(
    extract::State(server): extract::State<SharedState>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let all = [&STYLE, &SCRIPT, &ICON];
    let is_it = |asset: &&&LazyLock<Asset>| {
        let file = asset.path.rsplit('/').next();
        name.as_ref().is_ok_and(|Path(name)| file == Some(name))
    };
    let Some(asset) = all.iter().find(is_it) else {
        return problem(&server, StatusCode::NOT_FOUND, "there is no such file any more");
    };
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(asset.media)), (CACHE_CONTROL, FOR_EVER)];
    (headers, asset.body).into_response()
}
