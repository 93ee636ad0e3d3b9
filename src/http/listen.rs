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
use super::routes::{ListenerKind, router};
use super::{HttpState, Server};
use crate::beats::{BEAT_EVERY, SILENCE_MAX};
use crate::domain::base::heartbeat::{Task, TaskId};

/// Connections at a time of one listener; more wait in the kernel's queue. A scraper, probes and a
/// few browsers need a handful.
const CONNECTIONS_MAX: usize = 64;
/// Scrapes at a time: a slow or hostile scraper must not take all threads.
const SCRAPES_MAX: usize = 2;
/// Documents that are made at a time; with the scrapes no more than a few threads.
const VIEWS_MAX: usize = 2;
/// From the start of a connection, or the end of a request, to the end of the next headers: a slow
/// client must not hold a connection.
const HEADER_MAX: Duration = Duration::from_secs(5);
/// Bytes of a request's line and headers; more are answered with 431.
const HEADER_BYTES_MAX: usize = 16 * 1_024;
/// A connection is closed after this long, so that a peer that reads slowly cannot keep it.
const CONNECTION_MAX: Duration = Duration::from_mins(1);
/// What is being answered when a connection has to end may take this long.
const DRAIN_MAX: Duration = Duration::from_secs(8);
/// After a failed accept: mostly out of descriptors, which passes when connections end.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// Where the daemon listens.
#[derive(Debug)]
pub struct Listeners {
    /// For browsers and API clients: everything, or everything but the metrics.
    pub main: TcpListener,
    /// For what scrapes, if it has an address of its own: metrics and health, and nothing else.
    pub metrics: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(main: TcpListener) -> Self {
        Self { main, metrics: None }
    }
}

/// A listener and its routes. Clients that crowd one listener do not block another one.
struct Door {
    listener: TcpListener,
    free: Arc<Semaphore>,
    router: Router,
}

impl Door {
    fn new(listener: TcpListener, router: Router) -> Self {
        Self { listener, free: Arc::new(Semaphore::new(CONNECTIONS_MAX)), router }
    }

    /// The next connection.
    async fn next(&self) -> Connection {
        let (stream, peer, permit) = accept(&self.listener, &self.free).await;
        Connection { stream, peer, router: self.router.clone(), _permit: permit }
    }
}

/// A connection, with what answers it.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    _permit: OwnedSemaphorePermit,
}

/// Answers until `stop`, then lets open requests end within 10 s.
pub async fn serve(listeners: impl Into<Listeners>, state: HttpState, stop: CancellationToken) {
    let Listeners { main, metrics } = listeners.into();
    let heartbeat = state.beats.begin(TaskId::sole(Task::Http), SILENCE_MAX);
    let scrapes = Arc::new(Semaphore::new(SCRAPES_MAX));
    let views = Arc::new(Semaphore::new(VIEWS_MAX));
    let is_loopback = main.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let server = Arc::new(Server { state, is_loopback, scrapes, views, stop: stop.clone() });
    let face = if metrics.is_some() { ListenerKind::Main } else { ListenerKind::Whole };
    let main = Door::new(main, router(&server, face));
    let metrics =
        metrics.map(|listener| Door::new(listener, router(&server, ListenerKind::Metrics)));
    let mut connections = JoinSet::new();
    let mut beat = interval(BEAT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // All arms are cancel-safe: a permit that found no connection goes back when dropped.
        let visit = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = beat.tick() => {
                heartbeat.beat();
                continue;
            }
            Some(ended) = connections.join_next() => {
                note(&server, ended);
                continue;
            }
            // The scraper first: it has few connections, and tells who has too many.
            visit = scraper(metrics.as_ref()) => visit,
            visit = main.next() => visit,
        };
        connections.spawn(converse(visit, stop.clone()));
    }
    drop((main, metrics));
    // Each connection ends by itself within `DRAIN_MAX`.
    while let Some(ended) = connections.join_next().await {
        note(&server, ended);
    }
    heartbeat.end();
}

async fn scraper(door: Option<&Door>) -> Connection {
    match door {
        Some(door) => door.next().await,
        None => std::future::pending().await,
    }
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
async fn converse(visit: Connection, stop: CancellationToken) {
    let Connection { stream, peer, router, _permit } = visit;
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
