//! The awsQuery face: STS, with form bodies in and XML out.

use serde_json::{Map, Value};

use crate::sim::api::{Answer, ApiError, Operation, Request, Service};

/// The XML namespace of STS answers.
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The request in a form body; `None` when it names no `Action`.
pub(super) fn read(body: &[u8]) -> Option<Result<Request, ApiError>> {
    let mut members: Map<String, Value> = form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    let Some(Value::String(action)) = members.remove("Action") else { return None };
    Some(decode(&action, members))
}

fn decode(action: &str, mut members: Map<String, Value>) -> Result<Request, ApiError> {
    let operation = Operation::find(Service::Sts, action).ok_or_else(|| {
        let text = format!("Could not find operation {action} for the simulated STS");
        ApiError::new("InvalidAction", text)
    })?;
    if let Some(text) = members.remove("DurationSeconds") {
        let number = text.as_str().and_then(|text| text.parse::<i64>().ok());
        let number = number.ok_or_else(|| ApiError::new("MalformedInput", "not an integer"))?;
        members.insert("DurationSeconds".to_owned(), Value::from(number));
    }
    Request::decode(operation, Value::Object(members))
        .map_err(|error| ApiError::new("MalformedInput", error.to_string()))
}

/// The body of a success.
pub(super) fn success(answer: &Answer, request_id: &str) -> Vec<u8> {
    let value = answer.encode().expect("answers are trees of text, numbers and lists");
    let action = if matches!(answer, Answer::AssumeRole(_)) {
        Operation::AssumeRole
    } else {
        Operation::GetCallerIdentity
    };
    let result = element(&format!("{action}Result"), &members(&value));
    let metadata = element("ResponseMetadata", &element("RequestId", &escaped(request_id)));
    format!("<{action}Response xmlns=\"{NAMESPACE}\">{result}{metadata}</{action}Response>")
        .into_bytes()
}

/// The body of an error.
pub(super) fn error(fault: &ApiError, request_id: &str) -> Vec<u8> {
    let blame = if fault.http_status < 500 { "Sender" } else { "Receiver" };
    let error = [
        element("Type", blame),
        element("Code", &escaped(&fault.code)),
        element("Message", &escaped(&fault.message)),
    ];
    let error = element("Error", &error.concat());
    let request_id = element("RequestId", &escaped(request_id));
    format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{error}{request_id}</ErrorResponse>").into_bytes()
}

fn element(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// The members of an object as elements, in order; lists do not occur in STS answers.
fn members(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, member)| element(name, &self::members(member))).collect()
        }
        Value::String(text) => escaped(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            escaped(&value.to_string())
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::api::sts::IdentityShape;

    fn lines(xml: Vec<u8>) -> String {
        String::from_utf8(xml).unwrap().replace("><", ">\n<")
    }

    #[test]
    fn an_identity_is_xml_in_the_sts_namespace() {
        let identity = IdentityShape {
            arn: "arn:aws:iam::111111111111:user/<a&b>".into(),
            user_id: "AIDASIM".into(),
            account: "111111111111".into(),
        };
        let body = success(&Answer::GetCallerIdentity(identity), "some-id");
        insta::assert_snapshot!(lines(body), @r#"
        <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
        <GetCallerIdentityResult>
        <Account>111111111111</Account>
        <Arn>arn:aws:iam::111111111111:user/&lt;a&amp;b&gt;</Arn>
        <UserId>AIDASIM</UserId>
        </GetCallerIdentityResult>
        <ResponseMetadata>
        <RequestId>some-id</RequestId>
        </ResponseMetadata>
        </GetCallerIdentityResponse>
        "#);
    }

    #[test]
    fn an_error_names_who_is_to_blame() {
        let fault = ApiError::new("AccessDenied", "not <you>").with_status(403);
        insta::assert_snapshot!(lines(error(&fault, "some-id")), @r#"
        <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
        <Error>
        <Type>Sender</Type>
        <Code>AccessDenied</Code>
        <Message>not &lt;you&gt;</Message>
        </Error>
        <RequestId>some-id</RequestId>
        </ErrorResponse>
        "#);
    }

    #[test]
    fn numbers_in_a_form_are_read_and_nonsense_is_refused() {
        let body = b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws&DurationSeconds=900";
        let Some(Ok(Request::AssumeRole(request))) = read(body) else { panic!("not read") };
        assert_eq!(request.role_arn.as_deref(), Some("arn:aws"));
        assert_eq!(request.duration_seconds, Some(900));
        let refused = |body: &[u8]| read(body).unwrap().unwrap_err().code;
        assert_eq!(refused(b"Action=AssumeRole&DurationSeconds=soon"), "MalformedInput");
        assert_eq!(refused(b"Action=ListUsers"), "InvalidAction");
        assert!(read(b"").is_none());
    }
}
