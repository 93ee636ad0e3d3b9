//! Connections: accepting them, serving HTTP/1.1 on them, and breaking them for a simulated fault.
//!
//! Knows nothing of AWS: a service turns a request into a response or into [`HangUp`]. It also
//! closes connections without an answer (TCP reset), which no HTTP framework offers.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::face::SimServer;
use crate::sim::http::hang_up::HangUp;

/// Connections served at once; later ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 1024;

/// Pause after a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long requests in flight may take to end after the stop: a client that sends half a request
/// would hold the server forever.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Serves connections until `stop`, then lets requests in flight end.
pub(super) async fn accept(listener: TcpListener, face: Arc<SimServer>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        // Every arm is cancel-safe: an accepted connection is never lost between polls.
        let stream = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_ended) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = next(&listener, &places) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn Error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let (stream, place) = stream;
        let (face, stop) = (Arc::clone(&face), stop.clone());
        connections.spawn(async move {
            serve(stream, face, stop).await;
            drop(place);
        });
    }
    // What has not ended by then is dropped, and its connections with it.
    if tokio::time::timeout(STOP_MAX, connections.join_all()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .expect("the semaphore lives as long as the loop and is never closed");
    let (stream, _peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, face: Arc<SimServer>, stop: CancellationToken) {
    let service = service_fn(|request: Request<Incoming>| {
        let face = Arc::clone(&face);
        Box::pin(async move { face.answer(request.map(Body::new)).await })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            biased;
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
        }
    };
    let Err(error) = ended else { return };
    if error.source().is_some_and(<dyn Error>::is::<HangUp>) {
        let stream = connection.into_parts().io.into_inner();
        // Without lingering, dropping the stream sends RST instead of FIN.
        if let Err(error) = stream.set_zero_linger() {
            tracing::debug!(error = &error as &dyn Error, "no reset, plain close");
        }
    }
}
