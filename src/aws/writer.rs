//! Writes of one place. Each is sent once: The AWS Config API has no idempotency token, so a write
//! without a clear answer may have taken effect, and only a new observation shows whether it did.

use aws_sdk_config::Client;
use aws_sdk_config::operation::RequestId as _;
use aws_sdk_config::types::ConformancePackInputParameter;

use super::attempt::CallObserver;
use super::error::{self, DeleteFailure, MalformedAnswer, PutFailure};
use crate::cloud::{CloudError, Op, Receipt, Writer};
use crate::domain::base::model::{PackName, Place, ResultsBucket};
use crate::domain::observed::content::Content;

/// AWS Config in one region, to change.
#[derive(Debug, Clone)]
pub struct AwsWriter {
    place: Place,
    config: Client,
    observer: CallObserver,
}

impl AwsWriter {
    pub(super) fn new(place: Place, config: Client, observer: CallObserver) -> Self {
        Self { place, config, observer }
    }
}

impl Writer for AwsWriter {
    async fn put(&self, pack: &PackName, content: &Content) -> Result<Receipt, CloudError> {
        let op = Op::PutOrganizationConformancePack;
        let Content { body, inputs, excluded, delivery: ResultsBucket { bucket, prefix } } =
            content;
        let inputs = inputs.iter().map(|(name, value)| {
            ConformancePackInputParameter::builder()
                .parameter_name(name)
                .parameter_value(value)
                .build()
                .expect("name and value are both given")
        });
        let excluded = excluded.iter().map(ToString::to_string);
        let watch = self.observer.watch::<PutFailure>(op, &self.place.region);
        let answer = self
            .config
            .put_organization_conformance_pack()
            .organization_conformance_pack_name(pack.as_str())
            .template_body(body.as_ref())
            .set_conformance_pack_input_parameters(filled(inputs.collect()))
            .set_excluded_accounts(filled(excluded.collect()))
            .set_delivery_s3_bucket(text(bucket))
            .set_delivery_s3_key_prefix(text(prefix))
            .customize()
            .interceptor(watch)
            .send()
            .await
            .map_err(|error| error::failure(op, &self.place, &error))?;
        let Some(arn) = answer.organization_conformance_pack_arn().and_then(text) else {
            let problem = MalformedAnswer("the answer holds no ARN".to_owned());
            return Err(error::broken(op, &self.place, problem));
        };
        Ok(Receipt { arn: Some(arn), request: answer.request_id().and_then(text) })
    }

    async fn delete(&self, pack: &PackName) -> Result<Receipt, CloudError> {
        let op = Op::DeleteOrganizationConformancePack;
        let watch = self.observer.watch::<DeleteFailure>(op, &self.place.region);
        let answer = self
            .config
            .delete_organization_conformance_pack()
            .organization_conformance_pack_name(pack.as_str())
            .customize()
            .interceptor(watch)
            .send()
            .await
            .map_err(|error| error::failure(op, &self.place, &error))?;
        Ok(Receipt { arn: None, request: answer.request_id().and_then(text) })
    }
}

/// A list, unless it is empty: a Put replaces everything, so an absent list clears it, and that is
/// the form known to work.
fn filled<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
