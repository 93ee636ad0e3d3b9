//! The checks of request members, from one table of limits (AWS Config service model, 2026).

use super::api::ApiError;
use super::api::packs::{PutPack, Tag};
use super::refusals::{invalid, limit, validation};
use crate::domain::base::model::{AccountId, PackName};
use crate::domain::observed::packs::RolloutStatus;

const BODY_MAX: usize = 51_200;
const URI_MAX: usize = 1024;
const BUCKET_MAX: usize = 63;
const PREFIX_MAX: usize = 1024;
const EXCLUDED_MAX: usize = 1000;
const PARAMETER_NAME_MAX: usize = 255;
const PARAMETER_VALUE_MAX: usize = 4096;
const TAGS_MAX: usize = 50;
const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;
const PACK_NAME_MAX: usize = 128;
const NAMES_MAX: usize = 25;

/// Entries of one page (AWS Config API: `Limit`).
pub(super) const PAGE_MAX: usize = 100;

/// The pack name, if it is one.
pub(super) fn pack_name(name: Option<&str>) -> Result<PackName, ApiError> {
    const MEMBER: &str = "organizationConformancePackName";
    let name = name.ok_or_else(|| validation(None, MEMBER, "not be null"))?;
    if name.len() > PACK_NAME_MAX {
        return Err(too_long(Some(name), MEMBER, PACK_NAME_MAX));
    }
    name.parse().map_err(|_| {
        validation(Some(name), MEMBER, "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")
    })
}

/// The names of a describe call, if they are few enough and well-formed.
pub(super) fn pack_names(names: &[String]) -> Result<Vec<PackName>, ApiError> {
    if names.len() > NAMES_MAX {
        let member = "organizationConformancePackNames";
        return Err(too_long(Some(&format!("{names:?}")), member, NAMES_MAX));
    }
    names.iter().map(|name| pack_name(Some(name))).collect()
}

/// Everything about a Put that can be judged without looking anything up.
pub(super) fn put(put: &PutPack, inputs_max: usize) -> Result<PackName, ApiError> {
    let name = pack_name(put.organization_conformance_pack_name.as_deref())?;
    template_source(put)?;
    delivery(put)?;
    inputs(put, inputs_max)?;
    excluded(put)?;
    tags(put.tags.as_deref().unwrap_or_default())?;
    Ok(name)
}

fn template_source(put: &PutPack) -> Result<(), ApiError> {
    let PutPack { template_body: body, template_s3_uri: uri, .. } = put;
    if body.is_none() && uri.is_none() {
        return Err(invalid("You must specify either TemplateBody or TemplateS3Uri."));
    }
    if let Some(body) = body {
        if body.is_empty() {
            return Err(too_short("", "templateBody"));
        }
        if body.len() > BODY_MAX {
            return Err(too_long(Some(body), "templateBody", BODY_MAX));
        }
    }
    // With both a body and a URI, AWS uses the URI without an error, so both are checked.
    match uri {
        Some(uri) if uri.len() > URI_MAX => Err(too_long(Some(uri), "templateS3Uri", URI_MAX)),
        Some(uri) if !uri.starts_with("s3://") => {
            let pattern = "satisfy regular expression pattern: s3://.*";
            Err(validation(Some(uri), "templateS3Uri", pattern))
        }
        Some(_) | None => Ok(()),
    }
}

fn delivery(put: &PutPack) -> Result<(), ApiError> {
    let bucket = put.delivery_s3_bucket.as_deref().unwrap_or_default();
    let prefix = put.delivery_s3_key_prefix.as_deref().unwrap_or_default();
    if bucket.len() > BUCKET_MAX {
        return Err(too_long(Some(bucket), "deliveryS3Bucket", BUCKET_MAX));
    }
    if prefix.len() > PREFIX_MAX {
        return Err(too_long(Some(prefix), "deliveryS3KeyPrefix", PREFIX_MAX));
    }
    // An empty bucket counts as unset; the prefix of the name is a rule of AWS Config.
    if !bucket.is_empty() && !bucket.starts_with("awsconfigconforms") {
        return Err(invalid("The name of the delivery bucket must start with awsconfigconforms."));
    }
    Ok(())
}

