//! Answers of the SDK as records of the domain, strictly.
//!
//! The SDK fills in what AWS left out (`""`, 1970), so that a broken answer looks like a true one;
//! here it is an error again. Absent, null and empty optional members are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_config::primitives::DateTime;
use aws_sdk_config::types::{
    ConfigurationRecorderStatus, OrganizationConformancePack,
    OrganizationConformancePackDetailedStatus, OrganizationConformancePackStatus, RecorderStatus,
};
use aws_sdk_organizations::types::{
    self as organizations, AccountState as AccountLife, AccountStatus, OrganizationFeatureSet,
};

use super::error::{MalformedAnswer, bounded};
use crate::cloud::{Page, PageToken, RecorderRecord};
use crate::domain::base::model::{
    AccountId, AccountState, PackName, ResultsBucket, Timestamp, UnitId,
};
use crate::domain::base::untrusted::{AWS_BYTES_MAX, flowing};
use crate::domain::observed::packs::{PackRecord, RolloutStatus, StatusRecord, StatusRow};
use crate::domain::organization::account_list::{Account, OrganizationRecord};

/// The SDK's stand-in for a missing time is 1970-01-01; nothing of AWS Config is that old.
const TIME_MIN_SECONDS: i64 = 365 * 86_400;

/// A page of whatever `record` makes of each entry.
pub(super) fn page<A, T>(
    entries: &[A],
    next: Option<&str>,
    record: impl Fn(&A) -> Result<T, MalformedAnswer>,
) -> Result<Page<T>, MalformedAnswer> {
    let items = entries.iter().map(record).collect::<Result<_, _>>()?;
    Ok(Page { items, next: next.filter(|token| !token.is_empty()).map(|t| PageToken(t.into())) })
}

/// An entry of the list of packs.
pub(super) fn pack(pack: &OrganizationConformancePack) -> Result<PackRecord, MalformedAnswer> {
    let name = pack_name(pack.organization_conformance_pack_name())?;
    let arn = pack.organization_conformance_pack_arn();
    if arn.is_empty() {
        return Err(MalformedAnswer(format!("pack {name} has no ARN")));
    }
    let last_update = timestamp(pack.last_update_time())
        .ok_or_else(|| MalformedAnswer(format!("pack {name} has no time of its last update")))?;
    let excluded: Result<BTreeSet<AccountId>, MalformedAnswer> =
        pack.excluded_accounts().iter().map(|id| account_id(id)).collect();
    let inputs: BTreeMap<String, String> = pack
        .conformance_pack_input_parameters()
        .iter()
        .map(|input| (input.parameter_name().to_owned(), input.parameter_value().to_owned()))
        .collect();
    if inputs.contains_key("") {
        return Err(MalformedAnswer(format!("pack {name} has an input parameter without a name")));
    }
    Ok(PackRecord {
        arn: bounded(arn, AWS_BYTES_MAX),
        last_update,
        inputs,
        excluded: excluded?,
        delivery: ResultsBucket {
            bucket: pack.delivery_s3_bucket().unwrap_or_default().to_owned(),
            prefix: pack.delivery_s3_key_prefix().unwrap_or_default().to_owned(),
        },
        name,
    })
}

/// An entry of the list of statuses.
pub(super) fn status(
    status: &OrganizationConformancePackStatus,
) -> Result<StatusRecord, MalformedAnswer> {
    Ok(StatusRecord {
        name: pack_name(status.organization_conformance_pack_name())?,
        status: rollout(status.status().as_str()),
        error_code: words(status.error_code()),
        error_message: sentence(status.error_message()),
        last_update: status.last_update_time().and_then(timestamp),
    })
}

/// One account's entry.
pub(super) fn row(
    row: &OrganizationConformancePackDetailedStatus,
) -> Result<StatusRow, MalformedAnswer> {
    Ok(StatusRow {
        account: account_id(row.account_id())?,
        status: rollout(row.status().as_str()),
        error_code: words(row.error_code()),
        error_message: sentence(row.error_message()),
        last_update: row.last_update_time().and_then(timestamp),
    })
}

/// A member account. `State` is used; where it is missing, `Status`, which AWS is retiring (AWS
/// Organizations API, `Account`).
pub(super) fn account(account: &organizations::Account) -> Result<Account, MalformedAnswer> {
    let state = account.state().map(AccountLife::as_str);
    let state = state.or_else(|| account.status().map(AccountStatus::as_str));
    let state: Option<AccountState> = state.and_then(|state| state.parse().ok());
    Ok(Account {
        id: id_of(account.id())?,
        name: words(account.name()).unwrap_or_default(),
        state,
        joined: account.joined_timestamp().and_then(timestamp),
        units: units(account.paths()),
        tags: None,
    })
}

