//! Watching one call of the SDK: each attempt is reported, retries included, and the time that AWS
//! names in its answers is passed on to the clock.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_config::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_config::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_config::error::BoxError;
use aws_sdk_config::primitives::{DateTime, DateTimeFormat};

use super::error::{self, ServiceFailure};
use crate::clock::Clock;
use crate::cloud::{Attempt, AttemptObserver, Op};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{Region, Timestamp};

/// An answer that took longer carries a time that is too old to use: `clock/aws_time.rs` lets
/// answers differ by as much.
const ANSWER_FRESH: Duration = Duration::from_secs(30);

/// The observer of calls.
#[derive(Debug, Clone)]
pub struct CallObserver {
    /// Hears of every attempt.
    pub observer: Arc<dyn AttemptObserver>,
    /// Hears what time AWS's answers name, and tells the SDK the time.
    pub clock: Clock,
}

impl CallObserver {
    /// Reports the attempts of a call that is about to be made.
    pub(super) fn watch<E>(&self, op: Op, region: &Region) -> AttemptInterceptor<E> {
        AttemptInterceptor {
            op,
            region: region.clone(),
            observer: self.clone(),
            started: Mutex::new(None),
            failure: PhantomData,
        }
    }
}

/// An interceptor for one call, whose operation fails with `E`.
pub(super) struct AttemptInterceptor<E> {
    op: Op,
    region: Region,
    observer: CallObserver,
    started: Mutex<Option<Started>>,
    failure: PhantomData<fn() -> E>,
}

/// When an attempt began.
#[derive(Debug, Clone, Copy)]
struct Started {
    at: Instant,
    /// How long the clock had run when the request was sent.
    elapsed: Duration,
}

impl<E> fmt::Debug for AttemptInterceptor<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Watch").field("op", &self.op).finish_non_exhaustive()
    }
}

impl<E: ServiceFailure> Intercept for AttemptInterceptor<E> {
    fn name(&self) -> &'static str {
        "conformd attempts"
    }

    #[expect(clippy::disallowed_methods, reason = "requests take real time on any clock")]
    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let started = Started { at: Instant::now(), elapsed: self.observer.clock.elapsed() };
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        self.observer.observer.attempting(self.op, self.region.as_str());
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.end(result::<E>(self.op, context), date(context));
        Ok(())
    }
}

impl<E> AttemptInterceptor<E> {
    /// Reports the end of the attempt that is under way, if one is.
    fn end(&self, result: Result<(), FailureKind>, date: Option<Timestamp>) {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Started { at, elapsed: asked }) = started else { return };
        let CallObserver { observer, clock } = &self.observer;
        // A slow answer carries a `Date` from long ago, which would look like a clock that is
        // behind.
        if let Some(date) = date
            && clock.elapsed().saturating_sub(asked) <= ANSWER_FRESH
        {
            clock.observe_aws_date(date);
        }
        let (op, region) = (self.op, self.region.as_str());
        observer.attempted(&Attempt { op, region, result, elapsed: at.elapsed() });
    }
}

/// The SDK drops an attempt when the time of its whole call is up, and tells no interceptor.
impl<E> Drop for AttemptInterceptor<E> {
    fn drop(&mut self) {
        self.end(Err(FailureKind::Timeout), None);
    }
}

fn result<E: ServiceFailure>(
    op: Op,
    context: &FinalizerInterceptorContextRef<'_>,
) -> Result<(), FailureKind> {
    let status = context.response().map(|response| response.status().as_u16());
    let error = match context.output_or_error() {
        Some(Ok(_)) => return Ok(()),
        Some(Err(error)) => error,
        None => return Err(FailureKind::Unreachable),
    };
    // From the most to the least specific: AWS's own code, then a timeout, then the HTTP status. A
    // proxy can answer with a status and no code of AWS.
    if let Some(answer) = error.as_operation_error() {
        let answer = answer.downcast_ref::<E>();
        let kind = answer.map(|answer| error::kind_of_service(op, answer, status));
        return Err(kind.unwrap_or_else(|| error::kind_of_status(status)));
    }
    if error.is_timeout_error() {
        return Err(FailureKind::Timeout);
    }
    if status.is_some() {
        return Err(error::kind_of_status(status));
    }
    let error: &(dyn Error + 'static) = error;
    Err(error::kind_of_dispatch(error))
}

/// The time in the answer, unless a proxy between us and AWS cached the answer.
fn date(context: &FinalizerInterceptorContextRef<'_>) -> Option<Timestamp> {
    let headers = context.response()?.headers();
    if headers.contains_key("age") {
        return None;
    }
    let date = DateTime::from_str(headers.get("date")?, DateTimeFormat::HttpDate).ok()?;
    Timestamp::from_second(date.secs()).ok()
}
