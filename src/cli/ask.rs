//! Asking a daemon over HTTP: one plain request, one bounded answer.
//!
//! What is absent: TLS, redirects, proxies. The daemon listens on this machine or in this pod.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::body::Body;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpStream;

/// An `http://` address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// `host:port`, as a socket wants it.
    authority: String,
    path: String,
}

impl Address {
    /// The address of this socket, by plain HTTP.
    pub(super) fn of(socket: std::net::SocketAddr) -> Self {
        Self { authority: socket.to_string(), path: "/".to_owned() }
    }

    /// A page beneath this address.
    pub(super) fn join(&self, page: &str) -> Self {
        let path = format!("{}{page}", self.path.trim_end_matches('/'));
        Self { authority: self.authority.clone(), path }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}", self.authority)
    }
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let uri: Uri = text.parse().with_context(|| format!("{text:?} is not an address"))?;
        ensure!(uri.scheme_str() == Some("http"), "{text:?} does not begin with http://");
        let host = uri.host().with_context(|| format!("{text:?} names no host"))?;
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { authority, path })
    }
}

/// Text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');
    utf8_percent_encode(text, KEPT).to_string()
}

/// Asks once; the answer comes within this time and has at most so many bytes.
pub(super) async fn ask(
    url: &Address,
    timeout: Duration,
    bytes_max: usize,
) -> anyhow::Result<(StatusCode, String)> {
    let answer = tokio::time::timeout(timeout, exchange(url, bytes_max));
    answer.await.with_context(|| {
        format!("{} did not answer within {}", url.authority, humantime::format_duration(timeout))
    })?
}

async fn exchange(url: &Address, bytes_max: usize) -> anyhow::Result<(StatusCode, String)> {
    let Address { authority, path } = url;
    let stream = TcpStream::connect(authority.as_str())
        .await
        .with_context(|| format!("{authority} cannot be reached"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(header::HOST, authority)
        .header(header::CONNECTION, "close")
        .body(Body::empty())?;
    let exchange = async {
        let response = sender.send_request(request).await.context("there is no answer")?;
        let status = response.status();
        let body = axum::body::to_bytes(Body::new(response.into_body()), bytes_max).await;
        let body = body.context("the answer breaks off")?;
        anyhow::Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    let mut exchange = std::pin::pin!(exchange);
    // The connection is driven by being polled here; it ends with the answer, or before it.
    tokio::select! {
        biased;
        answer = exchange.as_mut() => return answer,
        ended = connection => ended.context("the connection broke")?,
    }
    exchange.await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        match text.parse::<Address>() {
            Ok(Address { authority, path }) => format!("{authority} {path}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_is_plain_http_with_a_host() {
        assert_eq!(check("http://127.0.0.1:9464/readyz"), "127.0.0.1:9464 /readyz");
        assert_eq!(check("http://[::1]:9464"), "[::1]:9464 /");
        assert_eq!(check("http://localhost/healthz?a=b"), "localhost:80 /healthz?a=b");
        for bad in ["https://127.0.0.1/", "127.0.0.1:9464"] {
            assert_eq!(check(bad), format!("{bad:?} does not begin with http://"));
        }
        assert_eq!(check("no address"), "\"no address\" is not an address");
    }
}
