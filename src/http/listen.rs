//! Connections: accepted up to a cap, bounded in every direction, drained at the end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::access::Peer;
use super::routes::router;
use super::{Server, State};
use crate::beats::{BEAT_EVERY, SILENCE_MAX};
use crate::domain::beat::{Beater, Task};

/// Connections at a time; more wait in the kernel's queue. A scraper, probes and a few people need
/// a handful.
const CONNECTIONS_MAX: usize = 64;
/// Scrapes at a time (reliability H-13).
const SCRAPES_MAX: usize = 2;
/// Documents for people that are made at a time; with the scrapes no more than a few threads.
const VIEWS_MAX: usize = 2;
/// From the start of a connection, or the end of a request, to the end of the next headers
/// (reliability H-01).
const HEADER_MAX: Duration = Duration::from_secs(5);
/// Bytes of a request's line and headers; more are answered with 431.
const HEADER_BYTES_MAX: usize = 16 * 1_024;
/// A connection is closed after this long, so that a peer that reads slowly cannot keep it.
const CONNECTION_MAX: Duration = Duration::from_mins(1);
/// What is being answered when a connection has to end may take this long.
const DRAIN_MAX: Duration = Duration::from_secs(8);
/// After a failed accept: mostly out of descriptors, which passes when connections end.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// Answers until `stop`, then lets open requests end within 10 s.
pub async fn serve(listener: TcpListener, state: State, stop: CancellationToken) {
    let pulse = state.beats.begin(Beater::sole(Task::Http), SILENCE_MAX);
    let scrapes = Arc::new(Semaphore::new(SCRAPES_MAX));
    let views = Arc::new(Semaphore::new(VIEWS_MAX));
    let server = Arc::new(Server { state, scrapes, views, stop: stop.clone() });
    let router = router(&server);
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut beat = interval(BEAT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // All arms are cancel-safe: a permit that found no connection goes back when dropped.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = beat.tick() => pulse.beat(),
            Some(ended) = connections.join_next() => note(&server, ended),
            (stream, peer, permit) = accept(&listener, &free) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    let _permit = permit;
                    converse(stream, peer, router, stop).await;
                });
            }
        }
    }
    drop(listener);
    // Each connection ends by itself within `DRAIN_MAX`.
    while let Some(ended) = connections.join_next().await {
        note(&server, ended);
    }
    pulse.end();
}

fn note(server: &Server, ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        server.state.metrics.panicked(Task::Http);
    }
}

async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let permit = Arc::clone(free).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) => complain(&error),
        }
        sleep(ACCEPT_AGAIN).await;
    }
}

fn complain(error: &std::io::Error) {
    tracing::warn!(error = error as &dyn std::error::Error, "connection cannot be accepted");
}

/// One connection, from accept to close.
async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let router = router.clone();
        async move { router.oneshot(request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return close(result),
        () = stop.cancelled() => {}
        () = sleep(CONNECTION_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(result) = timeout(DRAIN_MAX, connection).await {
        close(result);
    }
}

fn close(result: hyper::Result<()>) {
    if let Err(error) = result {
        // Peers that go away or talk nonsense are none of our trouble.
        tracing::debug!(error = &error as &dyn std::error::Error, "connection broke");
    }
}
