//! Visits to member accounts: an assumed role that only reads recorders.
//!
//! Three bounds apply: the role's own policy, a session policy of two actions, and a lifetime of 15
//! minutes. Keys exist only in the visit and appear in no log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_config::config::retry::RetryPartition;
use aws_sdk_sts::operation::assume_role::{AssumeRoleError, AssumeRoleOutput};

use super::attempt::CallObserver;
use super::error::{self, MalformedAnswer, RecorderStatesFailure, RecordersFailure};
use super::parse;
use crate::aws::sdk::sdk_region;
use crate::cloud::{CloudError, MemberAccess, MemberVisit, Op, RecorderRecord};
use crate::config::RecorderProbe;
use crate::domain::base::model::{AccountId, Installation, Place, Region};
use crate::domain::present::iam_policy::{ExternalId, RoleName};

/// How long a session lasts, seconds: the shortest that AWS gives (STS API: `DurationSeconds`).
const SESSION_SECONDS: i32 = 900;

/// The longest session name (STS API: `RoleSessionName`).
const SESSION_NAME_MAX: usize = 64;

/// What a session may do, whatever the role may.
const SESSION_POLICY: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow",
        "Action": [
            "config:DescribeConfigurationRecorders",
            "config:DescribeConfigurationRecorderStatus"
        ],
        "Resource": "*"
    }]
}"#;

/// The role that is assumed in each member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProbeRole {
    partition: String,
    name: RoleName,
    external_id: Option<ExternalId>,
    session_name: String,
}

impl ProbeRole {
    pub(super) fn new(probe: &RecorderProbe, installation: &Installation, partition: &str) -> Self {
        let RecorderProbe { role_name, external_id, interval: _ } = probe;
        Self {
            partition: partition.to_owned(),
            name: role_name.clone(),
            external_id: external_id.clone(),
            session_name: session_name(installation),
        }
    }

    fn arn(&self, account: AccountId) -> String {
        format!("arn:{}:iam::{account}:role/{}", self.partition, self.name)
    }
}

/// What CloudTrail shows in members.
fn session_name(installation: &Installation) -> String {
    let allowed = |letter: &char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(*letter);
    let name = format!("conformd-{installation}");
    name.chars().filter(allowed).take(SESSION_NAME_MAX).collect()
}

/// Clients of AWS Config, one a region, whose connections all visits share.
#[derive(Debug)]
struct Clients {
    sdk: SdkConfig,
    by_region: Mutex<BTreeMap<Region, aws_sdk_config::Client>>,
}

impl Clients {
    fn of(&self, region: &Region) -> aws_sdk_config::Client {
        let mut clients = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.clone()).or_insert_with(|| {
            // Members that throttle must not use up the retries of the region's own requests.
            let retries = RetryPartition::new(format!("members-{region}"));
            let config = aws_sdk_config::config::Builder::from(&self.sdk)
                .region(sdk_region(region))
                .retry_partition(retries);
            aws_sdk_config::Client::from_conf(config.build())
        });
        client.clone()
    }
}

/// The way into member accounts.
#[derive(Debug, Clone)]
pub struct AwsMembers {
    sts: aws_sdk_sts::Client,
    region: Region,
    role: Arc<ProbeRole>,
    clients: Arc<Clients>,
    observer: CallObserver,
}

impl AwsMembers {
    /// Assumes roles at the STS of this region.
    pub(super) fn new(
        sdk: SdkConfig,
        region: Region,
        role: ProbeRole,
        observer: CallObserver,
    ) -> Self {
        let sts = aws_sdk_sts::config::Builder::from(&sdk).region(sdk_region(&region));
        Self {
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            region,
            role: Arc::new(role),
            clients: Arc::new(Clients { sdk, by_region: Mutex::default() }),
            observer,
        }
    }
}

impl MemberAccess for AwsMembers {
    type Visit = AwsVisit;

    async fn enter(&self, account: AccountId) -> Result<AwsVisit, CloudError> {
        let op = Op::AssumeRole;
        let place = Place { account, region: self.region.clone() };
        let answer = self
            .sts
            .assume_role()
            .role_arn(self.role.arn(account))
            .role_session_name(&self.role.session_name)
            .set_external_id(self.role.external_id.as_ref().map(ToString::to_string))
            .duration_seconds(SESSION_SECONDS)
            .policy(SESSION_POLICY)
            .customize()
            .interceptor(self.observer.watch::<AssumeRoleError>(op, &self.region))
            .send()
            .await
            .map_err(|error| error::failure(op, &place, &error))?;
        let keys = keys(&answer).map_err(|problem| error::broken(op, &place, problem))?;
        Ok(AwsVisit {
            account,
            keys,
            clients: Arc::clone(&self.clients),
            observer: self.observer.clone(),
        })
    }
}

