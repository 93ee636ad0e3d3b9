//! The awsJson1.1 face: AWS Config and AWS Organizations.
//!
//! Turns `X-Amz-Target` and a JSON body into a request of the simulator's language and back.
//! Which values are acceptable is the world's business; which shapes are is decided here.

use serde_json::{Map, Value, json};

use super::options::{ErrorName, Unset};
use crate::sim::api::{Answer, ApiError, Operation, Request, Service};

/// The services that speak this protocol.
const SERVICES: [Service; 2] = [Service::Config, Service::Organizations];

/// What `X-Amz-Target` names: the service, as far as it is known, and the request in the body.
pub(super) fn read(target: &str, body: &[u8]) -> (Service, Result<Request, ApiError>) {
    let (prefix, name) = target.split_once('.').unwrap_or(("", target));
    let service = SERVICES.into_iter().find(|service| service.target_prefix() == Some(prefix));
    let operation = service.and_then(|service| Operation::find(service, name));
    let request = match operation {
        Some(operation) => decode(operation, body),
        None => Err(ApiError::new(
            "UnknownOperationException",
            format!("The simulator does not know the operation {target}."),
        )),
    };
    (service.unwrap_or(Service::Config), request)
}

fn decode(operation: Operation, body: &[u8]) -> Result<Request, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .and_then(|members: Map<String, Value>| {
            let mut value = Value::Object(members);
            drop_nulls(&mut value);
            Request::decode(operation, value)
        })
        .map_err(|error| ApiError::new("SerializationException", error.to_string()))
}

/// Removes members that are null: to AWS they are absent.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The body of a success; empty when the operation answers nothing.
pub(super) fn success(answer: &Answer, unset: Unset) -> Vec<u8> {
    let mut value = answer.encode().expect("answers are trees of text, numbers and lists");
    let Value::Object(members) = &mut value else { return Vec::new() };
    // The list that an answer is about is always there, even empty.
    show_unset(members, unset, Empty::Kept);
    value.to_string().into_bytes()
}

/// What an empty list counts as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    Kept,
    Unset,
}