/// The units of `o-…/r-…/ou-…/<account>/`, the outermost first. More than one path, or one that
/// cannot be read, is as good as none: the tree can be walked.
fn units(paths: &[String]) -> Option<Arc<[UnitId]>> {
    let [path] = paths else { return None };
    let nodes: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    let [_organization, root, units @ .., _account] = nodes.as_slice() else { return None };
    [root].into_iter().chain(units).map(|unit| unit.parse().ok()).collect::<Option<Arc<_>>>()
}

/// The organization.
pub(super) fn organization(
    organization: Option<&organizations::Organization>,
) -> Result<OrganizationRecord, MalformedAnswer> {
    let organization = organization
        .ok_or_else(|| MalformedAnswer("the answer holds no organization".to_owned()))?;
    let id = words(organization.id());
    Ok(OrganizationRecord {
        id: id.ok_or_else(|| MalformedAnswer("the organization has no id".to_owned()))?,
        management: id_of(organization.master_account_id())?,
        all_features: organization.feature_set() == Some(&OrganizationFeatureSet::All),
    })
}

/// An organizational unit's id.
pub(super) fn unit(unit: &organizations::OrganizationalUnit) -> Result<UnitId, MalformedAnswer> {
    let id = unit.id().unwrap_or_default();
    id.parse().map_err(|_| MalformedAnswer(format!("a unit's id is {:?}", bounded(id, 64))))
}

/// A tag. Its value may be empty.
pub(super) fn tag(tag: &organizations::Tag) -> Result<(String, String), MalformedAnswer> {
    let key =
        words(Some(tag.key())).ok_or_else(|| MalformedAnswer("a tag has no key".to_owned()))?;
    Ok((key, bounded(tag.value(), AWS_BYTES_MAX)))
}

/// A service with trusted access, as its principal.
pub(super) fn service(
    service: &organizations::EnabledServicePrincipal,
) -> Result<String, MalformedAnswer> {
    let principal = words(service.service_principal());
    principal.ok_or_else(|| MalformedAnswer("a trusted service has no principal".to_owned()))
}

/// The name of a recorder.
pub(super) fn recorder_name(name: Option<&str>) -> Result<String, MalformedAnswer> {
    words(name).ok_or_else(|| MalformedAnswer("a recorder has no name".to_owned()))
}

/// The state of a recorder.
pub(super) fn recorder(
    recorder: &ConfigurationRecorderStatus,
) -> Result<RecorderRecord, MalformedAnswer> {
    Ok(RecorderRecord {
        name: recorder_name(recorder.name())?,
        recording: recorder.recording(),
        failed: recorder.last_status() == Some(&RecorderStatus::Failure),
        error_code: words(recorder.last_error_code()),
    })
}

/// The id of an account, which AWS calls optional everywhere.
pub(super) fn id_of(id: Option<&str>) -> Result<AccountId, MalformedAnswer> {
    account_id(id.unwrap_or_default())
}

fn pack_name(text: &str) -> Result<PackName, MalformedAnswer> {
    text.parse().map_err(|_| MalformedAnswer(format!("a pack is named {:?}", bounded(text, 128))))
}

fn account_id(text: &str) -> Result<AccountId, MalformedAnswer> {
    text.parse().map_err(|_| MalformedAnswer(format!("an account id is {:?}", bounded(text, 64))))
}

fn rollout(text: &str) -> RolloutStatus {
    let Ok(status) = text.parse();
    status
}

/// What AWS says for people: on one line, without hidden characters, however it is shown.
fn sentence(text: Option<&str>) -> Option<String> {
    words(text).map(|text| flowing(&text, AWS_BYTES_MAX))
}

fn words(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| bounded(text, AWS_BYTES_MAX))
}

/// AWS counts milliseconds and sends them as a decimal fraction, which the SDK reads as a float:
/// whatever is finer is noise.
fn timestamp(time: &DateTime) -> Option<Timestamp> {
    if time.secs() < TIME_MIN_SECONDS {
        return None;
    }
    let milliseconds = (time.as_nanos() + 500_000).div_euclid(1_000_000);
    Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()
}

#[test]
fn what_aws_says_has_no_hidden_characters_and_one_line() {
    let said = sentence(Some("no\u{202e}\nroom")).unwrap();
    assert_eq!(said, "no\\u{202e} room");
    assert_eq!(sentence(Some("")), None);
}
