//! The configuration recorder operations, each in the caller's own account and region.

use super::api::epoch::Epoch;
use super::api::recorders::{
    DescribeRecorders, NamedRecorder, PutRecorder, RecorderShape, RecorderStatus, RecorderStatuses,
    RecordersShape,
};
use super::api::{ApiError, Caller};
use super::refusals::{invalid, validation};
use super::setup::RecorderSetup;
use super::world::World;
use crate::domain::base::model::Timestamp;

/// The only name there is: one customer-managed recorder per account and region.
const NAME: &str = "default";

impl World {
    pub(super) fn put_recorder(
        &mut self,
        caller: &Caller,
        put: PutRecorder,
    ) -> Result<(), ApiError> {
        let Some(recorder) = put.configuration_recorder else {
            return Err(validation(None, "configurationRecorder", "not be null"));
        };
        // AWS allows one customer-managed recorder per account and region.
        if recorder.name.as_deref().is_some_and(|name| name != NAME) {
            return Err(ApiError::new(
                "MaxNumberOfConfigurationRecordersExceededException",
                "You have reached the limit of 1 configuration recorder.",
            ));
        }
        let present = self.recorder(caller, self.moment());
        if !is_customers(present) {
            let (account, region) = (&caller.account, &caller.region);
            self.set_recorder(self.moment(), account, region, RecorderSetup::Stopped);
        }
        Ok(())
    }

    /// Starts, stops or deletes the recorder of this name.
    pub(super) fn change_recorder(
        &mut self,
        caller: &Caller,
        named: &NamedRecorder,
        recorder: RecorderSetup,
    ) -> Result<(), ApiError> {
        let name = named.configuration_recorder_name.as_deref();
        let name =
            name.ok_or_else(|| validation(None, "configurationRecorderName", "not be null"))?;
        if name != NAME || !is_customers(self.recorder(caller, self.moment())) {
            return Err(no_such_recorder(name));
        }
        self.set_recorder(self.moment(), &caller.account, &caller.region, recorder);
        Ok(())
    }

    pub(super) fn list_recorders(
        &self,
        at: Timestamp,
        caller: &Caller,
        asked: &DescribeRecorders,
    ) -> Result<RecordersShape, ApiError> {
        let found = self.named_recorder(at, caller, asked)?;
        let role = "aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig";
        let shape = found.map(|_| RecorderShape {
            name: Some(NAME.to_owned()),
            role_arn: Some(format!("arn:aws:iam::{}:role/{role}", caller.account)),
        });
        Ok(RecordersShape { configuration_recorders: shape.into_iter().collect() })
    }

    pub(super) fn list_recorder_statuses(
        &self,
        at: Timestamp,
        caller: &Caller,
        asked: &DescribeRecorders,
    ) -> Result<RecorderStatuses, ApiError> {
        let found = self.named_recorder(at, caller, asked)?;
        let account = self.members.find(&caller.account);
        let changed = account.and_then(|account| account.recorder_changed(&caller.region));
        let status = found.map(|recorder| {
            let failing = recorder == RecorderSetup::Failing;
            let (last_status, recording) = match recorder {
                RecorderSetup::Failing => ("Failure", true),
                RecorderSetup::Recording => ("Success", true),
                RecorderSetup::Missing | RecorderSetup::ServiceLinked | RecorderSetup::Stopped => {
                    ("NotApplicable", false)
                }
            };
            RecorderStatus {
                name: NAME.to_owned(),
                recording,
                last_status: last_status.to_owned(),
                last_error_code: failing.then(|| "AccessDenied".to_owned()),
                last_error_message: failing.then(|| "Delivery failed".to_owned()),
                last_status_change_time: changed.map(Epoch::of),
            }
        });
        Ok(RecorderStatuses { configuration_recorders_status: status.into_iter().collect() })
    }

    fn named_recorder(
        &self,
        at: Timestamp,
        caller: &Caller,
        asked: &DescribeRecorders,
    ) -> Result<Option<RecorderSetup>, ApiError> {
        let found = Some(self.recorder(caller, at)).filter(|recorder| is_customers(*recorder));
        // Without a name AWS returns customer-managed recorders only, so a service-linked one is an
        // empty list.
        match asked.configuration_recorder_names.as_deref().unwrap_or_default() {
            [] => Ok(found),
            [name] if name == NAME && found.is_some() => Ok(found),
            [name] => Err(no_such_recorder(name)),
            [_, _, ..] => Err(invalid("Only one configuration recorder can be named.")),
        }
    }

    fn recorder(&self, caller: &Caller, at: Timestamp) -> RecorderSetup {
        let account = self.members.find(&caller.account);
        account.map_or(RecorderSetup::Missing, |account| account.recorder(&caller.region, at))
    }
}

fn is_customers(recorder: RecorderSetup) -> bool {
    match recorder {
        RecorderSetup::Stopped | RecorderSetup::Recording | RecorderSetup::Failing => true,
        RecorderSetup::Missing | RecorderSetup::ServiceLinked => false,
    }
}

fn no_such_recorder(name: &str) -> ApiError {
    ApiError::new(
        "NoSuchConfigurationRecorderException",
        format!("Cannot find configuration recorder with the specified name '{name}'."),
    )
}
