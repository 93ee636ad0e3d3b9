//! Names in policies, checked once as AWS would.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::base::model::{Malformed, identifier};

identifier!(
    /// A role of one account, with its path if it has one (IAM API: `roleNameType`; of what
    /// `pathType` may hold, what names may hold).
    RoleName,
    "the name of a role, with its path if it has one, such as conformd/RecorderProbe",
    |text| {
        let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
        let is_path = path.is_empty() || path.split('/').all(is_name);
        name.len() <= 64 && is_name(name) && path.len() <= 510 && is_path && !text.starts_with('/')
    }
);

identifier!(
    /// What a role's trust policy asks its caller for (STS API: `externalIdType`).
    ExternalId,
    "2 to 1,224 ASCII letters, digits or any of _+=,.@:/-",
    |text| {
        let is_part = |part: &str| part.is_empty() || is_name(part);
        (2..=1_224).contains(&text.len()) && text.split([':', '/']).all(is_part)
    }
);

identifier!(
    /// An organization (AWS Organizations API: `OrganizationId`).
    OrganizationId,
    "an organization's id such as o-a1b2c3d4e5",
    |text| {
        text.strip_prefix("o-").is_some_and(|id| {
            let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            (10..=32).contains(&id.len()) && id.bytes().all(is_letter)
        })
    }
);

identifier!(
    /// How names of packs begin.
    NamePrefix,
    "the beginning of a pack's name (a letter, then letters, digits or hyphens; at most 128)",
    |text| text.parse::<crate::domain::base::model::PackName>().is_ok()
);

/// Whether this may be a name in IAM, but for its length.
fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
    };
    !name.is_empty() && name.bytes().all(is_letter)
}