/// The keys of a session. The SDK does not get their expiry: it could not renew them, and AWS
/// refuses expired keys anyway.
fn keys(answer: &AssumeRoleOutput) -> Result<Credentials, MalformedAnswer> {
    let keys = answer
        .credentials()
        .ok_or_else(|| MalformedAnswer("the answer holds no keys".to_owned()))?;
    let (id, secret) = (keys.access_key_id(), keys.secret_access_key());
    let token = Some(keys.session_token().to_owned());
    Ok(Credentials::new(id, secret, token, None, "recorder probe"))
}

/// A session in one member.
#[derive(Clone)]
pub struct AwsVisit {
    account: AccountId,
    keys: Credentials,
    clients: Arc<Clients>,
    observer: CallObserver,
}

impl fmt::Debug for AwsVisit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AwsVisit").field("account", &self.account).finish_non_exhaustive()
    }
}

impl AwsVisit {
    fn place(&self, region: &Region) -> Place {
        Place { account: self.account, region: region.clone() }
    }

    /// What turns a request of the shared client into one of this session.
    fn as_member(&self) -> aws_sdk_config::config::Builder {
        aws_sdk_config::config::Builder::new().credentials_provider(self.keys.clone())
    }
}

impl MemberVisit for AwsVisit {
    async fn recorders(&self, region: &Region) -> Result<Vec<String>, CloudError> {
        let (op, place) = (Op::DescribeConfigurationRecorders, self.place(region));
        let answer = self
            .clients
            .of(region)
            .describe_configuration_recorders()
            .customize()
            .config_override(self.as_member())
            .interceptor(self.observer.watch::<RecordersFailure>(op, region))
            .send()
            .await
            .map_err(|error| error::failure(op, &place, &error))?;
        let own = answer.configuration_recorders().iter();
        let own = own.filter(|recorder| recorder.service_principal().is_none());
        own.map(|recorder| parse::recorder_name(recorder.name()))
            .collect::<Result<_, _>>()
            .map_err(|problem| error::broken(op, &place, problem))
    }

    async fn recorder_states(&self, region: &Region) -> Result<Vec<RecorderRecord>, CloudError> {
        let (op, place) = (Op::DescribeConfigurationRecorderStatus, self.place(region));
        let answer = self
            .clients
            .of(region)
            .describe_configuration_recorder_status()
            .customize()
            .config_override(self.as_member())
            .interceptor(self.observer.watch::<RecorderStatesFailure>(op, region))
            .send()
            .await
            .map_err(|error| error::failure(op, &place, &error))?;
        let own = answer.configuration_recorders_status().iter();
        let own = own.filter(|recorder| recorder.service_principal().is_none());
        own.map(parse::recorder)
            .collect::<Result<_, _>>()
            .map_err(|problem| error::broken(op, &place, problem))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::cloud::{Attempt, AttemptObserver};
    use crate::domain::base::model::Timestamp;

    #[test]
    fn a_role_is_named_in_the_callers_partition_and_the_session_after_the_installation() {
        let probe = RecorderProbe {
            role_name: "security/Probe".parse().unwrap(),
            external_id: None,
            interval: Duration::from_mins(15),
        };
        let role = ProbeRole::new(&probe, &"main".parse().unwrap(), "aws-us-gov");
        let arn = role.arn("111122223333".parse().unwrap());
        assert_eq!(arn, "arn:aws-us-gov:iam::111122223333:role/security/Probe");
        assert_eq!(role.session_name, "conformd-main");
    }

    #[test]
    fn a_visit_shows_no_key() {
        let sdk = SdkConfig::builder().build();
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 0);
        let visit = AwsVisit {
            account: "111122223333".parse().unwrap(),
            keys: Credentials::new("ASIAKEY", "secret", Some("token".to_owned()), None, "test"),
            clients: Arc::new(Clients { sdk, by_region: Mutex::default() }),
            observer: CallObserver { observer: Arc::new(UncountedAttempts), clock },
        };
        assert_eq!(format!("{visit:?}"), r#"AwsVisit { account: AccountId("111122223333"), .. }"#);
    }

    #[derive(Debug)]
    struct UncountedAttempts;

    impl AttemptObserver for UncountedAttempts {
        fn attempted(&self, _: &Attempt<'_>) {}
    }
}
