//! Watching one call of the SDK: each attempt is reported, retries included.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aws_sdk_config::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_config::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_config::error::BoxError;

use super::error::{self, ServiceFailure};
use crate::cloud::{Attempt, AttemptObserver, Op};
use crate::domain::failure::FailureKind;
use crate::domain::model::Region;

/// An interceptor for one call, whose operation fails with `E`.
pub(super) struct Watch<E> {
    op: Op,
    region: Region,
    observer: Arc<dyn AttemptObserver>,
    started: Mutex<Option<Instant>>,
    failure: PhantomData<fn() -> E>,
}

impl<E> Watch<E> {
    /// Reports the attempts of a call that is about to be made.
    pub(super) fn new(op: Op, region: &Region, observer: &Arc<dyn AttemptObserver>) -> Self {
        Self {
            op,
            region: region.clone(),
            observer: Arc::clone(observer),
            started: Mutex::new(None),
            failure: PhantomData,
        }
    }
}

impl<E> fmt::Debug for Watch<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Watch").field("op", &self.op).finish_non_exhaustive()
    }
}

impl<E: ServiceFailure> Intercept for Watch<E> {
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
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.observer.attempting(self.op, self.region.as_str());
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.end(result::<E>(self.op, context));
        Ok(())
    }
}

impl<E> Watch<E> {
    /// Reports the end of the attempt that is under way, if one is.
    fn end(&self, result: Result<(), FailureKind>) {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(started) = started {
            let (op, region) = (self.op, self.region.as_str());
            self.observer.attempted(&Attempt { op, region, result, elapsed: started.elapsed() });
        }
    }
}

/// The SDK drops an attempt when the time of its whole call is up, and tells no interceptor.
impl<E> Drop for Watch<E> {
    fn drop(&mut self) {
        self.end(Err(FailureKind::Timeout));
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
