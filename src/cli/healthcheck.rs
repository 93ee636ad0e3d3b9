//! `conformd healthcheck`: asks a running daemon whether it is ready, where no other tool is at
//! hand (a container without a shell).

use std::io::Write as _;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::body::Body;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::domain::foreign::flowing;

/// Bytes of the answer that are read: reasons are sentences.
const ANSWER_MAX: usize = 64 * 1_024;

/// Asks a running daemon whether it is ready; exit code 0 when it is, 1 otherwise.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to ask: a plain http:// address
    #[arg(long, default_value = "http://127.0.0.1:9464/readyz")]
    url: Address,
    /// How long the answer may take
    #[arg(long, default_value = "4s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// An `http://` address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    /// `host:port`, as a socket wants it.
    authority: String,
    path: String,
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let uri: Uri = text.parse().with_context(|| format!("{text:?} is no address"))?;
        ensure!(uri.scheme_str() == Some("http"), "{text:?} does not begin with http://");
        let host = uri.host().with_context(|| format!("{text:?} names no host"))?;
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { authority, path })
    }
}

/// Asks once and prints the answer.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Args { url, timeout } = args;
    let answer = tokio::time::timeout(*timeout, ask(url));
    let (status, body) = answer.await.with_context(|| {
        format!("{} did not answer within {}", url.authority, humantime::format_duration(*timeout))
    })??;
    let code = if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    writeln!(std::io::stdout(), "{} {}", status.as_u16(), flowing(&body, ANSWER_MAX))?;
    Ok(code)
}

async fn ask(url: &Address) -> anyhow::Result<(StatusCode, String)> {
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
        let body = axum::body::to_bytes(Body::new(response.into_body()), ANSWER_MAX).await;
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
        assert_eq!(check("no address"), "\"no address\" is no address");
    }
}