fn inputs(put: &PutPack, inputs_max: usize) -> Result<(), ApiError> {
    const MEMBER: &str = "conformancePackInputParameters";
    let inputs = put.conformance_pack_input_parameters.as_deref().unwrap_or_default();
    if inputs.len() > inputs_max {
        return Err(too_long(Some(&format!("{} entries", inputs.len())), MEMBER, inputs_max));
    }
    for input in inputs {
        if input.parameter_name.len() > PARAMETER_NAME_MAX {
            return Err(too_long(Some(&input.parameter_name), MEMBER, PARAMETER_NAME_MAX));
        }
        if input.parameter_value.len() > PARAMETER_VALUE_MAX {
            return Err(too_long(Some(&input.parameter_value), MEMBER, PARAMETER_VALUE_MAX));
        }
    }
    Ok(())
}

fn excluded(put: &PutPack) -> Result<(), ApiError> {
    let excluded = put.excluded_accounts.as_deref().unwrap_or_default();
    if excluded.len() > EXCLUDED_MAX {
        let count = format!("{} entries", excluded.len());
        return Err(too_long(Some(&count), "excludedAccounts", EXCLUDED_MAX));
    }
    excluded.iter().try_for_each(|id| account(id, "excludedAccounts").map(|_| ()))
}

/// An account id.
pub(super) fn account(id: &str, member: &str) -> Result<AccountId, ApiError> {
    let pattern = "satisfy regular expression pattern: \\d{12}";
    id.parse().map_err(|_| validation(Some(id), member, pattern))
}

/// The status of a row filter: one of the nine.
pub(super) fn status(text: &str) -> Result<RolloutStatus, ApiError> {
    let status: Result<RolloutStatus, _> = text.parse();
    match status {
        Ok(known @ RolloutStatus::Known(..)) => Ok(known),
        Ok(RolloutStatus::Unknown(_)) | Err(_) => {
            let values = "satisfy enum value set: [CREATE_SUCCESSFUL, CREATE_IN_PROGRESS, \
                          CREATE_FAILED, UPDATE_SUCCESSFUL, UPDATE_IN_PROGRESS, UPDATE_FAILED, \
                          DELETE_SUCCESSFUL, DELETE_IN_PROGRESS, DELETE_FAILED]";
            Err(validation(Some(text), "filters.status", values))
        }
    }
}

/// Tags of a Put or of `TagResource`.
pub(super) fn tags(tags: &[Tag]) -> Result<(), ApiError> {
    if tags.len() > TAGS_MAX {
        return Err(too_long(Some(&format!("{} entries", tags.len())), "tags", TAGS_MAX));
    }
    for Tag { key, value } in tags {
        // AWS requires a key of at least one character; values may be empty.
        if key.is_empty() {
            return Err(too_short("", "tags.key"));
        }
        if key.len() > TAG_KEY_MAX {
            return Err(too_long(Some(key), "tags.key", TAG_KEY_MAX));
        }
        if value.len() > TAG_VALUE_MAX {
            return Err(too_long(Some(value), "tags.value", TAG_VALUE_MAX));
        }
    }
    Ok(())
}

/// The number of entries a page of AWS Config may have: 0 to 100, where 0 means 100.
pub(super) fn page_limit(asked: Option<i64>) -> Result<usize, ApiError> {
    match usize::try_from(asked.unwrap_or(0)) {
        Ok(0) => Ok(PAGE_MAX),
        Ok(asked) if asked <= PAGE_MAX => Ok(asked),
        Ok(_) | Err(_) => Err(limit()),
    }
}

fn too_long(value: Option<&str>, member: &str, max: usize) -> ApiError {
    validation(value, member, &format!("have length less than or equal to {max}"))
}

fn too_short(value: &str, member: &str) -> ApiError {
    validation(Some(value), member, "have length greater than or equal to 1")
}