fn show_unset(members: &mut Map<String, Value>, unset: Unset, empty: Empty) {
    for member in members.values_mut() {
        match member {
            // Lists inside of entries are optional members too; the outermost lists of an answer
            // are always there, as AWS documents them.
            Value::Array(items) if items.is_empty() && empty == Empty::Unset => match unset {
                Unset::Absent | Unset::Null => *member = Value::Null,
                Unset::Empty => {}
            },
            Value::Array(items) => {
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    show_unset(item, unset, Empty::Unset);
                }
            }
            Value::Object(inner) => show_unset(inner, unset, Empty::Unset),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    match unset {
        Unset::Absent => members.retain(|_, member| !member.is_null()),
        Unset::Null => {}
        Unset::Empty => {
            members.retain(|name, member| !member.is_null() || !has_no_empty_form(name));
            for member in members.values_mut().filter(|member| member.is_null()) {
                *member = Value::String(String::new());
            }
        }
    }
}

/// Whether the member is a moment or a page token, for which empty text makes no sense.
fn has_no_empty_form(name: &str) -> bool {
    name.ends_with("Time") || name.ends_with("Timestamp") || name == "NextToken"
}

/// The body of an error. There is no `code` member: some clients would prefer it to `__type`.
pub(super) fn error(service: Service, fault: &ApiError, style: ErrorName) -> Vec<u8> {
    let ApiError { code, message, http_status: _, reason } = fault;
    let name = match style {
        ErrorName::Bare => code.clone(),
        ErrorName::Namespaced => format!("com.amazonaws.simulated#{code}"),
        ErrorName::Suffixed => format!("{code}:http://simulated.amazonaws.com/"),
    };
    // The spelling is that of the service models: AWS Config writes `message`, Organizations
    // `Message`.
    let message_member = match service {
        Service::Config | Service::Sts => "message",
        Service::Organizations => "Message",
    };
    let mut body = json!({ "__type": name, message_member: message });
    if let (Some(reason), Some(members)) = (reason, body.as_object_mut()) {
        members.insert("Reason".to_owned(), Value::String(reason.clone()));
    }
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::api::epoch::Epoch;
    use crate::sim::api::packs::{PackShape, PacksShape};

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).unwrap().replace(",\"", ",\n\"")
    }

    fn packs() -> Answer {
        let pack = PackShape {
            organization_conformance_pack_name: "baseline".into(),
            organization_conformance_pack_arn: "arn".into(),
            delivery_s3_bucket: None,
            delivery_s3_key_prefix: None,
            conformance_pack_input_parameters: Vec::new(),
            excluded_accounts: Vec::new(),
            last_update_time: Epoch("2026-11-01T00:00:00.619Z".parse().unwrap()),
        };
        let answer = PacksShape { organization_conformance_packs: vec![pack], next_token: None };
        Answer::DescribeOrganizationConformancePacks(answer)
    }

    #[test]
    fn unset_members_are_absent_null_or_empty() {
        let shown =
            [Unset::Absent, Unset::Null, Unset::Empty].map(|unset| text(success(&packs(), unset)));
        insta::assert_snapshot!(shown.join("\n"), @r#"
        {"OrganizationConformancePacks":[{"LastUpdateTime":1793491200.619,
        "OrganizationConformancePackArn":"arn",
        "OrganizationConformancePackName":"baseline"}]}
        {"NextToken":null,
        "OrganizationConformancePacks":[{"ConformancePackInputParameters":null,
        "DeliveryS3Bucket":null,
        "DeliveryS3KeyPrefix":null,
        "ExcludedAccounts":null,
        "LastUpdateTime":1793491200.619,
        "OrganizationConformancePackArn":"arn",
        "OrganizationConformancePackName":"baseline"}]}
        {"OrganizationConformancePacks":[{"ConformancePackInputParameters":[],
        "DeliveryS3Bucket":"",
        "DeliveryS3KeyPrefix":"",
        "ExcludedAccounts":[],
        "LastUpdateTime":1793491200.619,
        "OrganizationConformancePackArn":"arn",
        "OrganizationConformancePackName":"baseline"}]}
        "#);
    }

    #[test]
    fn a_list_without_entries_is_still_there() {
        let none = PacksShape { organization_conformance_packs: Vec::new(), next_token: None };
        let body = success(&Answer::DescribeOrganizationConformancePacks(none), Unset::Absent);
        insta::assert_snapshot!(text(body), @r#"{"OrganizationConformancePacks":[]}"#);
    }

    #[test]
    fn an_operation_without_answer_has_an_empty_body() {
        let body = success(&Answer::DeleteOrganizationConformancePack(()), Unset::Absent);
        assert!(body.is_empty());
    }

    #[test]
    fn errors_carry_their_name_in_the_body_and_no_code() {
        let fault = ApiError::new("InvalidInputException", "too many").with_reason("MAX");
        let shown = [
            error(Service::Config, &ApiError::new("ResourceInUseException", "x"), ErrorName::Bare),
            error(Service::Config, &fault, ErrorName::Namespaced),
            error(Service::Organizations, &fault, ErrorName::Suffixed),
        ];
        insta::assert_snapshot!(shown.map(text).join("\n"), @r#"
        {"__type":"ResourceInUseException",
        "message":"x"}
        {"Reason":"MAX",
        "__type":"com.amazonaws.simulated#InvalidInputException",
        "message":"too many"}
        {"Message":"too many",
        "Reason":"MAX",
        "__type":"InvalidInputException:http://simulated.amazonaws.com/"}
        "#);
    }

    #[test]
    fn null_members_are_absent_and_unknown_ones_ignored() {
        let body = br#"{"Limit": null, "Unheard": {"Of": 1}, "NextToken": "t"}"#;
        let target = "StarlingDoveService.DescribeOrganizationConformancePacks";
        let (_, Ok(Request::DescribeOrganizationConformancePacks(request))) = read(target, body)
        else {
            panic!("not read")
        };
        assert_eq!((request.limit, request.next_token.as_deref()), (None, Some("t")));
        assert!(read(target, b"").1.is_ok());
    }

    #[test]
    fn bad_json_and_unknown_targets_have_aws_own_names() {
        let code = |target: &str, body: &[u8]| read(target, body).1.unwrap_err().code;
        let target = "StarlingDoveService.DescribeOrganizationConformancePacks";
        for body in [b"{".as_slice(), b"[]", b"\"x\"", br#"{"Limit": "ten"}"#] {
            assert_eq!(code(target, body), "SerializationException");
        }
        for target in ["StarlingDoveService.Nothing", "Other.ListAccounts", "", "ListAccounts"] {
            assert_eq!(code(target, b"{}"), "UnknownOperationException");
        }
    }
}
