//! Visits to members: sessions of a role, on the shared clock.

use super::{InProcess, MIXED_UP};
use crate::cloud::{CloudError, MemberAccess, MemberVisit, Op, RecorderRecord};
use crate::domain::base::model::{AccountId, Place, Region};
use crate::sim::api::recorders::{DescribeRecorders, RecorderShape, RecorderStatus};
use crate::sim::api::sts::AssumeRole;
use crate::sim::api::{Answer, Request};

/// How long a session lasts, seconds, and what it may do: as the real adapter asks.
const SESSION_SECONDS: i64 = 900;
const SESSION_POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Action": ["config:DescribeConfigurationRecorders",
        "config:DescribeConfigurationRecorderStatus"], "Resource": "*"}]}"#;

/// The way into members with a role of this name.
#[derive(Debug, Clone)]
pub struct InProcessMembers {
    aws: InProcess,
    role: String,
    external_id: Option<String>,
}

impl InProcess {
    /// The way into members, with this client's credentials.
    pub fn members(&self, role: &str, external_id: Option<&str>) -> InProcessMembers {
        let external_id = external_id.map(str::to_owned);
        InProcessMembers { aws: self.clone(), role: role.to_owned(), external_id }
    }
}

impl MemberAccess for InProcessMembers {
    type Visit = InProcessVisit;

    async fn enter(&self, account: AccountId) -> Result<InProcessVisit, CloudError> {
        let op = Op::AssumeRole;
        let request = Request::AssumeRole(AssumeRole {
            role_arn: Some(format!("arn:aws:iam::{account}:role/{}", self.role)),
            role_session_name: Some("conformd".to_owned()),
            duration_seconds: Some(SESSION_SECONDS),
            external_id: self.external_id.clone(),
            policy: Some(SESSION_POLICY.to_owned()),
        });
        let member = self.aws.at(Place { account, region: self.aws.place.region.clone() });
        let answer = self.aws.call(op, request).await;
        let answer =
            answer.map_err(|error| CloudError { place: member.place.to_string(), ..error })?;
        let Answer::AssumeRole(role) = answer else {
            return Err(member.broken(op, MIXED_UP));
        };
        let session = member.world().session(&role.credentials.access_key_id).cloned();
        let session = session.ok_or_else(|| member.broken(op, "its keys are unknown"))?;
        Ok(InProcessVisit(InProcess { session: Some(session), ..member }))
    }
}

/// A session in one member.
#[derive(Debug, Clone)]
pub struct InProcessVisit(InProcess);

impl InProcessVisit {
    /// A client with the session's keys in this region, for more than a visit is meant for.
    pub fn client(&self, region: &Region) -> InProcess {
        let InProcess { place: Place { account, region: _ }, .. } = &self.0;
        self.0.at(Place { account: *account, region: region.clone() })
    }
}

impl MemberVisit for InProcessVisit {
    async fn recorders(&self, region: &Region) -> Result<Vec<String>, CloudError> {
        let (op, client) = (Op::DescribeConfigurationRecorders, self.client(region));
        let request = Request::DescribeConfigurationRecorders(DescribeRecorders::default());
        let Answer::DescribeConfigurationRecorders(list) = client.call(op, request).await? else {
            return Err(client.broken(op, MIXED_UP));
        };
        let names = list.configuration_recorders.into_iter().map(|RecorderShape { name, .. }| name);
        let names: Option<Vec<String>> = names.collect();
        names.ok_or_else(|| client.broken(op, "a recorder has no name"))
    }

    async fn recorder_states(&self, region: &Region) -> Result<Vec<RecorderRecord>, CloudError> {
        let (op, client) = (Op::DescribeConfigurationRecorderStatus, self.client(region));
        let request = Request::DescribeConfigurationRecorderStatus(DescribeRecorders::default());
        let Answer::DescribeConfigurationRecorderStatus(list) = client.call(op, request).await?
        else {
            return Err(client.broken(op, MIXED_UP));
        };
        let record = |status: RecorderStatus| RecorderRecord {
            name: status.name,
            recording: status.recording,
            failed: status.last_status == "Failure",
            error_code: status.last_error_code,
        };
        Ok(list.configuration_recorders_status.into_iter().map(record).collect())
    }
}
