//! Who the credentials belong to.

use std::fmt;

use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;

use super::attempt::CallObserver;
use super::error::{self, MalformedAnswer};
use crate::cloud::{CloudError, Op};
use crate::domain::base::model::{AccountId, Region};

/// The answer of `GetCallerIdentity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account.
    pub account: AccountId,
    /// The user or the session of a role.
    pub arn: String,
    /// The partition, from the ARN: `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: String,
}

/// Asks STS in the client's region.
pub(super) async fn ask(
    client: &aws_sdk_sts::Client,
    region: &Region,
    place: &impl fmt::Display,
    observer: &CallObserver,
) -> Result<CallerIdentity, CloudError> {
    let op = Op::GetCallerIdentity;
    let answer = client
        .get_caller_identity()
        .customize()
        .interceptor(observer.watch::<GetCallerIdentityError>(op, region))
        .send()
        .await
        .map_err(|error| error::failure(op, place, &error))?;
    identity(answer.account(), answer.arn()).map_err(|problem| error::broken(op, place, problem))
}

fn identity(account: Option<&str>, arn: Option<&str>) -> Result<CallerIdentity, MalformedAnswer> {
    let account = account.unwrap_or_default();
    let account =
        account.parse().map_err(|_| MalformedAnswer(format!("the account is {account:?}")))?;
    let arn = arn.unwrap_or_default();
    let partition = arn.strip_prefix("arn:").and_then(|rest| rest.split_once(':'));
    let (partition, _) = partition.ok_or_else(|| MalformedAnswer(format!("the ARN is {arn:?}")))?;
    Ok(CallerIdentity { account, arn: arn.to_owned(), partition: partition.to_owned() })
}
